//! The kinds, one test each.

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{Backend, Overlay, Subtree, VPath};

use super::op::Range;
use super::subject::{Fresh, Resolver};
use super::{Kind, compare};

const EVERYTHING: Range = Range {
    any_target: true,
    exchange: true,
};

fn fresh(backend: impl Backend + 'static) -> Fresh {
    Fresh {
        backend: Arc::new(backend),
        guard: Box::new(()),
    }
}

fn posix(make: fn() -> Fresh, cases: u64) {
    compare(&Kind {
        make,
        resolver: Resolver::Posix,
        range: EVERYTHING,
        cases,
        counts_folders: true,
    });
}

fn overlay(make: fn() -> Fresh, cases: u64) {
    compare(&Kind {
        make,
        resolver: Resolver::Posix,
        range: EVERYTHING,
        cases,
        counts_folders: false,
    });
}

#[test]
fn memory() {
    posix(|| fresh(MemoryBackend::new()), 300);
}

#[test]
fn subtree_of_memory() {
    posix(
        || {
            let folder = VPath::new("/folder").unwrap();
            let fs = fs_core::FileStorage::new(MemoryBackend::new());
            fs.create_dir("/folder").unwrap();
            fresh(Subtree::new(fs.into_backend(), &folder).unwrap())
        },
        50,
    );
}

#[test]
fn overlay_of_memory_and_memory() {
    overlay(
        || fresh(Overlay::new(MemoryBackend::new(), MemoryBackend::new())),
        50,
    );
}
