//! What an operation is called on screen, before, while and after it runs.

use super::operation::{LinkTo, Operation};
use super::place::Place;

struct Words {
    name: &'static str,
    running: &'static str,
    done: &'static str,
}

impl Operation {
    /// For menus and the history: `Copy "report.pdf"`, `Move 140 items`.
    pub fn name(&self) -> String {
        format!("{} {}", self.words().name, self.object())
    }

    /// Where nothing else tells what it is about: `Copy 140 items to taxes.db`.
    pub fn full_name(&self) -> String {
        self.name() + &self.end()
    }

    /// While it runs: `Copying 140 items to taxes.db`.
    pub fn running(&self) -> String {
        format!("{} {}{}", self.words().running, self.object(), self.end())
    }

    /// Afterwards: `Copied 140 items to taxes.db`.
    pub fn done(&self) -> String {
        format!("{} {}{}", self.words().done, self.object(), self.end())
    }

    fn words(&self) -> Words {
        let (name, running, done) = match self {
            Self::Copy(_) => ("Copy", "Copying", "Copied"),
            Self::Move(_) => ("Move", "Moving", "Moved"),
            Self::Duplicate(_) => ("Duplicate", "Duplicating", "Duplicated"),
            Self::Trash(_) => ("Move to trash", "Moving to trash", "Moved to trash"),
            Self::Delete(_) => ("Delete", "Deleting", "Deleted"),
            Self::Rename { .. } => ("Rename", "Renaming", "Renamed"),
            Self::CreateFolder(_) => ("New folder", "Making folder", "Made folder"),
            Self::CreateFile(_) => ("New file", "Making file", "Made file"),
            Self::Link {
                to: LinkTo::Symbolic(_),
                ..
            } => ("New link", "Making link", "Made link"),
            Self::Link { .. } => ("New hard link", "Making hard link", "Made hard link"),
            Self::SetAttr { change, .. } if change.mode.is_some() => (
                "Change permissions of",
                "Changing permissions of",
                "Changed permissions of",
            ),
            Self::Reveal(_) => ("Restore", "Restoring", "Restored"),
            Self::Revert(_) => (
                "Discard changes to",
                "Discarding changes to",
                "Discarded changes to",
            ),
            Self::GoBack { .. } => (
                "Go back to snapshot",
                "Going back to snapshot",
                "Went back to snapshot",
            ),
            Self::SetAttr { change, .. } if change.uid.or(change.gid).is_some() => {
                ("Change owner of", "Changing owner of", "Changed owner of")
            }
            Self::SetAttr { .. } => ("Change times of", "Changing times of", "Changed times of"),
            Self::Undo(_) => ("Undo", "Undoing", "Undone"),
            Self::Redo(_) => ("Redo", "Redoing", "Done again"),
            Self::Finish(_) => ("Finish", "Finishing", "Finished"),
        };
        Words {
            name,
            running,
            done,
        }
    }

    fn object(&self) -> String {
        if let Self::GoBack { name, .. } = self {
            return format!("“{name}”");
        }
        match self.subjects() {
            [] => "the last operation".to_owned(),
            [one] => quoted(one),
            many => format!("{} items", many.len()),
        }
    }

    fn end(&self) -> String {
        match self {
            Self::Copy(transfer) | Self::Move(transfer) => match &transfer.name {
                Some(name) => format!(" to “{}”", name.display()),
                None => format!(" to {}", transfer.into.label()),
            },
            Self::Rename { name, .. } => format!(" to “{}”", name.display()),
            _ => String::new(),
        }
    }
}

fn quoted(place: &Place) -> String {
    format!("“{}”", place.label())
}

#[cfg(test)]
mod tests {
    use super::super::FsRef;
    use super::*;
    use crate::path::VPath;

    fn place(fs: &str, path: &str) -> Place {
        Place::new(FsRef::new(fs), VPath::new(path).unwrap())
    }

    #[test]
    fn sentences_name_the_thing_and_the_place() {
        let one = Operation::copy(
            vec![place("host:/", "/home/a/report.pdf")],
            place("vault:/x/taxes.db", "/"),
        );
        assert_eq!(one.running(), "Copying “report.pdf” to taxes.db");
        let many = Operation::move_into(
            vec![place("host:/", "/a"), place("host:/", "/b")],
            place("host:/", "/photos"),
        );
        assert_eq!(many.name(), "Move 2 items");
        assert_eq!(many.full_name(), "Move 2 items to photos");
        assert_eq!(many.done(), "Moved 2 items to photos");
    }
}
