//! The journal: what each operation is about to change and how to take it back, kept so that a crash loses neither.
//!
//! One file per operation, `<id>.journal` in a folder the caller names, one record per line (RON). Before a group of steps its inverse acts are
//! appended and synced ([`Record::Intent`]); afterwards what came of them ([`Record::Confirm`]), synced together with the next intent. The file is
//! locked while its operation runs: a file without end that nobody locks belongs to an operation that was interrupted. A torn last line is what a
//! crash in the middle of an append leaves, and is ignored: its steps had not begun.
//!
//! Operations on private filesystems are kept in memory only, so that no name stands in clear outside.

mod act;
mod entry;

pub use act::{Act, Outcome, Stamp};
pub use entry::{Entry, State};

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Time;
use crate::ops::operation::{EntryId, Operation};
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

/// How many finished operations are kept.
const KEEP: usize = 50;

/// A finished operation with a longer journal is not read again when a program starts.
const KEEP_BYTES: u64 = 4 << 20;

/// Where entries are kept.
#[derive(Debug)]
pub struct Journal {
    folder: Option<PathBuf>,
}

impl Journal {
    /// In `folder`, which is made when it is missing, readable for nobody else.
    pub fn open(folder: &Path) -> Result<Self> {
        make_private_folder(folder)
            .map_err(|e| Error::from_io(e, "open journal").with_path(folder))?;
        Ok(Self {
            folder: Some(folder.to_owned()),
        })
    }

    /// Nowhere but in memory.
    pub fn in_memory() -> Self {
        Self { folder: None }
    }

    /// A new entry with an id that nobody has, written to disk unless `private`.
    pub fn begin(
        &self,
        operation: &Operation,
        decisions: &Decisions,
        private: bool,
    ) -> Result<Writer> {
        let time = Time::now();
        // Milliseconds since 1970 with room for a thousand a millisecond: rising, and unique together with create_new.
        let mut id = time.nanos().unsigned_abs() / 1_000;
        let file = match &self.folder {
            Some(folder) if !private => Some(loop {
                let path = folder.join(format!("{id}.journal"));
                match File::options().append(true).create_new(true).open(&path) {
                    Ok(file) => break lock(file, folder, &path)?,
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => id += 1,
                    Err(e) => {
                        return Err(Error::from_io(e, "write journal").with_path(&path));
                    }
                }
            }),
            _ => None,
        };
        let mut writer = Writer {
            file,
            entry: Entry::new(EntryId(id), operation.clone(), decisions.clone(), time),
        };
        writer.append(&Record::Begin {
            operation: operation.clone(),
            decisions: decisions.clone(),
            time,
        })?;
        Ok(writer)
    }

    /// Takes up an entry that was read before, to undo it or to go on.
    pub fn resume(&self, entry: Entry, private: bool) -> Result<Writer> {
        let file = match &self.folder {
            Some(folder) if !private => {
                let path = folder.join(format!("{}.journal", entry.id.0));
                match File::options().append(true).open(&path) {
                    Ok(file) => Some(lock(file, folder, &path)?),
                    // It was kept in memory only.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                    Err(e) => return Err(Error::from_io(e, "open journal").with_path(&path)),
                }
            }
            _ => None,
        };
        Ok(Writer { file, entry })
    }

    /// All entries on disk that no running program works on, oldest first. The oldest finished ones beyond a limit are dropped.
    pub fn read(&self) -> Result<Vec<Entry>> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let fail = |e| Error::from_io(e, "read journal").with_path(folder);
        let mut entries = Vec::new();
        for found in fs::read_dir(folder).map_err(fail)? {
            let path = found.map_err(fail)?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok())
                .filter(|_| path.extension().is_some_and(|e| e == "journal"));
            let Some(id) = id else { continue };
            if let Some(entry) = read_entry(&path, EntryId(id)).map_err(fail)? {
                entries.push(entry);
            }
        }
        entries.sort_by_key(|entry| entry.id);
        let surplus = entries.len().saturating_sub(KEEP);
        let mut index = 0;
        entries.retain(|entry| {
            index += 1;
            let keep = index > surplus || entry.state == State::Interrupted;
            if !keep {
                self.forget(entry.id);
            }
            keep
        });
        Ok(entries)
    }

    /// Drops an entry.
    pub fn forget(&self, id: EntryId) {
        if let Some(folder) = &self.folder {
            // An entry that stays is offered again: harmless.
            let _ = fs::remove_file(folder.join(format!("{}.journal", id.0)));
        }
    }
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(file: File, folder: &Path, path: &Path) -> Result<File> {
    if file.try_lock().is_err() {
        return Err(Error::new(ErrorKind::Busy, "lock journal").with_path(path));
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::from_io(e, "write journal").with_path(path))?;
    Ok(file)
}

/// `None`: another program is working on it, or nothing readable is in it (its operation had not begun).
fn read_entry(path: &Path, id: EntryId) -> io::Result<Option<Entry>> {
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    if file.metadata()?.len() > KEEP_BYTES && has_ended(&file)? {
        return fs::remove_file(path).map(|()| None);
    }
    let text = fs::read(path)?;
    let mut lines = text
        .split_inclusive(|&b| b == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .map_while(|line| ron::de::from_bytes::<Record>(line).ok());
    let Some(Record::Begin {
        operation,
        decisions,
        time,
    }) = lines.next()
    else {
        return Ok(None);
    };
    let mut entry = Entry::new(id, operation, decisions, time);
    lines.for_each(|record| entry.apply(&record));
    entry.interrupt();
    Ok(Some(entry))
}

/// Is its last record one of an end?
fn has_ended(mut file: &File) -> io::Result<bool> {
    use io::{Read as _, Seek as _};
    let mut tail = Vec::new();
    file.seek(io::SeekFrom::End(-16))?;
    file.read_to_end(&mut tail)?;
    Ok(tail.ends_with(b"\nEnd\n") || tail.ends_with(b"Undone([])\n"))
}

/// Writes one entry. The operation's changes go through it: first the intent, then the change, then what came of it.
#[derive(Debug)]
pub struct Writer {
    file: Option<File>,
    entry: Entry,
}

impl Writer {
    /// The entry as it stands.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Announces steps; returns when that is durable. On error the steps must not be done.
    pub fn intend(&mut self, acts: Vec<Act>) -> Result<()> {
        if acts.is_empty() {
            return Ok(());
        }
        self.append(&Record::Intent(acts))?;
        if let Some(file) = &self.file {
            file.sync_data()
                .map_err(|e| Error::from_io(e, "write journal"))?;
        }
        Ok(())
    }

    /// Notes what came of the steps announced last, one outcome for each.
    pub fn confirm(&mut self, outcomes: Vec<Outcome>) -> Result<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        self.append(&Record::Confirm(outcomes))
    }

    /// Any other record.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.entry.apply(record);
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut line = ron::to_string(record)
            .map_err(|e| Error::new(ErrorKind::InvalidData, "write journal").with_source(e))?;
        line.push('\n');
        file.write_all(line.as_bytes())
            .map_err(|e| Error::from_io(e, "write journal"))
    }

    /// Lets go of the file; the entry goes to the history.
    pub fn finish(self) -> Entry {
        self.entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::FileKind;
    use crate::ops::place::{FsRef, Place};
    use crate::path::VPath;

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
            .begin(&operation, &Decisions::default(), false)
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
}
