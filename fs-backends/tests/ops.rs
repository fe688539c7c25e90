//! Operations between every two kinds of backend: what arrives, what stays, what can be taken back, whatever fails on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and looks at the disk itself"
)]

#[path = "ops/attributes.rs"]
mod attributes;
#[path = "ops/crash.rs"]
mod crash;
#[path = "ops/faults.rs"]
mod faults;
#[path = "ops/kinds.rs"]
mod kinds;
#[path = "ops/layered.rs"]
mod layered;
#[path = "ops/scheduler.rs"]
mod scheduler;
#[path = "ops/transfer.rs"]
mod transfer;
#[path = "ops/undo.rs"]
mod undo;
#[path = "ops/watched.rs"]
mod watched;
#[path = "ops/world.rs"]
mod world;
