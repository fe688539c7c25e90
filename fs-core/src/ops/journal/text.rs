//! Records as lines of text, and back to entries.

use super::{Act, Entry, Home, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::operation::EntryId;
use crate::ops::place::{FsRef, Place};

/// What a journal inside a filesystem calls that filesystem, which may have another location the next time.
const HERE: &str = "";

/// A record as the journal at `home` keeps it.
pub(super) fn line(record: &Record, home: &Home) -> Result<Vec<u8>> {
    let text = match home {
        Home::Inside(fs) => {
            let mut record = record.clone();
            rename(&mut record, fs, &FsRef::new(HERE));
            ron::to_string(&record)
        }
        _ => ron::to_string(record),
    };
    let text =
        text.map_err(|e| Error::new(ErrorKind::InvalidData, "write journal").with_source(e))?;
    let mut line = text.into_bytes();
    line.push(b'\n');
    Ok(line)
}

/// What the lines add up to. `None`: there is nothing readable in them, for the operation had not begun.
pub(super) fn entry(id: EntryId, home: Home, text: &[u8]) -> Option<Entry> {
    let mut records = records(text).map(|(mut record, _)| {
        if let Home::Inside(fs) = &home {
            rename(&mut record, &FsRef::new(HERE), fs);
        }
        record
    });
    let Some(Record::Begin {
        operation,
        decisions,
        time,
    }) = records.next()
    else {
        return None;
    };
    let records: Vec<_> = records.collect();
    let mut entry = Entry::new(id, home, operation, decisions, time);
    records.iter().for_each(|record| entry.apply(record));
    entry.interrupt();
    Some(entry)
}

/// How much of it can be read; a torn line and what is behind it can't.
pub(super) fn readable_len(text: &[u8]) -> usize {
    records(text).last().map_or(0, |(_, end)| end)
}

/// The records, each with where its line ends, up to the first line that is torn.
fn records(text: &[u8]) -> impl Iterator<Item = (Record, usize)> {
    let mut end = 0;
    text.split_inclusive(|&b| b == b'\n')
        .map_while(move |line| {
            end += line.len();
            let whole = line.ends_with(b"\n").then_some(line)?;
            Some((ron::de::from_bytes(whole).ok()?, end))
        })
}

/// Calls a filesystem by another name.
fn rename(record: &mut Record, from: &FsRef, to: &FsRef) {
    let mut one = |place: &mut Place| {
        if place.fs == *from {
            place.fs = to.clone();
        }
    };
    let mut acts = |acts: &mut Vec<Act>| acts.iter_mut().for_each(|act| act.each_place(&mut one));
    match record {
        Record::Begin {
            operation,
            decisions,
            ..
        } => {
            operation.each_place(&mut one);
            let each = std::mem::take(&mut decisions.each).into_iter();
            decisions.each = each
                .map(|(mut place, decision)| {
                    one(&mut place);
                    (place, decision)
                })
                .collect();
        }
        Record::Intent(list) | Record::Undone(list) => acts(list),
        Record::Confirm(_)
        | Record::RolledBack(_)
        | Record::End
        | Record::Undo
        | Record::TakenBack(_) => {}
    }
}
