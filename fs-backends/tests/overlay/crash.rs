//! The upper fails at every possible moment: what is there afterwards is the old tree or the new one, and no deleted entry of the base is back.

use std::collections::BTreeMap;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::middleware::{Effect, Fault, FaultRule};
use fs_core::{Backend, ErrorKind, NewKind, Overlay, RenameMode, SetAttr, VPath};

use crate::model::{Op, run};
use crate::rules::sample;
use crate::support::{Shell, at, dump};

type View = BTreeMap<String, (fs_core::FileKind, Vec<u8>, u32)>;

fn view(fs: &dyn Backend) -> View {
    dump(fs)
        .into_iter()
        .map(|(path, item)| (path, (item.metadata.kind, item.content, item.metadata.mode)))
        .collect()
}

/// What was done before, in an upper of its own.
fn prepare(fs: &dyn Backend) {
    fs.mkdir("/made");
    fs.put("/made/x", "x");
    fs.mkdir("/empty");
    fs.rm_r("/gone");
    fs.unlink("/b").unwrap();
    fs.put("/changed", "changed");
    fs.rm_r("/emptied/x");
}

fn base() -> MemoryBackend {
    let base = MemoryBackend::new();
    sample(&base);
    base.mkdir("/gone");
    base.put("/gone/old", "old");
    base.put("/changed", "old");
    base.mkdir("/emptied");
    base.put("/emptied/x", "x");
    base
}

fn ops() -> Vec<Op> {
    let p = |path: &str| path.to_owned();
    let mv = |from: &str, to: &str| Op::Rename(p(from), p(to), RenameMode::Replace);
    let swap = |from: &str, to: &str| Op::Rename(p(from), p(to), RenameMode::Exchange);
    vec![
        Op::Unlink(p("/a")),
        Op::Unlink(p("/changed")),
        Op::Unlink(p("/d/e")),
        Op::Rmdir(p("/emptied")),
        Op::Rmdir(p("/empty")),
        Op::Create(p("/gone"), NewKind::Directory),
        Op::Create(p("/gone"), NewKind::File),
        Op::Create(p("/b"), NewKind::Symlink("a".into())),
        Op::Create(p("/d/s/new"), NewKind::Directory),
        Op::Link(p("/a"), p("/b")),
        Op::Link(p("/made/x"), p("/gone")),
        Op::Chmod(p("/d/s/deep"), 0o600),
        Op::Truncate(p("/d/s/deep"), 2),
        Op::Stage(p("/a"), NewKind::File, RenameMode::Replace),
        Op::Stage(p("/gone"), NewKind::Directory, RenameMode::NoReplace),
        Op::Stage(p("/emptied"), NewKind::Directory, RenameMode::Replace),
        mv("/a", "/b"),
        mv("/a", "/changed"),
        mv("/changed", "/b"),
        mv("/made", "/gone"),
        mv("/made", "/emptied"),
        mv("/d", "/gone"),
        mv("/d", "/emptied"),
        mv("/d", "/elsewhere"),
        mv("/empty", "/gone"),
        swap("/a", "/d"),
        swap("/made", "/d"),
        swap("/changed", "/made"),
    ]
}

/// All or nothing, for `act` after `before`, with the upper dead from the n-th change on, for every n.
fn check(
    what: &str,
    before: &dyn Fn(&dyn Backend),
    act: &dyn Fn(&dyn Backend) -> Result<(), ErrorKind>,
) {
    for dead_from in 1.. {
        let base = Arc::new(base());
        let upper = Arc::new(MemoryBackend::new());
        let open = || Overlay::new(base.clone(), upper.clone());
        prepare(&open());
        before(&open());
        let old = view(&open());
        let faulty = Arc::new(Fault::new(upper.clone()));
        let overlay = Overlay::new(base.clone(), faulty.clone());
        overlay.stat(fs_core::At::path(&VPath::root())).unwrap();
        let dead = FaultRule::on_changes(Effect::Error(ErrorKind::Io)).from(dead_from);
        faulty.faults().add(dead);
        let answer = act(&overlay);
        drop(overlay);
        let found = view(&open());
        if answer.is_ok() {
            assert_ne!(found, old, "{what} did nothing");
            return;
        }
        let new = {
            let upper = Arc::new(MemoryBackend::new());
            let fs = Overlay::new(base.clone(), upper);
            prepare(&fs);
            before(&fs);
            act(&fs).unwrap();
            view(&fs)
        };
        assert!(
            found == old || found == new,
            "{what} with the upper dead from change {dead_from}:\n{found:#?}\nis neither\n{old:#?}\nnor\n{new:#?}"
        );
    }
}

