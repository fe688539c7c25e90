//! What the whole-program tests in `tests/` share.

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
