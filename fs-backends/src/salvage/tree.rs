//! A way to everything that was found, each once, whatever its rows say: folders inside themselves end, and what nothing leads to is found too.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Name, VPath};

use super::found::Found;
use crate::virtual_fs::{Inode, ROOT};

/// Where a walk begins.
pub(super) struct Start {
    /// The folder of the target that everything below goes into.
    pub(super) area: &'static str,
    /// The name in it; `None`: what is in the node goes there itself.
    pub(super) name: Option<OsString>,
    pub(super) ino: Inode,
    pub(super) kind: FileKind,
    /// Where it was.
    pub(super) from: VPath,
}

/// Which nodes were reached.
#[derive(Default)]
pub(super) struct Reached(HashSet<Inode>);

impl Reached {
    /// Notes that a node was reached; `false`: it was before.
    pub(super) fn insert(&mut self, ino: Inode) -> bool {
        self.0.insert(ino)
    }

    /// Was it?
    pub(super) fn contains(&self, ino: Inode) -> bool {
        self.0.contains(&ino)
    }
}

fn kind_of(found: &Found, ino: Inode) -> FileKind {
    match found.nodes.get(&ino) {
        Some(node) => node.kind,
        None => FileKind::Directory,
    }
}

/// A path from a text that may be anything.
fn path_of(text: &OsStr) -> VPath {
    VPath::lexical(text).unwrap_or_else(|_| VPath::root())
}

/// The root, and the items of the trash.
pub(super) fn starts(found: &Found) -> Vec<Start> {
    let mut starts = vec![Start {
        area: "files",
        name: None,
        ino: ROOT,
        kind: FileKind::Directory,
        from: VPath::root(),
    }];
    starts.extend(found.trash.iter().map(|(ino, original)| {
        let from = path_of(original);
        let name = from.file_name();
        let name = name.map_or_else(|| "nameless".into(), |name| name.as_os_str().to_owned());
        Start {
            area: "trash",
            name: Some(name),
            ino: *ino,
            kind: kind_of(found, *ino),
            from,
        }
    }));
    starts
}

/// What the walks from [`starts`] did not reach: first what nothing leads to, then what only leads to itself. Nodes without a name on purpose are
/// no loss.
pub(super) fn strays(found: &Found, reached: &Reached) -> Vec<Start> {
    let is_left = |ino: &Inode| !reached.contains(*ino) && !found.nameless.contains(ino);
    let left: BTreeSet<Inode> = found
        .nodes
        .keys()
        .chain(found.names.keys())
        .copied()
        .filter(is_left)
        .collect();
    let named: HashSet<Inode> = left
        .iter()
        .filter_map(|folder| found.names.get(folder))
        .flat_map(|names| names.values().map(|(ino, _)| *ino))
        .collect();
    let (inside, tops): (Vec<Inode>, Vec<Inode>) =
        left.into_iter().partition(|ino| named.contains(ino));
    let start = |ino: Inode| {
        let name = match found.labels.get(&ino) {
            Some(label) => label.clone(),
            None => format!("#{ino}").into(),
        };
        Start {
            area: "unnamed",
            from: Name::new(&name).map_or_else(|_| VPath::root(), |name| VPath::root().join(&name)),
            name: Some(name),
            ino,
            kind: kind_of(found, ino),
        }
    };
    tops.into_iter().chain(inside).map(start).collect()
}

/// `name` with an ending, or another number than before, still short enough to be a name.
pub(super) fn altered(name: &OsStr, ending: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    let room = fs_core::path::NAME_MAX_BYTES.saturating_sub(ending.len());
    let mut bytes = name.as_bytes().to_vec();
    if bytes.len() > room {
        // No character is cut in two where the name is text.
        let text = name.to_str();
        let end = text.map_or(room, |text| text.floor_char_boundary(room));
        bytes.truncate(end);
    }
    bytes.extend_from_slice(ending.as_bytes());
    OsString::from_vec(bytes)
}
