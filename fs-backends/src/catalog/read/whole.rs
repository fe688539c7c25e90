//! Is a row missing? A folder knows what the sums of its names are together, a node what those of its attributes are.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::Result;
use rusqlite::OptionalExtension as _;

use super::rows::{check_name, kind, unsigned};
use super::{CatalogRead, sql};
use crate::catalog::error::corrupted;
use crate::catalog::names::os_str;
use crate::catalog::sums;
use crate::virtual_fs::Inode;

/// What a transaction changed about names and attributes: exclusive ors of the sums that came and went, for each node.
pub(in crate::catalog) type Untold = RefCell<HashMap<Inode, Told>>;

/// See [`Untold`].
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::catalog) struct Told {
    pub(in crate::catalog) names: i64,
    pub(in crate::catalog) attrs: i64,
}

impl CatalogRead<'_> {
    /// Compares a folder with what it knows of its names, once while the database is open. `Corrupted`: one is missing, or there is one too many.
    pub(super) fn check_names(&self, dir: Inode) -> Result<()> {
        if !self.sums.are_on() || self.sums.is_sound(dir) {
            return Ok(());
        }
        let mut select = self
            .db
            .prepare_cached("SELECT name, ino, kind, sum FROM dentry WHERE parent = ?1")
            .map_err(sql)?;
        let mut rows = select.query([dir.cast_signed()]).map_err(sql)?;
        let mut seen = 0;
        while let Some(row) = rows.next().map_err(sql)? {
            // A name that was damaged is found by no search for it.
            let name = os_str(row.get_ref(0).map_err(sql)?)?;
            let sum = row.get(3).map_err(sql)?;
            check_name(self.sums, dir, name, unsigned(row, 1)?, kind(row, 2)?, sum)?;
            seen ^= sum;
        }
        self.compare_names(dir, seen)
    }

    /// As [`CatalogRead::check_names`], with what all its names are together.
    pub(super) fn compare_names(&self, dir: Inode, seen: i64) -> Result<()> {
        if !self.sums.are_on() || self.sums.is_sound(dir) {
            return Ok(());
        }
        let Some(told) = self.told(dir)? else {
            return Ok(());
        };
        if told.names != seen {
            let detail = format!("folder {dir} does not have the names that were written");
            return Err(corrupted("read", detail));
        }
        self.sums.note_sound(dir);
        Ok(())
    }

    /// As [`CatalogRead::compare_names`] for all folders, also those that have no names and should.
    pub(super) fn compare_all_names(&self, mut seen: HashMap<Inode, i64>) -> Result<()> {
        let mut select = self
            .db
            .prepare_cached("SELECT ino FROM node WHERE names <> 0")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            seen.entry(unsigned(row, 0)?).or_default();
        }
        for (dir, names) in seen {
            self.compare_names(dir, names)?;
        }
        self.sums.note_all_sound();
        Ok(())
    }

    pub(super) fn compare_attrs(&self, ino: Inode, seen: i64) -> Result<()> {
        if !self.sums.are_on() {
            return Ok(());
        }
        match self.told(ino)? {
            Some(told) if told.attrs != seen => {
                let detail = format!("node {ino} does not have the attributes that were written");
                Err(corrupted("read", detail))
            }
            _ => Ok(()),
        }
    }

    /// What a node knows of its names and attributes, and this transaction has not told it yet.
    fn told(&self, ino: Inode) -> Result<Option<Told>> {
        let stored = self
            .db
            .prepare_cached("SELECT names, attrs FROM node WHERE ino = ?1")
            .map_err(sql)?
            .query_row([ino.cast_signed()], |row| {
                Ok(Told {
                    names: row.get(0)?,
                    attrs: row.get(1)?,
                })
            })
            .optional()
            .map_err(sql)?;
        let untold = self
            .untold
            .and_then(|untold| untold.borrow().get(&ino).copied());
        let untold = untold.unwrap_or_default();
        Ok(stored.map(|told| Told {
            names: told.names ^ untold.names,
            attrs: told.attrs ^ untold.attrs,
        }))
    }

    pub(super) fn check_attr(
        &self,
        ino: Inode,
        name: &OsStr,
        value: &[u8],
        sum: i64,
    ) -> Result<()> {
        self.sums.check(
            sum,
            || sums::xattr(ino.cast_signed(), name.as_bytes(), value),
            || format!("attribute {name:?} of node {ino}"),
        )
    }
}
