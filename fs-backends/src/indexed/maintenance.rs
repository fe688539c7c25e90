//! What maintenance needs of content in blobs: a check of every file, and the removal of files that belong to nothing.

use std::collections::HashSet;
use std::os::unix::fs::FileExt as _;

use fs_core::maintenance::{DamageKind, Reclaimed};
use fs_core::{Control, Error, Result, Time};
use rusqlite::{Connection, OptionalExtension as _};

use super::file::{BlobFile, Opening};
use super::folder::BlobFolder;
use super::name::BlobName;
use super::records::StoreKey;
use super::rows::{dead_blobs, row};
use super::store::{BlobStore, Shared};
use crate::catalog::{
    About, CatalogContent as _, Finding, Fix, Inspection, Leftover, Sums, from_sql, stops,
};
use crate::virtual_fs::ContentId;

const BUFFER_BYTES: usize = 1 << 20;
/// Files removed while the writer is held.
const BATCH: usize = 64;

fn sql(error: rusqlite::Error) -> Error {
    from_sql(error, "check")
}

/// What the index says of a content.
pub(super) struct Row {
    pub(super) content: i64,
    pub(super) name: Option<String>,
    pub(super) sealed: bool,
    pub(super) size: i64,
    pub(super) hash: Option<Vec<u8>>,
}

impl Row {
    /// From the content and the columns of `blob`, in this order.
    pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            content: row.get(0)?,
            name: row.get(1)?,
            sealed: row.get(2)?,
            size: row.get(3)?,
            hash: row.get(4)?,
        })
    }
}

/// Compares every blob the index names with its length and hash, and looks for files that belong to nothing.
pub(super) fn check(shared: &Shared, it: &mut Inspection<'_>) -> Result<()> {
    let mut select = it
        .db
        .prepare("SELECT c.id, b.name, coalesce(b.sealed, 0), coalesce(b.size, 0), b.hash FROM content c LEFT JOIN blob b ON b.content = c.id WHERE c.refs > 0 ORDER BY c.id")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        it.control.check()?;
        let row = Row::of(row).map_err(sql)?;
        match wrong_with(&shared.folder, shared.key.as_ref(), &row, it.control)? {
            Some((kind, detail)) => {
                it.note(Finding::new(kind, About::Content(row.content), detail));
            }
            None if row.sealed => it.checked.content_bytes += row.size.max(0).cast_unsigned(),
            None => it.checked.unproved += 1,
        }
    }
    for content in
        it.numbers("SELECT content FROM blob WHERE content NOT IN (SELECT id FROM content)")?
    {
        let detail = format!("a blob of content {content}, which does not exist");
        let fix = Fix::RemoveRows(Leftover::Blob, content);
        it.note(Finding::new(DamageKind::Leftover, About::Whole, detail).fixed_by(fix));
    }
    let nameless = "SELECT id FROM content WHERE refs = 0 AND id NOT IN (SELECT content FROM blob)";
    for content in it.numbers(nameless)? {
        let detail = format!("content {content} has no blob and no user");
        let fix = Fix::RemoveRows(Leftover::Content, content);
        it.note(Finding::new(DamageKind::Leftover, About::Whole, detail).fixed_by(fix));
    }
    let mut files = Vec::new();
    shared.folder.each(&mut |name| files.push(name))?;
    for name in files {
        if !is_known(it.db, &name)? && !shared.is_fresh(&name) {
            let detail = format!("blob {name} belongs to nothing");
            it.note(Finding::new(DamageKind::Leftover, About::Whole, detail));
        }
    }
    Ok(())
}

/// Reads one blob; answers what is wrong with it.
pub(super) fn wrong_with(
    folder: &BlobFolder,
    key: Option<&StoreKey>,
    row: &Row,
    control: &Control,
) -> Result<Option<(DamageKind, String)>> {
    let Some(text) = &row.name else {
        let detail = format!("content {} has no blob", row.content);
        return Ok(Some((DamageKind::ContentMissing, detail)));
    };
    let told = |error: &Error| error.detail().unwrap_or("it can't be read").to_owned();
    let name = match BlobName::parse(text) {
        Ok(name) => name,
        Err(error) => return Ok(Some((DamageKind::BlobFile, told(&error)))),
    };
    let opening = match row.sealed {
        true => Opening::Complete,
        false => Opening::Beside,
    };
    // One that is still written is looked at no closer: what it should be nobody knows.
    let key = key.filter(|_| row.sealed);
    let file = match BlobFile::open(folder, &name, key, opening) {
        Ok(file) => file,
        Err(error) if folder.stat(&name).is_none() => {
            return Ok(Some((DamageKind::ContentMissing, told(&error))));
        }
        Err(error) if stops(&error) => return Err(error),
        Err(error) => return Ok(Some((DamageKind::BlobFile, told(&error)))),
    };
    if !row.sealed {
        return Ok(None);
    }
    let length = file.length()?;
    if i64::try_from(length) != Ok(row.size) {
        let detail = format!("blob {name} has {length} bytes instead of {}", row.size);
        return Ok(Some((DamageKind::BlobLength, detail)));
    }
    match hash(&file, control) {
        Ok(hash) if row.hash.as_deref() == Some(hash.as_slice()) => Ok(None),
        Ok(_) => {
            let detail = format!("blob {name} is not what was written");
            Ok(Some((DamageKind::ContentChanged, detail)))
        }
        Err(error) if stops(&error) => Err(error),
        Err(error) => {
            let detail = match error.detail() {
                Some(detail) => detail.to_owned(),
                None => format!("blob {name}: {error}"),
            };
            Ok(Some((DamageKind::ContentChanged, detail)))
        }
    }
}

