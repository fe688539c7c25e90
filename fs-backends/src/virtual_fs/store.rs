//! The two seams of a virtual filesystem: what it keeps transactionally, and where its bytes are.
//!
//! A [`NodeStore`] keeps nodes, names and extended attributes and changes them in transactions. A [`ContentStore`] keeps
//! bytes. Neither knows a rule of POSIX; link counts, times and error kinds are the business of [`VirtualFs`](super::VirtualFs).
//!
//! How bytes and nodes meet: content is created outside a transaction and is an orphan until a transaction names it
//! ([`NodeWrite::refer`]). Before that transaction [`ContentStore::publish`] is called, inside it
//! [`NodeWrite::flush_content`]: bytes kept outside the database are made safe by the first, bytes kept inside it join the
//! transaction by the second. A content named by one node is *private* and written in place; one named by several is *shared*
//! and never written ([`ContentStore::writable`] gives a copy). Content nobody names is reaped when its last user closes it;
//! orphans of a crash are the store's to sweep when it is opened.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_core::extensions::{Notes, Space};
use fs_core::maintenance::Maintenance;
use fs_core::snapshots::Snapshots;
use fs_core::{Capabilities, Error, ErrorKind, FileKind, Name, Result, Time, VPath};

use super::VirtualFs;
use super::changes::Changes;

/// Number of a node. Counted up, never reused within a filesystem's life; the root is [`ROOT`].
pub type Inode = u64;

/// The root directory.
pub const ROOT: Inode = 1;

/// Names a run of bytes in a [`ContentStore`]; never reused. 0 is the empty content that needs no storage and is never opened,
/// referred to or reaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub u64);

impl ContentId {
    /// The empty content.
    pub const EMPTY: Self = Self(0);

    /// Is it the empty content?
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }
}

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
    /// Hard links (a place in the trash counts as one); of a directory 2 + subdirectories.
    pub nlink: u64,
    /// Content length in bytes; of a link that of its target. This one decides, whatever the content holds beyond it.
    pub size: u64,
    /// Bytes the content really takes ([`Content::allocated`] when the node was last changed).
    pub allocated: u64,
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
    /// The directory that holds a directory (of the root: itself); 0 for everything else, and for a directory outside the tree
    /// (staged, or at the top of a trash item).
    pub parent: Inode,
}

/// A place in the trash: a hidden name for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashRecord {
    /// Number of the item, from [`NodeStore::new_ino`].
    pub id: u64,
    /// The node.
    pub ino: Inode,
    /// Where it was.
    pub original: VPath,
    /// When it was deleted.
    pub deleted: Time,
}

/// An entry of a directory, as [`NodeRead::entries`] gives it out.
#[derive(Clone, Copy, Debug)]
pub struct EntryRow<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// The node.
    pub ino: Inode,
    /// Kind of the node.
    pub kind: FileKind,
    /// The node itself, when it was asked for.
    pub node: Option<&'a NodeRecord>,
}

/// What [`NodeWrite::remove_leaves`] did.
#[derive(Debug)]
pub struct Leaves {
    /// The nodes that went.
    pub gone: Vec<(Inode, NodeRecord)>,
    /// So many directories, the last first, hold nothing any more that could go in this way.
    pub looked_at: usize,
}

/// A name stands for a node that is not there.
pub(super) fn missing(ino: Inode) -> Error {
    Error::new(ErrorKind::Corrupted, "").with_detail(format!("node {ino} is missing"))
}

/// Reading nodes and names, at one moment.
pub trait NodeRead {
    /// The node, if it exists.
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>>;

    /// The node a name stands for; `None` also when `dir` is no directory.
    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>>;

    /// As [`NodeRead::lookup`], with the node. A store that can fetch both in one step should.
    fn find(&self, dir: Inode, name: &OsStr) -> Result<Option<(Inode, NodeRecord)>> {
        match self.lookup(dir, name)? {
            Some(ino) => match self.node(ino)? {
                Some(record) => Ok(Some((ino, record))),
                None => Err(missing(ino)),
            },
            None => Ok(None),
        }
    }

    /// The number of the moment that is read: with the same number everything is the same, a later moment has a higher one. `None`: not known (inside
    /// a transaction; while something else is being written).
    fn moment(&self) -> Option<u64> {
        None
    }

    /// What is read at this moment is remembered: [`NodeRead::changes_since`] will be asked about it.
    fn keep_changes(&self) {}

    /// Calls `each` with what each transaction changed that was committed after the moment with this number (and perhaps after the one that is read).
    /// `each` must not read. `false`: not known, so anything may have changed.
    fn changes_since(&self, _moment: u64, _each: &mut dyn FnMut(&Changes)) -> bool {
        false
    }

