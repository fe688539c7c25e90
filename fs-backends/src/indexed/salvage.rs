//! The contents of a store too damaged to open.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use fs_core::maintenance::DamageKind;
use fs_core::{Control, ErrorKind, Result, Time};

use super::blocks::Blocks;
use super::folder::BlobFolder;
use super::name::BlobName;
use super::records::{RECORD_BYTES, RecordFile, StoreKey, ends_in_map};
use super::{BLOBS, INDEX};
use crate::catalog::{BlobRow, Format, Wreck, damage};
use crate::salvage::Read;
use crate::salvage::found::{FIRST_STRAY, Found, FoundContent, Piece, Stray};
use crate::seal::{KEY_BYTES, SealKey};
use crate::virtual_fs::{ContentId, Inode, NodeRecord};

/// Bytes read at once of a blob without blocks.
const BUFFER_BYTES: u64 = 1 << 20;
/// No block of a real blob is larger; a forged one must not take all memory.
const BLOCK_BYTES_MAX: u64 = 1 << 30;

/// Reads what there is of the store in the folder `path`. Errors: those of [`Wreck::read`]; `NotFound`: there is neither index nor blobs.
pub(crate) fn read(path: &Path, password: Option<&str>, control: &Control) -> Result<Read> {
    let index = path.join(INDEX);
    let folder = BlobFolder::open(&path.join(BLOBS));
    let mut damages = Vec::new();
    let wreck = match (
        Wreck::read(&index, Format::Index, password, control),
        &folder,
    ) {
        (Ok(mut wreck), _) => {
            wreck.missing_tables(Format::Index);
            Some(wreck)
        }
        (Err(error), Ok(_))
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnknownFormat) =>
        {
            let what = match error.kind() {
                ErrorKind::NotFound => "index.db is missing",
                _ => "index.db is empty",
            };
            let detail = format!("{what}: names, folders and attributes are gone");
            damages.push(damage(DamageKind::Database, detail));
            None
        }
        (Err(error), _) => return Err(error),
    };
    if folder.is_err() {
        let detail = "its folder of blobs is missing: no file has any bytes";
        damages.push(damage(DamageKind::BlobFile, detail));
    }
    let folder = folder.ok();
    let mut blobs = Blobs {
        folder,
        key: None,
        is_encrypted: password.is_some(),
        rows: HashMap::new(),
        strays: HashMap::new(),
    };
    let mut found = Found::default();
    // Blobs that nothing names are of files only where the index has lost rows.
    let mut is_index_whole = false;
    if let Some(mut wreck) = wreck {
        let key = wreck
            .meta_bytes("blob_key")
            .map(<[u8; KEY_BYTES]>::try_from);
        blobs.key = match key {
            Some(Ok(key)) => Some(StoreKey::new(&SealKey::from(key))),
            _ => None,
        };
        if wreck.is_encrypted() && blobs.key.is_none() {
            let detail = "the key of its blobs is gone, and with it what is in them";
            damages.push(damage(DamageKind::Database, detail));
        }
        is_index_whole = wreck.damages.is_empty();
        found = std::mem::take(&mut wreck.found);
        damages.append(&mut wreck.damages);
        blobs.rows = std::mem::take(&mut wreck.blobs);
    }
    if !is_index_whole {
        let unreadable = blobs.find_strays(&mut found)?;
        if unreadable > 0 {
            let detail =
                format!("{unreadable} blobs are encrypted, and their key is gone with the index");
            damages.push(damage(DamageKind::ContentMissing, detail));
        }
        if !blobs.strays.is_empty() {
            let detail = format!(
                "{} blobs belong to no file that is left",
                blobs.strays.len()
            );
            damages.push(damage(DamageKind::Unreachable, detail));
        }
    }
    Ok(Read {
        found,
        damages,
        content: Box::new(blobs),
        moments: Vec::new(),
    })
}

struct Blobs {
    folder: Option<BlobFolder>,
    /// Of an encrypted store.
    key: Option<StoreKey>,
    is_encrypted: bool,
    rows: HashMap<u64, BlobRow>,
    /// Blobs that nothing names, as files.
    strays: HashMap<Inode, BlobName>,
}

impl Blobs {
    /// Makes a file without a name of each blob that no file names; answers how many there are that nobody can read.
    fn find_strays(&mut self, found: &mut Found) -> Result<u64> {
        let Some(folder) = &self.folder else {
            return Ok(0);
        };
        let used: HashSet<u64> = found.nodes.values().map(|node| node.content.0).collect();
        let rows = self.rows.iter();
        let named: HashSet<&str> = rows
            .filter(|(content, _)| used.contains(content))
            .map(|(_, row)| row.name.as_str())
            .collect();
        let (mut ino, mut unreadable) = (FIRST_STRAY, 0);
        let mut strays = HashMap::new();
        folder.each(&mut |name| {
            if named.contains(name.sealed().as_str()) {
                return;
            }
            let Some(stat) = folder.stat(&name) else {
                return;
            };
            let on_host = u64::try_from(stat.st_size).unwrap_or(0);
            let Some(size_bytes) = self.length_of(&name, on_host) else {
                unreadable += 1;
                return;
            };
            let stray = Stray {
                label: name.sealed().into(),
                content: ContentId(ino),
                size_bytes,
                uid: stat.st_uid,
                gid: stat.st_gid,
                time: Time::from_parts(stat.st_mtime, 0),
            };
            found.add_stray(ino, stray);
            strays.insert(ino, name);
            ino += 1;
        })?;
        self.strays = strays;
        Ok(unreadable)
    }

