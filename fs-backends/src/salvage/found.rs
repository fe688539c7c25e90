//! What was found of a filesystem, however it is kept: nodes, names and attributes that are each what was written, and perhaps not all there were.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;

use fs_core::{Control, FileKind, Result, Time};

use crate::virtual_fs::{ContentId, Inode, NodeRecord};

/// Number of the first file made up for bytes that no node names; no filesystem counts so far.
pub(crate) const FIRST_STRAY: Inode = 1 << 62;

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) nodes: HashMap<Inode, NodeRecord>,
    /// Names in each folder, with node and kind. A folder may be here and not in `nodes`.
    pub(crate) names: HashMap<Inode, BTreeMap<OsString, (Inode, FileKind)>>,
    pub(crate) xattrs: HashMap<Inode, Vec<(OsString, Vec<u8>)>>,
    /// Items of the trash: node, and the path it had.
    pub(crate) trash: Vec<(Inode, OsString)>,
    /// Nodes that nobody shall find.
    pub(crate) nameless: HashSet<Inode>,
    /// What to call nodes without a name.
    pub(crate) labels: HashMap<Inode, OsString>,
    /// Folders of which names are known to be missing.
    pub(crate) lacks_names: HashSet<Inode>,
    /// Nodes of which attributes are known to be missing.
    pub(crate) lacks_attrs: HashSet<Inode>,
    /// Nodes, and folders some of whose names, may be older than the filesystem was last.
    pub(crate) doubtful: HashSet<Inode>,
}

/// Bytes that no node names any more.
pub(crate) struct Stray {
    /// What to call them.
    pub(crate) label: OsString,
    pub(crate) content: ContentId,
    pub(crate) size_bytes: u64,
    /// Whose the file is that they lie in, and when it changed.
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) time: Time,
}

impl Found {
    /// Makes a file without a name of a stray.
    pub(crate) fn add_stray(&mut self, ino: Inode, stray: Stray) {
        let record = NodeRecord {
            kind: FileKind::File,
            mode: 0o600,
            uid: stray.uid,
            gid: stray.gid,
            nlink: 0,
            size: stray.size_bytes,
            allocated: 0,
            rdev: 0,
            mtime: stray.time,
            ctime: stray.time,
            atime: stray.time,
            btime: stray.time,
            content: stray.content,
            target: None,
            parent: 0,
        };
        self.nodes.insert(ino, record);
        self.labels.insert(ino, stray.label);
    }
}

/// A piece of a file.
pub(crate) enum Piece<'a> {
    /// Bytes that are what was written.
    Bytes(u64, &'a [u8]),
    /// Bytes that nothing proves.
    Unproven(u64, &'a [u8]),
    /// What is gone: from, to.
    Lost(u64, u64),
}

/// Tells of what lies between two pieces: lost, or (`is_zeros`) a hole.
pub(crate) fn gap(
    (from, to): (u64, u64),
    is_zeros: bool,
    each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    match from < to && !is_zeros {
        true => each(Piece::Lost(from, to)),
        false => Ok(()),
    }
}

/// The bytes of the files that were found.
pub(crate) trait FoundContent {
    /// Calls `each` with what there is of a file, in order; what is left out is zeros.
    fn pieces(
        &self,
        ino: Inode,
        node: &NodeRecord,
        control: &Control,
        each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()>;
}
