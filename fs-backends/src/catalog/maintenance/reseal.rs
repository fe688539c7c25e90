//! Sums after a repair: of the rows it changed, and of none that was damaged and is to stay so.

use fs_core::Result;
use rusqlite::{Connection, params_from_iter};

use super::finding::Accepted;
use crate::catalog::error::from_sql;
use crate::catalog::schema::Format;
use crate::catalog::sums::{ATTRS, NAMES, Summed, TRASH, register, summed, trash_differs};

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "repair")
}

/// What was damaged before the repair, in tables of this connection.
pub(super) struct Damaged<'a> {
    db: &'a Connection,
    format: Format,
}

impl<'a> Damaged<'a> {
    /// Looks for it.
    pub(super) fn find(db: &'a Connection, format: Format) -> Result<Self> {
        register(db).map_err(sql)?;
        for Summed { table, key, sum } in summed(format) {
            let key = key.join(", ");
            let select = format!("SELECT {key} FROM {table} WHERE sum <> {sum}");
            db.execute_batch(&format!("CREATE TEMP TABLE damaged_{table} AS {select}"))
                .map_err(sql)?;
        }
        db.execute_batch(&format!(
            "CREATE TEMP TABLE damaged_names AS SELECT ino FROM node WHERE names <> {NAMES};
             CREATE TEMP TABLE damaged_attrs AS SELECT ino FROM node WHERE attrs <> {ATTRS};
             CREATE TEMP TABLE damaged_trashed AS SELECT 1 AS differs WHERE {};",
            trash_differs()
        ))
        .map_err(sql)?;
        Ok(Self { db, format })
    }

    /// This is to be believed.
    pub(super) fn accept(&self, what: &Accepted) -> Result<()> {
        match what {
            Accepted::Row(table, values) => {
                let Some(summed) = summed(self.format).find(|summed| summed.table == *table) else {
                    return Ok(());
                };
                let equal: Vec<String> = summed
                    .key
                    .iter()
                    .enumerate()
                    .map(|(at, column)| format!("{column} = ?{}", at + 1))
                    .collect();
                let delete = format!("DELETE FROM damaged_{table} WHERE {}", equal.join(" AND "));
                self.db.execute(&delete, params_from_iter(values))
            }
            Accepted::Names(ino) => self
                .db
                .execute("DELETE FROM damaged_names WHERE ino = ?1", [ino]),
            Accepted::Attrs(ino) => self
                .db
                .execute("DELETE FROM damaged_attrs WHERE ino = ?1", [ino]),
            Accepted::Trash => self.db.execute("DELETE FROM damaged_trashed", []),
        }
        .map(drop)
        .map_err(sql)
    }

    /// Computes the sums of everything else anew.
    pub(super) fn reseal(self) -> Result<()> {
        let run = |statement: &str| self.db.execute(statement, []).map(drop).map_err(sql);
        let rows = |summed: &Summed| {
            let Summed { table, key, sum } = summed;
            let key = key.join(", ");
            run(&format!(
                "UPDATE {table} SET sum = {sum} WHERE ({key}) NOT IN (SELECT {key} FROM damaged_{table}) AND sum <> {sum}"
            ))
        };
        // `meta` knows the trash, so it comes last.
        summed(self.format).skip(1).try_for_each(rows)?;
        run(&format!(
            "UPDATE node SET names = {NAMES} WHERE ino NOT IN (SELECT ino FROM damaged_names) AND names <> {NAMES}"
        ))?;
        run(&format!(
            "UPDATE node SET attrs = {ATTRS} WHERE ino NOT IN (SELECT ino FROM damaged_attrs) AND attrs <> {ATTRS}"
        ))?;
        // There may be no such row. Where there is, its sum is computed with those of `meta`.
        run(&format!(
            "INSERT INTO meta (key, value, sum) SELECT 'trash', {TRASH}, 0 WHERE NOT EXISTS (SELECT 1 FROM damaged_trashed)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value"
        ))?;
        summed(self.format).take(1).try_for_each(rows)?;
        for Summed { table, .. } in summed(self.format) {
            run(&format!("DROP TABLE damaged_{table}"))?;
        }
        run("DROP TABLE damaged_names")?;
        run("DROP TABLE damaged_attrs")?;
        run("DROP TABLE damaged_trashed")
    }
}
