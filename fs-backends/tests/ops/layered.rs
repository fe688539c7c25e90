//! Taking back what the top layer of a stack changed, and taking that back again.

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::extensions::Difference;
use fs_core::ops::{Decision, Operation};
use fs_core::{At, Backend, Change, ErrorKind, Overlay, SetAttr};

use crate::undo::{there_and_back, undo};
use crate::world::*;

/// A stack over `/tree` whose top layer added, changed and deleted something.
fn changed_stack() -> (Arc<MemoryBackend>, Arc<dyn Backend>) {
    let base = Arc::new(MemoryBackend::new());
    fill(&*base, "/tree");
    let stack: Arc<dyn Backend> = Arc::new(Overlay::new(base.clone(), MemoryBackend::new()));
    mkdir(&*stack, "/tree/new");
    write(&*stack, "/tree/new/file", b"added");
    let change = |change: Change<'_>| stack.change(&change).unwrap();
    change(Change::Unlink(At::path(&vpath("/tree/note.txt"))));
    change(Change::SetAttr(
        At::path(&vpath("/tree/deep")),
        &SetAttr::mode(0o700),
    ));
    change(Change::Unlink(At::path(&vpath("/tree/deep/er/7.txt"))));
    write(&*stack, "/tree/deep/er/7.txt", b"another seven");
    (base, stack)
}

const ALL: [&str; 4] = [
    "s:/tree/new",
    "s:/tree/note.txt",
    "s:/tree/deep",
    "s:/tree/deep/er/7.txt",
];

#[test]
fn reverting_everything_shows_the_base_again() {
    let (base, stack) = changed_stack();
    let engine = World::default().with("s", stack.clone()).engine(None);
    let report = run_well(&engine, Operation::Revert(places(&ALL)), Decision::Skip);
    assert_eq!(report.items, 4);
    assert_eq!(names_and_bytes(&*stack, "/"), names_and_bytes(&*base, "/"));
    let mode = |backend: &dyn Backend| backend.stat(At::path(&vpath("/tree/deep"))).unwrap().mode;
    assert_eq!(mode(&*stack), mode(&*base));
    let left = stack.extensions().layers.unwrap();
    for dir in ["/", "/tree", "/tree/deep", "/tree/deep/er"] {
        let left = left.changes(&vpath(dir)).unwrap();
        let merged =
            |change: &fs_core::extensions::LayerChange| change.difference == Difference::Merged;
        assert!(left.iter().all(merged), "{dir}: {left:?}");
    }
}

#[test]
fn reverting_and_restoring_can_be_undone() {
    let (_, stack) = changed_stack();
    let engine = World::default().with("s", stack.clone()).engine(None);
    for operation in [
        Operation::Reveal(places(&["s:/tree/note.txt"])),
        Operation::Revert(places(&ALL)),
    ] {
        there_and_back("stack", &engine, &[&*stack], operation);
    }
}

#[test]
fn what_grew_over_a_restored_folder_stays() {
    let base = Arc::new(MemoryBackend::new());
    fill(&*base, "/tree");
    let stack: Arc<dyn Backend> = Arc::new(Overlay::new(base, MemoryBackend::new()));
    let engine = World::default().with("s", stack.clone()).engine(None);
    run_well(
        &engine,
        Operation::Delete(places(&["s:/tree"])),
        Decision::Skip,
    );
    let restored = run_well(
        &engine,
        Operation::Reveal(places(&["s:/tree"])),
        Decision::Skip,
    );
    write(&*stack, "/tree/deep/mine", b"new work");
    let back = undo(&engine, &restored);
    assert_eq!(back.failed.len(), 1);
    assert_eq!(back.failed[0].error.kind(), ErrorKind::Busy);
    assert_eq!(
        names_and_bytes(&*stack, "/")["/tree/deep/mine"],
        b"new work"
    );
}

#[test]
fn only_stacks_can_restore_and_only_what_they_deleted() {
    let (_, stack) = changed_stack();
    let plain = Arc::new(MemoryBackend::new());
    write(&*plain, "/a", b"a");
    let engine = World::default()
        .with("s", stack)
        .with("p", plain)
        .engine(None);
    for (item, kind) in [
        ("p:/a", ErrorKind::Unsupported),
        ("s:/tree/deep/big.bin", ErrorKind::NotFound),
        ("s:/tree/new", ErrorKind::NotFound),
    ] {
        let report = run(&engine, Operation::Reveal(places(&[item])), Decision::Skip);
        assert_eq!(report.failed[0].error.kind(), kind, "{item}");
        assert_eq!(report.entry, None, "nothing to take back");
    }
}
