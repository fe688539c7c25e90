//! Each row by itself, and that what it refers to exists.

use fs_core::Result;
use fs_core::maintenance::DamageKind;
use rusqlite::types::Value;

use super::{About, Finding, Inspection};
use crate::catalog::error::from_sql;
use crate::catalog::maintenance::finding::{Fix, Leftover};
use crate::catalog::names::{entry_name, os_str};
use crate::catalog::read::{node_columns, record};
use crate::catalog::sums::Sums;

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "check")
}

/// Rows between two looks at the control.
const STRIDE: u64 = 4096;

/// Nodes the format allows; the root among them.
pub(super) fn nodes(it: &mut Inspection<'_>) -> Result<()> {
    let mut select = it
        .db
        .prepare(concat!("SELECT n.ino, ", node_columns!(), " FROM node n"))
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    let mut root = false;
    // Compared before: what the format forbids is another matter.
    let unchecked = Sums::new(false);
    while let Some(row) = rows.next().map_err(sql)? {
        let ino: i64 = row.get(0).map_err(sql)?;
        it.checked.nodes += 1;
        if it.checked.nodes.is_multiple_of(STRIDE) {
            it.control.check()?;
            it.control.add_items(STRIDE);
        }
        let wrong = match record(row, 1, ino.cast_unsigned(), &unchecked) {
            Err(error) => Some(error.detail().unwrap_or("an impossible row").to_owned()),
            Ok(node) => {
                root |= ino == 1 && node.kind == fs_core::FileKind::Directory && node.parent == 1;
                let is_file = node.kind == fs_core::FileKind::File;
                let is_folder = node.kind == fs_core::FileKind::Directory;
                if !is_file && !node.content.is_empty() {
                    Some("it has content and is no file".to_owned())
                } else if !is_folder && node.parent != 0 {
                    Some("it has a parent and is no folder".to_owned())
                } else if ino < 1 {
                    Some("its number is impossible".to_owned())
                } else {
                    None
                }
            }
        };
        if let Some(wrong) = wrong {
            let detail = format!("node {ino}: {wrong}");
            it.note(Finding::new(DamageKind::Record, About::Node(ino), detail));
        }
    }
    if !root {
        let detail = "the root folder is missing or is no folder";
        it.note(Finding::new(DamageKind::Record, About::Node(1), detail));
    }
    Ok(())
}

/// Names a file can have, in a folder that exists, for a node of the kind they say.
pub(super) fn names(it: &mut Inspection<'_>) -> Result<()> {
    let mut select = it
        .db
        .prepare("SELECT d.parent, d.name, d.ino, d.kind, p.kind, n.kind FROM dentry d LEFT JOIN node p ON p.ino = d.parent LEFT JOIN node n ON n.ino = d.ino")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    let mut seen: u64 = 0;
    while let Some(row) = rows.next().map_err(sql)? {
        seen += 1;
        if seen.is_multiple_of(STRIDE) {
            it.control.check()?;
            it.control.add_items(STRIDE);
        }
        let parent: i64 = row.get(0).map_err(sql)?;
        let name: Value = row.get(1).map_err(sql)?;
        let ino: i64 = row.get(2).map_err(sql)?;
        let kind: i64 = row.get(3).map_err(sql)?;
        let of_parent: Option<i64> = row.get(4).map_err(sql)?;
        let of_node: Option<i64> = row.get(5).map_err(sql)?;
        let valid = entry_name(row.get_ref(1).map_err(sql)?).is_ok();
        let about = || About::Name(parent, name.clone());
        let shown = os_str((&name).into()).map_or_else(
            |_| format!("{name:?}"),
            |name| format!("“{}”", name.to_string_lossy().escape_debug()),
        );
        let remove = || Fix::RemoveName(parent, name.clone());
        let finding = if of_parent != Some(2) {
            let detail = format!("the name {shown} is in folder {parent}, which does not exist");
            Some(Finding::new(DamageKind::DanglingName, About::Whole, detail).fixed_by(remove()))
        } else if of_node.is_none() {
            let detail = format!("the name {shown} stands for node {ino}, which does not exist");
            Some(Finding::new(DamageKind::DanglingName, about(), detail).fixed_by(remove()))
        } else if !valid {
            let detail = format!("no file can be called {shown} (node {ino})");
            let fix = Fix::Rename(parent, name.clone(), ino);
            Some(Finding::new(DamageKind::Name, About::Node(parent), detail).fixed_by(fix))
        } else if of_node != Some(kind) {
            let detail = format!("the name {shown} says kind {kind}, node {ino} is another");
            let fix = Fix::SetEntryKind(parent, name.clone(), of_node.unwrap_or(kind));
            Some(Finding::new(DamageKind::Record, about(), detail).fixed_by(fix))
        } else {
            None
        };
        if let Some(finding) = finding {
            it.note(finding);
        }
    }
    Ok(())
}

/// Rows for nodes that do not exist, and attributes and trash items no program could read.
pub(super) fn leftovers(it: &mut Inspection<'_>) -> Result<()> {
    for (what, table, leftover) in [
        ("attributes", "xattr", Leftover::Xattr),
        ("a mark", "nameless", Leftover::Nameless),
        ("a place in the trash", "trash", Leftover::Trash),
    ] {
        let select =
            format!("SELECT DISTINCT ino FROM {table} WHERE ino NOT IN (SELECT ino FROM node)");
        for ino in it.numbers(&select)? {
            let detail = format!("{what} of node {ino}, which does not exist");
            let fix = Fix::RemoveRows(leftover, ino);
            it.note(Finding::new(DamageKind::Leftover, About::Whole, detail).fixed_by(fix));
        }
    }
    for (table, column) in [("xattr", "name"), ("trash", "original")] {
        let mut select = it
            .db
            .prepare(&format!("SELECT ino, {column} FROM {table}"))
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            if os_str(row.get_ref(1).map_err(sql)?).is_err() {
                let ino = row.get(0).map_err(sql)?;
                let detail = format!("{column} of {table} of node {ino} is in a wrong form");
                it.note(Finding::new(DamageKind::Record, About::Node(ino), detail));
            }
        }
    }
    Ok(())
}

impl Inspection<'_> {
    /// A column of numbers.
    pub(crate) fn numbers(&self, select: &str) -> Result<Vec<i64>> {
        let mut select = self.db.prepare(select).map_err(sql)?;
        let rows = select.query_map([], |row| row.get(0)).map_err(sql)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql)
    }

    /// Rows of three numbers.
    pub(crate) fn triples(&self, select: &str) -> Result<Vec<(i64, i64, i64)>> {
        let mut select = self.db.prepare(select).map_err(sql)?;
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(sql)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql)
    }
}
