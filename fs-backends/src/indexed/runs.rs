//! A set of numbers, kept as runs.

use std::collections::BTreeMap;

/// Numbers, by the start of each run its end (not in it). Runs neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// The end of the run that a number is in; the number itself when it is in none.
    pub(super) fn end_of_run(&self, number: u64) -> u64 {
        let before = self.0.range(..=number).next_back();
        before.map_or(number, |(_, end)| (*end).max(number))
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.end_of_run(number) > number
    }

    /// Puts `start..end` in.
    pub(super) fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut start, mut end) = (start, end);
        let touching: Vec<(u64, u64)> = self
            .0
            .range(..=end)
            .rev()
            .take_while(|(_, run_end)| **run_end >= start)
            .map(|(start, end)| (*start, *end))
            .collect();
        for (run_start, run_end) in touching {
            self.0.remove(&run_start);
            start = start.min(run_start);
            end = end.max(run_end);
        }
        self.0.insert(start, end);
    }

    /// Takes `start..end` out.
    pub(super) fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let touched: Vec<(u64, u64)> = self
            .0
            .range(..end)
            .rev()
            .take_while(|(_, run_end)| **run_end > start)
            .map(|(start, end)| (*start, *end))
            .collect();
        for (run_start, run_end) in touched {
            self.0.remove(&run_start);
            if run_start < start {
                self.0.insert(run_start, start);
            }
            if run_end > end {
                self.0.insert(end, run_end);
            }
        }
    }

    /// The largest number.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, end)| end - 1)
    }

    /// The run `number` is in, from there on, or the next one.
    pub(super) fn next_run(&self, number: u64) -> Option<(u64, u64)> {
        let end = self.end_of_run(number);
        if end > number {
            return Some((number, end));
        }
        self.0
            .range(number..)
            .next()
            .map(|(start, end)| (*start, *end))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), 0..40u64, 0..12u64), 0..40)) {
            let (mut runs, mut model) = (Runs::default(), BTreeSet::new());
            for (put, start, len) in steps {
                if put {
                    runs.insert(start, start + len);
                    model.extend(start..start + len);
                } else {
                    runs.remove(start, start + len);
                    model.retain(|number| !(start..start + len).contains(number));
                }
                let all: Vec<u64> = runs.iter().flat_map(|(start, end)| start..end).collect();
                prop_assert_eq!(&all, &model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(runs.last(), model.last().copied());
                let apart = runs.iter().zip(runs.iter().skip(1)).all(|(a, b)| a.1 < b.0);
                prop_assert!(apart);
                for number in 0..60 {
                    prop_assert_eq!(runs.contains(number), model.contains(&number));
                    let next = model.range(number..).next().copied();
                    prop_assert_eq!(runs.next_run(number).map(|run| run.0), next);
                }
            }
        }
    }
}
