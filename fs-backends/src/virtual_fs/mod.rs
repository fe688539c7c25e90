//! POSIX rules for every virtual filesystem, written once over a store of nodes and a store of bytes.

mod store;

pub use store::{ContentId, ContentStore, Inode, NodeRead, NodeRecord, NodeStore, NodeWrite};
