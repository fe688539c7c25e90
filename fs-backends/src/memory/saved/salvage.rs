//! What is left of a damaged saved file: every section whose checksum is right, wherever it lies.

mod loading;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Control, Error, ErrorKind, Result};

use super::record::{
    DATA, GONE, HEAD, HOLE, MORE, NAME, NO_TRASH, NO_XATTRS, NODE, SAME, SNAPSHOT, TRASH, UNNAME,
    XATTR,
};
use super::sealed::{is_sealed, unseal};
use super::section::{END, MAGIC, Tag, section_at};
use crate::catalog::damage;
use crate::salvage::{Moment, Read};
use loading::Loading;

const TAGS: [Tag; 15] = [
    HEAD, MORE, NODE, GONE, NAME, UNNAME, XATTR, NO_XATTRS, TRASH, NO_TRASH, DATA, SAME, HOLE,
    SNAPSHOT, END,
];

/// Reads what there is of the saved file at `path`. Errors: those of the host, `PasswordNeeded`, `WrongPassword`, `UnknownFormat` (no section is whole).
pub(crate) fn read(path: &Path, password: Option<&str>, control: &Control) -> Result<Read> {
    let io = |error| Error::from_io(error, "salvage").with_path(path);
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(Error::new(ErrorKind::UnknownFormat, "salvage").with_path(path));
    }
    let bytes = fs::read(path).map_err(io)?;
    let mut damages = Vec::new();
    let bytes = match is_sealed(&bytes) || password.is_some() {
        true => {
            let told = |error: Error| error.with_operation("salvage").or_path(path);
            unseal(&bytes, password, &mut |record| {
                let detail = format!("record {record} of the file is not what was written");
                damages.push(damage(DamageKind::Page, detail));
            })
            .map_err(told)?
        }
        false => bytes,
    };
    let file = SavedFile::parse(bytes, control, &mut damages)?;
    if file.is_empty() {
        return Err(Error::new(ErrorKind::UnknownFormat, "salvage").with_path(path));
    }
    Ok(Arc::new(file).present(control, damages))
}

/// What stands in the file, in order.
enum Step {
    /// A section whose checksum is right.
    Section(Tag, Range<usize>),
    /// Something that is not what was written, or the end that is missing.
    Loss,
}

struct SavedFile {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

impl SavedFile {
    fn parse(bytes: Vec<u8>, control: &Control, damages: &mut Vec<Damage>) -> Result<Self> {
        let mut steps = Vec::new();
        let mut at = MAGIC.len() + 4;
        let mut ended = false;
        if !bytes.starts_with(MAGIC) {
            let detail = "the file does not begin as a saved filesystem does";
            damages.push(damage(DamageKind::Database, detail));
        }
        while at < bytes.len() && !ended {
            control.check()?;
            let start = at;
            let Some((tag, payload)) = section_at(&bytes, at) else {
                at = next_section(&bytes, at + 1);
                steps.push(Step::Loss);
                let detail = format!("bytes {start} to {at} of the file are not what was written");
                damages.push(damage(DamageKind::Page, detail));
                continue;
            };
            at = payload.end;
            ended = tag == END;
            steps.push(Step::Section(tag, payload));
        }
        if !ended {
            steps.push(Step::Loss);
            let detail = "the end of the file is missing";
            damages.push(damage(DamageKind::Database, detail));
        }
        Ok(Self { bytes, steps })
    }

    /// Is no section of it left?
    fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Loss))
    }

    /// The last moment it tells of, with a way to the others.
    fn present(self: Arc<Self>, control: &Control, mut damages: Vec<Damage>) -> Read {
        let loading = self.load(None, control, &mut damages);
        let moments = loading.snapshots().iter().enumerate();
        let moments = moments.map(|(number, name)| {
            let file = Arc::clone(&self);
            let read = move |control: &Control| {
                // What is wrong with the file was told.
                let mut told = Vec::new();
                let loading = file.load(Some(number), control, &mut told);
                loading.finish(Arc::clone(&file), Vec::new(), told)
            };
            Moment {
                name: name.clone(),
                read: Box::new(read),
            }
        });
        let moments = moments.collect();
        loading.finish(self, moments, damages)
    }

    /// Takes all records, or those before the end of a snapshot, counted from 0.
    fn load(&self, until: Option<usize>, control: &Control, damages: &mut Vec<Damage>) -> Loading {
        let mut steps = self.steps.iter();
        let has_moments = steps.any(|step| matches!(step, Step::Section(SNAPSHOT, _)));
        let mut loading = Loading::new(has_moments, until);
        for step in &self.steps {
            match step {
                Step::Section(tag, payload) => {
                    control.add_bytes(payload.len() as u64);
                    loading.section(&self.bytes, *tag, payload.clone(), damages);
                }
                Step::Loss => loading.lose(),
            }
            if loading.is_there() {
                break;
            }
        }
        loading
    }
}

/// Where the next section lies whose checksum is right.
fn next_section(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    // Only where a tag is there can be a section.
    while at < bytes.len() {
        let here = bytes.get(at..at + 4).unwrap_or_default();
        if TAGS.iter().any(|tag| tag.as_slice() == here) && section_at(bytes, at).is_some() {
            break;
        }
        at += 1;
    }
    at.min(bytes.len())
}
