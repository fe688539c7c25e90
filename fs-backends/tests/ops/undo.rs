//! Undo and redo: what was done is taken back, what others did is left alone.

use fs_core::ops::{
    AttrChange, Decision, Engine, LinkTo, ModeChange, Monitor, Operation, Report, State,
};
use fs_core::{At, Backend, Control, Name};

use crate::kinds::{self, pairs};
use crate::world::*;

type Tree = std::collections::BTreeMap<String, Seen>;

pub fn undo(engine: &Engine, report: &Report) -> Report {
    let control = Control::new();
    engine
        .undo(report.entry.unwrap(), Monitor::silent(&control))
        .unwrap()
}

/// Does it, undoes it, does it again: the trees must be as before, as after.
pub fn there_and_back(
    name: &str,
    engine: &Engine,
    backends: &[&dyn Backend],
    operation: Operation,
) {
    let look = || -> Vec<_> {
        let trees = backends.iter().map(|b| seen(*b, "/"));
        trees.map(without_folder_times).collect()
    };
    let before = look();
    let report = run(engine, operation.clone(), Decision::Replace);
    assert!(report.failed.is_empty(), "{name}: {}", failures(&report));
    let after = look();
    assert_ne!(before, after, "{name}: nothing was done");
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let back = undo(engine, &report);
    assert!(back.complete(), "{name}: {}", failures(&back));
    same(&look(), &before, &format!("{name}: undo of {operation:?}"));
    assert_eq!(engine.next_redo().unwrap().id, report.entry.unwrap());
    let again = engine.redo(report.entry.unwrap(), monitor).unwrap();
    assert!(again.complete(), "{name}: {}", failures(&again));
    let entry = engine.next_undo().unwrap();
    assert_eq!(Some(entry.id), again.entry);
    let what = format!("{name}: redo of {operation:?}");
    same(&without_times(&look()), &without_times(&after), &what);
    let back = engine.undo(entry.id, monitor).unwrap();
    assert!(back.complete(), "{name}: {}", failures(&back));
    same(
        &look(),
        &before,
        &format!("{name}: second undo of {operation:?}"),
    );
}

fn same(now: &[Tree], expected: &[Tree], what: &str) {
    for (now, expected) in now.iter().zip(expected) {
        assert_same(now, expected, what);
    }
}

/// New files and folders get new times.
fn without_times(trees: &[Tree]) -> Vec<Tree> {
    let mut trees = trees.to_vec();
    for seen in trees.iter_mut().flat_map(|tree| tree.values_mut()) {
        seen.mtime = None;
    }
    trees
}

#[test]
fn every_operation_can_be_taken_back() {
    for (a, b) in pairs().into_iter().filter(|(a, b)| a.rich() && b.rich()) {
        let (first, second) = (a.make(), b.make());
        fill(&*first, "/tree");
        mkdir(&*second, "/in");
        mkdir(&*second, "/in/tree");
        mkdir(&*first, "/other");
        write(&*first, "/other/x", b"x of first");
        write(&*second, "/in/tree/note.txt", b"another note");
        write(&*second, "/in/tree/mine", b"mine");
        write(&*first, "/tree/x", b"x in tree, longer");
        let engine = World::default()
            .with("a", first.clone())
            .with("b", second.clone())
            .engine(None);
        let name = format!("{a} to {b}");
        let backends: [&dyn Backend; 2] = [&*first, &*second];
        let change = AttrChange {
            mode: Some(ModeChange::exactly(0o700)),
            ..AttrChange::default()
        };
        for operation in [
            Operation::copy(places(&["a:/tree"]), place("b:/")),
            Operation::copy(places(&["a:/tree", "a:/other/x"]), place("b:/in")),
            Operation::move_into(places(&["a:/tree"]), place("b:/")),
            Operation::move_into(places(&["a:/tree"]), place("b:/in")),
            Operation::move_into(places(&["a:/tree"]), place("a:/other")),
            Operation::move_into(places(&["a:/other/x"]), place("a:/tree")),
            Operation::Duplicate(places(&["a:/tree"])),
            Operation::Rename {
                item: place("a:/tree"),
                name: Name::new("baum").unwrap(),
            },
            Operation::CreateFolder(place("a:/tree/new")),
            Operation::CreateFile(place("b:/in/new.txt")),
            Operation::Link {
                at: place("a:/tree/l"),
                to: LinkTo::Symbolic("note.txt".into()),
            },
            Operation::Link {
                at: place("a:/tree/h"),
                to: LinkTo::Hard(place("a:/tree/note.txt")),
            },
            Operation::SetAttr {
                items: places(&["a:/tree"]),
                change,
                recursive: true,
            },
            Operation::Trash(places(&["a:/tree", "b:/in/tree/mine"])),
        ] {
            there_and_back(&name, &engine, &backends, operation);
        }
    }
}

