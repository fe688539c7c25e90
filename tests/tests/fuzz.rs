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
fn sealed_memory() {
    drive("sealed_memory", 3000, fuzz::sealed_memory);
}

/// Each opens it with its password, which takes a while.
#[test]
fn sealed_store() {
    drive("sealed_store", 40, fuzz::sealed_store);
}

#[test]
fn log() {
    drive("log", 60, fuzz::log);
}

#[test]
fn salvage() {
    drive("salvage", 200, fuzz::salvage);
}

#[test]
fn journal() {
    drive("journal", 200, fuzz::journal);
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
    let corpus = lamina_tests::project().join("fuzz/corpus");
    let write = |name: &str, seed: Vec<u8>| std::fs::write(corpus.join(name), seed).unwrap();
    for folder in ["saved_memory", "log", "journal"] {
        std::fs::create_dir_all(corpus.join(folder)).unwrap();
    }
    write("saved_memory/everything", fuzz::saved_seed());
    write("log/killed", fuzz::log_seed());
    for (number, seed) in fuzz::journal_seeds().into_iter().enumerate() {
        write(&format!("journal/{number}"), seed);
    }
}