    /// Calls `each` with up to `limit` entries of `dir` after the name `after`, in byte order. `true`: there may be more.
    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool>;

    /// Calls `each` with every entry of every directory (its number first), those outside the tree too, in any order. An error from it ends it.
    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()>;

    /// The value of an extended attribute.
    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>>;

    /// The names of the extended attributes, in byte order.
    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>>;

    /// How many nodes name this content.
    fn references(&self, content: ContentId) -> Result<u64>;

    /// The items in the trash, oldest first.
    fn trash(&self) -> Result<Vec<TrashRecord>>;

    /// One item in the trash. A store that can find it without the others should.
    fn trash_item(&self, id: u64) -> Result<Option<TrashRecord>> {
        Ok(self.trash()?.into_iter().find(|item| item.id == id))
    }

    /// The nodes marked by [`NodeWrite::set_nameless`].
    fn nameless(&self) -> Result<Vec<Inode>>;
}

/// Changing nodes and names inside one transaction; reads see what it did so far. Nothing here checks a rule.
pub trait NodeWrite: NodeRead {
    /// Stores a new node under a number from [`NodeStore::new_ino`].
    fn insert(&mut self, ino: Inode, record: &NodeRecord) -> Result<()>;

    /// Replaces what is stored of a node.
    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()>;

    /// Forgets a node, its extended attributes and its nameless mark. Its names and its content's reference are the caller's to take away.
    fn remove(&mut self, ino: Inode) -> Result<()>;

    /// Gives a name to a node, replacing what the name stood for.
    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()>;

    /// Takes a name away.
    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()>;

    /// Sets or (`None`) removes an extended attribute.
    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()>;

    /// Marks a node outside the tree that must not outlive the process (a staged directory), or takes the mark away.
    /// [`VirtualFs`](super::VirtualFs) sweeps marked nodes, with all below them, when it is opened.
    fn set_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()>;

    /// One more (`+1`) or one fewer (`-1`) node names this content; answers how many do. At zero it is an orphan again.
    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64>;

    /// Makes the bytes written to `content` so far part of this transaction. A store that writes bytes outside does nothing.
    fn flush_content(&mut self, content: ContentId) -> Result<()>;

    /// [`NodeWrite::flush_content`], and one more node names it.
    fn adopt(&mut self, content: ContentId) -> Result<()> {
        self.flush_content(content)?;
        self.refer(content, 1).map(drop)
    }

    /// Keeps an item in the trash.
    fn insert_trash(&mut self, item: &TrashRecord) -> Result<()>;

    /// Forgets an item in the trash; its node is the caller's to link or remove.
    fn remove_trash(&mut self, id: u64) -> Result<()>;

    /// Removes up to `limit` entries of these directories, the last first, that are no directories, with their nodes, extended attributes and references
    /// to content. A directory stays as it is where one of them has other names or shares its content (or where the store can't do it faster than one by one).
    fn remove_leaves(&mut self, dirs: &[Inode], _limit: usize) -> Result<Leaves> {
        Ok(Leaves {
            gone: Vec::new(),
            looked_at: dirs.len(),
        })
    }

    /// Does somebody wait for this transaction to end?
    fn is_wanted(&self) -> bool {
        false
    }

    /// Counts what was changed in this transaction, in a store where that is cheaper than a savepoint: while the number stays the same there is
    /// nothing to undo.
    fn changes(&self) -> Option<u64> {
        None
    }

    /// Runs `f`; an error from it undoes what it did (and only that) and is handed on. May nest.
    fn savepoint(&mut self, f: &mut dyn FnMut(&mut dyn NodeWrite) -> Result<()>) -> Result<()>;
}

