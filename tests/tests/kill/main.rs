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
            "rekey" => sweep::rekey(&task[1..]),
            other => panic!("{other}"),
        }
    }
}

/// A new filesystem in `folder`; an encrypted one is copied from one that is made once: deriving its key takes its time.
fn make(vessel: Vessel, folder: &Path) {
    static VAULT: LazyLock<tempfile::TempDir> = LazyLock::new(|| made(Vessel::Encrypted));
    static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| made(Vessel::EncryptedStore));
    let from = match vessel {
        Vessel::Encrypted => VAULT.path(),
        Vessel::EncryptedStore => STORE.path(),
        _ => return vessel.make(folder).unwrap(),
    };
    let (from, to) = (vessel.place(from), folder.to_str().unwrap());
    lamina_tests::fault::run(&["cp", "-a", from.to_str().unwrap(), to]);
}

fn made(vessel: Vessel) -> tempfile::TempDir {
    let folder = lamina_tests::folder();
    vessel.make(folder.path()).unwrap();
    folder
}
