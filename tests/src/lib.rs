//! What the whole-program tests in `tests/` share: scripts that can be followed on any filesystem, processes to kill, tools that make disks fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]

pub mod audit;
pub mod child;
pub mod disk;
pub mod fault;
pub mod fuzz;
pub mod mistaken;
pub mod random;
pub mod script;
pub mod shorten;
pub mod vessel;

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The program as `cargo test --workspace` built it.
///
/// # Panics
/// When it is not there: a run of this package alone does not build it.
pub fn program() -> PathBuf {
    let name = format!("lamina{}", std::env::consts::EXE_SUFFIX);
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors()
        .skip(1)
        .map(|folder| folder.join(&name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is not built: run `cargo build --workspace` or `cargo test --workspace`")
        })
}

/// The root of the project.
pub fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A new folder, in memory where the system has such a place.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Says, even when the test passes, that something could not be tested here.
pub fn left_out(what: &str, why: &str) {
    // Written directly: the harness shows what is printed only of tests that fail.
    let line = format!("\n*** LEFT OUT: {what}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
