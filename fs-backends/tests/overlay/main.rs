//! `Overlay` over the filesystems of this crate: the numbered rules of an overlay, bugs other implementations had, random operations against a plain copy,
//! and the kernel's overlayfs on the same layers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod bugs;
mod changes;
mod copy_up;
mod crash;
mod databases;
mod host;
mod identity;
mod limited;
mod marks;
mod model;
mod removal;
mod rename;
mod rules;
mod suite;
mod support;
mod threads;
