//! POSIX rules for every virtual filesystem, written once over a store of nodes and a store of bytes.

mod store;

pub use store::{
    Content, ContentId, ContentStore, EntryRow, Inode, NodeRead, NodeRecord, NodeStore, NodeWrite,
    ROOT, TrashRecord,
};
