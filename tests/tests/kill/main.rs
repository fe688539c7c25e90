//! SIGKILL while a filesystem works: what was acknowledged is there, what was under way is there whole or not at all, and a check finds nothing.
//!
//! A child follows a script its parent knows, and tells each step when it has returned. It is killed at random times (`random`), and before the n-th
//! call of each system call that changes a disk, for every n (`sweep`).
//!
//! `LAMINA_KILL_ROUNDS` sets how often each case is killed at random (30 unless told), `LAMINA_KILL_SEED` the moments and scripts:
//! `LAMINA_KILL_ROUNDS=200 cargo test --release -p lamina-tests --test kill random -- --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod random;
mod sweep;
mod work;

use std::path::Path;
use std::sync::LazyLock;

use lamina_tests::child;
use lamina_tests::vessel::Vessel;

/// The child: works until it is killed or done.
#[test]
fn child() {
    // In the parent there is nothing to do.
    if let Some(task) = child::task() {
        match task[0].as_str() {
            "work" => work::work(&task[1..]),
            "sweep" => sweep::work(&task[1..]),
            other => panic!("{other}"),
        }
    }
}

/// A new filesystem in `folder`, copied from one that is made once: deriving the key of an encrypted one takes its time.
fn make(vessel: Vessel, folder: &Path) {
    static ENCRYPTED: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = lamina_tests::folder();
        Vessel::Encrypted.make(folder.path()).unwrap();
        folder
    });
    if vessel == Vessel::Encrypted {
        std::fs::copy(vessel.place(ENCRYPTED.path()), vessel.place(folder)).unwrap();
    } else {
        vessel.make(folder).unwrap();
    }
}
