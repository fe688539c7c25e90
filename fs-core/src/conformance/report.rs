//! What came of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Case;
use crate::capabilities::Capabilities;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it must be.
    Passed,
    /// Not as it must be, and how.
    Failed(String),
    /// The backend lacks these capabilities.
    Skipped(Capabilities),
    /// The caller asked to leave it out, and why.
    LeftOut(&'static str),
}

/// What came of all cases, in the order of the checklist.
#[derive(Clone, Debug)]
pub struct Report {
    name: String,
    outcomes: Vec<(&'static str, &'static str, Outcome)>,
    slow: Vec<(&'static str, Duration)>,
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            outcomes: Vec::new(),
            slow: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, case: &Case, outcome: Outcome, took: Duration) {
        self.outcomes.push((case.id, case.title, outcome));
        if took > Duration::from_secs(1) {
            self.slow.push((case.id, took));
        }
    }

    /// Id and outcome of each case that ran.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Outcome)> {
        self.outcomes.iter().map(|(id, _, outcome)| (*id, outcome))
    }

    /// The ids of the cases that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.outcomes()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
            .map(|(id, _)| id)
            .collect()
    }

    /// Prints what was skipped; panics with the list of what failed, or when nothing passed.
    #[expect(clippy::panic, reason = "this is the assertion of a test")]
    pub fn assert(&self) {
        println!("{self}");
        let passed = self.outcomes().any(|(_, o)| *o == Outcome::Passed);
        if !passed || !self.failed().is_empty() {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.outcomes().filter(|o| wanted(o.1)).count();
        writeln!(
            f,
            "{}: {} passed, {} failed of {}",
            self.name,
            count(|o| *o == Outcome::Passed),
            count(|o| matches!(o, Outcome::Failed(_))),
            self.outcomes.len()
        )?;
        let mut skipped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (id, title, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::Failed(how) => writeln!(f, "  FAILED {id} {title}: {how}")?,
                Outcome::LeftOut(reason) => writeln!(f, "  left out {id} {title}: {reason}")?,
                Outcome::Skipped(missing) => {
                    let names: Vec<_> = missing.iter_names().map(|(name, _)| name).collect();
                    skipped.entry(names.join("|")).or_default().push(id);
                }
            }
        }
        for (id, took) in &self.slow {
            writeln!(f, "  slow {id}: {:.1} s", took.as_secs_f32())?;
        }
        skipped
            .iter()
            .try_for_each(|(missing, ids)| writeln!(f, "  without {missing}: {}", ids.join(" ")))
    }
}