pub(super) fn hash(file: &BlobFile, control: &Control) -> Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    let file = match file {
        BlobFile::Plain(file) => file,
        BlobFile::Sealed(records) => {
            let length = records.length();
            while at < length {
                control.check()?;
                let wanted = (length - at).min(BUFFER_BYTES as u64);
                let piece = buffer.get_mut(..wanted as usize).unwrap_or_default();
                records.read_at(piece, at)?;
                hasher.update(piece);
                at += wanted;
                control.add_bytes(wanted);
            }
            return Ok(*hasher.finalize().as_bytes());
        }
    };
    loop {
        control.check()?;
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                at += read as u64;
                control.add_bytes(read as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_io(error, "read blob")),
        }
    }
}

/// Every blob the index names or remembers. `Corrupted`: it has lost one.
fn known(db: &Connection, sums: &Sums) -> Result<HashSet<BlobName>> {
    let mut known: HashSet<BlobName> = dead_blobs(db, sums)?.into_iter().collect();
    let mut select = db
        .prepare("SELECT id FROM content WHERE refs > 0 UNION SELECT content FROM blob")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    while let Some(found) = rows.next().map_err(sql)? {
        let id: i64 = found.get(0).map_err(sql)?;
        known.insert(row(db, ContentId(id.cast_unsigned()), sums)?.0);
    }
    Ok(known)
}

/// Does the index name this file, or remember that it has to go?
fn is_known(db: &Connection, name: &BlobName) -> Result<bool> {
    let known = db
        .prepare_cached("SELECT 1 FROM blob WHERE name = ?1 UNION ALL SELECT 1 FROM dead_blob WHERE name = ?1 LIMIT 1")
        .and_then(|mut select| select.query_row([name.sealed()], |_| Ok(())).optional())
        .map_err(sql)?;
    Ok(known.is_some())
}

impl BlobStore {
    /// Removes what the index has forgotten, and files older than `grace_seconds` it never knew.
    pub(super) fn collect_files(&self, grace_seconds: u64, control: &Control) -> Result<Reclaimed> {
        let before = self.shared().folder.usage()?;
        while self.reap_some()? {
            control.check()?;
        }
        self.sweep(grace_seconds, control)?;
        let after = self.shared().folder.usage()?;
        Ok(Reclaimed {
            files: before.0.saturating_sub(after.0),
            bytes: before.1.saturating_sub(after.1),
        })
    }

    /// Removes files the index does not know and that are older than `grace_seconds`: left by a kill between blob and index.
    pub(super) fn sweep(&self, grace_seconds: u64, control: &Control) -> Result<()> {
        let shared = self.shared();
        let newest = Time::now().parts().0.saturating_sub_unsigned(grace_seconds);
        let mut old = Vec::new();
        // Both the name and the file must be old: a clock that jumped is no reason to remove anything.
        shared.folder.each(&mut |name| {
            if name.made_seconds() <= newest {
                old.push(name);
            }
        })?;
        old.retain(|name| {
            shared
                .folder
                .stat(name)
                .is_some_and(|stat| stat.st_mtime <= newest)
        });
        if old.is_empty() {
            return Ok(());
        }
        // Most are known; those need no writer. An index that is damaged may have lost a name, so then nothing is removed.
        let known = shared
            .database
            .read(|db| known(db, shared.database.sums()))?;
        old.retain(|name| !known.contains(name));
        let unknown = old;
        for some in unknown.chunks(BATCH) {
            control.check()?;
            // Looked at once more while nobody can write to the index: what is unknown then is named by nobody, ever.
            shared.database.write_early(|db| {
                for name in some {
                    if !is_known(db, name)? && !shared.is_fresh(name) {
                        shared.folder.remove(name)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
