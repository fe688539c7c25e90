//! Checksums of rows, so that no bit that flips on a disk comes back as a name or as metadata.
//!
//! The sum of a row is XXH3-64 over its table's letter and its columns; `FORMAT.md` says how. It tells that a row is what was written. That a row is
//! *there* is told by the row it belongs to: a node knows the exclusive or of the sums of its names (`names`) and of its attributes (`attrs`).
//! An encrypted database needs none of this, since its pages are authenticated, and an older format has none.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{FileKind, Result};
use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::error::corrupted;
use super::schema::Format;
use crate::virtual_fs::{Inode, NodeRecord, TrashRecord};

/// More folders than this are not remembered as sound at a time.
const SOUND_MAX: usize = 1 << 20;

/// Which table a row is of: no row of one can pass for a row of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// What the database says of itself.
    Meta = b'm' as isize,
    /// Nodes.
    Node = b'n' as isize,
    /// Names.
    Dentry = b'd' as isize,
    /// Extended attributes.
    Xattr = b'x' as isize,
    /// Nodes that end with the process.
    Nameless = b'l' as isize,
    /// Deleted items.
    Trash = b't' as isize,
    /// Blobs.
    Blob = b'b' as isize,
    /// Blobs to remove.
    DeadBlob = b'r' as isize,
    /// Notes.
    Note = b'o' as isize,
}

/// Columns of a row on their way into its sum.
pub(crate) struct RowSum {
    short: [u8; Self::SHORT_BYTES],
    length: usize,
    /// Everything, once it does not fit.
    long: Vec<u8>,
}

impl RowSum {
    /// A name of the longest length fits, with all numbers of a node.
    const SHORT_BYTES: usize = 384;

    /// The sum of a row of `table`, before its first column.
    pub(crate) fn of(table: Table) -> Self {
        Self::of_letter(table as u8)
    }

    fn of_letter(letter: u8) -> Self {
        let mut sum = Self {
            short: [0; Self::SHORT_BYTES],
            length: 0,
            long: Vec::new(),
        };
        sum.raw(&[letter]);
        sum
    }

    // By reference, because handing the buffer on from column to column costs more than the hash.
    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        if self.long.is_empty() {
            match self.short.get_mut(self.length..self.length + bytes.len()) {
                Some(place) => {
                    place.copy_from_slice(bytes);
                    self.length += bytes.len();
                    return self;
                }
                None => self
                    .long
                    .extend_from_slice(self.short.get(..self.length).unwrap_or_default()),
            }
        }
        self.long.extend_from_slice(bytes);
        self
    }

    /// An integer.
    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    /// A text or a blob; `None`: NULL.
    pub(crate) fn bytes(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1);
                self.raw(&length.to_le_bytes()).raw(bytes)
            }
            None => self.raw(&u32::MAX.to_le_bytes()),
        }
    }

    /// A column of any type; of a real number its bits.
    fn value(&mut self, value: ValueRef<'_>) -> &mut Self {
        match value {
            ValueRef::Null => self.bytes(None),
            ValueRef::Integer(number) => self.number(number),
            ValueRef::Real(number) => self.number(number.to_bits().cast_signed()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => self.bytes(Some(bytes)),
        }
    }

    /// The sum.
    pub(crate) fn finish(&self) -> i64 {
        let bytes = match self.long.is_empty() {
            true => self.short.get(..self.length).unwrap_or_default(),
            false => &self.long,
        };
        xxh3_64(bytes).cast_signed()
    }
}

/// The sum of a row of `meta`.
pub(super) fn meta(key: &str, value: ValueRef<'_>) -> i64 {
    RowSum::of(Table::Meta)
        .bytes(Some(key.as_bytes()))
        .value(value)
        .finish()
}

/// The numbers of a node, in the order of the columns.
pub(super) fn node_numbers(record: &NodeRecord) -> [i64; 14] {
    [
        record.kind as i64,
        record.mode.into(),
        record.uid.into(),
        record.gid.into(),
        record.nlink.cast_signed(),
        record.size.cast_signed(),
        record.allocated.cast_signed(),
        record.rdev.cast_signed(),
        record.mtime.nanos(),
        record.ctime.nanos(),
        record.atime.nanos(),
        record.btime.nanos(),
        record.content.0.cast_signed(),
        record.parent.cast_signed(),
    ]
}

/// The sum of a node.
pub(super) fn node(ino: i64, numbers: &[i64; 14], target: Option<&[u8]>) -> i64 {
    let mut sum = RowSum::of(Table::Node);
    sum.number(ino);
    for number in numbers {
        sum.number(*number);
    }
    sum.bytes(target).finish()
}

