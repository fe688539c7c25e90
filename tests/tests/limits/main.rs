//! Limits: folders of very many entries, paths of a million characters, files of 4 TiB without content. Each works or is refused with an error, in
//! bounded memory; nothing aborts.
//!
//! `LAMINA_LIMIT_ENTRIES` sets how many entries (a million unless told): `LAMINA_LIMIT_ENTRIES=10000000 cargo test --release -p lamina-tests --test limits
//! entries -- --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod entries;
mod paths;
mod sparse;

use lamina_tests::child;

#[test]
fn child() {
    // In the parent there is nothing to do.
    if let Some(task) = child::task() {
        entries::work(&task);
    }
}
