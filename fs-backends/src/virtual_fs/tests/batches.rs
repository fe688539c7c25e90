//! Many changes in one transaction of a vault: each stands or falls by itself, and whole folders go by sets of rows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::extensions::Trash;
use fs_core::{
    At, Backend, Change, Control, ErrorKind, FileKind, Name, NewNode, RenameMode, VPath,
};

use super::super::resolve::fail;
use super::{create, open, path, read, read_all, save, write};
use crate::SqliteBackend;

struct Fixture {
    fs: SqliteBackend,
    _dir: tempfile::TempDir,
}

fn vault() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let fs = SqliteBackend::create(dir.path().join("v.db")).unwrap();
    Fixture { fs, _dir: dir }
}

fn nodes(fs: &SqliteBackend) -> u64 {
    let space = fs.extensions().space.unwrap();
    space
        .space(At::path(&VPath::root()))
        .unwrap()
        .used_inodes
        .unwrap()
}

fn check(fs: &SqliteBackend) {
    let mut damage = Vec::new();
    let maintenance = fs.extensions().maintenance.unwrap();
    maintenance
        .check(&Control::new(), &mut |found| damage.push(found))
        .unwrap();
    assert!(damage.is_empty(), "{damage:?}");
}

#[test]
fn an_item_that_fails_half_way_is_undone_and_only_that() {
    let Fixture { fs, _dir } = vault();
    let items: Vec<VPath> = (0..40).map(|i| path(&format!("/{i}"))).collect();
    let results = fs
        .shared
        .transact_each(&items, |rules, at| {
            let ino = rules.create(At::path(at), &NewNode::file())?;
            if ino % 3 == 0 {
                return fail(ErrorKind::Io);
            }
            Ok(())
        })
        .unwrap();
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert!((20..40).contains(&made), "{made}");
    for (at, result) in items.iter().zip(&results) {
        assert_eq!(fs.stat(At::path(at)).is_ok(), result.is_ok(), "{at:?}");
    }
    assert_eq!(nodes(&fs), 1 + made as u64);
    check(&fs);
}

#[test]
fn names_that_are_taken_do_not_hold_up_the_rest_of_a_batch() {
    let Fixture { fs, _dir } = vault();
    save(&fs, "/3", b"old");
    let staged = (0..6)
        .map(|i| {
            let at = path(&format!("/{i}"));
            let mut staged = fs.stage(At::path(&at), &NewNode::file()).unwrap();
            staged.file().unwrap().write_at(b"new", 0).unwrap();
            (staged, RenameMode::NoReplace)
        })
        .collect();
    let taken: Vec<_> = fs
        .commit_all(staged)
        .into_iter()
        .map(|result| result.err().map(|error| error.kind()))
        .collect();
    let mut expected = vec![None; 6];
    expected[3] = Some(ErrorKind::AlreadyExists);
    assert_eq!(taken, expected);
    assert_eq!(
        (read(&fs, "/2"), read(&fs, "/3")),
        (b"new".to_vec(), b"old".to_vec())
    );
    check(&fs);
}

/// Times given to a folder stay when more is made in it, in the same transaction and before.
#[test]
fn a_folder_has_the_times_of_the_last_change_to_it() {
    let Fixture { fs, _dir } = vault();
    create(&fs, "/d", &NewNode::directory());
    let (dir, a, b) = (path("/d"), path("/d/a"), path("/d/b"));
    let (file, attr) = (
        NewNode::file(),
        fs_core::SetAttr {
            mtime: Some(fs_core::SetTime::To(fs_core::Time::from_nanos(5))),
            ..fs_core::SetAttr::default()
        },
    );
    let results = fs.change_all(&[
        Change::Create(At::path(&a), &file),
        Change::SetAttr(At::path(&dir), &attr),
    ]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(fs.stat(At::path(&dir)).unwrap().mtime.nanos(), 5);
    let results = fs.change_all(&[
        Change::Create(At::path(&b), &file),
        Change::SetAttr(At::path(&dir), &attr),
        Change::Unlink(At::path(&b)),
    ]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(fs.stat(At::path(&dir)).unwrap().mtime.nanos() > 5);
}

#[test]
fn a_purged_tree_goes_whole_and_takes_nothing_with_it() {
    let Fixture { fs, _dir } = vault();
    for at in ["/d", "/d/empty", "/d/deep", "/d/deep/deeper", "/d/wide"] {
        create(&fs, at, &NewNode::directory());
    }
    let mut files: Vec<VPath> = (0..2500).map(|i| path(&format!("/d/wide/{i}"))).collect();
    // More than go at once, and the nodes of each folder among those of the others.
    for folder in ["/d/one", "/d/two", "/d/three"] {
        create(&fs, folder, &NewNode::directory());
    }
    files.extend(
        (0..2000)
            .flat_map(|i| ["one", "two", "three"].map(|folder| path(&format!("/d/{folder}/{i}")))),
    );
    let new = NewNode::file();
    let changes: Vec<_> = files
        .iter()
        .map(|at| Change::Create(At::path(at), &new))
        .collect();
    assert!(fs.change_all(&changes).iter().all(Result::is_ok));
    for name in [&b"\xff"[..], b"\xfe\xfd", b"text"] {
        let at = path("/d/deep").join(&Name::new(OsStr::from_bytes(name)).unwrap());
        fs.change(&Change::Create(At::path(&at), &new)).unwrap();
    }
    create(&fs, "/d/link", &NewNode::symlink("anywhere"));
    for at in ["/d/linked", "/d/copied", "/d/held", "/d/wide/linked too"] {
        write(&fs, at, at.as_bytes());
    }
    let attribute = OsStr::new("user.x");
    let held_at = path("/d/held");
    fs.change(&Change::SetXattr(At::path(&held_at), attribute, Some(b"1")))
        .unwrap();
    for (from, to) in [
        ("/d/linked", "/linked"),
        ("/d/wide/linked too", "/linked too"),
    ] {
        let (from, to) = (path(from), path(to));
        fs.change(&Change::Link {
            from: At::path(&from),
            to: At::path(&to),
        })
        .unwrap();
    }
    let copy = path("/copy");
    let mut staged = fs.stage(At::path(&copy), &new).unwrap();
    let source = path("/d/copied");
    assert!(
        staged
            .fill_from(At::path(&source), &Control::new())
            .unwrap()
    );
    staged.commit(RenameMode::NoReplace).unwrap();
    let held = open(&fs, "/d/held");

    let id = fs.discard(&path("/d")).unwrap();
    fs.purge(&id).unwrap();
    assert_eq!(nodes(&fs), 4);
    assert_eq!(read_all(&*held), b"/d/held");
    let last = held.metadata().unwrap();
    assert_eq!((last.nlink, last.kind), (0, FileKind::File));
    assert_eq!(read(&fs, "/linked"), b"/d/linked");
    assert_eq!(read(&fs, "/linked too"), b"/d/wide/linked too");
    assert_eq!(fs.stat(At::path(&path("/linked"))).unwrap().nlink, 1);
    assert_eq!(read(&fs, "/copy"), b"/d/copied");
    drop(held);
    check(&fs);
}
