//! What is remembered of an earlier moment (folders as they were listed, all names, ways to folders) says what is there, whatever changed since.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::extensions::{Search as _, Wanted};
use fs_core::{
    At, Backend as _, Change, Control, FileKind, Metadata, NewNode, OpenOptions, RenameMode,
    SetAttr, VPath, Want, listing,
};
use proptest::prelude::*;

use super::super::VirtualFs;
use super::super::store::{NodeRead, NodeStore, ROOT};
use super::{create, path};
use crate::{IndexedBackend, MemoryBackend, SqliteBackend};

type Row = (OsString, FileKind, u64, Option<Metadata>);

/// Everything below the root, by listing and by searching.
#[derive(Debug, PartialEq)]
struct Seen {
    listed: Vec<(VPath, Vec<Row>)>,
    found: Vec<(VPath, FileKind)>,
}

fn list(fs: &VirtualFs<impl NodeStore>, dir: &VPath, want: &Want) -> Vec<Row> {
    let batch = listing::collect(fs.list(At::path(dir), want).unwrap()).unwrap();
    let row = |entry: fs_core::EntryRef<'_>| {
        let name = entry.name.to_owned();
        (name, entry.kind, entry.ino, entry.metadata.copied())
    };
    batch.iter().map(row).collect()
}

fn look(fs: &VirtualFs<impl NodeStore>) -> Seen {
    let (mut listed, mut todo) = (Vec::new(), vec![VPath::root()]);
    while let Some(dir) = todo.pop() {
        let rows = list(fs, &dir, &Want::metadata());
        let names = list(fs, &dir, &Want::names());
        assert!(rows.iter().map(|it| &it.0).eq(names.iter().map(|it| &it.0)));
        for (name, kind, _, metadata) in &rows {
            let below = dir.join(&fs_core::Name::new(name).unwrap());
            assert_eq!(fs.stat(At::path(&below)).ok(), *metadata, "{below:?}");
            if *kind == FileKind::Directory {
                todo.push(below);
            }
        }
        listed.push((dir, rows));
    }
    let mut found = Vec::new();
    let wanted = Wanted {
        contains: b"",
        fits: &|_, _| true,
    };
    let mut each = |path, kind| {
        found.push((path, kind));
        Ok(())
    };
    fs.search(&VPath::root(), &wanted, &Control::new(), &mut each)
        .unwrap();
    found.sort();
    Seen { listed, found }
}

fn forget(fs: &VirtualFs<impl NodeStore>) {
    fs.shared.listed.clear();
    fs.shared.name_index.clear();
    fs.shared.paths.clear();
    fs.shared.looked_up.clear();
}

/// Is the root known at the present moment, without its being listed anew?
fn is_known(fs: &VirtualFs<impl NodeStore>, want: &Want) -> bool {
    let known = |read: &dyn NodeRead| {
        let folder = (fs.shared.fs, ROOT, want.metadata);
        fs.shared.listed.get(read, folder)
    };
    fs.store().read(known).unwrap().is_some()
}

#[derive(Clone, Debug)]
enum Step {
    Make(usize, u8),
    Remove(usize),
    Rename(usize, usize, u8),
    Link(usize, usize),
    Mode(usize, u32),
    Write(usize, u8),
    Stage(usize, u8),
    /// To the trash, and back or for good.
    Discard(usize, bool),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0usize..9;
    prop_oneof![
        4 => (at(), 0u8..3).prop_map(|(at, kind)| Step::Make(at, kind)),
        2 => at().prop_map(Step::Remove),
        4 => (at(), at(), 0u8..4).prop_map(|(from, to, mode)| Step::Rename(from, to, mode)),
        2 => (at(), at()).prop_map(|(from, to)| Step::Link(from, to)),
        2 => (at(), 0u32..0o1000).prop_map(|(at, mode)| Step::Mode(at, mode)),
        2 => (at(), 1u8..).prop_map(|(at, byte)| Step::Write(at, byte)),
        2 => (at(), 0u8..4).prop_map(|(at, mode)| Step::Stage(at, mode)),
        1 => (at(), any::<bool>()).prop_map(|(at, back)| Step::Discard(at, back)),
        3 => Just(Step::Look),
    ]
}

/// Names in the root (one is not UTF-8), in a folder that may be there, and in one in that.
fn place(number: usize) -> VPath {
    let name: &[u8] = [b"a".as_slice(), b"b", b"\xff"][number % 3];
    let parent = ["/", "/a", "/a/a"][number / 3];
    path(parent).join(&fs_core::Name::new(OsStr::from_bytes(name)).unwrap())
}

fn mode(number: u8) -> RenameMode {
    use RenameMode as M;
    [M::Replace, M::NoReplace, M::Exchange, M::LeaveWhiteout][usize::from(number)]
}

