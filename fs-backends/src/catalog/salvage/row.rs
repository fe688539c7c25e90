//! Rows of a damaged database: which table each is of, told by its shape, and whether it is what was written, told by its sum.

use fs_core::{FileKind, Result};
use rusqlite::types::ValueRef;

use super::btree::{PageKind, varint};
use crate::catalog::error::corrupted;
use crate::catalog::names::{entry_name, os_str};
use crate::catalog::record::{file_kind, node_record};
use crate::catalog::sums::{self, RowSum, Table};
use crate::virtual_fs::NodeRecord;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// Columns of the widest table.
const COLUMNS_MAX: usize = 19;

/// The value of a column, and its length where its bytes lie on other pages.
#[derive(Clone, Copy, Debug)]
enum Column<'a> {
    Here(ValueRef<'a>),
    /// A text or blob of this length that does not lie here whole.
    Elsewhere(u64),
}

/// A row of one of our tables.
pub(super) enum Row {
    /// The database's description of itself: key, and value as an integer or bytes.
    Meta(String, MetaValue),
    /// A node, with what it says of its names and attributes together (format 3).
    Node(u64, NodeRecord, Option<(i64, i64)>),
    /// A name: folder, name, node, kind; and its sum.
    Name(u64, OsString, u64, FileKind, i64),
    /// An attribute: node, name, value; and its sum.
    Xattr(u64, OsString, Vec<u8>, i64),
    /// A node that must not outlive the program that made it.
    Nameless(u64),
    /// An item of the trash: node, path.
    Trash(u64, OsString),
    /// A content, how many nodes name it, and how many bytes of it are stored.
    Content(u64, u64, u64),
    /// A blob: content, name, is it complete, size, hash, blocks.
    Blob(u64, BlobRow),
    /// A piece of content: its number and length. Its bytes are read when they are wanted.
    Chunk(i64, u64),
    /// A row of the description of the tables: where a table begins.
    Root(u32),
    /// A row that salvage has no use for.
    Other,
}

/// A value of the database's description of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MetaValue {
    Number(i64),
    Bytes(Vec<u8>),
}

/// What the index says of a blob.
#[derive(Clone, Debug)]
pub(crate) struct BlobRow {
    pub(crate) name: String,
    pub(crate) sealed: bool,
    pub(crate) size_bytes: u64,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) blocks: Option<Vec<u8>>,
}

fn columns(payload: &[u8]) -> Option<Vec<Column<'_>>> {
    let (header, mut at) = varint(payload)?;
    let header = usize::try_from(header).ok()?;
    let mut body = header;
    let mut found = Vec::with_capacity(COLUMNS_MAX);
    while at < header {
        let (serial, read) = varint(payload.get(at..)?)?;
        at += read;
        if found.len() == COLUMNS_MAX {
            return None;
        }
        let length = match serial {
            0 | 8 | 9 => 0,
            1..=4 => serial,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (serial - 12) / 2,
        };
        let end = body.checked_add(usize::try_from(length).ok()?)?;
        let Some(bytes) = payload.get(body..end) else {
            found.push(match serial {
                12.. => Column::Elsewhere(length),
                _ => return None,
            });
            body = end;
            continue;
        };
        body = end;
        let number = || {
            let start = if bytes.first().is_some_and(|byte| *byte >= 0x80) {
                -1
            } else {
                0
            };
            bytes
                .iter()
                .fold(start, |number: i64, byte| number << 8 | i64::from(*byte))
        };
        found.push(Column::Here(match serial {
            0 => ValueRef::Null,
            8 => ValueRef::Integer(0),
            9 => ValueRef::Integer(1),
            1..=6 => ValueRef::Integer(number()),
            7 => ValueRef::Real(f64::from_bits(number().cast_unsigned())),
            serial if serial.is_multiple_of(2) => ValueRef::Blob(bytes),
            _ => ValueRef::Text(bytes),
        }));
    }
    (at == header).then_some(found)
}

