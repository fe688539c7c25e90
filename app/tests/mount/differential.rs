//! Random operation sequences on a mounted filesystem and on the kernel's own in memory, with equal answers.

use crate::answer::{Answer, Leaf, first_difference};
use crate::kernel::Kernel;
use crate::op::{Op, Range, Rng, draw};
use crate::shorten::shortest;
use crate::world::{Kind, World, can_mount};
use crate::{repeat, seed};
use fs_core::FileKind;

fn shown(kind: Kind, mut leaf: Leaf) -> Leaf {
    if leaf.stat.kind == FileKind::Directory && !kind.counts_folders() {
        leaf.stat.nlink = 0;
    }
    leaf
}

fn shown_answer(kind: Kind, answer: Answer) -> Answer {
    match answer {
        Answer::Stat(mut stat) if stat.kind == FileKind::Directory && !kind.counts_folders() => {
            stat.nlink = 0;
            Answer::Stat(stat)
        }
        other => other,
    }
}

fn difference(world: &World, kind: Kind, ops: &[Op]) -> Option<String> {
    let root = world.fresh();
    let mut expected = Kernel::new();
    let mut actual = Kernel::over(&root, ());
    for (step, op) in ops.iter().enumerate() {
        let (expected, actual) = (expected.apply(op), actual.apply(op));
        let (expected, actual) = (shown_answer(kind, expected), shown_answer(kind, actual));
        if !actual.agrees(&expected) {
            return Some(format!(
                "step {step} ({op:?}): got {actual:?}, not {expected:?}"
            ));
        }
    }
    let tree = |kernel: &Kernel| -> Vec<Leaf> {
        let leaves = kernel.tree();
        leaves.into_iter().map(|leaf| shown(kind, leaf)).collect()
    };
    let differs = first_difference(&tree(&actual), &tree(&expected));
    drop(actual);
    std::fs::remove_dir_all(&root).unwrap();
    differs
}

fn compare(kind: Kind, cases: u64) {
    if !can_mount() {
        return;
    }
    let world = World::new(kind);
    let range = Range {
        any_target: true,
        exchange: true,
        owners: rustix::process::geteuid().is_root(),
    };
    repeat(cases, |round| {
        let seed = seed() + round;
        let mut rng = Rng(seed);
        let count = 20 + rng.below(120) as usize;
        let ops = draw(&mut rng, count, range);
        if let Some(how) = difference(&world, kind, &ops) {
            let ops = shortest(ops, &|ops| difference(&world, kind, ops).is_some());
            let now = difference(&world, kind, &ops);
            let now = now.unwrap_or_else(|| "nothing any more".to_owned());
            panic!("{kind:?}, seed {seed}: {how}\nshortened: {now}\nafter {ops:#?}");
        }
    });
}

#[test]
fn memory() {
    compare(Kind::Memory, 150);
}

#[test]
fn vault() {
    compare(Kind::Vault, 30);
}

#[test]
fn encrypted_vault() {
    compare(Kind::Encrypted, 10);
}

#[test]
fn store() {
    compare(Kind::Store, 30);
}

#[test]
fn overlay() {
    compare(Kind::Overlay, 15);
}

#[test]
fn host() {
    compare(Kind::Host, 50);
}
