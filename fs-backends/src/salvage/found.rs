//! What was found of a filesystem, however it is kept: nodes, names and attributes that are each what was written, and perhaps not all there were.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;

use fs_core::{Control, FileKind, Result};

use crate::virtual_fs::{Inode, NodeRecord};

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

/// A piece of a file.
pub(crate) enum Piece<'a> {
    /// Bytes that are what was written.
    Bytes(u64, &'a [u8]),
    /// Bytes that nothing proves.
    Unproven(u64, &'a [u8]),
    /// What is gone: from, to.
    Lost(u64, u64),
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
