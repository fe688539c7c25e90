//! What reads bytes somebody else may have written: one function for each parser, which takes any bytes and must not panic, hang or run out of memory.
//!
//! `cargo fuzz` drives them (`fuzz/`), and on every toolchain [`drive`] does, over the corpus and inputs mutated from it.

mod catalog;
mod journal;
mod log;
mod mutate;
mod sealed;
mod walk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fs_backends::MemoryBackend;
use fs_backends::location::{Kind, Location, StackFile};

pub use catalog::{catalog, rows, saved_seed, store};
pub use journal::{journal, journal_seeds};
pub use log::{log, log_seed};
use mutate::mutate;
pub use sealed::{sealed_memory, sealed_store};

use crate::random::{Random, setting};

/// The bytes of a saved memory filesystem: as they are, and with the checksums put right, so that what is behind them is reached.
///
/// # Panics
/// When a rule is broken.
pub fn saved_memory(data: &[u8]) {
    let folder = crate::folder();
    for bytes in [data.to_vec(), resealed(data)] {
        let path = folder.path().join("x.mem");
        std::fs::write(&path, bytes).unwrap();
        let Ok(loaded) = MemoryBackend::load_from(&path) else {
            continue;
        };
        // What was accepted is a filesystem like any other.
        let errors = walk::walk(&loaded);
        assert!(errors.is_empty(), "{errors:?}");
        loaded.save_to(&path).unwrap();
        let again = MemoryBackend::load_from(&path).unwrap();
        assert_eq!(walk::names(&again), walk::names(&loaded));
    }
}

/// The same sections with right hashes and a right end (`fs-backends/src/memory/saved/mod.rs` says how they lie).
fn resealed(data: &[u8]) -> Vec<u8> {
    const START: usize = 12;
    let Some((head, mut rest)) = data.split_at_checked(START) else {
        return data.to_vec();
    };
    let mut out = head.to_vec();
    let (mut sections, mut chain) = (0_u64, blake3::Hasher::new());
    let mut section = |tag: &[u8], payload: &[u8], chain: &mut blake3::Hasher| {
        let hash = *blake3::Hasher::new()
            .update(tag)
            .update(payload)
            .finalize()
            .as_bytes();
        out.extend_from_slice(tag);
        out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        out.extend_from_slice(&hash);
        out.extend_from_slice(payload);
        chain.update(&hash);
    };
    while let Some((front, after)) = rest.split_at_checked(44) {
        let told = u64::from_le_bytes(front[4..12].try_into().unwrap());
        let length = usize::try_from(told).unwrap_or(usize::MAX).min(after.len());
        if &front[..4] == b"END." {
            break;
        }
        section(&front[..4], &after[..length], &mut chain);
        sections += 1;
        rest = &after[length..];
    }
    let mut end = sections.to_le_bytes().to_vec();
    end.extend_from_slice(chain.clone().finalize().as_bytes());
    section(b"END.", &end, &mut chain);
    out
}

/// The bytes of a plain vault so damaged that only its pages are read.
///
/// # Panics
/// When a rule is broken.
pub fn salvage(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("v.db");
    std::fs::write(&path, data).unwrap();
    sealed::salvaged(Kind::Vault, &path, "");
}

/// The text of a location, as a session or a command line has it.
///
/// # Panics
/// When a rule is broken.
pub fn location(data: &[u8]) {
    use std::os::unix::ffi::OsStrExt as _;
    let text = std::ffi::OsStr::from_bytes(data);
    let Ok(location) = Location::parse(text, Path::new("/base")) else {
        return;
    };
    location.title();
    location.kind();
    // The text form and its parser are inverse, where there is one in UTF-8.
    if std::str::from_utf8(data).is_ok() {
        let shown = location.to_string();
        let again = Location::parse(&shown, Path::new("/other")).unwrap();
        assert_eq!(again, location, "{shown}");
    }
}

/// A stack file, and the locations in it.
///
/// # Panics
/// When a rule is broken.
pub fn stack(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("x.stack");
    std::fs::write(&path, data).unwrap();
    if let Ok(stack) = StackFile::read(&path) {
        drop(stack.locations(folder.path()));
    }
}

/// Decisions read from an input; when it ends, zeros follow.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn index(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// The corpus of a target: small files, each a whole input.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = crate::project().join("fuzz/corpus").join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|all| all.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    if matches!(name, "catalog" | "salvage") {
        // Vaults of every version, kept in the tree anyway.
        let golden = crate::project().join("fs-backends/tests/golden");
        paths.extend(["v1", "v2", "v3"].map(|version| golden.join(version).join("plain.db")));
    }
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Runs `target` over its corpus and `runs` inputs mutated from it (`LAMINA_FUZZ_RUNS` times as many percent), from the seed `LAMINA_FUZZ_SEED`.
///
/// # Panics
/// When an input breaks a rule; it is kept in a file then, whose name is told.
pub fn drive(name: &str, runs: u64, target: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "fuzz/corpus/{name} is empty");
    let seed = setting("LAMINA_FUZZ_SEED", 1);
    let runs = runs * setting("LAMINA_FUZZ_RUNS", 100) / 100;
    let one = |what: &str, input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
            let kept = std::env::temp_dir().join(format!("lamina-fuzz-{name}"));
            std::fs::write(&kept, input).unwrap();
            eprintln!("{name}, {what}: the input is kept in {}", kept.display());
            std::panic::resume_unwind(panic);
        }
    };
    for (number, input) in corpus.iter().enumerate() {
        one(&format!("corpus {number}"), input);
    }
    let mut random = Random(seed);
    for run in 0..runs {
        let mut random = Random(random.next());
        let input = mutate(&mut random, &corpus);
        one(&format!("seed {seed}, run {run}"), &input);
    }
    println!(
        "{name}: {} inputs, {runs} mutated, seed {seed}",
        corpus.len()
    );
}