/// The row that this payload is, on a page of this kind; `None`: bytes of it lie on other pages and are needed, or it is of no table of ours.
/// With `sums` it is compared with its sum. `Corrupted`: it is not what was written, or impossible.
pub(super) fn row(kind: PageKind, rowid: i64, payload: &[u8], sums: bool) -> Result<Option<Row>> {
    use ValueRef::{Blob, Integer, Null};
    let Some(columns) = columns(payload) else {
        return Err(corrupted("read", "a row does not hold together"));
    };
    let in_table = kind == PageKind::TableLeaf;
    // The bytes of a chunk are not wanted yet.
    if let (true, [Column::Here(Null), Column::Here(Integer(_)), data]) =
        (in_table, columns.as_slice())
    {
        match data {
            Column::Here(Blob(data)) => return Ok(Some(Row::Chunk(rowid, data.len() as u64))),
            Column::Elsewhere(length) => return Ok(Some(Row::Chunk(rowid, *length))),
            Column::Here(_) => {}
        }
    }
    let mut values = Vec::with_capacity(columns.len());
    for column in &columns {
        match column {
            Column::Here(value) => values.push(*value),
            Column::Elsewhere(_) => return Ok(None),
        }
    }
    match in_table {
        true => table_row(rowid, &values, sums),
        false => index_row(&values, sums),
    }
    .map(Some)
}

fn proven(sums: bool, stored: i64, sum: impl FnOnce() -> i64, what: &str) -> Result<()> {
    match sums && stored != sum() {
        true => Err(corrupted("read", format!("{what} is not what was written"))),
        false => Ok(()),
    }
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| corrupted("read", "a negative number"))
}

