//! `Overlay` over the filesystems of this crate: the numbered rules of an overlay, bugs other implementations had, random operations against a plain copy,
//! and the kernel's overlayfs on the same layers.

mod bugs;
mod limited;
mod model;
mod rules;
mod rules_files;
mod support;