/// The sum of a name.
pub(super) fn dentry(parent: i64, name: &[u8], ino: i64, kind: FileKind) -> i64 {
    RowSum::of(Table::Dentry)
        .number(parent)
        .bytes(Some(name))
        .number(ino)
        .number(kind as i64)
        .finish()
}

/// The sum of an extended attribute.
pub(super) fn xattr(ino: i64, name: &[u8], value: &[u8]) -> i64 {
    RowSum::of(Table::Xattr)
        .number(ino)
        .bytes(Some(name))
        .bytes(Some(value))
        .finish()
}

/// The sum of a mark of a nameless node.
pub(super) fn nameless(ino: i64) -> i64 {
    RowSum::of(Table::Nameless).number(ino).finish()
}

/// The sum of an item in the trash.
pub(super) fn trash(item: &TrashRecord) -> i64 {
    use std::os::unix::ffi::OsStrExt as _;
    RowSum::of(Table::Trash)
        .number(item.id.cast_signed())
        .number(item.ino.cast_signed())
        .bytes(Some(item.original.as_os_str().as_bytes()))
        .number(item.deleted.nanos())
        .finish()
}

/// The sum of a piece of a note.
pub(super) fn note(name: &str, piece: i64, data: &[u8]) -> i64 {
    RowSum::of(Table::Note)
        .bytes(Some(name.as_bytes()))
        .number(piece)
        .bytes(Some(data))
        .finish()
}

/// What a row of `content` must say of itself. Linear, so that SQL keeps it when it counts: 31 id + 1000003 refs + 7 stored.
pub(crate) fn content(id: i64, refs: i64, stored: i64) -> i64 {
    id.wrapping_mul(31)
        .wrapping_add(refs.wrapping_mul(1_000_003))
        .wrapping_add(stored.wrapping_mul(7))
}

/// The sum of a piece of content.
pub(crate) fn chunk_sum(id: i64, data: &[u8]) -> i64 {
    xxh3_64_with_seed(data, id.cast_unsigned()).cast_signed()
}

/// Whether sums are kept and compared, and which folders were found whole since the database was opened.
pub(crate) struct Sums {
    on: bool,
    sound: Mutex<HashSet<Inode>>,
    all_sound: AtomicBool,
}

impl Sums {
    /// Sums are kept and compared, or not.
    pub(super) fn new(on: bool) -> Self {
        Self {
            on,
            sound: Mutex::default(),
            all_sound: AtomicBool::new(false),
        }
    }

    /// Are sums kept and compared?
    pub(crate) fn are_on(&self) -> bool {
        self.on
    }

    /// What to store as the sum of a row.
    pub(crate) fn store(&self, sum: impl FnOnce() -> i64) -> i64 {
        if self.on { sum() } else { 0 }
    }

    /// Compares a stored sum with what the row says. `Corrupted`, with what `what` calls the row.
    pub(crate) fn check(
        &self,
        stored: i64,
        sum: impl FnOnce() -> i64,
        what: impl FnOnce() -> String,
    ) -> Result<()> {
        if self.on && stored != sum() {
            return Err(corrupted(
                "read",
                format!("{} is not what was written", what()),
            ));
        }
        Ok(())
    }

    /// Was the folder found to have all its names?
    pub(super) fn is_sound(&self, dir: Inode) -> bool {
        self.sound.lock().contains(&dir)
    }

    /// Were all folders found to have all their names?
    pub(super) fn are_all_sound(&self) -> bool {
        self.all_sound.load(Ordering::Relaxed)
    }

    /// All folders have all their names.
    pub(super) fn note_all_sound(&self) {
        self.all_sound.store(true, Ordering::Relaxed);
    }

    /// The folder has all its names.
    pub(super) fn note_sound(&self, dir: Inode) {
        let mut sound = self.sound.lock();
        if sound.len() >= SOUND_MAX {
            sound.clear();
        }
        sound.insert(dir);
    }
}

/// Gives a connection the SQL functions `row_sum(letter, column, …)` and `xor_sum(sum)`, for statements over whole tables.
pub(super) fn register(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    db.create_scalar_function("row_sum", -1, flags, |row: &Context<'_>| {
        let letter = row.get_raw(0).as_str()?.bytes().next().unwrap_or_default();
        let mut sum = RowSum::of_letter(letter);
        for column in 1..row.len() {
            sum.value(row.get_raw(column));
        }
        Ok(sum.finish())
    })?;
    db.create_aggregate_function("xor_sum", 1, flags, Xor)
}

struct Xor;

impl Aggregate<i64, i64> for Xor {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<i64> {
        Ok(0)
    }

    fn step(&self, row: &mut Context<'_>, sum: &mut i64) -> rusqlite::Result<()> {
        *sum ^= row.get::<i64>(0)?;
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<i64>) -> rusqlite::Result<i64> {
        Ok(sum.unwrap_or(0))
    }
}

