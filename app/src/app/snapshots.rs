//! The kept moments of a filesystem: orders, and what came of them.

use std::sync::Arc;

use fs_backends::location::{Location, Root};
use fs_core::ops::{FsRef, Operation, Place};
use fs_core::snapshots::SnapshotId;
use fs_core::{ErrorKind, VPath};

use super::App;
use crate::background::Request;
use crate::command::{Command, OpenIn, SnapshotCommand};
use crate::state::Generation;
use crate::state::snapshots::{Asked, Done, News, Snapshots, Work};
use crate::state::toast::Level;

impl App {
    /// Carries out a command on snapshots.
    pub(super) fn run_snapshots(&mut self, fs: &FsRef, command: SnapshotCommand) {
        match command {
            SnapshotCommand::AskName => {
                self.state.settings.show_snapshots = true;
                self.drafts.snapshots.name = Some(Default::default());
                self.look_at_snapshots(fs);
            }
            SnapshotCommand::Choose(chosen) => {
                if let Some(snapshots) = self.snapshots(fs) {
                    snapshots.chosen = chosen;
                    snapshots.comparison = None;
                }
                self.drafts.snapshots.confirm = None;
                self.look_at_snapshots(fs);
            }
            SnapshotCommand::Do(work) => {
                self.drafts.snapshots = Default::default();
                self.ask_snapshots(fs, work);
            }
            SnapshotCommand::Open(id) => self.open_snapshot(fs, id),
            SnapshotCommand::GoBack(id) => self.go_back(fs, id),
        }
    }

    fn snapshots(&mut self, fs: &FsRef) -> Option<&mut Snapshots> {
        self.state.filesystems.get_mut(fs)?.snapshots.as_mut()
    }

    /// Looks anew what there is, where the panel shows it.
    pub(super) fn look_at_snapshots(&mut self, fs: &FsRef) {
        if self.state.settings.show_snapshots {
            self.ask_snapshots(fs, Work::Look);
        }
    }

    /// A filesystem was opened: which moments does it keep?
    pub(super) fn find_snapshots(&mut self, fs: &FsRef) {
        self.ask_snapshots(fs, Work::Look);
    }

    fn ask_snapshots(&mut self, fs: &FsRef, work: Work) {
        let Some(snapshots) = self.snapshots(fs) else {
            return;
        };
        let asked = Asked {
            id: Generation::fresh(),
            control: Default::default(),
        };
        if let Some(old) = snapshots.asked.replace(asked.clone()) {
            // Only looking is cut short; what was ordered is done.
            old.control.cancel();
        }
        let (chosen, known) = (snapshots.chosen, snapshots.known());
        self.background.send(Request::Snapshots {
            fs: fs.clone(),
            work,
            chosen,
            known,
            asked,
        });
    }

    /// As it was then, as an operation like any other: it waits for those before it, and can be undone.
    fn go_back(&mut self, fs: &FsRef, id: SnapshotId) {
        self.drafts.snapshots = Default::default();
        let kept = self.snapshots(fs).and_then(|all| all.get(id));
        let Some(name) = kept.map(|kept| kept.snapshot.name.clone()) else {
            return;
        };
        self.submit(Operation::GoBack {
            at: Place::new(fs.clone(), VPath::root()),
            to: id,
            name,
        });
    }

    fn open_snapshot(&mut self, fs: &FsRef, id: SnapshotId) {
        let Some(info) = self.state.filesystems.get(fs) else {
            return;
        };
        let kept = info.snapshots.as_ref().and_then(|all| all.get(id));
        let Some(kept) = kept else {
            return;
        };
        let root = Root::Snapshot {
            name: kept.snapshot.name.clone(),
            of: Box::new(info.location.root().clone()),
        };
        self.run(Command::Open(Location::new(root), OpenIn::NewTab));
    }

    /// What came of it.
    pub(super) fn snapshots_told(&mut self, fs: &FsRef, id: Generation, news: News) {
        let Some(snapshots) = self.snapshots(fs) else {
            return;
        };
        if snapshots.asked.as_ref().is_some_and(|asked| asked.id == id) {
            snapshots.asked = None;
        }
        if let Some(now) = news.now {
            snapshots.all = now.all;
            snapshots.now = now.usage;
            snapshots.total_bytes = now.total_bytes;
            snapshots.changes = now.changes;
            let chosen = snapshots.chosen.filter(|id| snapshots.get(*id).is_some());
            snapshots.chosen = chosen;
            snapshots.comparison = now
                .comparison
                .filter(|comparison| Some(comparison.of) == chosen)
                .map(Arc::new);
        }
        self.tell_snapshots(fs, news.done);
    }

    fn tell_snapshots(&mut self, fs: &FsRef, done: Done) {
        match done {
            Done::Looked => {}
            Done::Failed(error) if error.kind() == ErrorKind::Cancelled => {}
            Done::Failed(error) => {
                let text = crate::ui::error_sentence("Nothing was done", &error);
                self.note(Level::Error, text);
            }
            Done::Taken(snapshot) => {
                self.note(Level::Done, format!("Took snapshot “{}”", snapshot.name));
                self.holds_something(fs);
            }
            Done::Deleted => self.holds_something(fs),
        }
    }

    /// There is something in it now that closing would lose.
    fn holds_something(&mut self, fs: &FsRef) {
        if let Some(info) = self.state.filesystems.get_mut(fs) {
            info.unsaved = true;
        }
    }
}