#[test]
fn what_changed_since_is_left_alone() {
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        let (first, second) = (kind.make(), kind.make());
        fill(&*first, "/tree");
        let engine = World::default()
            .with("a", first.clone())
            .with("b", second.clone())
            .engine(None);
        let copy = Operation::copy(places(&["a:/tree"]), place("b:/"));
        let report = run_well(&engine, copy, Decision::Skip);
        // Someone works on the copy.
        let path = vpath("/tree/deep/er/1.txt");
        let file = second
            .open(At::path(&path), &fs_core::OpenOptions::read_write())
            .unwrap();
        file.write_at(b"precious work", 0).unwrap();
        drop(file);
        write(&*second, "/tree/empty/mine", b"new work");
        let back = undo(&engine, &report);
        let failed: Vec<_> = back.failed.iter().map(|f| f.place.path.clone()).collect();
        assert!(failed.contains(&path), "{failed:?}");
        let left = names_and_bytes(&*second, "/");
        assert_eq!(left["/tree/deep/er/1.txt"], b"precious work");
        assert_eq!(left["/tree/empty/mine"], b"new work");
        assert!(!left.contains_key("/tree/note.txt"));
    }
}

#[test]
fn undo_does_not_overwrite_what_took_the_name() {
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        let backend = kind.make();
        write(&*backend, "/a", b"a");
        let engine = World::default().with("a", backend.clone()).engine(None);
        let rename = Operation::Rename {
            item: place("a:/a"),
            name: Name::new("b").unwrap(),
        };
        let report = run_well(&engine, rename, Decision::Skip);
        write(&*backend, "/a", b"someone else's");
        let back = undo(&engine, &report);
        assert_eq!(back.failed.len(), 1);
        let now = names_and_bytes(&*backend, "/");
        assert_eq!(
            (now["/a"].as_slice(), now["/b"].as_slice()),
            (&b"someone else's"[..], &b"a"[..])
        );
        // It can be tried again when the name is free.
        assert_eq!(engine.next_undo().unwrap().state, State::Done);
        backend
            .change(&fs_core::Change::Unlink(At::path(&vpath("/a"))))
            .unwrap();
        assert!(undo(&engine, &report).complete());
        assert_eq!(names_and_bytes(&*backend, "/")["/a"], b"a");
    }
}

#[test]
fn a_journal_outlives_the_engine() {
    for kind in kinds::all().into_iter().filter(|kind| kind.remembers()) {
        let (first, second) = (kind.make(), kind.make());
        fill(&*first, "/tree");
        let journal = tempfile::tempdir().unwrap();
        let world = || {
            World::default()
                .with("a", first.clone())
                .with("b", second.clone())
        };
        let moved = Operation::move_into(places(&["a:/tree"]), place("b:/"));
        let before = seen(&*first, "/");
        let report = run_well(&world().engine(Some(journal.path())), moved, Decision::Skip);
        let engine = world().engine(Some(journal.path()));
        assert!(engine.pending().is_empty());
        assert!(
            engine.next_undo().is_none(),
            "an undo key must not reach into an earlier session"
        );
        let back = undo(&engine, &report);
        assert!(back.complete(), "{}", failures(&back));
        assert_same(&seen(&*first, "/"), &before, &kind.to_string());
    }
}

#[test]
fn going_back_to_a_snapshot_is_undone_and_done_again() {
    let memory = std::sync::Arc::new(fs_backends::MemoryBackend::new());
    fill(&memory, "/before");
    let first = fs_core::snapshots::Snapshots::take(&*memory, "first").unwrap();
    mkdir(&memory, "/later");
    let engine = World::default().with("m", memory.clone()).engine(None);
    let operation = Operation::GoBack {
        at: place("m:/"),
        to: first.id,
        name: first.name,
    };
    assert_eq!(operation.name(), "Go back to snapshot “first”");
    there_and_back("memory", &engine, &[&*memory], operation);
}

#[test]
fn going_back_to_a_snapshot_that_is_gone_changes_nothing() {
    let memory = std::sync::Arc::new(fs_backends::MemoryBackend::new());
    mkdir(&memory, "/here");
    let engine = World::default().with("m", memory.clone()).engine(None);
    let operation = Operation::GoBack {
        at: place("m:/"),
        to: fs_core::snapshots::SnapshotId(7),
        name: "gone".to_owned(),
    };
    let report = run(&engine, operation, Decision::Replace);
    assert_eq!(report.failed.len(), 1);
    assert!(seen(&*memory, "/").contains_key("/here"));
}
