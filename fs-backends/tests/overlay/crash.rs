//! The upper fails at every possible moment: what is there afterwards is the old tree or the new one, and no deleted entry of the base is back.

use std::collections::BTreeMap;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::middleware::{Effect, Fault, FaultRule};
use fs_core::{Backend, ErrorKind, NewKind, Overlay, RenameMode, SetAttr, VPath};

use crate::model::{Op, run};
use crate::rules::sample;
use crate::support::{Shell, dump};

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

/// All or nothing, for `op` with the upper dead from the n-th change on, for every n.
fn check(op: &Op) {
    for dead_from in 1.. {
        let base = Arc::new(base());
        let upper = Arc::new(MemoryBackend::new());
        let open = || Overlay::new(base.clone(), upper.clone());
        prepare(&open());
        let old = view(&open());
        let faulty = Arc::new(Fault::new(upper.clone()));
        let overlay = Overlay::new(base.clone(), faulty.clone());
        overlay.stat(fs_core::At::path(&VPath::root())).unwrap();
        let dead = FaultRule::on_changes(Effect::Error(ErrorKind::Io)).from(dead_from);
        faulty.faults().add(dead);
        let answer = run(&overlay, op);
        drop(overlay);
        let found = view(&open());
        if answer.is_ok() {
            assert_ne!(found, old, "{op:?} did nothing");
            return;
        }
        let new = {
            let upper = Arc::new(MemoryBackend::new());
            let fs = Overlay::new(base.clone(), upper);
            prepare(&fs);
            run(&fs, op).unwrap();
            view(&fs)
        };
        assert!(
            found == old || found == new,
            "{op:?} with the upper dead from change {dead_from}:\n{found:#?}\nis neither\n{old:#?}\nnor\n{new:#?}"
        );
    }
}

#[test]
fn every_change_is_all_or_nothing() {
    for op in ops() {
        check(&op);
    }
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
