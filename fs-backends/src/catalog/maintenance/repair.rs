//! Doing what a plan says, in one transaction, when it is still so.

use std::collections::HashSet;

use fs_core::maintenance::Damage;
use fs_core::{Control, FileKind, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Params};

use super::check;
use super::finding::{Fix, Leftover};
use super::reseal::Damaged;
use crate::catalog::error::from_sql;
use crate::catalog::store::{CatalogContent, CatalogStore};
use crate::virtual_fs::{NodeStore as _, ROOT};

/// Where things go that nothing leads to.
const LOST: &str = "lost+found";

/// Checks once more, and repairs what is in `plan` and was found again.
pub(super) fn repair<C: CatalogContent>(
    store: &CatalogStore<C>,
    plan: &[Damage],
    control: &Control,
) -> Result<u64> {
    let wanted: HashSet<&Damage> = plan.iter().collect();
    let mut fixes = Vec::new();
    check::check(store, control, &mut |finding, path| {
        if wanted.contains(&finding.damage(path)) {
            fixes.extend(finding.fix);
        }
    })?;
    if fixes.is_empty() {
        return Ok(0);
    }
    let database = store.database();
    let lost = store.new_ino()?;
    database.write(|db| {
        let damaged = match database.sums().are_on() {
            true => Some(Damaged::find(db, database.format())?),
            false => None,
        };
        let repair = Repair { db, lost };
        for fix in &fixes {
            match (fix, &damaged) {
                (Fix::Accept(what), Some(damaged)) => damaged.accept(what)?,
                (fix, _) => repair.apply(fix)?,
            }
        }
        repair.recount()?;
        damaged.map_or(Ok(()), Damaged::reseal)
    })?;
    database.reload_counters()?;
    store.barrier()?;
    Ok(fixes.len() as u64)
}

struct Repair<'a> {
    db: &'a Connection,
    /// The number of the folder for lost things, if it has to be made.
    lost: u64,
}

impl Repair<'_> {
    fn run(&self, statement: &str, params: impl Params) -> Result<()> {
        self.db
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute(params))
            .map(drop)
            .map_err(|error| from_sql(error, "repair"))
    }

    fn apply(&self, fix: &Fix) -> Result<()> {
        match fix {
            Fix::SetLinks(ino, links) => {
                self.run("UPDATE node SET nlink = ?2 WHERE ino = ?1", [ino, links])
            }
            Fix::SetParent(ino, parent) => {
                self.run("UPDATE node SET parent = ?2 WHERE ino = ?1", [ino, parent])
            }
            Fix::SetEntryKind(parent, name, kind) => self.run(
                "UPDATE dentry SET kind = ?3 WHERE parent = ?1 AND name = ?2",
                (parent, name, kind),
            ),
            Fix::RemoveName(parent, name) => self.run(
                "DELETE FROM dentry WHERE parent = ?1 AND name = ?2",
                (parent, name),
            ),
            Fix::Rename(parent, name, ino) => self.run(
                "UPDATE OR IGNORE dentry SET name = ?3 WHERE parent = ?1 AND name = ?2",
                (parent, name, lost_name(*ino)),
            ),
            Fix::Adopt(ino) => self.adopt(*ino),
            Fix::SetReferences(id, refs) => {
                self.run("UPDATE content SET refs = ?2 WHERE id = ?1", [id, refs])
            }
            Fix::SetStored(id, bytes) => {
                self.run("UPDATE content SET stored = ?2 WHERE id = ?1", [id, bytes])
            }
            Fix::SetCounter(key, next) => self.run(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = max(value, ?2)",
                (key, next),
            ),
            // A matter of sums.
            Fix::Accept(_) => Ok(()),
            Fix::RemoveRows(leftover, number) => self.run(
                match leftover {
                    Leftover::Xattr => "DELETE FROM xattr WHERE ino = ?1",
                    Leftover::Nameless => "DELETE FROM nameless WHERE ino = ?1",
                    Leftover::Trash => "DELETE FROM trash WHERE ino = ?1",
                    Leftover::Chunk => "DELETE FROM chunk WHERE id >> 24 = ?1",
                    Leftover::Content => "DELETE FROM content WHERE id = ?1 AND refs = 0",
                    Leftover::Blob => "DELETE FROM blob WHERE content = ?1",
                },
                [number],
            ),
        }
    }

    /// Gives a node a name in the folder for lost things, which is made when it is needed. A folder loses the place it had.
    fn adopt(&self, ino: i64) -> Result<()> {
        let sql = |error| from_sql(error, "repair");
        let kind: Option<i64> = self
            .db
            .query_row("SELECT kind FROM node WHERE ino = ?1", [ino], |row| {
                row.get(0)
            })
            .optional()
            .map_err(sql)?;
        let Some(kind) = kind else {
            return Ok(());
        };
        let lost = self.lost_folder()?;
        if kind == FileKind::Directory as i64 {
            self.run("DELETE FROM dentry WHERE ino = ?1", [ino])?;
            self.run("UPDATE node SET parent = ?2 WHERE ino = ?1", [ino, lost])?;
        }
        self.run(
            "INSERT OR IGNORE INTO dentry (parent, name, ino, kind) VALUES (?1, ?2, ?3, ?4)",
            (lost, lost_name(ino), ino, kind),
        )
    }

    fn lost_folder(&self) -> Result<i64> {
        let sql = |error| from_sql(error, "repair");
        let root = ROOT.cast_signed();
        let found: Option<(i64, i64)> = self
            .db
            .query_row(
                "SELECT ino, kind FROM dentry WHERE parent = ?1 AND name = ?2",
                (root, LOST),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(sql)?;
        match found {
            Some((ino, kind)) if kind == FileKind::Directory as i64 => return Ok(ino),
            // A file of that name stays where it is; lost things go to the root.
            Some(_) => return Ok(root),
            None => {}
        }
        let ino = self.lost.cast_signed();
        self.run(
            "INSERT INTO node (ino, kind, mode, uid, gid, nlink, size, allocated, rdev, mtime, ctime, atime, btime, content, parent) SELECT ?2, 2, 448, uid, gid, 2, 0, 0, 0, mtime, ctime, atime, btime, 0, ?1 FROM node WHERE ino = ?1",
            [root, ino],
        )?;
        self.run(
            "INSERT INTO dentry (parent, name, ino, kind) VALUES (?1, ?2, ?3, 2)",
            (root, LOST, ino),
        )?;
        Ok(ino)
    }

    /// Names that came and went change numbers of links; those follow, and are no decision.
    fn recount(&self) -> Result<()> {
        for statement in [
            "UPDATE node SET nlink = 2 + (SELECT count(*) FROM dentry d JOIN node c ON c.ino = d.ino WHERE d.parent = node.ino AND c.kind = 2) WHERE kind = 2 AND nlink <> 2 + (SELECT count(*) FROM dentry d JOIN node c ON c.ino = d.ino WHERE d.parent = node.ino AND c.kind = 2)",
            "WITH s(ino, names) AS MATERIALIZED (SELECT ino, count(*) FROM (SELECT ino FROM dentry UNION ALL SELECT ino FROM trash) GROUP BY ino) UPDATE node SET nlink = s.names FROM s WHERE s.ino = node.ino AND node.kind <> 2 AND node.nlink <> s.names",
        ] {
            self.run(statement, [])?;
        }
        Ok(())
    }
}

fn lost_name(ino: i64) -> Value {
    Value::Text(format!("#{ino}"))
}