    /// Length of the content of a blob that no row names; `None`: nothing of it can be read.
    fn length_of(&self, name: &BlobName, on_host: u64) -> Option<u64> {
        match (&self.key, self.is_encrypted) {
            (None, true) => None,
            (None, false) => {
                let is_encrypted = self.open(name, true).is_none_or(|file| ends_in_map(&file));
                (!is_encrypted).then_some(on_host)
            }
            (Some(key), _) => {
                let file = self.open(name, true)?;
                let (blob, _) = RecordFile::open_damaged(file, name, key).ok()?;
                Some(blob.length())
            }
        }
    }

    /// The file of a blob, if it is one of its own.
    fn open(&self, name: &BlobName, sealed: bool) -> Option<File> {
        self.folder.as_ref()?.open_to_read(name, sealed).ok()
    }

    /// A blob of a plain store, whose index says `row` of it.
    fn plain(
        &self,
        row: &BlobRow,
        file: &File,
        size: u64,
        control: &Control,
        each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let blocks = row
            .blocks
            .as_ref()
            .filter(|_| row.sealed)
            .and_then(|blocks| Blocks::decode(blocks, row.size_bytes));
        let step = blocks.as_ref().map_or(BUFFER_BYTES, Blocks::block_bytes);
        // Without blocks only all of it can be proven.
        let whole = blocks.is_none() && row.sealed && hash_of(file, control)? == row.hash;
        let there = file.metadata().map_or(0, |metadata| metadata.size());
        let mut buffer = Vec::new();
        let mut at = 0;
        // A complete blob is as long as its row says; what lies behind the end of one that is not is zeros.
        let length = match row.sealed {
            true => row.size_bytes.min(size),
            false => there.min(size),
        };
        while at < length {
            control.check()?;
            if at >= there {
                return each(Piece::Lost(at, length));
            }
            let block_end = match row.sealed {
                true => (at + step).min(row.size_bytes),
                false => (at + step).min(there),
            };
            if block_end <= at {
                break;
            }
            let end = block_end.min(size);
            if block_end > there || block_end - at > BLOCK_BYTES_MAX {
                each(Piece::Lost(at, end))?;
                at = block_end;
                continue;
            }
            buffer.resize((block_end - at) as usize, 0);
            let wanted = (end - at) as usize;
            if file.read_exact_at(&mut buffer, at).is_err() {
                each(Piece::Lost(at, end))?;
                at = block_end;
                continue;
            }
            control.add_bytes(buffer.len() as u64);
            let proven = match &blocks {
                Some(blocks) => {
                    let load = |_: &mut [u8], _: u64| Err::<(), ()>(());
                    blocks.prove(&buffer, at, load) == Ok(true)
                }
                None => whole,
            };
            let bytes = buffer.get(..wanted).unwrap_or_default();
            each(match (proven, blocks.is_some()) {
                (true, _) => Piece::Bytes(at, bytes),
                (false, true) => Piece::Lost(at, end),
                (false, false) => Piece::Unproven(at, bytes),
            })?;
            at = block_end;
        }
        Ok(())
    }
}

fn hash_of(file: &File, control: &Control) -> Result<Option<Vec<u8>>> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES as usize];
    let mut at = 0;
    loop {
        control.check()?;
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok(Some(hasher.finalize().as_bytes().to_vec())),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                at += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
}

/// The records of an encrypted blob that are what was written.
fn records(
    records: &RecordFile,
    has_map: bool,
    size: u64,
    control: &Control,
    each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    let mut buffer = vec![0; RECORD_BYTES];
    let mut at = 0;
    let length = records.length().min(size);
    while at < length {
        control.check()?;
        let end = (at + RECORD_BYTES as u64).min(length);
        let piece = buffer.get_mut(..(end - at) as usize).unwrap_or_default();
        // Without the map nobody knows which records there were.
        let is_there = has_map || records.has_record_at(at);
        match records.read_at(piece, at) {
            Ok(()) if is_there => {
                control.add_bytes(piece.len() as u64);
                each(Piece::Bytes(at, piece))?;
            }
            _ => each(Piece::Lost(at, end))?,
        }
        at = end;
    }
    // Behind the end that the map tells are zeros; without it nobody knows.
    match has_map || length == size {
        true => Ok(()),
        false => each(Piece::Lost(length, size)),
    }
}

impl FoundContent for Blobs {
    fn pieces(
        &self,
        ino: Inode,
        node: &NodeRecord,
        control: &Control,
        each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let size = node.size;
        if node.content.is_empty() || size == 0 {
            return Ok(());
        }
        let (row, name) = match (self.strays.get(&ino), self.rows.get(&node.content.0)) {
            (Some(name), _) => (None, Some(name.clone())),
            (None, Some(row)) => (Some(row), BlobName::parse(&row.name).ok()),
            (None, None) => (None, None),
        };
        let sealed = row.is_none_or(|row| row.sealed);
        let Some((name, file)) = name.and_then(|name| {
            let file = self.open(&name, sealed)?;
            Some((name, file))
        }) else {
            return each(Piece::Lost(0, size));
        };
        if let Some(key) = &self.key {
            let (blob, has_map) = RecordFile::open_damaged(file, &name, key)?;
            return records(&blob, has_map, size, control, each);
        }
        match row {
            Some(row) => self.plain(row, &file, size, control, each),
            None => {
                let row = BlobRow {
                    name: name.sealed(),
                    sealed: false,
                    size_bytes: size,
                    hash: None,
                    blocks: None,
                };
                self.plain(&row, &file, size, control, each)
            }
        }
    }
}
