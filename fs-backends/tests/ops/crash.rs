//! The program ends at any moment: memory filesystems and the journal are copied in the middle of an operation, as a crash would leave them, and
//! opened anew. Every file is old or new; the journal can finish the operation, and can take it back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fs_backends::MemoryBackend;
use fs_core::ops::{Decision, Engine, Monitor, Operation};
use fs_core::{At, Backend, Control};

use crate::watched::Watched;
use crate::world::*;

type Tree = BTreeMap<String, Seen>;

/// Two filesystems.
struct Disks {
    a: Arc<MemoryBackend>,
    b: Arc<MemoryBackend>,
}

impl Disks {
    fn new() -> Self {
        let disks = Self {
            a: Arc::default(),
            b: Arc::default(),
        };
        for folder in ["/tree", "/tree/sub", "/tree/hollow"] {
            mkdir(&*disks.a, folder);
        }
        write(&*disks.a, "/tree/one", b"one of a");
        write(&*disks.a, "/tree/sub/two", b"two of a, longer");
        write(&*disks.a, "/lone", b"lone of a, still longer");
        let (from, to) = (vpath("/tree/one"), vpath("/tree/sub/same"));
        disks
            .a
            .change(&fs_core::Change::Link {
                from: At::path(&from),
                to: At::path(&to),
            })
            .unwrap();
        mkdir(&*disks.a, "/goal");
        mkdir(&*disks.b, "/in");
        mkdir(&*disks.b, "/in/tree");
        for (disk, root) in [(&disks.a, "/goal"), (&disks.b, "/in")] {
            write(&**disk, &format!("{root}/lone"), b"other lone");
        }
        write(&*disks.b, "/in/tree/one", b"other one");
        disks
    }

    fn crashed(&self) -> Self {
        Self {
            a: Arc::new((*self.a).clone()),
            b: Arc::new((*self.b).clone()),
        }
    }

    fn seen(&self) -> [Tree; 2] {
        [&self.a, &self.b].map(|disk| without_folder_times(seen(&**disk, "/")))
    }

    fn engine(&self, journal: &Path) -> Engine {
        World::default()
            .with("a", Watched::new(self.a.clone(), || {}))
            .with("b", Watched::new(self.b.clone(), || {}))
            .engine(Some(journal))
    }
}

/// What a crash left: the disks, and a folder with the journal.
type Wreck = (Disks, tempfile::TempDir);

