//! The journal: what each operation is about to change and how to take it back, kept so that a crash loses neither.
//!
//! Each operation has a text of its own, one record per line (RON). Before a group of steps its inverse acts are appended ([`Record::Intent`]),
//! afterwards what came of them ([`Record::Confirm`]). A text without end, that nobody writes, belongs to an operation that was interrupted. A torn last
//! line is what a crash in the middle of an append leaves, and is ignored: its steps had not begun.
//!
//! Where the text is kept depends on who takes part ([`Home`]): a file in a folder of the host, or, so that no name of an encrypted filesystem stands in
//! clear outside, a note inside that filesystem.

mod act;
mod entry;
mod folder;
mod inside;
mod text;
mod writer;

pub use act::{Act, Outcome, Stamp};
pub use entry::{Entry, State};
pub use writer::Writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use self::folder::Folder;
use self::inside::Note;
use self::writer::Sink;
use crate::backend::Backend;
use crate::error::Result;
use crate::metadata::Time;
use crate::ops::operation::{EntryId, Operation};
use crate::ops::place::{Filesystems, FsRef};
use crate::ops::preflight::Decisions;

/// One line of a journal.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Record {
    /// The operation begins.
    Begin {
        /// What was asked.
        operation: Operation,
        /// What was answered.
        decisions: Decisions,
        /// When.
        time: Time,
    },
    /// These steps are about to happen.
    Intent(Vec<Act>),
    /// What came of the steps of the last intent, in order.
    Confirm(Vec<Outcome>),
    /// The acts from this index on have been taken back for good (a cancelled item).
    RolledBack(usize),
    /// The operation has ended.
    End,
    /// Undo begins.
    Undo,
    /// So many acts, from the last one down, have been taken back.
    TakenBack(usize),
    /// Undo has ended; these acts could not be taken back.
    Undone(Vec<Act>),
}

/// Where the journal of an operation is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// A file in the folder of the host.
    Folder,
    /// A note inside this filesystem, which takes part.
    Inside(FsRef),
    /// Nowhere: after a crash there is nothing left to finish or undo, or no place that may hold the names.
    Memory,
}

/// How many finished operations are kept.
const KEEP: usize = 50;

/// Most bytes of the journals of finished operations: of one in the folder, of all in a filesystem.
const KEEP_BYTES: u64 = 4 << 20;

/// The journals of all operations.
#[derive(Debug)]
pub struct Journal {
    folder: Option<Folder>,
}

impl Journal {
    /// In `folder`, which is made when it is missing, readable for nobody else.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            folder: Some(Folder::open(folder)?),
        })
    }

    /// Without a folder: what would be kept there is in memory only.
    pub fn in_memory() -> Self {
        Self { folder: None }
    }

    /// A new entry with an id that nobody has.
    pub fn begin(
        &self,
        filesystems: &dyn Filesystems,
        operation: &Operation,
        decisions: &Decisions,
        home: Home,
    ) -> Result<Writer> {
        let time = Time::now();
        let (id, sink) = match (&home, &self.folder) {
            (Home::Folder, Some(folder)) => {
                let (id, file) = folder.create(fresh_id)?;
                (id, Sink::File(file))
            }
            (Home::Inside(fs), _) => {
                let id = fresh_id();
                (id, Sink::Note(Note::of(filesystems, fs, id)?))
            }
            _ => (fresh_id(), Sink::Nowhere),
        };
        let entry = Entry::new(id, home, operation.clone(), decisions.clone(), time);
        let mut writer = Writer::new(sink, entry);
        writer.append(&Record::Begin {
            operation: operation.clone(),
            decisions: decisions.clone(),
            time,
        })?;
        Ok(writer)
    }

    /// Takes up an entry that was read before, to undo it or to go on.
    pub fn resume(&self, filesystems: &dyn Filesystems, entry: Entry) -> Result<Writer> {
        let sink = match (&entry.home, &self.folder) {
            (Home::Folder, Some(folder)) => match folder.reopen(entry.id)? {
                Some(file) => Sink::File(file),
                None => Sink::Nowhere,
            },
            (Home::Inside(fs), _) => {
                let note = Note::of(filesystems, fs, entry.id)?;
                note.ensure(&entry)?;
                Sink::Note(note)
            }
            _ => Sink::Nowhere,
        };
        Ok(Writer::new(sink, entry))
    }

    /// All entries in the folder that no running program works on, oldest first. The oldest finished ones beyond a limit are dropped.
    pub fn read(&self) -> Result<Vec<Entry>> {
        match &self.folder {
            Some(folder) => folder.read(),
            None => Ok(Vec::new()),
        }
    }

    /// All entries inside a filesystem that was just opened, oldest first.
    pub fn read_inside(backend: &dyn Backend, fs: &FsRef) -> Result<Vec<Entry>> {
        inside::read(backend, fs)
    }

    /// Drops the oldest of these finished entries that lie inside `fs`, until those that stay are few and small. They can still be undone as long as the
    /// program runs.
    pub fn prune_inside(&self, filesystems: &dyn Filesystems, fs: &FsRef, finished: &[EntryId]) {
        // What stays takes room and does no harm.
        let _ = inside::prune(filesystems, fs, finished);
    }

    /// Drops an entry.
    pub fn forget(&self, filesystems: &dyn Filesystems, home: &Home, id: EntryId) {
        // An entry that stays is offered again: harmless.
        match (home, &self.folder) {
            (Home::Folder, Some(folder)) => folder.forget(id),
            (Home::Inside(fs), _) => {
                let _ = Note::of(filesystems, fs, id).and_then(|note| note.remove());
            }
            _ => {}
        }
    }
}

