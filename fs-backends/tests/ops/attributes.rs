//! Changing permissions and owners: each item keeps what was not asked for, and gets exactly its own back.

use std::collections::BTreeMap;

use fs_core::ops::{AttrChange, Decision, Engine, ModeChange, Monitor, Operation, Report};
use fs_core::{At, Backend, Control, SetAttr};

use crate::kinds;
use crate::world::*;

const PATHS: [&str; 5] = ["/d", "/d/run.sh", "/d/note.txt", "/d/in", "/lone"];

/// A folder with a script, a note and a folder, and a file beside it.
fn fill(backend: &dyn Backend) {
    mkdir(backend, "/d");
    mkdir(backend, "/d/in");
    for (path, mode) in [
        ("/d/run.sh", 0o4750),
        ("/d/note.txt", 0o640),
        ("/lone", 0o604),
    ] {
        write(backend, path, b"x");
        set(backend, &vpath(path), &SetAttr::mode(mode));
    }
    set(backend, &vpath("/d"), &SetAttr::mode(0o700));
    set(backend, &vpath("/d/in"), &SetAttr::mode(0o1700));
}

fn modes(backend: &dyn Backend) -> BTreeMap<&'static str, String> {
    let mode = |path: &str| backend.stat(At::path(&vpath(path))).unwrap().mode;
    PATHS
        .into_iter()
        .map(|path| (path, format!("{:o}", mode(path))))
        .collect()
}

fn change_mode(items: &[&str], mode: ModeChange, recursive: bool) -> Operation {
    Operation::SetAttr {
        items: places(items),
        change: AttrChange {
            mode: Some(mode),
            ..AttrChange::default()
        },
        recursive,
    }
}

fn undo(engine: &Engine, report: &Report) {
    let control = Control::new();
    let back = engine
        .undo(report.entry.unwrap(), Monitor::silent(&control))
        .unwrap();
    assert!(back.complete(), "{}", failures(&back));
}

#[test]
fn items_with_different_modes_keep_what_was_not_asked_for() {
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        let backend = kind.make();
        fill(&*backend);
        let engine = World::default().with("a", backend.clone()).engine(None);
        let before = modes(&*backend);
        let mode = ModeChange {
            set: 0o020,
            clear: 0o004,
        };
        let items = ["a:/lone", "a:/d/run.sh", "a:/d/note.txt"];
        let report = run_well(&engine, change_mode(&items, mode, false), Decision::Skip);
        let after = modes(&*backend);
        assert_eq!(after["/lone"], "620", "{kind}");
        assert_eq!(after["/d/run.sh"], "4770", "{kind}");
        assert_eq!(after["/d/note.txt"], "660", "{kind}");
        assert_eq!(after["/d"], before["/d"]);
        undo(&engine, &report);
        assert_eq!(modes(&*backend), before, "{kind}");
    }
}

#[test]
fn a_folder_with_all_below_changes_and_comes_back_item_by_item() {
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        let backend = kind.make();
        fill(&*backend);
        let engine = World::default().with("a", backend.clone()).engine(None);
        let before = modes(&*backend);
        let all = change_mode(&["a:/d"], ModeChange::exactly(0o2755), true);
        let report = run_well(&engine, all, Decision::Skip);
        let expected = [
            ("/d", "2755"),
            ("/d/in", "1755"),
            ("/d/note.txt", "644"),
            ("/d/run.sh", "4755"),
            ("/lone", "604"),
        ];
        for (path, mode) in expected {
            assert_eq!(modes(&*backend)[path], mode, "{kind}: {path}");
        }
        assert_eq!(report.items, 4);
        undo(&engine, &report);
        assert_eq!(modes(&*backend), before, "{kind}");
    }
}

#[test]
fn what_is_right_already_is_not_touched_and_leaves_nothing_to_undo() {
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        let backend = kind.make();
        fill(&*backend);
        let engine = World::default().with("a", backend.clone()).engine(None);
        let ctime = || backend.stat(At::path(&vpath("/lone"))).unwrap().ctime;
        let before = ctime();
        let same = change_mode(&["a:/lone"], ModeChange::exactly(0o604), false);
        let report = run_well(&engine, same, Decision::Skip);
        assert_eq!((report.items, report.entry), (1, None), "{kind}");
        assert_eq!(ctime(), before, "{kind}");
    }
}

/// A change of owner clears the set-id bits on a real disk (`chown(2)`): undo brings them back, too.
#[test]
fn owner_group_and_set_id_bits_come_back() {
    let may_chown = |kind: &kinds::Kind| kind.name() != "sandbox" || runs_as_root();
    for kind in kinds::all().into_iter().filter(|kind| kind.rich()) {
        if !may_chown(&kind) {
            continue;
        }
        let backend = kind.make();
        fill(&*backend);
        let engine = World::default().with("a", backend.clone()).engine(None);
        let path = vpath("/d/run.sh");
        let owner = || {
            let now = backend.stat(At::path(&path)).unwrap();
            (now.uid, now.gid, now.mode)
        };
        let before = owner();
        let chown = Operation::SetAttr {
            items: places(&["a:/d/run.sh"]),
            change: AttrChange {
                uid: Some(4321),
                gid: Some(8765),
                ..AttrChange::default()
            },
            recursive: false,
        };
        let report = run_well(&engine, chown, Decision::Skip);
        assert_eq!((owner().0, owner().1), (4321, 8765), "{kind}");
        undo(&engine, &report);
        assert_eq!(owner(), before, "{kind}");
    }
}

fn runs_as_root() -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(4321), None).is_ok()
}