/// What the step says, if it can be done.
fn run(fs: &VirtualFs<impl NodeStore>, step: &Step) {
    let change = |change: Change<'_>| fs.change(&change).unwrap_or_default();
    match *step {
        Step::Make(at, kind) => {
            let new = [
                NewNode::file(),
                NewNode::directory(),
                NewNode::symlink("target"),
            ];
            change(Change::Create(
                At::path(&place(at)),
                &new[usize::from(kind)],
            ));
        }
        Step::Remove(at) => {
            change(Change::Unlink(At::path(&place(at))));
            change(Change::Rmdir(At::path(&place(at))));
        }
        Step::Rename(from, to, number) => {
            let (from, to, mode) = (place(from), place(to), mode(number));
            let (from, to) = (At::path(&from), At::path(&to));
            change(Change::Rename { from, to, mode });
        }
        Step::Link(from, to) => {
            let (from, to) = (place(from), place(to));
            let (from, to) = (At::path(&from), At::path(&to));
            change(Change::Link { from, to });
        }
        Step::Mode(at, mode) => {
            change(Change::SetAttr(At::path(&place(at)), &SetAttr::mode(mode)));
        }
        Step::Write(at, byte) => {
            if let Ok(file) = fs.open(At::path(&place(at)), &OpenOptions::read_write()) {
                file.append(&[byte]).unwrap();
            }
        }
        Step::Stage(at, number) => {
            let new = match number {
                0..2 => NewNode::file(),
                _ => NewNode::directory(),
            };
            if let Ok(staged) = fs.stage(At::path(&place(at)), &new) {
                staged.commit(mode(number)).map(drop).unwrap_or_default();
            }
        }
        Step::Discard(at, back) => {
            use fs_core::extensions::Trash;
            let at = place(at);
            if let Ok(item) = Trash::discard(fs, &at) {
                match back {
                    true => Trash::restore(fs, &item, &at, RenameMode::NoReplace),
                    false => Trash::purge(fs, &item),
                }
                .unwrap();
            }
        }
        Step::Look => drop(look(fs)),
    }
}

fn check(fs: &VirtualFs<impl NodeStore>, steps: &[Step]) {
    for step in steps {
        run(fs, step);
    }
    let known = look(fs);
    forget(fs);
    assert_eq!(known, look(fs));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_remembered_is_what_is_there(rounds in prop::collection::vec(prop::collection::vec(step(), 1..8), 1..6)) {
        let dir = tempfile::tempdir().unwrap();
        let memory = MemoryBackend::new();
        let vault = SqliteBackend::create(dir.path().join("v.db")).unwrap();
        let store = IndexedBackend::create(dir.path().join("s")).unwrap();
        for steps in rounds {
            check(&memory, &steps);
            check(&vault, &steps);
            check(&store, &steps);
        }
    }
}

fn brought_up_to_date(fs: &VirtualFs<impl NodeStore>) {
    create(fs, "/folder", &NewNode::directory());
    for name in ["/a", "/c", "/e"] {
        create(fs, name, &NewNode::file());
    }
    let before = look(fs);
    // In the folder, elsewhere, of a node in it.
    create(fs, "/d", &NewNode::file());
    create(fs, "/folder/x", &NewNode::file());
    let (a, c) = (path("/a"), path("/c"));
    fs.change(&Change::SetAttr(At::path(&a), &SetAttr::mode(0o600)))
        .unwrap();
    fs.change(&Change::Unlink(At::path(&c))).unwrap();
    for want in [Want::names(), Want::metadata()] {
        assert!(is_known(fs, &want), "the root was read anew");
    }
    let known = look(fs);
    forget(fs);
    assert!(!is_known(fs, &Want::names()));
    assert_eq!(known, look(fs));
    assert_ne!(known, before);
}

#[test]
fn a_listed_folder_is_brought_up_to_date_in_memory() {
    brought_up_to_date(&MemoryBackend::new());
}

#[test]
fn a_listed_folder_is_brought_up_to_date_in_a_vault() {
    let dir = tempfile::tempdir().unwrap();
    brought_up_to_date(&SqliteBackend::create(dir.path().join("v.db")).unwrap());
}

#[test]
fn another_image_in_its_place_is_not_taken_for_the_same() {
    let fs = MemoryBackend::new();
    create(&fs, "/a", &NewNode::directory());
    let image = fs.clone();
    create(&fs, "/b", &NewNode::file());
    create(&fs, "/a/c", &NewNode::file());
    look(&fs);
    fs.restore(&image).unwrap();
    let known = look(&fs);
    assert_eq!(known.found, [(path("/a"), FileKind::Directory)]);
}
