//! Removing what directories hold by sets of rows instead of one by one.
//!
//! The files of one directory may lie anywhere among the nodes. Those of many together are found and removed in the order of their numbers, which is the
//! order of the rows: neighbours go with one statement, and each page is changed once.

use fs_core::{FileKind, Result};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::catalog::error::from_sql;
use crate::catalog::names::os_str;
use crate::catalog::read::{check_name, kind, node_columns, record};
use crate::catalog::sums::{self, Sums};
use crate::virtual_fs::{ContentId, Inode, Leaves, NodeRecord};

/// In SQLite's order, texts before blobs.
const NAMES: &str = "SELECT ino, name, kind, sum FROM dentry WHERE parent = ?1 AND kind <> ?2 ORDER BY name LIMIT ?3";
const NODES: &str = concat!(
    "SELECT ",
    node_columns!(),
    ", n.ino FROM node n WHERE n.ino BETWEEN ?1 AND ?2"
);
const INO_OF_NODE: usize = 16;
const CONTENTS: &str = "SELECT id, refs, stored, sum FROM content WHERE id BETWEEN ?1 AND ?2";
const DISMISS: &str = "UPDATE content SET refs = 0, sum = sum - 1000003 WHERE id BETWEEN ?1 AND ?2";
const REMOVE_NODES: &str = "DELETE FROM node WHERE ino BETWEEN ?1 AND ?2";
const REMOVE_XATTRS: &str = "DELETE FROM xattr WHERE ino BETWEEN ?1 AND ?2";
const REMOVE_NAMES: &str = "DELETE FROM dentry WHERE parent = ?1 AND kind <> ?2";
const REMOVE_SOME_NAMES: &str =
    "DELETE FROM dentry WHERE parent = ?1 AND kind <> ?2 AND name <= ?3";

/// To read over so many rows of others is cheaper than to look up the next by itself.
const GAP: u64 = 4;

/// A directory, and what was read of its names.
struct Folder {
    ino: Inode,
    /// Exclusive or of their sums.
    names: i64,
    /// The last name that was read, where there may be more.
    last: Option<Value>,
    /// One of them can't go in a set.
    refused: bool,
}

/// A name in a [`Folder`].
struct Leaf {
    folder: usize,
    ino: Inode,
    node: Option<NodeRecord>,
}

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "remove")
}

/// See [`NodeWrite::remove_leaves`](crate::virtual_fs::NodeWrite::remove_leaves). Answers too by what `names` of each directory changed.
pub(super) fn remove(
    db: &Connection,
    dirs: &[Inode],
    limit: usize,
    sums: &Sums,
) -> Result<(Leaves, Vec<(Inode, i64)>)> {
    let (mut folders, mut leaves) = (Vec::new(), Vec::new());
    for &dir in dirs.iter().rev() {
        if leaves.len() >= limit {
            break;
        }
        let most = limit - leaves.len();
        folders.push(read_names(
            db,
            dir,
            most,
            sums,
            (folders.len(), &mut leaves),
        )?);
    }
    leaves.sort_unstable_by_key(|leaf| leaf.ino);
    read_nodes(db, &mut leaves, sums)?;
    for leaf in &leaves {
        let alone = leaf
            .node
            .as_ref()
            .is_some_and(|node| node.kind != FileKind::Directory && node.nlink == 1);
        refuse_unless(alone, &mut folders, leaf);
    }
    refuse_shared(db, &leaves, &mut folders, sums)?;

    let is_refused = |leaf: &Leaf| folders.get(leaf.folder).is_none_or(|it| it.refused);
    leaves.retain(|leaf| !is_refused(leaf));
    let mut contents: Vec<u64> = leaves.iter().filter_map(content).collect();
    contents.sort_unstable();
    in_runs(db, &[DISMISS], &contents)?;
    let inos: Vec<u64> = leaves.iter().map(|leaf| leaf.ino).collect();
    in_runs(db, &[REMOVE_XATTRS, REMOVE_NODES], &inos)?;
    let mut told = Vec::new();
    let mut looked_at = folders.len();
    for folder in &folders {
        if folder.refused {
            continue;
        }
        remove_names(db, folder)?;
        told.push((folder.ino, folder.names));
        // Only the last can be cut short.
        looked_at -= usize::from(folder.last.is_some());
    }
    let gone = leaves
        .into_iter()
        .filter_map(|leaf| Some((leaf.ino, leaf.node?)))
        .collect();
    Ok((Leaves { gone, looked_at }, told))
}

