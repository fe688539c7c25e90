//! The program ends at any moment: memory filesystems and the journal are copied in the middle of an operation, as a crash would leave them, and
//! opened anew. Every file is old or new; the journal can finish the operation, and can take it back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fs_backends::MemoryBackend;
use fs_core::ops::{Decision, Engine, Monitor, Operation};
use fs_core::{At, Backend, Control, OpenOptions, RenameMode};

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

/// Adds to the file that is being replaced, if it is not in the trash yet.
fn write_to_old(disk: &MemoryBackend) {
    let files = seen(disk, "/").into_iter();
    for (path, _) in files.filter(|(_, seen)| seen.bytes == b"other lone") {
        let (path, how) = (vpath(&path), OpenOptions::read_write());
        let file = disk.open(At::path(&path), &how).unwrap();
        file.append(b", and more").unwrap();
    }
}

/// Every content on a disk, its trash included.
fn contents_and_trash(disk: &MemoryBackend) -> Vec<Vec<u8>> {
    let trash = disk.extensions().trash.unwrap();
    for (number, item) in trash.items().unwrap().iter().enumerate() {
        let to = vpath(&format!("/restored {number}"));
        trash.restore(&item.id, &to, RenameMode::NoReplace).unwrap();
    }
    let all = seen(disk, "/").into_values();
    all.map(|seen| seen.bytes).collect()
}

/// Whoever has a file open that was replaced may still write to it.
#[test]
fn what_was_replaced_and_written_to_after_the_crash_is_kept() {
    let copy = Operation::copy(places(&["a:/lone"]), place("b:/in"));
    let act = |engine: &Engine| drop(run(engine, copy.clone(), Decision::Replace));
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let mut written = 0;
    for call in 1.. {
        let (_, Some((disks, journal))) = crash_at(call, &|_| {}, &act) else {
            break;
        };
        write_to_old(&disks.b);
        let again = (disks.crashed(), copy_of(journal.path()));
        for (undo, (disks, journal)) in [(false, (disks, journal)), (true, again)] {
            let engine = disks.engine(journal.path());
            let Some(first) = engine.pending().pop() else {
                continue;
            };
            let report = match undo {
                true => engine.undo(first.id, monitor).unwrap(),
                false => engine.finish(first.id, monitor).unwrap(),
            };
            let what = format!("crash after call {call}, undo: {undo}");
            assert!(report.complete(), "{what}: {}", failures(&report));
            let now = seen(&*disks.b, "/in");
            let names: Vec<_> = now.keys().map(String::as_str).collect();
            assert_eq!(names, ["/lone", "/tree", "/tree/one"], "{what}");
            let all = contents_and_trash(&disks.b);
            let old = all.iter().filter(|bytes| bytes.starts_with(b"other lone"));
            assert_eq!(old.clone().count(), 1, "{what}");
            written += usize::from(old.clone().any(|bytes| bytes.ends_with(b", and more")));
            let old_is_back = now["/lone"].bytes.starts_with(b"other lone");
            assert_eq!(old_is_back, undo, "{what}");
        }
    }
    assert!(written > 2);
}
