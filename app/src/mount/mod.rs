//! Any filesystem as a real folder, through FUSE: other programs work on it without a copy.
//!
//! | module | what it owns |
//! |---|---|
//! | `place` | may something be mounted at a folder? |
//! | `device` | connecting `/dev/fuse` with a folder, and taking it off again |
//! | `watchdog` | a killed process leaves no dead folder behind |
//! | `session` | mounting, waiting, unmounting |
//! | `users` | which programs use it |
//! | `caches` | what the kernel may keep, and telling it what others change |
//! | `durable` | at most a few seconds of changes are not durable |
//! | `server` | a mounted filesystem: what its answers share |
//! | `requests`, `replies` | what the kernel asks, and answers in its form |
//! | `gathered` | writes that wait a moment for more |
//! | `handles` | what the kernel holds open |
//! | `inodes` | numbers the kernel knows, and the nodes they stand for |
//! | `attributes` | metadata and errors in the words of the kernel |
//! | `names`, `files`, `folders`, `xattrs` | the answers |
//!
//! The kernel does what is the same for every filesystem: it follows links, checks permissions (`default_permissions`), keeps locks, pages and
//! running programs. Writes reach the backend when the file is closed or looked at, and 20 ms later at the latest; everything else before it is answered.
//! `fsync` is the backend's `sync`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the mount is a server of filesystems with threads of its own; no window waits for it"
)]

mod attributes;
mod caches;
mod device;
mod durable;
mod files;
mod folders;
mod gathered;
mod handles;
mod inodes;
mod names;
mod place;
mod replies;
mod requests;
mod server;
mod session;
mod users;
mod watchdog;
mod xattrs;

pub use durable::Listener;
pub use session::{Mounted, Options, mount};