/// Reads up to `most` names of a directory.
fn read_names(
    db: &Connection,
    dir: Inode,
    most: usize,
    sums: &Sums,
    (folder, leaves): (usize, &mut Vec<Leaf>),
) -> Result<Folder> {
    let mut select = db.prepare_cached(NAMES).map_err(sql)?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = select
        .query((dir.cast_signed(), FileKind::Directory as u8, limit))
        .map_err(sql)?;
    let (mut names, mut last, mut count) = (0, None, 0);
    while let Some(row) = rows.next().map_err(sql)? {
        let ino = row.get::<_, i64>(0).map_err(sql)?.cast_unsigned();
        let sum: i64 = row.get(3).map_err(sql)?;
        let name = os_str(row.get_ref(1).map_err(sql)?)?;
        check_name(sums, dir, name, ino, kind(row, 2)?, sum)?;
        names ^= sum;
        count += 1;
        if count == most {
            last = Some(row.get(1).map_err(sql)?);
        }
        leaves.push(Leaf {
            folder,
            ino,
            node: None,
        });
    }
    Ok(Folder {
        ino: dir,
        names,
        last,
        refused: false,
    })
}

fn read_nodes(db: &Connection, leaves: &mut [Leaf], sums: &Sums) -> Result<()> {
    let mut select = db.prepare_cached(NODES).map_err(sql)?;
    for run in leaves.chunk_by_mut(|a, b| b.ino - a.ino <= GAP) {
        let (first, last) = ends(run.iter().map(|leaf| leaf.ino));
        let mut leaves = run.iter_mut().peekable();
        let mut rows = select.query((first, last)).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let ino = row.get::<_, i64>(INO_OF_NODE).map_err(sql)?.cast_unsigned();
            while leaves.next_if(|leaf| leaf.ino < ino).is_some() {}
            while let Some(leaf) = leaves.next_if(|leaf| leaf.ino == ino) {
                leaf.node = Some(record(row, 0, ino, sums)?);
            }
        }
    }
    Ok(())
}

/// Refuses the directories of files that share their content.
fn refuse_shared(
    db: &Connection,
    leaves: &[Leaf],
    folders: &mut [Folder],
    sums: &Sums,
) -> Result<()> {
    let mut contents: Vec<(u64, &Leaf)> = leaves
        .iter()
        .filter_map(|leaf| Some((content(leaf)?, leaf)))
        .collect();
    contents.sort_unstable_by_key(|(id, _)| *id);
    let mut select = db.prepare_cached(CONTENTS).map_err(sql)?;
    for run in contents.chunk_by(|a, b| b.0 - a.0 <= GAP) {
        let mut wanted = run.iter().peekable();
        let mut rows = select
            .query(ends(run.iter().map(|(id, _)| *id)))
            .map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let id: i64 = row.get(0).map_err(sql)?;
            while wanted.next_if(|(it, _)| *it < id.cast_unsigned()).is_some() {}
            while let Some((_, leaf)) = wanted.next_if(|(it, _)| *it == id.cast_unsigned()) {
                let (refs, stored): (i64, i64) =
                    (row.get(1).map_err(sql)?, row.get(2).map_err(sql)?);
                let what = || format!("the record of content {id}");
                let known = row.get(3).map_err(sql)?;
                sums.check(known, || sums::content(id, refs, stored), what)?;
                refuse_unless(refs == 1, folders, leaf);
            }
        }
    }
    Ok(())
}

fn remove_names(db: &Connection, folder: &Folder) -> Result<()> {
    let (dir, directory) = (folder.ino.cast_signed(), FileKind::Directory as u8);
    match &folder.last {
        None => db
            .prepare_cached(REMOVE_NAMES)
            .and_then(|mut delete| delete.execute((dir, directory))),
        Some(last) => db
            .prepare_cached(REMOVE_SOME_NAMES)
            .and_then(|mut delete| delete.execute((dir, directory, last))),
    }
    .map(drop)
    .map_err(sql)
}

fn refuse_unless(fit: bool, folders: &mut [Folder], leaf: &Leaf) {
    if !fit && let Some(folder) = folders.get_mut(leaf.folder) {
        folder.refused = true;
    }
}

fn content(leaf: &Leaf) -> Option<u64> {
    let content = leaf.node.as_ref()?.content;
    (content != ContentId::EMPTY).then_some(content.0)
}

/// Runs statements for each range of numbers that follow one another. `numbers` are sorted.
fn in_runs(db: &Connection, statements: &[&str], numbers: &[u64]) -> Result<()> {
    for statement in statements {
        let mut prepared = db.prepare_cached(statement).map_err(sql)?;
        for run in numbers.chunk_by(|a, b| b - a <= 1) {
            prepared.execute(ends(run.iter().copied())).map_err(sql)?;
        }
    }
    Ok(())
}

/// The first and the last of sorted numbers, as SQLite has them.
fn ends(mut numbers: impl DoubleEndedIterator<Item = u64>) -> (i64, i64) {
    let first = numbers.next().unwrap_or_default();
    let last = numbers.next_back().unwrap_or(first);
    (first.cast_signed(), last.cast_signed())
}