/// A row of a table with numbers.
fn table_row(rowid: i64, values: &[ValueRef<'_>], sums: bool) -> Result<Row> {
    use ValueRef::{Blob, Integer, Null, Text};
    match *values {
        [Null, ref rest @ ..] if rest.len() >= 15 => node(rowid, rest, sums),
        [Null, Integer(refs), Integer(stored)] => content(rowid, refs, stored, None, sums),
        [Null, Integer(refs), Integer(stored), Integer(sum)] => {
            content(rowid, refs, stored, Some(sum), sums)
        }
        [Null, Integer(sum)] => {
            proven(sums, sum, || sums::nameless(rowid), "a mark of a node")?;
            Ok(Row::Nameless(unsigned(rowid)?))
        }
        [Null] => Ok(Row::Nameless(unsigned(rowid)?)),
        [
            Null,
            Integer(ino),
            original,
            Integer(deleted),
            ref rest @ ..,
        ] if rest.len() <= 1 => {
            let path = os_str(original)?;
            if let [Integer(sum)] = *rest {
                let expected = || {
                    RowSum::of(Table::Trash)
                        .number(rowid)
                        .number(ino)
                        .bytes(Some(path.as_bytes()))
                        .number(deleted)
                        .finish()
                };
                proven(sums, sum, expected, "an item of the trash")?;
            }
            Ok(Row::Trash(unsigned(ino)?, path.to_owned()))
        }
        [
            Null,
            Text(name),
            Integer(sealed),
            Integer(size),
            hash @ (Null | Blob(_)),
            ref rest @ ..,
        ] if rest.len() <= 2 => blob(rowid, name, (sealed, size), hash, rest, sums),
        [Text(_), Text(_), Text(_), Integer(root), _] => {
            Ok(u32::try_from(root).map_or(Row::Other, Row::Root))
        }
        _ => Err(corrupted("read", "a row of no table of ours")),
    }
}

fn node(ino: i64, values: &[ValueRef<'_>], sums: bool) -> Result<Row> {
    let mut numbers = [0; 14];
    for (value, number) in values.iter().zip(&mut numbers) {
        *number = value
            .as_i64()
            .map_err(|_| corrupted("read", format!("node {ino}: a number is none")))?;
    }
    let target = match values.get(14) {
        None | Some(ValueRef::Null) => None,
        Some(target) => Some(os_str(*target)?),
    };
    let together = match values.get(15..) {
        Some(
            &[
                ValueRef::Integer(sum),
                ValueRef::Integer(names),
                ValueRef::Integer(attrs),
            ],
        ) => {
            let expected = || sums::node(ino, &numbers, target.map(OsStr::as_bytes));
            proven(sums, sum, expected, &format!("node {ino}"))?;
            Some((names, attrs))
        }
        Some([]) => None,
        _ => return Err(corrupted("read", format!("node {ino} is no node"))),
    };
    let number = unsigned(ino)?;
    let record = node_record(number, numbers, target)?;
    Ok(Row::Node(number, record, together.filter(|_| sums)))
}

fn content(id: i64, refs: i64, stored: i64, sum: Option<i64>, sums: bool) -> Result<Row> {
    if let Some(sum) = sum {
        let expected = || sums::content(id, refs, stored);
        proven(sums, sum, expected, &format!("the record of content {id}"))?;
    }
    Ok(Row::Content(
        unsigned(id)?,
        unsigned(refs)?,
        unsigned(stored)?,
    ))
}

fn blob(
    content: i64,
    name: &[u8],
    (sealed, size): (i64, i64),
    hash: ValueRef<'_>,
    rest: &[ValueRef<'_>],
    sums: bool,
) -> Result<Row> {
    let wrong = || corrupted("read", format!("the blob of content {content} is none"));
    let hash = hash.as_bytes_or_null().map_err(|_| wrong())?;
    let blocks = match rest.get(1) {
        Some(blocks) => blocks.as_bytes_or_null().map_err(|_| wrong())?,
        None => None,
    };
    if let Some(ValueRef::Integer(sum)) = rest.first() {
        let expected = || {
            RowSum::of(Table::Blob)
                .number(content)
                .bytes(Some(name))
                .number(sealed)
                .number(size)
                .bytes(hash)
                .bytes(blocks)
                .finish()
        };
        let what = format!("the record of the blob of content {content}");
        proven(sums, *sum, expected, &what)?;
    }
    let row = BlobRow {
        name: String::from_utf8(name.to_vec()).map_err(|_| wrong())?,
        sealed: sealed == 1,
        size_bytes: unsigned(size)?,
        hash: hash.map(<[u8]>::to_vec),
        blocks: blocks.map(<[u8]>::to_vec),
    };
    Ok(Row::Blob(unsigned(content)?, row))
}

/// A row of a table without numbers, or of an index.
fn index_row(values: &[ValueRef<'_>], sums: bool) -> Result<Row> {
    use ValueRef::{Blob, Integer, Text};
    match *values {
        [Text(key), value, ref rest @ ..]
            if rest.len() <= 1 && known_key(key) && !matches!(rest, [Text(_) | Blob(_)]) =>
        {
            let key = String::from_utf8_lossy(key).into_owned();
            if let [Integer(sum)] = *rest {
                let what = format!("its own description ({key})");
                proven(sums, sum, || sums::meta(&key, value), &what)?;
            }
            Ok(match value {
                Integer(number) => Row::Meta(key, MetaValue::Number(number)),
                Text(bytes) | Blob(bytes) => Row::Meta(key, MetaValue::Bytes(bytes.to_vec())),
                _ => Row::Other,
            })
        }
        [Integer(ino), name, Blob(value), ref rest @ ..] if rest.len() <= 1 => {
            let name = os_str(name)?;
            let sum = match *rest {
                [Integer(sum)] => {
                    let expected = || sums::xattr(ino, name.as_bytes(), value);
                    proven(sums, sum, expected, &format!("an attribute of node {ino}"))?;
                    sum
                }
                _ => 0,
            };
            Ok(Row::Xattr(
                unsigned(ino)?,
                name.to_owned(),
                value.to_vec(),
                sum,
            ))
        }
        [
            Integer(parent),
            name,
            Integer(ino),
            Integer(kind),
            ref rest @ ..,
        ] if rest.len() <= 1 => {
            let kind = file_kind(kind)?;
            let sum = match *rest {
                [Integer(sum)] => {
                    let plain = os_str(name)?;
                    let expected = || sums::dentry(parent, plain.as_bytes(), ino, kind);
                    proven(sums, sum, expected, &format!("a name in folder {parent}"))?;
                    sum
                }
                _ => 0,
            };
            let name = entry_name(name)?.to_owned();
            Ok(Row::Name(
                unsigned(parent)?,
                name,
                unsigned(ino)?,
                kind,
                sum,
            ))
        }
        // Notes, dead blobs, and indexes, whose rows are elsewhere as well.
        [Text(_), Integer(_), Blob(_)]
        | [Text(_), Integer(_), Blob(_), Integer(_)]
        | [Text(_) | Integer(_), Integer(_)]
        | [Text(_) | Integer(_)] => Ok(Row::Other),
        _ => Err(corrupted("read", "a row of no table of ours")),
    }
}

fn known_key(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 10] = [
        b"uuid",
        b"chunk_bytes",
        b"chunk_sum",
        b"created",
        b"blob_key",
        b"barrier",
        b"horizon",
        b"trash",
        b"next_ino",
        b"next_content",
    ];
    KEYS.contains(&key)
}

/// The sum and the bytes of a chunk.
pub(super) fn chunk(payload: &[u8]) -> Option<(i64, Vec<u8>)> {
    match columns(payload)?.as_slice() {
        [
            Column::Here(ValueRef::Null),
            Column::Here(ValueRef::Integer(sum)),
            Column::Here(ValueRef::Blob(data)),
        ] => Some((*sum, data.to_vec())),
        _ => None,
    }
}
