//! Operations between every two kinds of backend: what arrives, what stays, what can be taken back, whatever fails on the way.

#[path = "ops/crash.rs"]
mod crash;
#[path = "ops/faults.rs"]
mod faults;
#[path = "ops/kinds.rs"]
mod kinds;
#[path = "ops/transfer.rs"]
mod transfer;
#[path = "ops/undo.rs"]
mod undo;
#[path = "ops/watched.rs"]
mod watched;
#[path = "ops/world.rs"]
mod world;