/// Microseconds since 1970: rising, never twice in this program.
fn fresh_id() -> EntryId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = Time::now().nanos().unsigned_abs() / 1_000;
    let next = |last: u64| now.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(next(last))
    });
    EntryId(next(last.unwrap_or_default()))
}
#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::metadata::FileKind;
    use crate::ops::place::Place;
    use crate::path::VPath;

    /// A host with nothing but a folder for journals.
    struct Nothing;

    impl Filesystems for Nothing {
        fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>> {
            Err(Error::new(ErrorKind::Closed, "use").with_path(fs.as_str()))
        }
    }

    fn place(name: &str) -> Place {
        Place::new(FsRef::new("a"), VPath::new(name).unwrap())
    }

    fn act(name: &str) -> Act {
        Act::Remove {
            at: place(name),
            stamp: Stamp {
                ino: None,
                kind: FileKind::File,
                size: 1,
                mtime: Time::from_nanos(5),
            },
        }
    }

    fn begun(journal: &Journal) -> Writer {
        let operation = Operation::CreateFile(place("/\u{1}odd\nname"));
        journal
            .begin(&Nothing, &operation, &Decisions::default(), Home::Folder)
            .unwrap()
    }

    #[test]
    fn a_running_operation_is_not_pending_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let writer = begun(&journal);
        assert!(journal.read().unwrap().is_empty());
        let id = writer.entry().id;
        drop(writer);
        let read = journal.read().unwrap();
        assert_eq!((read[0].id, read[0].state), (id, State::Interrupted));
    }

    /// Cut off after any byte: what can be read is a beginning of what was written.
    #[test]
    fn a_torn_journal_is_a_shorter_journal() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let mut writer = begun(&journal);
        writer.intend(vec![act("/a"), act("/b")]).unwrap();
        writer
            .confirm(vec![Outcome::Done, Outcome::Failed])
            .unwrap();
        writer.intend(vec![act("/c")]).unwrap();
        writer.append(&Record::End).unwrap();
        let whole = writer.finish();
        assert_eq!(whole.acts, [act("/a"), act("/c")]);
        let path = folder.path().join(format!("{}.journal", whole.id.0));
        let bytes = fs::read(&path).unwrap();
        let mut lengths = Vec::new();
        for len in 0..=bytes.len() {
            fs::write(&path, &bytes[..len]).unwrap();
            let entry = journal.read().unwrap().pop();
            lengths.push(entry.as_ref().map_or(0, |entry| entry.acts.len()));
            let ended = entry.is_some_and(|entry| entry.state == State::Done);
            assert_eq!(ended, len == bytes.len());
        }
        lengths.dedup();
        assert_eq!(lengths, [0, 2, 1, 2]);
    }

    /// A line torn by a full disk or a crash, and what becomes of the operation later.
    #[test]
    fn what_is_written_behind_a_torn_line_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let mut writer = begun(&journal);
        writer.intend(vec![act("/a"), act("/b")]).unwrap();
        let whole = writer.finish();
        let path = folder.path().join(format!("{}.journal", whole.id.0));
        let mut torn = fs::read(&path).unwrap();
        torn.extend(b"Confirm([Done,");
        fs::write(&path, &torn).unwrap();
        let entry = journal.read().unwrap().pop().unwrap();
        let mut writer = journal.resume(&Nothing, entry).unwrap();
        writer
            .confirm(vec![Outcome::Done, Outcome::Failed])
            .unwrap();
        writer.append(&Record::End).unwrap();
        drop(writer);
        let entry = journal.read().unwrap().pop().unwrap();
        assert_eq!((entry.acts, entry.state), (vec![act("/a")], State::Done));
    }
}
