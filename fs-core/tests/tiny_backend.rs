//! The example of a third party's backend keeps its promise: it is small, and it passes level 1.

#[path = "../examples/tiny_backend.rs"]
mod tiny_backend;

use fs_core::conformance::{Fresh, Level, Suite};

#[test]
fn passes_level_one() {
    Suite::new("tiny", || Fresh::new(tiny_backend::tiny_backend()))
        .levels(&[Level::One])
        .assert();
}

#[test]
fn runs() {
    tiny_backend::main().unwrap();
}

#[test]
fn has_at_most_150_lines() {
    assert!(include_str!("../examples/tiny_backend.rs").lines().count() <= 150);
}