#[test]
fn every_change_is_all_or_nothing() {
    for op in ops() {
        check(&format!("{op:?}"), &|_| (), &|fs| run(fs, &op).map(drop));
    }
}

fn discard(fs: &dyn Backend, path: &str) -> Result<(), ErrorKind> {
    let trash = fs.extensions().trash.unwrap();
    trash.discard(&at(path)).map(drop).map_err(|e| e.kind())
}

/// Restores the newest item.
fn restore(fs: &dyn Backend, to: &str, mode: RenameMode) -> Result<(), ErrorKind> {
    let trash = fs.extensions().trash.unwrap();
    let item = trash.items().unwrap().pop().unwrap();
    trash.restore(&item.id, &at(to), mode).map_err(|e| e.kind())
}

#[test]
fn to_the_trash_is_all_or_nothing() {
    for path in [
        "/a", "/changed", "/d/e", "/d", "/made", "/empty", "/emptied",
    ] {
        check(&format!("discard {path}"), &|_| (), &|fs| discard(fs, path));
    }
}

#[test]
fn out_of_the_trash_is_all_or_nothing() {
    for (from, to, mode) in [
        ("/a", "/a", RenameMode::NoReplace),
        ("/d", "/d", RenameMode::NoReplace),
        ("/d", "/gone", RenameMode::NoReplace),
        ("/made", "/gone", RenameMode::NoReplace),
        ("/made", "/emptied", RenameMode::Replace),
        ("/made", "/d/s/made", RenameMode::NoReplace),
        ("/made/x", "/changed", RenameMode::Replace),
        ("/made/x", "/a", RenameMode::Replace),
        ("/a", "/b", RenameMode::NoReplace),
        ("/empty", "/gone", RenameMode::NoReplace),
    ] {
        check(
            &format!("restore {from} to {to}"),
            &|fs| discard(fs, from).unwrap(),
            &|fs| restore(fs, to, mode),
        );
    }
}

/// One step of the upper: whoever looks at any moment sees the item or nothing, never the base's entry.
#[test]
fn the_base_never_shows_while_something_comes_from_the_trash_or_goes_there() {
    let base = Arc::new(base());
    let fs = Overlay::new(base, MemoryBackend::new());
    fs.chmod("/gone", 0o700);
    let done = std::sync::atomic::AtomicBool::new(false);
    let (fs, done) = (&fs, &done);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..200 {
                discard(fs, "/gone").unwrap();
                restore(fs, "/gone", RenameMode::NoReplace).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            if let Ok(seen) = fs.upper().stat(fs_core::At::path(&at("/gone"))) {
                assert!(seen.is_whiteout() || seen.mode == 0o700, "{seen:?}");
            } else {
                panic!("the upper says nothing about a name of the base");
            }
        }
    });
}

#[test]
fn r45_a_full_upper_changes_nothing() {
    let base = Arc::new(base());
    base.put("/big", &"x".repeat(200_000));
    let fs = Overlay::new(base, MemoryBackend::with_limit(100_000));
    fs.put("/small", "s");
    let before = view(&fs);
    let error = fs.set("/big", &SetAttr::mode(0o600)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(view(&fs), before);
    assert_eq!(fs.upper().ls("/"), ["small"]);
}
