//! Names for what is damaged. There is no index from a node to its names, so all wanted ones are looked for in one pass.

use std::collections::{HashMap, HashSet};

use fs_core::{Name, VPath};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::finding::{About, Finding};
use crate::catalog::names::os_str;

/// Deeper than any path can be.
const DEPTH_MAX: usize = 4096;

/// What is lost with a content is lost for each node that uses it: one finding becomes one for each of them.
pub(super) fn for_each_user(db: &Connection, findings: Vec<Finding>) -> Vec<Finding> {
    let lost = |finding: &Finding| match finding.about {
        About::Content(content) if finding.fix.is_none() => Some(content),
        _ => None,
    };
    let contents: HashSet<i64> = findings.iter().filter_map(lost).collect();
    if contents.is_empty() {
        return findings;
    }
    let users = users_of(db, &contents).unwrap_or_default();
    findings
        .into_iter()
        .flat_map(
            |finding| match lost(&finding).and_then(|id| users.get(&id)) {
                Some(users) => users
                    .iter()
                    .map(|&ino| Finding {
                        about: About::Node(ino),
                        ..finding.clone()
                    })
                    .collect(),
                None => vec![finding],
            },
        )
        .collect()
}

/// The path of each finding, where it has one. A database that can't be read has none.
pub(super) fn paths(db: &Connection, findings: &[Finding]) -> Vec<Option<VPath>> {
    let contents: HashSet<i64> = findings
        .iter()
        .filter_map(|finding| match finding.about {
            About::Content(content) => Some(content),
            _ => None,
        })
        .collect();
    let users = if contents.is_empty() {
        HashMap::new()
    } else {
        users_of(db, &contents).unwrap_or_default()
    };
    let node_of = |about: &About| match about {
        About::Node(ino) => Some(*ino),
        About::Content(content) => users.get(content).and_then(|users| users.first()).copied(),
        About::Whole | About::Name(..) => None,
    };
    let inos: HashSet<i64> = findings
        .iter()
        .filter_map(|finding| node_of(&finding.about))
        .collect();
    let places = if inos.is_empty() {
        HashMap::new()
    } else {
        places_of(db, &inos).unwrap_or_default()
    };
    let mut folders = HashMap::new();
    findings
        .iter()
        .map(|finding| {
            let (parent, name) = match &finding.about {
                About::Name(parent, name) => (*parent, name),
                about => {
                    let ino = node_of(about)?;
                    if ino == 1 {
                        return Some(VPath::root());
                    }
                    let (parent, name) = places.get(&ino)?;
                    (*parent, name)
                }
            };
            Some(folder_path(db, parent, &mut folders)?.join(&to_name(name)?))
        })
        .collect()
}

fn to_name(value: &Value) -> Option<Name> {
    Name::new(os_str(value.into()).ok()?).ok()
}

/// The nodes that use each of these contents.
fn users_of(db: &Connection, contents: &HashSet<i64>) -> rusqlite::Result<HashMap<i64, Vec<i64>>> {
    let mut select = db.prepare("SELECT content, ino FROM node WHERE content <> 0")?;
    let mut rows = select.query([])?;
    let mut found: HashMap<i64, Vec<i64>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let content = row.get(0)?;
        if contents.contains(&content) {
            found.entry(content).or_default().push(row.get(1)?);
        }
    }
    Ok(found)
}

/// One name for each of these nodes.
fn places_of(db: &Connection, inos: &HashSet<i64>) -> rusqlite::Result<HashMap<i64, (i64, Value)>> {
    let mut select = db.prepare("SELECT ino, parent, name FROM dentry")?;
    let mut rows = select.query([])?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        let ino = row.get(0)?;
        if inos.contains(&ino) {
            found.insert(ino, (row.get(1)?, row.get(2)?));
        }
    }
    Ok(found)
}

fn folder_path(
    db: &Connection,
    ino: i64,
    known: &mut HashMap<i64, Option<VPath>>,
) -> Option<VPath> {
    if let Some(path) = known.get(&ino) {
        return path.clone();
    }
    let mut names = Vec::new();
    let mut at = ino;
    while at != 1 && names.len() < DEPTH_MAX {
        let place = db
            .prepare_cached("SELECT parent FROM node WHERE ino = ?1")
            .and_then(|mut select| select.query_row([at], |row| row.get::<_, i64>(0)))
            .and_then(|parent| {
                db.prepare_cached("SELECT name FROM dentry WHERE parent = ?1 AND ino = ?2")?
                    .query_row([parent, at], |row| Ok((parent, row.get::<_, Value>(0)?)))
            });
        match place
            .ok()
            .and_then(|(up, name)| Some((up, to_name(&name)?)))
        {
            Some((up, name)) => {
                names.push(name);
                at = up;
            }
            None => break,
        }
    }
    let path = (at == 1).then(|| {
        let start = VPath::root();
        names.iter().rev().fold(start, |path, name| path.join(name))
    });
    known.insert(ino, path.clone());
    path
}
