//! `Overlay` over the filesystems of this crate: the numbered rules of an overlay, bugs other implementations had, random operations against a plain copy,
//! and the kernel's overlayfs on the same layers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod bugs;
mod changes;
mod crash;
mod host;
mod limited;
mod model;
mod rules;
mod rules_files;
mod suite;
mod support;