/// Does something on fresh disks; after `call` calls to them everything is copied as a crash would leave it. `None`: there are not so many calls.
fn crash_at(
    call: usize,
    prepare: &dyn Fn(&Engine),
    act: &dyn Fn(&Engine),
) -> (Disks, Option<Wreck>) {
    let disks = Arc::new(Disks::new());
    let journal = Arc::new(tempfile::tempdir().unwrap());
    prepare(&disks.engine(journal.path()));
    let wreck: Arc<Mutex<Option<Wreck>>> = Arc::default();
    let count = Arc::new(AtomicUsize::new(0));
    let sink = {
        let (disks, journal, wreck) = (disks.clone(), journal.clone(), wreck.clone());
        move || {
            if count.fetch_add(1, Ordering::SeqCst) + 1 == call {
                *wreck.lock().unwrap() = Some((disks.crashed(), copy_of(journal.path())));
            }
        }
    };
    let engine = World::default()
        .with("a", Watched::new(disks.a.clone(), sink.clone()))
        .with("b", Watched::new(disks.b.clone(), sink))
        .engine(Some(journal.path()));
    act(&engine);
    drop(engine);
    let wreck = wreck.lock().unwrap().take();
    (disks.crashed(), wreck)
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Every content there was, however often.
fn contents(trees: &[Tree; 2]) -> Vec<Vec<u8>> {
    let files = trees.iter().flat_map(|tree| tree.values());
    let mut all: Vec<_> = files
        .filter(|seen| seen.kind == fs_core::FileKind::File)
        .map(|seen| seen.bytes.clone())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// At every moment: nothing torn; finish and undo lead to where they should.
fn survives(name: &str, prepare: &dyn Fn(&Engine), act: &dyn Fn(&Engine), undoing: bool) {
    let (prepared, _) = crash_at(0, prepare, &|_| {});
    let before = prepared.seen();
    let (done, _) = crash_at(0, prepare, act);
    let after = done.seen();
    assert_ne!(before, after, "{name} does nothing");
    let known = {
        let mut known = contents(&before);
        known.extend(contents(&after));
        known
    };
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let mut pending_seen = 0;
    for call in 1.. {
        let (_, wreck) = crash_at(call, prepare, act);
        let Some((disks, journal)) = wreck else {
            break;
        };
        let what = format!("{name}, crash after call {call}");
        for bytes in contents(&disks.seen()) {
            assert!(known.contains(&bytes), "{what}: torn: {bytes:?}");
        }
        let again = (disks.crashed(), copy_of(journal.path()));
        let engine = disks.engine(journal.path());
        let pending = engine.pending();
        let Some(first) = pending.first() else {
            let now = disks.seen();
            assert!(
                now == before || now == after,
                "{what}: half done, and nobody knows"
            );
            continue;
        };
        pending_seen += 1;
        assert_eq!(pending.len(), 1, "{what}");
        let report = engine.finish(first.id, monitor).unwrap();
        assert!(
            report.failed.is_empty(),
            "{what}, finish: {}",
            failures(&report)
        );
        compare(&disks.seen(), &after, &format!("{what}, finished"));
        let (disks, journal) = again;
        let engine = disks.engine(journal.path());
        let report = engine.undo(first.id, monitor).unwrap();
        assert!(
            report.failed.is_empty(),
            "{what}, undo: {}",
            failures(&report)
        );
        // The way back of a way back is the way back.
        let goal = if undoing { &after } else { &before };
        compare(&disks.seen(), goal, &format!("{what}, undone"));
    }
    assert!(pending_seen > 1, "{name}: never interrupted");
}

fn compare(now: &[Tree; 2], expected: &[Tree; 2], what: &str) {
    for (now, expected) in now.iter().zip(expected) {
        assert_same(now, expected, what);
    }
}

/// Crash while doing it, and crash while undoing it.
fn survives_both_ways(name: &str, operation: &Operation, answer: Decision) {
    let act = |engine: &Engine| {
        let report = run(engine, operation.clone(), answer);
        assert!(report.failed.is_empty(), "{name}: {}", failures(&report));
    };
    survives(name, &|_| {}, &act, false);
    let undo = |engine: &Engine| {
        let control = Control::new();
        let last = engine.history().pop().unwrap();
        let report = engine.undo(last.id, Monitor::silent(&control)).unwrap();
        assert!(report.failed.is_empty(), "{name}: {}", failures(&report));
    };
    survives(&format!("undo of {name}"), &act, &undo, true);
}

#[test]
fn copy_that_replaces() {
    let copy = Operation::copy(places(&["a:/tree", "a:/lone"]), place("b:/in"));
    survives_both_ways("copy that replaces", &copy, Decision::Replace);
}

#[test]
fn copy_of_a_folder() {
    let copy = Operation::copy(places(&["a:/tree"]), place("b:/"));
    survives_both_ways("copy", &copy, Decision::Skip);
}

#[test]
fn move_to_another_filesystem() {
    let moved = Operation::move_into(places(&["a:/tree", "a:/lone"]), place("b:/"));
    survives_both_ways("move", &moved, Decision::Skip);
}

#[test]
fn move_that_merges_and_replaces() {
    let moved = Operation::move_into(places(&["a:/tree", "a:/lone"]), place("b:/in"));
    survives_both_ways("move that merges", &moved, Decision::Replace);
}

#[test]
fn move_within_one_filesystem() {
    let moved = Operation::move_into(places(&["a:/tree", "a:/lone"]), place("a:/goal"));
    survives_both_ways("rename", &moved, Decision::Replace);
}

#[test]
fn trash_and_back() {
    let trash = Operation::Trash(places(&["a:/tree", "a:/lone"]));
    survives_both_ways("trash", &trash, Decision::Skip);
}

#[test]
fn duplicate() {
    let twice = Operation::Duplicate(places(&["a:/tree", "a:/lone"]));
    survives_both_ways("duplicate", &twice, Decision::Skip);
}