/// A table, what tells its rows apart, and what the sum of a row must be, in SQL.
pub(super) struct Summed {
    pub(super) table: &'static str,
    pub(super) key: &'static [&'static str],
    pub(super) sum: &'static str,
}

const SUMMED: &[Summed] = &[
    Summed {
        table: "meta",
        key: &["key"],
        sum: "row_sum('m', key, value)",
    },
    Summed {
        table: "node",
        key: &["ino"],
        sum: "row_sum('n', ino, kind, mode, uid, gid, nlink, size, allocated, rdev, mtime, ctime, atime, btime, content, parent, target)",
    },
    Summed {
        table: "dentry",
        key: &["parent", "name"],
        sum: "row_sum('d', parent, name, ino, kind)",
    },
    Summed {
        table: "xattr",
        key: &["ino", "name"],
        sum: "row_sum('x', ino, name, value)",
    },
    Summed {
        table: "nameless",
        key: &["ino"],
        sum: "row_sum('l', ino)",
    },
    Summed {
        table: "trash",
        key: &["id"],
        sum: "row_sum('t', id, ino, original, deleted)",
    },
    Summed {
        table: "content",
        key: &["id"],
        sum: "31 * id + 1000003 * refs + 7 * stored",
    },
    Summed {
        table: "note",
        key: &["name", "piece"],
        sum: "row_sum('o', name, piece, data)",
    },
];
const SUMMED_IN_INDEX: &[Summed] = &[
    Summed {
        table: "blob",
        key: &["content"],
        sum: "row_sum('b', content, name, sealed, size, hash, blocks)",
    },
    Summed {
        table: "dead_blob",
        key: &["name"],
        sum: "row_sum('r', name)",
    },
];

/// The tables whose rows have sums. `meta` comes first.
pub(super) fn summed(format: Format) -> impl Iterator<Item = &'static Summed> {
    let index = match format {
        Format::Vault => &[],
        Format::Index => SUMMED_IN_INDEX,
    };
    SUMMED.iter().chain(index)
}

/// What `names` of a folder must be.
pub(super) const NAMES: &str =
    "coalesce((SELECT xor_sum(d.sum) FROM dentry d WHERE d.parent = node.ino), 0)";
/// What `attrs` of a node must be.
pub(super) const ATTRS: &str =
    "coalesce((SELECT xor_sum(x.sum) FROM xattr x WHERE x.ino = node.ino), 0)";
/// What `trash` in `meta` must be.
pub(super) const TRASH: &str = "coalesce((SELECT xor_sum(sum) FROM trash), 0)";

/// Is that not what `meta` says, or is it not there?
pub(super) fn trash_differs() -> String {
    format!("NOT EXISTS (SELECT 1 FROM meta WHERE key = 'trash' AND value = {TRASH})")
}

/// Computes every sum anew, believing the rows. Needs [`register`].
pub(super) fn reseal(db: &Connection, format: Format) -> rusqlite::Result<()> {
    // `trash` is part of a row of `meta`, and needs the sums of its own table first.
    for Summed { table, sum, .. } in summed(format).skip(1) {
        db.execute(&format!("UPDATE {table} SET sum = {sum}"), [])?;
    }
    db.execute(
        &format!("UPDATE node SET names = {NAMES}, attrs = {ATTRS}"),
        [],
    )?;
    db.execute(
        &format!("UPDATE meta SET value = {TRASH} WHERE key = 'trash'"),
        [],
    )?;
    db.execute("UPDATE meta SET sum = row_sum('m', key, value)", [])
        .map(drop)
}

/// Changes a closed plain database with SQL, as somebody would who knows the format.
#[cfg(test)]
pub(crate) fn tamper(path: &std::path::Path, sql: &str) {
    tamper_with(path, None, sql);
}

/// As [`tamper`], also with an encrypted one (of 16 KiB pages).
#[cfg(test)]
pub(crate) fn tamper_with(path: &std::path::Path, password: Option<&str>, sql: &str) {
    let db = Connection::open(path).unwrap();
    if let Some(password) = password {
        db.pragma_update(None, "key", password).unwrap();
        db.execute_batch("PRAGMA cipher_page_size = 16384").unwrap();
    }
    db.execute_batch(sql).unwrap();
    let id = super::schema::pragma(&db, "application_id").unwrap();
    register(&db).unwrap();
    let format = match id == Format::Index.application_id() {
        true => Format::Index,
        false => Format::Vault,
    };
    // What was changed may be the tables themselves.
    reseal(&db, format).unwrap_or_default();
    db.close().unwrap();
}
