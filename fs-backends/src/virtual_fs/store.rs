//! The two seams of a virtual filesystem: what it keeps transactionally, and where its bytes are.
//!
//! A [`NodeStore`] keeps nodes, names and extended attributes and changes them in transactions. A [`ContentStore`] keeps
//! bytes, written outside a transaction and named inside one: content nobody names is an orphan and is reaped. Neither
//! knows a rule of POSIX; link counts, times and error kinds are the business of [`VirtualFs`](super::VirtualFs).

use std::ffi::{OsStr, OsString};

use fs_core::{File, FileKind, Name, Result, Time};

/// Number of a node. Counted up, never reused within a filesystem's life; the root is 1.
pub type Inode = u64;

/// Names a run of bytes in a [`ContentStore`]; 0 is the empty content that needs no storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub u64);

/// What is stored of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Type.
    pub kind: FileKind,
    /// Permission bits, 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links; of a directory 2 + subdirectories.
    pub nlink: u64,
    /// Content length in bytes; of a link that of its target.
    pub size: u64,
    /// Device number of a device node.
    pub rdev: u64,
    /// Last change of the content.
    pub mtime: Time,
    /// Last change of anything.
    pub ctime: Time,
    /// Last read.
    pub atime: Time,
    /// Birth.
    pub btime: Time,
    /// The bytes of a regular file.
    pub content: ContentId,
    /// The target of a symbolic link, verbatim.
    pub target: Option<OsString>,
    /// The directory that holds a directory (of the root: itself); 0 for everything else.
    pub parent: Inode,
}

/// Reading nodes and names, at one moment.
pub trait NodeRead {
    /// The node, if it exists.
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>>;

    /// The node a name stands for.
    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>>;

    /// Calls `each` with up to `limit` entries of `dir` after the name `after`, in byte order, with the node of each. `true`: there may be more.
    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        each: &mut dyn FnMut(&OsStr, Inode, NodeRecord),
    ) -> Result<bool>;

    /// The value of an extended attribute.
    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>>;

    /// The names of the extended attributes, in byte order.
    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>>;
}

/// Changing nodes and names inside one transaction. Nothing here checks a rule.
pub trait NodeWrite: NodeRead {
    /// Stores a new node under a new number.
    fn insert(&mut self, record: &NodeRecord) -> Result<Inode>;

    /// Replaces what is stored of a node.
    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()>;

    /// Forgets a node and its extended attributes. Its content is reaped by the caller after the transaction.
    fn remove(&mut self, ino: Inode) -> Result<()>;

    /// Gives a name to a node, replacing what the name stood for.
    fn link(&mut self, dir: Inode, name: &Name, ino: Inode) -> Result<()>;

    /// Takes a name away.
    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()>;

    /// Sets or (`None`) removes an extended attribute.
    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()>;

    /// Marks a node that has no name (unlinked but open, staged, in the trash) or takes the mark away. Marked nodes are swept at the next open,
    /// unless `keep` says they belong to the trash.
    fn mark_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()>;

    /// One more (`+1`) or one fewer (`-1`) node names this content. At zero the content may be reaped after the transaction.
    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64>;
}

/// Nodes, names and extended attributes, kept transactionally.
pub trait NodeStore: Send + Sync + 'static {
    /// Where its bytes are.
    type Content: ContentStore;

    /// The store of bytes.
    fn content(&self) -> &Self::Content;

    /// Reads at one moment. Never blocked by writers.
    fn read<T>(&self, f: impl FnOnce(&dyn NodeRead) -> Result<T>) -> Result<T>;

    /// Changes all or nothing: an error from `f` undoes what it did. Returns when the change is committed (visible to all, survives a kill).
    fn write<T>(&self, f: impl FnOnce(&mut dyn NodeWrite) -> Result<T>) -> Result<T>;

    /// Returns when all that is committed would survive a power cut.
    fn barrier(&self) -> Result<()>;

    /// Lets go of files and locks.
    fn close(&self) -> Result<()>;
}

/// Bytes of files. Content is either open for writing in place (it belongs to one node) or shared and then never written.
pub trait ContentStore: Send + Sync + 'static {
    /// New, empty content: an orphan until a transaction names it.
    fn create(&self) -> Result<ContentId>;

    /// A new content with the same bytes, without copying them where the store can; `None`: it can't, the caller copies.
    fn share(&self, content: ContentId) -> Result<Option<ContentId>>;

    /// Opens content. Writes go to it in place; its own length is the largest end ever written, the node's size decides.
    fn open(&self, content: ContentId, write: bool) -> Result<Box<dyn File>>;

    /// Removes content that no node names any more.
    fn reap(&self, content: ContentId) -> Result<()>;
}