/// Nodes, names and extended attributes, kept transactionally. A new store holds the root directory ([`ROOT`]) and nothing else.
///
/// One process owns a store at a time, so what [`VirtualFs`](super::VirtualFs) knows of an open file stays true.
pub trait NodeStore: Send + Sync + 'static {
    /// Where its bytes are.
    type Content: ContentStore;

    /// The store of bytes.
    fn content(&self) -> &Self::Content;

    /// What sets this filesystem apart from all others (`FileId::fs`); the same after reopening.
    fn fs_id(&self) -> u64;

    /// [`Capabilities::posix`] with what is special here: `VOLATILE`, `SNAPSHOTS`, or without `WRITE` when it is open for reading only.
    fn capabilities(&self) -> Capabilities;

    /// A number for a new node (or trash item). Cheap, not a transaction; never given out twice once a transaction has stored it.
    fn new_ino(&self) -> Result<Inode>;

    /// Reads at one moment. Never blocked by writers for longer than a transaction in memory takes. `f` must not enter the store again.
    fn read<T>(&self, f: impl FnOnce(&dyn NodeRead) -> Result<T>) -> Result<T>;

    /// Was nothing committed since the moment with this number ([`NodeRead::moment`]), and is nothing being written?
    fn is_now(&self, _moment: u64) -> bool {
        false
    }

    /// Changes all or nothing: an error from `f` undoes what it did. Returns when the change is committed (visible to all, survives a
    /// kill). Transactions of several threads run one after another and may be committed together. `f` must not enter the store again.
    fn write<T: Send>(&self, f: impl FnOnce(&mut dyn NodeWrite) -> Result<T> + Send) -> Result<T>;

    /// Returns when all that is committed would survive a power cut (content in place included, see [`Content::sync`]).
    fn barrier(&self) -> Result<()>;

    /// How full it is. Shared content counts once.
    fn space(&self) -> Result<Space>;

    /// Where programs keep notes beside the tree, if it can hold some.
    fn notes(&self) -> Option<&dyn Notes> {
        None
    }

    /// What a store kept in files of its own can do for itself.
    fn maintenance(&self) -> Option<&dyn Maintenance> {
        None
    }

    /// The named moments that a filesystem over this store keeps, if it can.
    fn snapshots(_fs: &VirtualFs<Self>) -> Option<&dyn Snapshots>
    where
        Self: Sized,
    {
        None
    }

    /// Makes everything durable and lets go of files and locks; later calls answer `Closed`.
    fn close(&self) -> Result<()>;
}

/// Bytes of files.
pub trait ContentStore: Send + Sync + 'static {
    /// New, empty content to write: an orphan until a transaction names it.
    fn create(&self) -> Result<Arc<dyn Content>>;

    /// Opens content for reading. `VirtualFs` opens a content once, however many handles there are.
    fn open(&self, content: ContentId) -> Result<Arc<dyn Content>>;

    /// Opens content for reading and writing in place. When it is `shared`, or can't be written in place for reasons of the store's own, a new
    /// content with the first `size_bytes` bytes of it (shared as far as the store can): then an orphan until a transaction names it.
    fn writable(
        &self,
        content: ContentId,
        size_bytes: u64,
        shared: bool,
    ) -> Result<Arc<dyn Content>>;

    /// Called before the transaction that commits staged files with these contents. They are complete: nothing is written to them again without
    /// [`ContentStore::writable`]. A store of bytes outside the database makes them safe (and seals them) here, so that no committed node names
    /// bytes that are not there. Content first written through an open file is not announced; it is made safe by [`Content::sync`].
    fn publish(&self, _contents: &[ContentId]) -> Result<()> {
        Ok(())
    }

    /// Must the smaller size of a file be committed before its bytes are cut off? So where they lie outside the database: a crash in between would
    /// bring back the larger size without them.
    fn cuts_late(&self) -> bool {
        false
    }

    /// The last handle that could write to `content` is closed, and a node names it: time to seal.
    fn settle(&self, _content: ContentId) -> Result<()> {
        Ok(())
    }

    /// Removes content that no node names and nobody has open any more. May do it later, in small steps.
    fn reap(&self, content: ContentId) -> Result<()>;

    /// Does [`ContentStore::reap`] find out by itself, when it removes content, whether a node names it after all?
    fn looks_before_reaping(&self) -> bool {
        false
    }

    /// Largest end of a write, in bytes; beyond it is `FileTooLarge`.
    fn max_size_bytes(&self) -> u64 {
        i64::MAX.unsigned_abs()
    }
}

/// Open content. Callers clip to the size of the node; all methods may be called from several threads, writes come one at a time.
pub trait Content: Send + Sync {
    /// Which.
    fn id(&self) -> ContentId;

    /// Fills all of `into` from `offset`; what was never written reads as zeros.
    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()>;

    /// Writes all of `from`, or (on error) leaves the old bytes. Visible to readers of this content at once.
    fn write_at(&self, from: &[u8], offset: u64) -> Result<()>;

    /// Forgets everything from `len_bytes` on, so that it reads as zeros. Never extends.
    fn truncate(&self, len_bytes: u64) -> Result<()>;

    /// Zeros a range and gives its space back.
    fn punch_hole(&self, offset: u64, len_bytes: u64) -> Result<()>;

    /// The next stored range at or after `offset`, `[start, end)`; `None`: nothing stored from there on.
    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>>;

    /// Bytes it really takes.
    fn allocated(&self) -> Result<u64>;

    /// The transaction failed that was to bring the node to what was changed last: takes back what no transaction has, where changes wait for one.
    fn take_back(&self) {}

    /// Returns when bytes kept outside the node store's transactions would survive a power cut.
    fn sync(&self) -> Result<()>;
}
