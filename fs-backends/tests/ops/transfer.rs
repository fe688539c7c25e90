//! Copy and move between any two backends.

use fs_backends::{IndexedBackend, MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::ops::{Decision, Operation};
use fs_core::{At, Backend, FileKind};

use crate::kinds::{Kind, pairs};
use crate::world::*;

fn world(
    a: &Kind,
    b: &Kind,
) -> (
    World,
    std::sync::Arc<dyn Backend>,
    std::sync::Arc<dyn Backend>,
) {
    let (first, second) = (a.make(), b.make());
    let world = World::default()
        .with("a", first.clone())
        .with("b", second.clone());
    (world, first, second)
}

#[test]
fn a_copy_equals_its_source() {
    for (a, b) in pairs() {
        let (world, source, target) = world(&a, &b);
        fill(&*source, "/tree");
        mkdir(&*target, "/in");
        let before = seen(&*source, "/");
        let engine = world.engine(None);
        let copy = Operation::copy(places(&["a:/tree"]), place("b:/in"));
        let report = run(&engine, copy, Decision::Skip);
        assert_eq!(report.results, places(&["b:/in/tree"]), "{a} to {b}");
        assert_same(&seen(&*source, "/"), &before, &format!("{a} to {b}"));
        if a.rich() && b.rich() {
            assert!(report.complete(), "{}", failures(&report));
            assert_same(&seen(&*target, "/in"), &before, &format!("{a} to {b}"));
        } else {
            let left = names_and_bytes(&*target, "/in");
            for (name, seen) in &before {
                let plain = matches!(seen.kind, FileKind::File | FileKind::Directory);
                let kept = b.rich() || plain;
                assert_eq!(left.contains_key(name), kept, "{name} {a} to {b}");
                assert!(!kept || left[name] == seen.bytes, "{name} {a} to {b}");
            }
        }
    }
}

/// Is the target forgetful and the source not? Then a source goes to its trash, if it has one, or stays.
fn forgets(a: &Kind, b: &Kind) -> bool {
    let volatile = |kind: &Kind| {
        let root = fs_core::VPath::root();
        let caps = kind.make().capabilities(At::path(&root));
        caps.contains(fs_core::Capabilities::VOLATILE)
    };
    volatile(b) && !volatile(a)
}

/// The source is not even trashed.
fn keeps_source(a: &Kind, b: &Kind) -> bool {
    forgets(a, b) && a.make().extensions().trash.is_none()
}

#[test]
fn a_move_leaves_nothing_and_loses_nothing() {
    for (a, b) in pairs() {
        let (world, source, target) = world(&a, &b);
        fill(&*source, "/tree");
        let before = names_and_bytes(&*source, "/");
        let engine = world.engine(None);
        let moved = Operation::move_into(places(&["a:/tree"]), place("b:/"));
        let report = run(&engine, moved, Decision::Skip);
        let (left, came) = (
            names_and_bytes(&*source, "/"),
            names_and_bytes(&*target, "/"),
        );
        for (name, bytes) in &before {
            let there = came.get(name).or_else(|| left.get(name));
            assert_eq!(there, Some(bytes), "{name} {a} to {b}");
        }
        if keeps_source(&a, &b) {
            assert_eq!(
                left, before,
                "{a} to {b}: the target forgets, so the source stays"
            );
            assert_eq!(report.skipped, places(&["a:/tree"]));
        } else if a.rich() <= b.rich() {
            assert!(report.complete(), "{}", failures(&report));
            assert!(left.is_empty(), "{a} to {b}: {left:?}");
        }
    }
}

#[test]
fn a_move_within_one_filesystem_is_a_rename() {
    for kind in crate::kinds::all() {
        let backend = kind.make();
        fill(&*backend, "/tree");
        mkdir(&*backend, "/in");
        let inode = backend.stat(At::path(&vpath("/tree/note.txt"))).unwrap().id;
        let before = seen(&*backend, "/tree");
        let engine = World::default().with("a", backend.clone()).engine(None);
        let moved = Operation::move_into(places(&["a:/tree"]), place("a:/in"));
        run_well(&engine, moved, Decision::Skip);
        assert_same(&seen(&*backend, "/in/tree"), &before, &kind.to_string());
        let now = backend
            .stat(At::path(&vpath("/in/tree/note.txt")))
            .unwrap()
            .id;
        assert_eq!(now, inode, "{kind}");
    }
}

#[test]
fn folders_merge_and_the_emptied_source_goes() {
    for (a, b) in pairs().into_iter().chain(crate::kinds::alone()) {
        if forgets(&a, &b) {
            continue;
        }
        let (source, target) = if a.name() == b.name() {
            let one = a.make();
            (one.clone(), one)
        } else {
            (a.make(), b.make())
        };
        for (backend, root) in [(&source, "/from"), (&target, "/to")] {
            mkdir(&**backend, root);
            mkdir(&**backend, &format!("{root}/d"));
            mkdir(&**backend, &format!("{root}/d/sub"));
        }
        write(&*source, "/from/d/new", b"new");
        write(&*source, "/from/d/sub/both", b"from source");
        write(&*target, "/to/d/old", b"old");
        write(&*target, "/to/d/sub/both", b"from target");
        let same = a.name() == b.name();
        let engine = World::default()
            .with("a", source.clone())
            .with("b", target.clone())
            .engine(None);
        let fs = if same { "a" } else { "b" };
        let moved = Operation::move_into(places(&["a:/from/d"]), place(&format!("{fs}:/to")));
        assert_eq!(preflight(&engine, moved.clone()).conflicts.len(), 1);
        let report = run_well(&engine, moved.clone(), Decision::Skip);
        assert_eq!(
            report.skipped,
            places(&["a:/from/d/sub/both"]),
            "{a} to {b}"
        );
        // What was skipped stays, with its folder.
        let left = names_and_bytes(&*source, "/from");
        assert_eq!(left["/d/sub/both"], b"from source");
        assert!(!left.contains_key("/d/new"));
        run_well(&engine, moved, Decision::Replace);
        assert!(names_and_bytes(&*source, "/from").is_empty(), "{a} to {b}");
        let came = names_and_bytes(&*target, "/to");
        assert_eq!(came["/d/sub/both"], b"from source");
        assert_eq!(came["/d/old"], b"old");
        assert_eq!(came["/d/new"], b"new");
    }
}

#[test]
fn decisions_do_what_they_say() {
    for (a, b) in pairs() {
        for decision in [
            Decision::Skip,
            Decision::Replace,
            Decision::KeepBoth,
            Decision::ReplaceIfNewer,
        ] {
            let (world, source, target) = world(&a, &b);
            write(&*source, "/x.txt", b"long source");
            write(&*target, "/x.txt", b"target");
            let newer = source.stat(At::path(&vpath("/x.txt"))).unwrap().mtime
                > target.stat(At::path(&vpath("/x.txt"))).unwrap().mtime;
            let engine = world.engine(None);
            let copy = Operation::copy(places(&["a:/x.txt"]), place("b:/"));
            run_well(&engine, copy, decision);
            let now = names_and_bytes(&*target, "/");
            let replaced = match decision {
                Decision::Replace => true,
                Decision::ReplaceIfNewer => newer,
                _ => false,
            };
            let expected: &[u8] = if replaced { b"long source" } else { b"target" };
            assert_eq!(now["/x.txt"], expected, "{decision:?} {a} to {b}");
            let both = now.get("/x (2).txt").map(Vec::as_slice);
            let kept: &[u8] = b"long source";
            assert_eq!(both, (decision == Decision::KeepBoth).then_some(kept));
            assert_eq!(now.len(), 1 + usize::from(both.is_some()));
        }
    }
}

#[test]
fn a_file_never_replaces_a_folder_nor_a_folder_a_file() {
    for (a, b) in pairs().into_iter().filter(|(a, b)| !keeps_source(a, b)) {
        let (world, source, target) = world(&a, &b);
        write(&*source, "/x", b"file");
        mkdir(&*source, "/y");
        write(&*source, "/y/inside", b"inside");
        mkdir(&*target, "/x");
        write(&*target, "/x/precious", b"precious");
        write(&*target, "/y", b"precious file");
        let engine = world.engine(None);
        let moved = Operation::move_into(places(&["a:/x", "a:/y"]), place("b:/"));
        run(&engine, moved.clone(), Decision::Replace);
        let now = names_and_bytes(&*target, "/");
        assert_eq!(now["/x/precious"], b"precious", "{a} to {b}");
        assert_eq!(now["/y"], b"precious file");
        assert_eq!(names_and_bytes(&*source, "/").len(), 3);
        run_well(&engine, moved, Decision::KeepBoth);
        let now = names_and_bytes(&*target, "/");
        assert_eq!(now["/x (2)"], b"file");
        assert_eq!(now["/y (2)/inside"], b"inside");
        assert!(names_and_bytes(&*source, "/").is_empty());
    }
}

#[test]
fn nothing_goes_into_or_onto_itself() {
    for kind in crate::kinds::all() {
        let backend = kind.make();
        fill(&*backend, "/tree");
        let before = seen(&*backend, "/");
        // The same filesystem seen through two tabs.
        let engine = World::default()
            .with("a", backend.clone())
            .with("b", backend.clone())
            .engine(None);
        for operation in [
            Operation::copy(places(&["a:/tree"]), place("a:/tree/deep")),
            Operation::copy(places(&["a:/tree"]), place("b:/tree/deep")),
            Operation::move_into(places(&["a:/tree"]), place("b:/tree")),
            Operation::move_into(places(&["a:/tree"]), place("b:/")),
            Operation::move_into(places(&["a:/tree/note.txt"]), place("b:/tree")),
            Operation::copy(places(&["a:/tree/note.txt"]), place("b:/tree")),
        ] {
            let report = run(&engine, operation.clone(), Decision::Replace);
            assert!(!report.complete(), "{kind} {operation:?}");
            assert_eq!(seen(&*backend, "/"), before, "{kind} {operation:?}");
        }
    }
}

#[test]
fn a_copy_into_its_own_folder_is_a_duplicate() {
    for kind in crate::kinds::all() {
        let backend = kind.make();
        write(&*backend, "/a.txt", b"a");
        let engine = World::default().with("a", backend.clone()).engine(None);
        let copy = Operation::copy(places(&["a:/a.txt"]), place("a:/"));
        run_well(&engine, copy, Decision::Skip);
        run_well(
            &engine,
            Operation::Duplicate(places(&["a:/a.txt"])),
            Decision::Skip,
        );
        let names: Vec<_> = names_and_bytes(&*backend, "/").into_keys().collect();
        assert_eq!(
            names,
            ["/a (copy 2).txt", "/a (copy).txt", "/a.txt"],
            "{kind}"
        );
    }
}

#[test]
fn a_thousand_folders_deep() {
    let walks_fast = |kind: &Kind| ["memory", "sandbox"].contains(&kind.name());
    for (a, b) in crate::kinds::alone()
        .into_iter()
        .filter(|(a, _)| walks_fast(a))
    {
        let (world, source, target) = world(&a, &b);
        let mut path = String::new();
        for _ in 0..1000 {
            path.push_str("/d");
            mkdir(&*source, &path);
        }
        write(&*source, &format!("{path}/f"), b"deep");
        let engine = world.engine(None);
        let copy = Operation::copy(places(&["a:/d"]), place("b:/"));
        run_well(&engine, copy, Decision::Skip);
        assert_eq!(read(&*target, &vpath(&format!("{path}/f"))), b"deep");
        run_well(
            &engine,
            Operation::Delete(places(&["b:/d"])),
            Decision::Skip,
        );
        assert!(names_and_bytes(&*target, "/").is_empty());
    }
}

/// The names of one file stay names of one file, also those that take the place of others; what was replaced comes back.
#[test]
fn hard_links_that_replace_files_stay_hard_links() {
    for (a, b) in pairs() {
        if !a.rich() || !b.rich() {
            continue;
        }
        for taken in [vec!["two"], vec!["one"], vec!["one", "two", "three"]] {
            let what = format!("{a} to {b}, {taken:?} taken");
            let (world, source, target) = world(&a, &b);
            mkdir(&*source, "/tree");
            write(&*source, "/tree/one", b"shared");
            for further in ["/tree/two", "/tree/three"] {
                let (from, to) = (vpath("/tree/one"), vpath(further));
                let link = fs_core::Change::Link {
                    from: At::path(&from),
                    to: At::path(&to),
                };
                source.change(&link).unwrap();
            }
            mkdir(&*target, "/in");
            mkdir(&*target, "/in/tree");
            for name in &taken {
                let old = format!("old {name}");
                write(&*target, &format!("/in/tree/{name}"), old.as_bytes());
            }
            let before = without_folder_times(seen(&*target, "/in"));
            let engine = world.engine(None);
            let copy = Operation::copy(places(&["a:/tree"]), place("b:/in"));
            let report = run_well(&engine, copy, Decision::Replace);
            let stat = |name: &str| {
                let path = vpath(&format!("/in/tree/{name}"));
                target.stat(At::path(&path)).unwrap()
            };
            let first = stat("one");
            assert_eq!(first.nlink, 3, "{what}");
            for name in ["two", "three"] {
                assert_eq!(stat(name).id, first.id, "{what}: {name}");
            }
            let names = names_and_bytes(&*target, "/in/tree");
            assert!(names.values().all(|bytes| bytes == b"shared"), "{what}");
            assert_eq!(names.len(), 3, "{what}: {names:?}");
            let control = fs_core::Control::new();
            let monitor = fs_core::ops::Monitor::silent(&control);
            let undone = engine.undo(report.entry.unwrap(), monitor).unwrap();
            assert!(undone.complete(), "{what}: {}", failures(&undone));
            let after = without_folder_times(seen(&*target, "/in"));
            assert_same(&after, &before, &what);
        }
    }
}

#[test]
fn replacing_where_there_is_no_trash_is_told_before() {
    for (a, b) in pairs() {
        let (world, source, target) = world(&a, &b);
        write(&*source, "/file", b"new");
        write(&*target, "/other", b"old");
        mkdir(&*target, "/in");
        write(&*target, "/in/file", b"old");
        let keeps = target.extensions().trash.is_some();
        let engine = world.engine(None);
        let clash = Operation::copy(places(&["a:/file"]), place("b:/in"));
        let told = preflight(&engine, clash).replaces_for_good;
        assert_eq!(told, !keeps, "{a} to {b}");
        if a.name() != b.name() {
            let free = Operation::copy(places(&["a:/file"]), place("b:/"));
            assert!(!preflight(&engine, free).replaces_for_good, "{a} to {b}");
        }
    }
}

#[test]
fn a_store_does_not_take_its_own_files_in() {
    for source in ["host:/d", "host:/d/s", "host:/d/s/blobs"] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("d/s")).unwrap();
        std::fs::write(dir.path().join("d/other"), b"other").unwrap();
        let path = dir.path().join("d/s");
        let store = std::sync::Arc::new(IndexedBackend::open(&path).unwrap());
        write(&*store, "/k", b"kept");
        let engine = World::default()
            .with("host", VRootFsBackend::new(dir.path()).unwrap())
            .with("store", store.clone())
            .engine(None);
        let moved = Operation::move_into(places(&[source]), place("store:/"));
        let report = run(&engine, moved, Decision::Skip);
        let failed = |ends: &str| {
            report
                .failed
                .iter()
                .any(|f| f.place.path.display().ends_with(ends))
        };
        assert!(failed("/d/s/blobs"), "{source}: {}", failures(&report));
        if source == "host:/d" {
            assert_eq!(read(&*store, &vpath("/d/other")), b"other");
        }
        store.close().unwrap();
        let store = IndexedBackend::open(&path).unwrap();
        assert_eq!(read(&store, &vpath("/k")), b"kept", "{source}");
    }
}

#[test]
fn what_says_it_is_empty_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let memory = std::sync::Arc::new(MemoryBackend::new());
    let trash = vpath(dir.path().join("trash").to_str().unwrap());
    let host = std::sync::Arc::new(StdFsBackend::with_home_trash(trash));
    let into = dir.path().to_str().unwrap();
    for (fs, folder) in [("memory", "/"), ("host", into)] {
        let engine = World::default()
            .with("host", host.clone())
            .with("memory", memory.clone())
            .engine(None);
        let copy = Operation::copy(
            places(&["host:/proc/version"]),
            place(&format!("{fs}:{folder}")),
        );
        let report = run_well(&engine, copy, Decision::Skip);
        let target: &dyn Backend = if fs == "host" { &*host } else { &*memory };
        let copied = &report.results[0].path;
        assert_eq!(
            read(target, copied),
            std::fs::read("/proc/version").unwrap()
        );
        // It is known as what it became.
        let control = fs_core::Control::new();
        let monitor = fs_core::ops::Monitor::silent(&control);
        let undone = engine.undo(report.entry.unwrap(), monitor).unwrap();
        assert!(undone.complete(), "{}", failures(&undone));
        assert!(target.stat(At::path(copied)).is_err());
    }
}
