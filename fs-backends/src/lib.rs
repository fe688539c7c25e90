//! The filesystems of Lamina: memory, vault, store, host folder, sandboxed folder.
//!
//! The first three are virtual: POSIX rules are written once, in [`virtual_fs`], over two seams ([`virtual_fs::NodeStore`]
//! and [`virtual_fs::ContentStore`]); the last two delegate to the operating system. This crate knows no window.

mod catalog;
pub mod indexed;
mod kernel_tables;
pub mod live_files;
pub mod location;
pub mod memory;
mod mounts;
mod rewrite;
pub mod salvage;
mod scratch;
mod seal;
pub mod sqlite;
pub mod std_fs;
pub mod virtual_fs;
pub mod vroot_fs;
mod write_back;

pub use indexed::IndexedBackend;
pub use memory::MemoryBackend;
pub use sqlite::SqliteBackend;
pub use std_fs::StdFsBackend;
pub use vroot_fs::VRootFsBackend;

/// The front door and what it takes, so that one `use` does.
pub use fs_core::{FileStorage, NoOpResolver, Overlay};
