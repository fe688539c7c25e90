//! Writing one entry while its operation runs.

use std::fs::File;
use std::io::{self, Write as _};

use super::inside::Note;
use super::{Act, Entry, Home, Outcome, Record, text};
use crate::error::{Error, Result};

/// Where the lines go.
pub(super) enum Sink {
    /// Nowhere but into the entry.
    Nowhere,
    /// A locked file.
    File(File),
    /// A note inside a filesystem.
    Note(Note),
}

/// Writes one entry. The operation's changes go through it: first the intent, then the change, then what came of it.
pub struct Writer {
    sink: Sink,
    entry: Entry,
}

impl Writer {
    pub(super) fn new(sink: Sink, entry: Entry) -> Self {
        Self { sink, entry }
    }

    /// The entry as it stands.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Announces steps; when it returns, no power cut can leave their changes without it. On error the steps must not be done.
    pub fn intend(&mut self, acts: Vec<Act>) -> Result<()> {
        if acts.is_empty() {
            return Ok(());
        }
        // What a filesystem keeps of itself is in order: its own later changes never survive without it.
        let outside = |act: &Act| match &self.entry.home {
            Home::Inside(fs) => act.place().fs != *fs,
            _ => true,
        };
        let durable = acts.iter().any(outside);
        self.write(&Record::Intent(acts), durable)
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
        self.write(record, false)
    }

    fn write(&mut self, record: &Record, durable: bool) -> Result<()> {
        self.entry.apply(record);
        let fail = |e| Error::from_io(e, "write journal");
        match &mut self.sink {
            Sink::Nowhere => Ok(()),
            Sink::File(file) => {
                let line = text::line(record, &self.entry.home)?;
                append_whole(file, &line).map_err(fail)?;
                if durable {
                    file.sync_data().map_err(fail)?;
                }
                Ok(())
            }
            Sink::Note(note) => note.append(&text::line(record, &self.entry.home)?, durable),
        }
    }

    /// Lets go of where it is kept; the entry goes to the history.
    pub fn finish(self) -> Entry {
        self.entry
    }
}

/// All of the line or nothing: what is written behind a torn one can't be read.
fn append_whole(mut file: &File, line: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(line).inspect_err(|_| {
        // Where this fails, too, it is cut when the journal is taken up again.
        let _ = file.set_len(before);
    })
}
