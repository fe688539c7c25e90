//! Vaults, stores and saved memory filesystems that are really damaged: what is saved of them is what was written, or says that it is not.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "salvage/memory.rs"]
mod memory;
#[path = "salvage/store.rs"]
mod store;
#[path = "salvage/support.rs"]
mod support;
#[path = "salvage/vault.rs"]
mod vault;
