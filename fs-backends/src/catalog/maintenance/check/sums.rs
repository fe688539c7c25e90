//! Rows that are not what was written, and rows that are missing.

use fs_core::Result;
use fs_core::maintenance::DamageKind;
use rusqlite::types::Value;

use super::{About, Finding, Inspection};
use crate::catalog::error::from_sql;
use crate::catalog::maintenance::finding::{Accepted, Fix};
use crate::catalog::names::os_str;
use crate::catalog::sums::{ATTRS, NAMES, Summed, register, summed, trash_differs};

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "check")
}

/// Compares every row with its sum.
pub(super) fn rows(it: &mut Inspection<'_>) -> Result<()> {
    if !it.sums {
        return Ok(());
    }
    register(it.db).map_err(sql)?;
    for Summed { table, key, sum } in summed(it.format) {
        it.control.check()?;
        let columns = key.join(", ");
        let mut select = it
            .db
            .prepare(&format!("SELECT {columns} FROM {table} WHERE sum <> {sum}"))
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let key = (0..key.len())
                .map(|column| row.get(column))
                .collect::<rusqlite::Result<Vec<Value>>>()
                .map_err(sql)?;
            let (about, what) = describe(table, &key);
            let detail = format!("{what} is not what was written");
            let fix = Fix::Accept(Accepted::Row(table, key));
            it.note(Finding::new(DamageKind::Record, about, detail).fixed_by(fix));
        }
    }
    Ok(())
}

/// Compares what each node knows of its names and attributes with what there is.
pub(super) fn missing(it: &mut Inspection<'_>) -> Result<()> {
    if !it.sums {
        return Ok(());
    }
    register(it.db).map_err(sql)?;
    let folders = format!("SELECT ino FROM node WHERE names <> {NAMES}");
    for ino in it.numbers(&folders)? {
        let detail = format!("folder {ino} does not have the names that were written");
        let fix = Fix::Accept(Accepted::Names(ino));
        it.note(Finding::new(DamageKind::Record, About::Node(ino), detail).fixed_by(fix));
    }
    it.control.check()?;
    for ino in it.numbers(&format!("SELECT ino FROM node WHERE attrs <> {ATTRS}"))? {
        let detail = format!("node {ino} does not have the attributes that were written");
        let fix = Fix::Accept(Accepted::Attrs(ino));
        it.note(Finding::new(DamageKind::Record, About::Node(ino), detail).fixed_by(fix));
    }
    if !it
        .numbers(&format!("SELECT 1 WHERE {}", trash_differs()))?
        .is_empty()
    {
        let detail = "the trash does not have the items that were written";
        let fix = Fix::Accept(Accepted::Trash);
        it.note(Finding::new(DamageKind::Record, About::Whole, detail).fixed_by(fix));
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match (os_str(value.into()), value) {
        (Ok(name), _) => format!("“{}”", name.to_string_lossy().escape_debug()),
        (Err(_), Value::Integer(number)) => number.to_string(),
        (Err(_), _) => format!("{value:?}"),
    }
}

/// What a row is about, and what it is called.
fn describe(table: &str, key: &[Value]) -> (About, String) {
    match (table, key) {
        ("node", [Value::Integer(ino)]) => (About::Node(*ino), format!("node {ino}")),
        ("dentry", [Value::Integer(parent), name]) => (
            About::Name(*parent, name.clone()),
            format!("the name {} in folder {parent}", shown(name)),
        ),
        ("xattr", [Value::Integer(ino), name]) => (
            About::Node(*ino),
            format!("attribute {} of node {ino}", shown(name)),
        ),
        ("content", [Value::Integer(id)]) => {
            (About::Content(*id), format!("the record of content {id}"))
        }
        ("blob", [Value::Integer(id)]) => (
            About::Content(*id),
            format!("the record of the blob of content {id}"),
        ),
        (table, key) => {
            let key: Vec<String> = key.iter().map(shown).collect();
            (About::Whole, format!("row {} of {table}", key.join(", ")))
        }
    }
}
