//! Names and link targets in SQL: TEXT when they are UTF-8, so that any SQLite tool shows them, otherwise BLOB.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::Result;
use fs_core::path::NAME_MAX_BYTES;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::error::corrupted;

/// An OS string as a parameter of a statement.
pub(super) struct SqlName<'a>(pub(super) &'a OsStr);

impl ToSql for SqlName<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0.to_str() {
            Some(text) => ValueRef::Text(text.as_bytes()),
            None => ValueRef::Blob(self.0.as_bytes()),
        }))
    }
}

/// The OS string in a column. One string has one form: text that is not UTF-8 and a blob that is are damage.
pub(super) fn os_str(value: ValueRef<'_>) -> Result<&OsStr> {
    match value {
        ValueRef::Text(bytes) if std::str::from_utf8(bytes).is_ok() => Ok(OsStr::from_bytes(bytes)),
        ValueRef::Blob(bytes) if std::str::from_utf8(bytes).is_err() => {
            Ok(OsStr::from_bytes(bytes))
        }
        _ => Err(corrupted("read name", "a name is stored in a wrong form")),
    }
}

/// As [`os_str`], and fit to be a name.
pub(super) fn entry_name(value: ValueRef<'_>) -> Result<&OsStr> {
    let name = os_str(value)?;
    let bytes = name.as_bytes();
    let bad = bytes.is_empty()
        || bytes == b"."
        || bytes == b".."
        || bytes.len() > NAME_MAX_BYTES
        || memchr::memchr2(b'/', 0, bytes).is_some();
    if bad {
        return Err(corrupted("read name", format!("impossible name {name:?}")));
    }
    Ok(name)
}

/// As [`os_str`], owned.
pub(super) fn os_string(value: ValueRef<'_>) -> Result<OsString> {
    os_str(value).map(OsStr::to_os_string)
}

/// The longest UTF-8 text that `name` starts with: no text after `name` in byte order comes before it.
pub(super) fn text_bound(name: &OsStr) -> Cow<'_, str> {
    match std::str::from_utf8(name.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) => {
            let valid = name
                .as_bytes()
                .get(..error.valid_up_to())
                .unwrap_or_default();
            Cow::Owned(String::from_utf8_lossy(valid).into_owned())
        }
    }
}
