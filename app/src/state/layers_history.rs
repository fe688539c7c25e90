//! Changes of stack files that can be undone, and where they stand among the operations of the engine, which knows nothing of them.

use std::collections::HashMap;

use fs_backends::location::StackLayer;
use fs_core::ops::{EntryId, FsRef};

use super::Undoable;

/// A change of a stack file that can be undone, or done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayersStep {
    /// The larger, the later.
    pub number: u64,
    /// The stack.
    pub fs: FsRef,
    /// What it is called, as in "Undo: Change the layers of app".
    pub name: String,
    /// The layers it had before.
    pub layers: Vec<StackLayer>,
}

/// One direction of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Undoing.
    Back,
    /// Doing again.
    Forth,
}

/// All of them.
#[derive(Debug, Default)]
pub struct LayersHistory {
    back: Side,
    forth: Side,
    last: u64,
}

/// What can be done in one direction.
#[derive(Debug, Default)]
struct Side {
    /// Newest at the end.
    steps: Vec<LayersStep>,
    /// When the engine's entries were first seen, counted as the steps are.
    entries: HashMap<EntryId, u64>,
}

impl Side {
    fn told(&mut self, entries: &[Undoable], last: &mut u64) {
        let seen = std::mem::take(&mut self.entries);
        for entry in entries {
            let number = seen.get(&entry.entry).copied();
            let number = number.unwrap_or_else(|| next(last));
            self.entries.insert(entry.entry, number);
        }
    }
}

fn next(last: &mut u64) -> u64 {
    *last += 1;
    *last
}

impl LayersHistory {
    fn side(&self, way: Way) -> &Side {
        match way {
            Way::Back => &self.back,
            Way::Forth => &self.forth,
        }
    }

    fn steps_mut(&mut self, way: Way) -> &mut Vec<LayersStep> {
        match way {
            Way::Back => &mut self.back.steps,
            Way::Forth => &mut self.forth.steps,
        }
    }

    fn retain(&mut self, keep: impl Fn(&LayersStep) -> bool) {
        self.back.steps.retain(&keep);
        self.forth.steps.retain(&keep);
    }

    /// The engine told what it can undo and do again, oldest first.
    pub fn told(&mut self, undo: &[Undoable], redo: &[Undoable]) {
        self.back.told(undo, &mut self.last);
        self.forth.told(redo, &mut self.last);
    }

    /// The step that is next, unless that is the last `operation` of the engine.
    pub fn next(&self, way: Way, operation: Option<&Undoable>) -> Option<&LayersStep> {
        let side = self.side(way);
        let step = side.steps.last()?;
        let number = operation.and_then(|it| side.entries.get(&it.entry));
        number
            .is_none_or(|number| *number < step.number)
            .then_some(step)
    }

    /// A step by its number.
    pub fn get(&self, way: Way, number: u64) -> Option<&LayersStep> {
        let mut steps = self.side(way).steps.iter();
        steps.find(|step| step.number == number)
    }

    /// A stack that had `layers` was given others; nothing of it that was undone can be done again. Answers the number of the step.
    pub fn did(&mut self, fs: &FsRef, name: String, layers: Vec<StackLayer>) -> u64 {
        self.forth.steps.retain(|step| step.fs != *fs);
        let number = next(&mut self.last);
        self.back.steps.push(LayersStep {
            number,
            fs: fs.clone(),
            name,
            layers,
        });
        number
    }

    /// A step was taken; the stack had `layers` before.
    pub fn went(&mut self, way: Way, number: u64, layers: Vec<StackLayer>) {
        let from = self.steps_mut(way);
        let Some(at) = from.iter().position(|step| step.number == number) else {
            return;
        };
        let step = from.remove(at);
        let number = next(&mut self.last);
        let to = match way {
            Way::Back => Way::Forth,
            Way::Forth => Way::Back,
        };
        self.steps_mut(to).push(LayersStep {
            number,
            layers,
            ..step
        });
    }

    /// The last step of a stack came to nothing.
    pub fn forget_last(&mut self, fs: &FsRef) {
        let both = self.back.steps.iter().chain(&self.forth.steps);
        let of_it = both.filter(|step| step.fs == *fs);
        if let Some(last) = of_it.map(|step| step.number).max() {
            self.retain(|step| step.number != last);
        }
    }

    /// The stack was closed.
    pub fn forget(&mut self, fs: &FsRef) {
        self.retain(|step| step.fs != *fs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Undoable {
        Undoable {
            entry: EntryId(number),
            name: String::new(),
            filesystems: Vec::new(),
        }
    }

    #[test]
    fn what_was_done_last_is_undone_first_whoever_did_it() {
        let mut history = LayersHistory::default();
        let fs = FsRef::new("/a.stack.ron");
        let is_next = |history: &LayersHistory, way, last: Option<&Undoable>| {
            history.next(way, last).map(|step| step.number)
        };
        history.told(&[entry(1)], &[]);
        let step = history.did(&fs, "one".into(), Vec::new());
        assert_eq!(is_next(&history, Way::Back, Some(&entry(1))), Some(step));
        // An operation after it goes first; undone, it is the other way round again.
        history.told(&[entry(1), entry(2)], &[]);
        assert_eq!(is_next(&history, Way::Back, Some(&entry(2))), None);
        history.told(&[entry(1)], &[entry(2)]);
        assert_eq!(is_next(&history, Way::Back, Some(&entry(1))), Some(step));
        history.went(Way::Back, step, Vec::new());
        assert_eq!(is_next(&history, Way::Back, Some(&entry(1))), None);
        // What was undone last is done again first.
        let again = is_next(&history, Way::Forth, Some(&entry(2))).unwrap();
        history.went(Way::Forth, again, Vec::new());
        assert!(is_next(&history, Way::Back, Some(&entry(1))).is_some());
        history.forget_last(&fs);
        assert_eq!(is_next(&history, Way::Back, None), None);
    }
}
