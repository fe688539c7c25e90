//! Random operation sequences on every kind of filesystem, on the real kernel and on a model written from the man pages, with equal results.
//!
//! Each sequence is drawn from a seed, which a failure prints together with the shortest sequence that still fails. `LAMINA_DIFFERENTIAL_CASES`
//! sets how many sequences each kind gets, `LAMINA_DIFFERENTIAL_SEED` the first seed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

mod answer;
mod kernel;
mod kinds;
mod mistakes;
mod model;
mod op;
mod subject;

use answer::{Answer, Stat, first_difference};
use fs_core::FileKind;
use kernel::Kernel;
use lamina_tests::shorten::shortest;
use model::Model;
use op::{Op, Range, Rng, draw};
use subject::{Fresh, Resolver, Subject};

/// A kind of filesystem and what to ask it.
struct Kind {
    make: fn() -> Fresh,
    resolver: Resolver,
    range: Range,
    /// Sequences, where not told otherwise: fewer for the slow ones.
    cases: u64,
    /// Link counts of directories are those of the kernel (merged directories of an overlay say 1, as in overlayfs).
    counts_folders: bool,
}

impl Kind {
    fn shown(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Stat(stat) => Answer::Stat(self.shown_stat(stat)),
            other => other,
        }
    }

    fn shown_stat(&self, mut stat: Stat) -> Stat {
        if !self.counts_folders && stat.kind == FileKind::Directory {
            stat.nlink = 0;
        }
        stat
    }
}

/// Runs the operations on all three; the first difference, if there is one.
fn difference(kind: &Kind, ops: &[Op]) -> Option<String> {
    let mut kernel = Kernel::new();
    let mut model = Model::new();
    let mut subject = Subject::new((kind.make)(), kind.resolver);
    for (step, op) in ops.iter().enumerate() {
        let whole = !kernel.has_handles();
        let expected = kernel.apply(op);
        let modelled = model.apply(op);
        if !modelled.agrees(&expected) {
            return Some(format!(
                "step {step} ({op:?}): the model says {modelled:?}, the kernel {expected:?}"
            ));
        }
        let expected = kind.shown(expected);
        let actual = kind.shown(subject.apply(op, whole));
        if !actual.agrees(&expected) {
            return Some(format!(
                "step {step} ({op:?}): got {actual:?}, the kernel {expected:?}"
            ));
        }
    }
    let (mut actual, mut expected) = (subject.tree(), kernel.tree());
    if let Some(how) = first_difference(&model.tree(), &expected) {
        return Some(format!("the model: {how}"));
    }
    for leaf in actual.iter_mut().chain(&mut expected) {
        leaf.stat = kind.shown_stat(leaf.stat.clone());
    }
    first_difference(&actual, &expected)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn compare(kind: &Kind) {
    let first = number("LAMINA_DIFFERENTIAL_SEED").unwrap_or(1);
    let cases = number("LAMINA_DIFFERENTIAL_CASES").unwrap_or(kind.cases);
    for seed in first..first + cases {
        let mut rng = Rng(seed);
        let count = 20 + rng.below(120) as usize;
        let ops = draw(&mut rng, count, kind.range);
        if let Some(how) = difference(kind, &ops) {
            let ops = shortest(ops, &|ops| difference(kind, ops).is_some());
            let now = difference(kind, &ops).unwrap_or_else(|| "nothing any more".to_owned());
            panic!("seed {seed}: {how}\nshortened: {now}\nafter {ops:#?}");
        }
    }
}
