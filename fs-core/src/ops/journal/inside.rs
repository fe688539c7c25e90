//! Journals inside a filesystem: a note each, `journal/<id>`. Whoever has the filesystem open has it alone, so what is found there without an end when it
//! is opened was interrupted.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Entry, Home, KEEP, KEEP_BYTES, Record, State, text};
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Notes;
use crate::ops::operation::EntryId;
use crate::ops::place::{Filesystems, FsRef};

const PREFIX: &str = "journal/";

/// The note of one operation.
pub(super) struct Note {
    backend: Arc<dyn Backend>,
    name: String,
}

impl Note {
    /// The note of entry `id` inside `fs`.
    pub(super) fn of(filesystems: &dyn Filesystems, fs: &FsRef, id: EntryId) -> Result<Self> {
        Ok(Self {
            backend: filesystems.backend(fs)?,
            name: name(id),
        })
    }

    pub(super) fn append(&self, bytes: &[u8], durable: bool) -> Result<()> {
        notes(&*self.backend)?.append(&self.name, bytes, durable)
    }

    pub(super) fn remove(&self) -> Result<()> {
        notes(&*self.backend)?.remove(&self.name)
    }

    /// Writes anew what was dropped to save room, so that going on with it survives a crash as well.
    pub(super) fn ensure(&self, entry: &Entry) -> Result<()> {
        if notes(&*self.backend)?.read(&self.name)?.is_some() {
            return Ok(());
        }
        let begin = Record::Begin {
            operation: entry.operation.clone(),
            decisions: entry.decisions.clone(),
            time: entry.time,
        };
        let mut bytes = text::line(&begin, &entry.home)?;
        bytes.extend(text::line(
            &Record::Undone(entry.acts.clone()),
            &entry.home,
        )?);
        self.append(&bytes, false)
    }
}

fn name(id: EntryId) -> String {
    format!("{PREFIX}{}", id.0)
}

fn notes(backend: &dyn Backend) -> Result<&dyn Notes> {
    let notes = backend.extensions().notes;
    notes.ok_or_else(|| Error::new(ErrorKind::Unsupported, "write journal"))
}

/// The journals there are, with their lengths in bytes, oldest first.
fn lengths(notes: &dyn Notes) -> Result<Vec<(EntryId, u64)>> {
    let all = notes.list()?.into_iter();
    let mut lengths: Vec<_> = all
        .filter_map(|(name, len)| {
            let id = name.strip_prefix(PREFIX)?.parse().ok()?;
            Some((EntryId(id), len))
        })
        .collect();
    lengths.sort();
    Ok(lengths)
}

/// All entries inside `fs`, oldest first, without the oldest finished ones beyond a limit. None where no notes are kept.
pub(super) fn read(backend: &dyn Backend, fs: &FsRef) -> Result<Vec<Entry>> {
    let Some(notes) = backend.extensions().notes else {
        return Ok(Vec::new());
    };
    let mut entries = Vec::new();
    let all = lengths(notes)?;
    for (id, _) in &all {
        let bytes = notes.read(&name(*id))?.unwrap_or_default();
        match text::entry(*id, Home::Inside(fs.clone()), &bytes) {
            Some(entry) => entries.push(entry),
            // Its operation had not begun.
            None => notes.remove(&name(*id))?,
        }
    }
    let finished = |entry: &&Entry| entry.state != State::Interrupted;
    let finished: Vec<_> = entries.iter().filter(finished).map(|e| e.id).collect();
    let surplus = surplus(&all, &finished);
    for id in &surplus {
        notes.remove(&name(*id))?;
    }
    entries.retain(|entry| !surplus.contains(&entry.id));
    Ok(entries)
}

/// Removes what is too much of the finished entries; the newest one stays.
pub(super) fn prune(filesystems: &dyn Filesystems, fs: &FsRef, finished: &[EntryId]) -> Result<()> {
    let backend = filesystems.backend(fs)?;
    let notes = notes(&*backend)?;
    for id in surplus(&lengths(notes)?, finished) {
        notes.remove(&name(id))?;
    }
    Ok(())
}

/// Which of the finished entries, oldest first, are too much.
fn surplus(all: &[(EntryId, u64)], finished: &[EntryId]) -> Vec<EntryId> {
    let lengths: HashMap<_, _> = all.iter().copied().collect();
    let mut bytes = 0;
    let newest_first = finished.iter().rev().enumerate();
    let mut surplus: Vec<_> = newest_first
        .filter(|(index, id)| {
            bytes += lengths.get(id).copied().unwrap_or_default();
            *index > 0 && (*index >= KEEP || bytes > KEEP_BYTES)
        })
        .map(|(_, id)| *id)
        .collect();
    surplus.reverse();
    surplus
}
