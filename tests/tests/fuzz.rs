//! The fuzz targets over their corpus, and over inputs mutated from it: see `fuzz/README.md` for long runs.

use lamina_tests::fuzz::{self, drive};

#[test]
fn saved_memory() {
    drive("saved_memory", 3000, fuzz::saved_memory);
}

#[test]
fn catalog() {
    drive("catalog", 150, fuzz::catalog);
}

#[test]
fn rows() {
    drive("rows", 400, fuzz::rows);
}

#[test]
fn store() {
    drive("store", 300, fuzz::store);
}

#[test]
fn location() {
    drive("location", 30_000, fuzz::location);
}

#[test]
fn stack() {
    drive("stack", 5000, fuzz::stack);
}

/// Writes the seeds that are made by the program itself; the others are written by hand.
#[test]
#[ignore = "writes into the tree"]
fn write_corpus() {
    let folder = lamina_tests::project().join("fuzz/corpus/saved_memory");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("everything"), fuzz::saved_seed()).unwrap();
}
