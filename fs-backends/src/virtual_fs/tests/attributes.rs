//! Times and extended attributes, and who hears of changes.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::extensions::{Trash as _, TreeEvent, Watch as _, WatchEvent};
use fs_core::{At, Backend, Change, ErrorKind, NewNode, RenameMode, SetAttr, Time, VPath};
use parking_lot::Mutex;

use super::{create, open, path, read, rename, save, write};
use crate::MemoryBackend;

#[test]
fn times_follow_the_content_and_the_entries() {
    let fs = MemoryBackend::new();
    let (dir, file) = (path("/d"), path("/d/f"));
    create(&fs, "/d", &NewNode::directory());
    write(&fs, "/d/f", b"1");
    let long_ago = Time::from_parts(-5_000_000_000, 7);
    let set = |at: &VPath| {
        fs.change(&Change::SetAttr(At::path(at), &SetAttr::mtime(long_ago)))
            .unwrap()
    };
    let mtime = |at: &VPath| fs.stat(At::path(at)).unwrap().mtime;
    set(&dir);
    set(&file);
    let before = fs.stat(At::path(&file)).unwrap();
    fs.change(&Change::SetAttr(At::path(&file), &SetAttr::mode(0o4755)))
        .unwrap();
    let after = fs.stat(At::path(&file)).unwrap();
    assert_eq!((after.mtime, after.mode), (long_ago, 0o4755));
    assert!(after.ctime > before.ctime);
    let (at, name) = (At::path(&file), OsStr::new("user.tag"));
    fs.change(&Change::SetXattr(at, name, Some(b"v"))).unwrap();
    read(&fs, "/d/f");
    assert_eq!((mtime(&dir), mtime(&file)), (long_ago, long_ago));
    open(&fs, "/d/f").append(b"2").unwrap();
    assert!(mtime(&file) > long_ago && mtime(&dir) == long_ago);
    fs.change(&Change::Unlink(At::path(&file))).unwrap();
    assert!(mtime(&dir) > long_ago);
}

#[test]
fn extended_attributes_of_links_are_refused_as_the_kernel_does() {
    let fs = MemoryBackend::new();
    create(&fs, "/l", &NewNode::symlink("x"));
    create(&fs, "/f", &NewNode::file());
    let set = |at: &str, name: &str, value: Option<&[u8]>| {
        let at = path(at);
        let change = Change::SetXattr(At::path(&at), OsStr::new(name), value);
        fs.change(&change).map_err(|error| error.kind())
    };
    assert_eq!(
        set("/l", "user.a", Some(b"1")),
        Err(ErrorKind::NotPermitted)
    );
    assert_eq!(set("/l", "trusted.a", Some(b"1")), Ok(()));
    assert_eq!(set("/f", "user.b", Some(b"")), Ok(()));
    assert_eq!(set("/f", "user.a", None), Err(ErrorKind::XattrNotFound));
    assert_eq!(set("/f", "", Some(b"1")), Err(ErrorKind::InvalidInput));
    assert_eq!(
        set("/f", &"x".repeat(256), Some(b"1")),
        Err(ErrorKind::NameTooLong)
    );
    assert_eq!(
        fs.get_xattr(At::path(&path("/f")), OsStr::new("user.b"))
            .unwrap(),
        b""
    );
}

#[test]
fn watchers_hear_of_their_directory_only() {
    let fs = MemoryBackend::new();
    create(&fs, "/d", &NewNode::directory());
    create(&fs, "/e", &NewNode::directory());
    let heard: Arc<Mutex<Vec<WatchEvent>>> = Arc::default();
    let sink = Arc::clone(&heard);
    let guard = fs
        .watch(&path("/d"), Arc::new(move |event| sink.lock().push(event)))
        .unwrap();
    let names = |names: &[&str]| {
        WatchEvent::Changed(
            names
                .iter()
                .map(|name| fs_core::Name::new(name).unwrap())
                .collect(),
        )
    };
    let expect = |expected: &[WatchEvent]| {
        assert_eq!(std::mem::take(&mut *heard.lock()), expected);
    };
    create(&fs, "/e/x", &NewNode::file());
    expect(&[]);
    create(&fs, "/d/a", &NewNode::file());
    expect(&[names(&["a"])]);
    rename(&fs, "/d/a", "/d/b", RenameMode::Replace).unwrap();
    expect(&[names(&["a", "b"])]);
    fs.change(&Change::SetAttr(
        At::path(&path("/d/b")),
        &SetAttr::mode(0o600),
    ))
    .unwrap();
    expect(&[names(&["b"])]);
    let file = open(&fs, "/d/b");
    for _ in 0..100 {
        file.append(b"x").unwrap();
    }
    drop(file);
    assert!(
        (1..4).contains(&heard.lock().len()),
        "many writes are few events"
    );
    heard.lock().clear();
    rename(&fs, "/d/b", "/e/b", RenameMode::Replace).unwrap();
    expect(&[names(&["b"])]);
    fs.change(&Change::Rmdir(At::path(&path("/d")))).unwrap();
    expect(&[WatchEvent::Gone]);
    drop(guard);
}

#[test]
fn who_watches_all_hears_of_every_node_and_name() {
    let fs = MemoryBackend::new();
    create(&fs, "/d", &NewNode::directory());
    create(&fs, "/d/a", &NewNode::file());
    let heard: Arc<Mutex<HashSet<TreeEvent>>> = Arc::default();
    let sink = Arc::clone(&heard);
    let guard = fs
        .watch_all(Arc::new(move |event| {
            sink.lock().insert(event);
        }))
        .unwrap();
    let id = |at: &str| fs.stat(At::path(&path(at))).unwrap().id;
    let entry =
        |dir: &str, name: &str| TreeEvent::Entry(id(dir), fs_core::Name::new(name).unwrap());
    let expect = |expected: &[TreeEvent]| {
        let heard = std::mem::take(&mut *heard.lock());
        let missing: Vec<_> = expected.iter().filter(|e| !heard.contains(e)).collect();
        assert!(
            missing.is_empty(),
            "not told of {missing:?}, only of {heard:?}"
        );
    };
    let (root, d, a) = (
        TreeEvent::Node(id("/")),
        TreeEvent::Node(id("/d")),
        TreeEvent::Node(id("/d/a")),
    );
    open(&fs, "/d/a").write_at(b"bytes", 0).unwrap();
    expect(std::slice::from_ref(&a));
    rename(&fs, "/d/a", "/b", RenameMode::Replace).unwrap();
    expect(&[
        a.clone(),
        root.clone(),
        d.clone(),
        entry("/d", "a"),
        entry("/", "b"),
    ]);
    save(&fs, "/b", b"replaced in one step");
    expect(std::slice::from_ref(&a));
    create(&fs, "/d/c", &NewNode::file());
    expect(&[d.clone(), entry("/d", "c")]);
    let c = TreeEvent::Node(id("/d/c"));
    let (dir, file) = (path("/d"), path("/d/c"));
    // Several in one transaction, one of which fails.
    let results = fs.change_all(&[
        Change::SetXattr(At::path(&file), OsStr::new("user.x"), Some(b"1")),
        Change::Rmdir(At::path(&dir)),
        Change::Unlink(At::path(&file)),
    ]);
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    expect(&[c, d, entry("/d", "c")]);
    fs.discard(&path("/b")).unwrap();
    expect(&[root, entry("/", "b")]);
    fs.restore(&fs.clone()).unwrap();
    expect(&[TreeEvent::All]);
    drop(guard);
    create(&fs, "/after", &NewNode::file());
    assert!(heard.lock().is_empty());
}
