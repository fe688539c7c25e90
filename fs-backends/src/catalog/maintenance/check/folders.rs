//! The tree: each folder in one place, and from each a way up to the root.

use std::collections::{HashMap, HashSet};

use fs_core::Result;
use fs_core::maintenance::DamageKind;
use rusqlite::types::Value;

use super::{About, Finding, Inspection};
use crate::catalog::error::from_sql;
use crate::catalog::maintenance::finding::Fix;

/// Checks places of folders, and that nothing is out of reach.
pub(super) fn check(it: &mut Inspection<'_>) -> Result<()> {
    let sql = |error| from_sql(error, "check");
    let tops: HashSet<i64> = it
        .numbers("SELECT ino FROM nameless UNION SELECT ino FROM trash")?
        .into_iter()
        .collect();
    let parents: HashMap<i64, i64> = it
        .triples("SELECT ino, parent, 0 FROM node WHERE kind = 2")?
        .into_iter()
        .map(|(ino, parent, _)| (ino, parent))
        .collect();
    let mut places: HashMap<i64, i64> = HashMap::new();
    let mut select = it
        .db
        .prepare("SELECT d.ino, d.parent, d.name FROM dentry d JOIN node n ON n.ino = d.ino WHERE n.kind = 2")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    let mut extra = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let (ino, parent): (i64, i64) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
        let name: Value = row.get(2).map_err(sql)?;
        let own = parents.get(&ino) == Some(&parent);
        // Of several places the one the folder knows is the true one.
        if ino == 1 || (places.contains_key(&ino) && !own) {
            extra.push((ino, parent, name));
        } else if let Some(other) = places.insert(ino, parent) {
            let other_name = first_name(it, other, ino)?;
            extra.push((ino, other, other_name));
        }
    }
    for (ino, parent, name) in extra {
        let detail = format!("folder {ino} has a second place, in folder {parent}");
        let about = About::Name(parent, name.clone());
        let fix = Fix::RemoveName(parent, name);
        it.note(Finding::new(DamageKind::FolderPlace, about, detail).fixed_by(fix));
    }
    for (&ino, &parent) in &parents {
        if ino == 1 {
            continue;
        }
        match places.get(&ino) {
            Some(&place) if place != parent => {
                let detail =
                    format!("folder {ino} is in folder {place} and says it is in {parent}");
                let fix = Fix::SetParent(ino, place);
                it.note(
                    Finding::new(DamageKind::FolderPlace, About::Node(ino), detail).fixed_by(fix),
                );
            }
            Some(_) => {}
            None if tops.contains(&ino) => {}
            None => {
                let detail = format!("nothing leads to folder {ino}");
                it.note(
                    Finding::new(DamageKind::Unreachable, About::Node(ino), detail)
                        .fixed_by(Fix::Adopt(ino)),
                );
            }
        }
    }
    for ino in cycles(&parents, &places) {
        let detail = format!("folder {ino} is inside itself");
        it.note(
            Finding::new(DamageKind::Cycle, About::Node(ino), detail).fixed_by(Fix::Adopt(ino)),
        );
    }
    let orphans = "SELECT ino FROM node n WHERE kind <> 2 AND ino NOT IN (SELECT ino FROM dentry) AND ino NOT IN (SELECT ino FROM nameless) AND ino NOT IN (SELECT ino FROM trash)";
    for ino in it.numbers(orphans)? {
        let detail = format!("nothing leads to node {ino}");
        it.note(
            Finding::new(DamageKind::Unreachable, About::Node(ino), detail)
                .fixed_by(Fix::Adopt(ino)),
        );
    }
    Ok(())
}

fn first_name(it: &Inspection<'_>, parent: i64, ino: i64) -> Result<Value> {
    it.db
        .query_row(
            "SELECT name FROM dentry WHERE parent = ?1 AND ino = ?2",
            [parent, ino],
            |row| row.get(0),
        )
        .map_err(|error| from_sql(error, "check"))
}

/// One folder of each circle.
fn cycles(folders: &HashMap<i64, i64>, places: &HashMap<i64, i64>) -> Vec<i64> {
    let mut settled: HashSet<i64> = HashSet::new();
    let mut found = Vec::new();
    for &start in folders.keys() {
        let mut way = HashSet::new();
        let mut at = start;
        while !settled.contains(&at) && way.insert(at) {
            match places.get(&at) {
                Some(&up) if at != 1 => at = up,
                _ => break,
            }
        }
        // Back at a folder of this very way: a circle.
        if !settled.contains(&at) && places.contains_key(&at) && at != 1 {
            found.push(circle(at, places));
        }
        settled.extend(way);
    }
    found.sort_unstable();
    found
}

/// The smallest number on the circle through `start`, so that the same one is named every time.
fn circle(start: i64, places: &HashMap<i64, i64>) -> i64 {
    let (mut least, mut at) = (start, start);
    while let Some(&up) = places.get(&at) {
        if up == start {
            break;
        }
        least = least.min(up);
        at = up;
    }
    least
}
