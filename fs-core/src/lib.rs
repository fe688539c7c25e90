//! What a filesystem is, and what can be done with any two of them.
//!
//! A [`Backend`] is one object-safe trait with `lstat` semantics: it never follows the last component of a path unless
//! asked to. Middleware wraps a backend and is one. Everything that must be true for every filesystem (resolving paths,
//! copying between two of them, undo) is written here, once. This crate knows no particular backend, no SQL and no window.

pub mod backend;
pub mod capabilities;
pub mod compare;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod control;
pub mod error;
pub mod extensions;
pub mod file;
pub mod listing;
pub mod maintenance;
pub mod metadata;
pub mod middleware;
pub mod ops;
pub mod path;
pub mod path_text;
pub mod resolve;
pub mod snapshots;
pub mod storage;

pub use backend::{At, Backend, Change, Follow, Node, RenameMode, Scope, Want};
pub use capabilities::Capabilities;
pub use control::Control;
pub use error::{Error, ErrorKind, Result};
pub use extensions::Extensions;
pub use file::{Buffer, File, OpenOptions, Staged};
pub use listing::{EntryBatch, EntryRef, Listing};
pub use metadata::{
    FileId, FileKind, Metadata, NewKind, NewNode, Permissions, SetAttr, SetTime, Time,
};
pub use middleware::{Fault, Overlay, Quota, QuotaLimits, ReadOnly, Subtree, Trace};
pub use path::{Name, VPath};
pub use resolve::{NoOpResolver, PathResolver, PosixResolver, SelfResolving};
pub use storage::{Durability, FileStorage};
