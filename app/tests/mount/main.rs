//! Filesystems really mounted, and programs that work on them: every answer must be the one the kernel's own filesystems give.
//!
//! `LAMINA_MOUNT_SECONDS` lengthens the random programs (each kind gets as long), `LAMINA_MOUNT_SEED` is their first seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and looks at the disk itself"
)]
#![cfg(target_os = "linux")]

#[path = "../../../tests/tests/differential/answer.rs"]
mod answer;
#[path = "../../../tests/tests/differential/kernel.rs"]
#[allow(dead_code, reason = "shared with a test that asks more")]
mod kernel;
#[path = "../../../tests/tests/differential/op.rs"]
mod op;
#[path = "../support/tree_listing.rs"]
mod tree_listing;

mod cached_stack;
mod caches;
mod differential;
mod fsx;
mod gathered;
mod lifecycle;
mod posix;
mod programs;
mod rules;
mod scenes;
mod stress;
mod users;
mod world;

use std::time::{Duration, Instant};

use lamina_tests::shorten;

/// The first seed of random tests.
fn seed() -> u64 {
    number("LAMINA_MOUNT_SEED").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs `step` `times` times, or as long as was asked for.
fn repeat(times: u64, mut step: impl FnMut(u64)) {
    match number("LAMINA_MOUNT_SECONDS") {
        None => (0..times).for_each(step),
        Some(seconds) => {
            let until = Instant::now() + Duration::from_secs(seconds);
            let mut round = 0;
            while Instant::now() < until {
                step(round);
                round += 1;
            }
        }
    }
}
