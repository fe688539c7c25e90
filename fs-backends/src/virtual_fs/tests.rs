//! The rules where the conformance suite does not reach: shared content, open files, drafts, pins, trash.

use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::extensions::{Trash, Watch as _, WatchEvent};
use fs_core::listing::collect;
use fs_core::{
    At, Backend, Change, Control, ErrorKind, File, NewNode, OpenOptions, RenameMode, Scope,
    SetAttr, Time, VPath, Want,
};
use parking_lot::Mutex;

use crate::MemoryBackend;

fn path(text: &str) -> VPath {
    VPath::new(text).unwrap()
}

fn create(fs: &impl Backend, at: &str, new: &NewNode) {
    fs.change(&Change::Create(At::path(&path(at)), new))
        .unwrap();
}

fn write(fs: &impl Backend, at: &str, bytes: &[u8]) {
    let how = OpenOptions {
        create: true,
        truncate: true,
        ..OpenOptions::read_write()
    };
    fs.open(At::path(&path(at)), &how)
        .unwrap()
        .write_at(bytes, 0)
        .unwrap();
}

fn open(fs: &impl Backend, at: &str) -> Box<dyn File> {
    fs.open(At::path(&path(at)), &OpenOptions::read_write())
        .unwrap()
}

fn read_all(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().size as usize];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), bytes.len());
    bytes
}

fn read(fs: &impl Backend, at: &str) -> Vec<u8> {
    read_all(&*fs.open(At::path(&path(at)), &OpenOptions::read()).unwrap())
}

fn used(fs: &MemoryBackend) -> u64 {
    fs.extensions()
        .space
        .unwrap()
        .space(At::path(&VPath::root()))
        .unwrap()
        .used_bytes
}

fn rename(fs: &impl Backend, from: &str, to: &str, mode: RenameMode) -> Result<(), ErrorKind> {
    let (from, to) = (path(from), path(to));
    let change = Change::Rename {
        from: At::path(&from),
        to: At::path(&to),
        mode,
    };
    fs.change(&change).map_err(|error| error.kind())
}

/// Commits a staged file with `bytes`.
fn save(fs: &impl Backend, at: &str, bytes: &[u8]) {
    let at = path(at);
    let mut staged = fs.stage(At::path(&at), &NewNode::file()).unwrap();
    staged.file().unwrap().write_at(bytes, 0).unwrap();
    staged.commit(RenameMode::Replace).unwrap();
}

#[test]
fn a_copy_shares_bytes_until_either_side_is_written() {
    let fs = MemoryBackend::new();
    write(&fs, "/a", &[1; 100_000]);
    let to = path("/b");
    let mut staged = fs.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(
        staged
            .fill_from(At::path(&path("/a")), &Control::new())
            .unwrap()
    );
    // The source may change before the commit; the copy is of the moment of `fill_from`.
    open(&fs, "/a").write_at(&[9], 0).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(read(&fs, "/b"), [1; 100_000]);
    assert_eq!(read(&fs, "/a")[..2], [9, 1]);

    let mut staged = fs.stage(At::path(&path("/c")), &NewNode::file()).unwrap();
    staged
        .fill_from(At::path(&path("/b")), &Control::new())
        .unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    let before = used(&fs);
    open(&fs, "/c").write_at(&[7], 50_000).unwrap();
    assert!(used(&fs) > before, "the first write copies");
    assert_eq!(read(&fs, "/b"), [1; 100_000]);
    for name in ["/a", "/b", "/c"] {
        fs.change(&Change::Unlink(At::path(&path(name)))).unwrap();
    }
    assert_eq!(used(&fs), 0);
}

#[test]
fn handles_opened_before_a_staged_replace_keep_the_old_content() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"old");
    fs.change(&Change::Link {
        from: At::path(&path("/f")),
        to: At::path(&path("/link")),
    })
    .unwrap();
    let before = fs.stat(At::path(&path("/f"))).unwrap();
    let old = open(&fs, "/f");
    save(&fs, "/f", b"newer");
    let after = fs.stat(At::path(&path("/f"))).unwrap();
    assert_eq!(
        (before.id, before.nlink, before.btime),
        (after.id, after.nlink, after.btime)
    );
    assert_eq!(read_all(&*old), b"old");
    old.write_at(b"lost", 0).unwrap();
    assert_eq!(old.metadata().unwrap().nlink, 0);
    let second = open(&fs, "/f");
    assert_eq!(
        (read(&fs, "/link"), read_all(&*second)),
        (b"newer".to_vec(), b"newer".to_vec())
    );
    second.append(b"!").unwrap();
    assert_eq!(read(&fs, "/link"), b"newer!");
    assert_eq!(read_all(&*old), b"lost");
    drop(old);
    assert_eq!(used(&fs), 6);
}

#[test]
fn an_empty_file_replaced_by_an_empty_one_is_replaced() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"");
    let old = open(&fs, "/f");
    save(&fs, "/f", b"");
    old.append(b"into the old one").unwrap();
    assert_eq!(read(&fs, "/f"), b"");
    assert_eq!(old.metadata().unwrap().nlink, 0);
}

#[test]
fn a_pin_is_the_inode_whatever_replaces_its_content() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"old");
    let pin = fs.pin(At::path(&path("/f"))).unwrap();
    let root = VPath::root();
    let here = At::in_dir(&pin, &root);
    save(&fs, "/f", b"newer");
    assert_eq!(fs.stat(here).unwrap().size, 5);
    fs.change(&Change::SetAttr(here, &SetAttr::mode(0o400)))
        .unwrap();
    fs.change(&Change::SetAttr(here, &SetAttr::size(3)))
        .unwrap();
    assert_eq!(fs.stat(At::path(&path("/f"))).unwrap().mode, 0o400);
    assert_eq!(read(&fs, "/f"), b"new");
    assert_eq!(
        read_all(&*fs.open(here, &OpenOptions::read()).unwrap()),
        b"new"
    );
}

#[test]
fn an_unlinked_file_lives_until_its_last_handle_and_pin_close() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"bytes");
    let at = path("/f");
    let (handle, pin) = (open(&fs, "/f"), fs.pin(At::path(&at)).unwrap());
    fs.change(&Change::Unlink(At::path(&at))).unwrap();
    let root = VPath::root();
    let here = At::in_dir(&pin, &root);
    handle.append(b" more").unwrap();
    assert_eq!(fs.stat(here).unwrap().size, 10);
    assert_eq!(fs.stat(here).unwrap().nlink, 0);
    fs.change(&Change::SetAttr(here, &SetAttr::mode(0o600)))
        .unwrap();
    assert_eq!(handle.metadata().unwrap().mode, 0o600);
    drop(handle);
    assert_eq!(
        read_all(&*fs.open(here, &OpenOptions::read()).unwrap()),
        b"bytes more"
    );
    let link = Change::Link {
        from: here,
        to: At::path(&at),
    };
    assert_eq!(fs.change(&link).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(used(&fs), 10);
    drop(pin);
    assert_eq!(used(&fs), 0);
}

#[test]
fn a_staged_tree_is_filled_out_of_sight_and_appears_at_once() {
    let fs = MemoryBackend::new();
    create(&fs, "/old", &NewNode::directory());
    write(&fs, "/old/x", b"x");
    let at = path("/old");
    let root = VPath::root();
    let stage = || {
        let staged = fs.stage(At::path(&at), &NewNode::directory()).unwrap();
        let node = staged.node().unwrap();
        let inside = path("/new");
        let how = OpenOptions::create_new(0o644);
        fs.open(At::in_dir(&node, &inside), &how)
            .unwrap()
            .write_at(b"new", 0)
            .unwrap();
        fs.change(&Change::Create(
            At::in_dir(&node, &path("/sub")),
            &NewNode::directory(),
        ))
        .unwrap();
        staged
    };
    let count = || {
        collect(fs.list(At::path(&root), &Want::names()).unwrap())
            .unwrap()
            .len()
    };
    let inodes = || {
        fs.extensions()
            .space
            .unwrap()
            .space(At::path(&root))
            .unwrap()
            .used_inodes
            .unwrap()
    };
    let before = inodes();

    drop(stage());
    assert_eq!(
        (inodes(), count(), used(&fs)),
        (before, 1, 1),
        "an abort leaves nothing"
    );
    let refused = stage().commit(RenameMode::Replace).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DirectoryNotEmpty);
    assert_eq!(
        (inodes(), count(), used(&fs)),
        (before, 1, 1),
        "a failed commit leaves nothing"
    );

    let snapshot = {
        let _staged = stage();
        fs.clone()
    };
    let space = snapshot
        .extensions()
        .space
        .unwrap()
        .space(At::path(&root))
        .unwrap();
    assert_eq!(
        (space.used_inodes, space.used_bytes),
        (Some(before), 1),
        "a snapshot has nothing of it"
    );

    stage().commit(RenameMode::Exchange).unwrap();
    assert_eq!(read(&fs, "/old/new"), b"new");
    assert_eq!(fs.stat(At::path(&at)).unwrap().nlink, 3);
    assert_eq!(fs.stat(At::path(&root)).unwrap().nlink, 3);
    assert_eq!((inodes(), used(&fs)), (4, 3), "the old tree is gone");
}

#[test]
fn each_item_of_a_batch_succeeds_or_fails_alone() {
    let fs = MemoryBackend::new();
    let (a, b, missing) = (path("/a"), path("/b"), path("/missing/c"));
    let file = NewNode::file();
    let results = fs.change_all(&[
        Change::Create(At::path(&a), &file),
        Change::Create(At::path(&missing), &file),
        Change::Create(At::path(&a), &file),
        Change::SetAttr(At::path(&a), &SetAttr::size(5)),
        Change::Create(At::path(&b), &file),
    ]);
    let kinds: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().err().map(fs_core::Error::kind))
        .collect();
    assert_eq!(
        kinds,
        [
            None,
            Some(ErrorKind::NotFound),
            Some(ErrorKind::AlreadyExists),
            None,
            None
        ]
    );
    assert_eq!(fs.stat(At::path(&a)).unwrap().size, 5);

    let stage = |at: &VPath| fs.stage(At::path(at), &file).unwrap();
    let results = fs.commit_all(vec![
        (stage(&a), RenameMode::NoReplace),
        (stage(&path("/c")), RenameMode::NoReplace),
    ]);
    assert_eq!(
        results[0].as_ref().unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        fs.stat(At::path(&path("/c"))).unwrap().id,
        *results[1].as_ref().unwrap()
    );
}

#[test]
fn a_directory_pinned_by_its_identity_survives_renames_and_hides_swapped_links() {
    let fs = MemoryBackend::new();
    create(&fs, "/d", &NewNode::directory());
    let pin = fs.pin(At::path(&path("/d"))).unwrap();
    rename(&fs, "/d", "/e", RenameMode::Replace).unwrap();
    create(&fs, "/d", &NewNode::symlink("/elsewhere"));
    let inside = path("/f");
    fs.change(&Change::Create(At::in_dir(&pin, &inside), &NewNode::file()))
        .unwrap();
    assert!(fs.stat(At::path(&path("/e/f"))).is_ok());
    let through = fs.stat(At::path(&path("/d/f"))).unwrap_err();
    assert_eq!(
        through.kind(),
        ErrorKind::NotADirectory,
        "links are not followed"
    );
    fs.change(&Change::Unlink(At::path(&path("/e/f")))).unwrap();
    fs.change(&Change::Rmdir(At::path(&path("/e")))).unwrap();
    let create = Change::Create(At::in_dir(&pin, &inside), &NewNode::file());
    assert_eq!(fs.change(&create).unwrap_err().kind(), ErrorKind::NotFound);
    let other = MemoryBackend::new();
    assert_eq!(
        other.stat(At::in_dir(&pin, &inside)).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn the_rename_table_is_the_one_of_rename_2() {
    use RenameMode::{Exchange, NoReplace, Replace};
    let cases = [
        ("/file", "/file2", Replace, Ok(())),
        ("/file", "/file2", NoReplace, Err(ErrorKind::AlreadyExists)),
        ("/file", "/file", Replace, Ok(())),
        ("/file", "/file", NoReplace, Err(ErrorKind::AlreadyExists)),
        ("/file", "/link", Replace, Ok(())),
        ("/file", "/empty", Replace, Err(ErrorKind::IsADirectory)),
        ("/empty", "/file", Replace, Err(ErrorKind::NotADirectory)),
        ("/full", "/empty", Replace, Ok(())),
        (
            "/empty",
            "/full",
            Replace,
            Err(ErrorKind::DirectoryNotEmpty),
        ),
        ("/full", "/full/sub/x", Replace, Err(ErrorKind::IntoItself)),
        ("/full", "/full/sub", Replace, Err(ErrorKind::IntoItself)),
        (
            "/full/sub",
            "/full",
            Replace,
            Err(ErrorKind::DirectoryNotEmpty),
        ),
        ("/full/sub", "/full", Exchange, Err(ErrorKind::IntoItself)),
        ("/file", "/full", Exchange, Ok(())),
        ("/file", "/none", Exchange, Err(ErrorKind::NotFound)),
        ("/none", "/x", Replace, Err(ErrorKind::NotFound)),
        ("/file", "/none/x", Replace, Err(ErrorKind::NotFound)),
        ("/file", "/file2/x", Replace, Err(ErrorKind::NotADirectory)),
        ("/", "/x", Replace, Err(ErrorKind::IsRoot)),
        ("/file", "/", Replace, Err(ErrorKind::IsRoot)),
    ];
    for (from, to, mode, expected) in cases {
        let fs = MemoryBackend::new();
        create(&fs, "/empty", &NewNode::directory());
        create(&fs, "/full", &NewNode::directory());
        create(&fs, "/full/sub", &NewNode::directory());
        create(&fs, "/link", &NewNode::symlink("file"));
        write(&fs, "/file", b"1");
        write(&fs, "/file2", b"2");
        let links = |fs: &MemoryBackend| {
            // nlink of a directory is 2 + its subdirectories, everywhere.
            for dir in ["/", "/full", "/empty", "/full/sub", "/file"] {
                let at = path(dir);
                let Ok(batch) = fs.list(At::path(&at), &Want::names()).and_then(collect) else {
                    continue;
                };
                let subdirs = batch
                    .iter()
                    .filter(|e| e.kind == fs_core::FileKind::Directory)
                    .count();
                assert_eq!(
                    fs.stat(At::path(&at)).unwrap().nlink,
                    2 + subdirs as u64,
                    "{from} {to} {dir}"
                );
            }
        };
        assert_eq!(
            rename(&fs, from, to, mode),
            expected,
            "{from} -> {to} {mode:?}"
        );
        links(&fs);
    }
}

#[test]
fn a_whiteout_is_left_in_the_place_of_the_source() {
    let fs = MemoryBackend::new();
    write(&fs, "/a", b"1");
    rename(&fs, "/a", "/b", RenameMode::LeaveWhiteout).unwrap();
    let left = fs.stat(At::path(&path("/a"))).unwrap();
    assert_eq!((left.kind, left.rdev), (fs_core::FileKind::CharDevice, 0));
    assert_eq!(read(&fs, "/b"), b"1");
}

#[test]
fn trash_is_outside_the_tree_and_gives_things_back() {
    let fs = MemoryBackend::new();
    create(&fs, "/d", &NewNode::directory());
    write(&fs, "/d/f", b"12345");
    fs.change(&Change::Link {
        from: At::path(&path("/d/f")),
        to: At::path(&path("/g")),
    })
    .unwrap();
    let root = VPath::root();
    let id = fs.discard(&path("/d")).unwrap();
    assert_eq!(fs.stat(At::path(&root)).unwrap().nlink, 2);
    assert_eq!(
        fs.stat(At::path(&path("/d"))).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let item = &fs.items().unwrap()[0];
    assert_eq!((&item.id, &item.original), (&id, &path("/d")));
    // A snapshot carries the trash.
    let copy = fs.clone();
    create(&fs, "/d", &NewNode::file());
    let clash = Trash::restore(&fs, &id, &path("/d"), RenameMode::NoReplace).unwrap_err();
    assert_eq!(clash.kind(), ErrorKind::AlreadyExists);
    Trash::restore(&fs, &id, &path("/e"), RenameMode::NoReplace).unwrap();
    assert_eq!(read(&fs, "/e/f"), b"12345");
    assert_eq!(fs.stat(At::path(&root)).unwrap().nlink, 3);
    assert!(fs.items().unwrap().is_empty());

    copy.purge(&id).unwrap();
    assert_eq!(copy.purge(&id).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(copy.stat(At::path(&path("/g"))).unwrap().nlink, 1);
    assert_eq!(read(&copy, "/g"), b"12345");
    copy.discard(&path("/g")).unwrap();
    copy.purge(&copy.items().unwrap()[0].id).unwrap();
    assert_eq!(used(&copy), 0);
    assert_eq!(copy.discard(&root).unwrap_err().kind(), ErrorKind::IsRoot);
}

#[test]
fn a_deep_tree_is_purged_without_recursion() {
    let fs = MemoryBackend::new();
    let mut at = VPath::root();
    for _ in 0..2000 {
        at = at.join(&fs_core::Name::new("d").unwrap());
        fs.change(&Change::Create(At::path(&at), &NewNode::directory()))
            .unwrap();
    }
    let id = fs.discard(&path("/d")).unwrap();
    fs.purge(&id).unwrap();
    let space = fs
        .extensions()
        .space
        .unwrap()
        .space(At::path(&VPath::root()))
        .unwrap();
    assert_eq!(space.used_inodes, Some(1));
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
fn holes_are_holes_and_sizes_have_a_limit() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"");
    let file = open(&fs, "/f");
    file.write_at(b"end", 1 << 40).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.size, (1 << 40) + 3);
    assert!(metadata.allocated <= 1 << 16);
    assert_eq!(file.next_data(0).unwrap(), Some((1 << 40, (1 << 40) + 3)));
    assert_eq!(file.next_data((1 << 40) + 3).unwrap(), None);
    for error in [
        file.write_at(b"x", u64::MAX).unwrap_err(),
        file.write_at(b"x", i64::MAX as u64).unwrap_err(),
        file.set_len(u64::MAX).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
    file.set_len(2).unwrap();
    file.set_len(10).unwrap();
    assert_eq!(read_all(&*file), [0; 10]);
    fs.sync(Scope::Node(At::path(&path("/f")))).unwrap();
}

#[test]
fn a_full_filesystem_keeps_the_old_content() {
    let fs = MemoryBackend::with_limit(100_000);
    write(&fs, "/f", &[1; 60_000]);
    let file = open(&fs, "/f");
    assert_eq!(
        file.write_at(&[2; 80_000], 30_000).unwrap_err().kind(),
        ErrorKind::NoSpace
    );
    assert_eq!(read_all(&*file), [1; 60_000]);
    let mut staged = fs.stage(At::path(&path("/f")), &NewNode::file()).unwrap();
    let refused = staged
        .file()
        .unwrap()
        .write_at(&[2; 80_000], 0)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSpace);
    drop(staged);
    file.write_at(&[3; 40_000], 60_000).unwrap();
    file.set_len(0).unwrap();
    file.write_at(&[4; 100_000], 0).unwrap();
}

#[test]
fn a_snapshot_is_independent_both_ways_and_can_be_restored() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", &[1; 200_000]);
    let copy = fs.clone();
    assert_ne!(
        fs.stat(At::path(&path("/f"))).unwrap().id,
        copy.stat(At::path(&path("/f"))).unwrap().id,
        "the same number in another filesystem"
    );
    open(&fs, "/f").write_at(&[2], 100_000).unwrap();
    open(&copy, "/f").write_at(&[3], 0).unwrap();
    create(&copy, "/only here", &NewNode::file());
    assert_eq!((read(&fs, "/f")[0], read(&copy, "/f")[100_000]), (1, 1));
    assert!(fs.stat(At::path(&path("/only here"))).is_err());

    write(&fs, "/later", b"kept by its handle");
    let (kept, changed) = (open(&fs, "/later"), open(&fs, "/f"));
    let generation = fs.generation();
    fs.restore(&copy).unwrap();
    assert!(fs.is_modified() && fs.generation() > generation);
    assert_eq!(read_all(&*kept), b"kept by its handle");
    assert_eq!(
        read_all(&*changed)[..1],
        [3],
        "a file that both have is the restored one"
    );
    assert!(fs.stat(At::path(&path("/only here"))).is_ok());
    write(&fs, "/f", b"new");
    assert_eq!(read(&copy, "/f").len(), 200_000);
}

#[test]
fn racing_creates_renames_and_writers_keep_the_tree_whole() {
    let fs = MemoryBackend::new();
    create(&fs, "/a", &NewNode::directory());
    create(&fs, "/b", &NewNode::directory());
    write(&fs, "/log", b"");
    write(&fs, "/swap", b"0");
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let fs = &fs;
            scope.spawn(move || {
                for round in 0..200 {
                    // Opposite moves may never make a circle.
                    let (from, to) = if thread % 2 == 0 {
                        ("/a", "/b/a")
                    } else {
                        ("/b", "/a/b")
                    };
                    rename(fs, from, to, RenameMode::Replace).ok();
                    rename(fs, to, from, RenameMode::Replace).ok();
                    open(fs, "/log").append(&[thread; 3]).unwrap();
                    if thread == 0 {
                        save(fs, "/swap", &[round; 70_000]);
                    } else {
                        let bytes = read(fs, "/swap");
                        assert!(
                            bytes.iter().all(|byte| *byte == bytes[0]),
                            "old or new, never both"
                        );
                    }
                }
            });
        }
    });
    assert_eq!(read(&fs, "/log").len(), 4 * 200 * 3);
    let space = fs
        .extensions()
        .space
        .unwrap()
        .space(At::path(&VPath::root()))
        .unwrap();
    assert_eq!(
        (space.used_inodes, space.used_bytes),
        (Some(5), 2400 + 70_000)
    );
}

#[test]
fn a_name_removed_while_its_file_is_created_leaves_the_creator_a_file() {
    let fs = MemoryBackend::new();
    let at = path("/f");
    std::thread::scope(|scope| {
        let create = || {
            for _ in 0..2000 {
                let how = OpenOptions {
                    create: true,
                    ..OpenOptions::read_write()
                };
                let file = fs.open(At::path(&at), &how).unwrap();
                file.write_at(b"bytes", 0).unwrap();
                assert_eq!(file.metadata().unwrap().size, 5);
            }
        };
        scope.spawn(create);
        scope.spawn(create);
        scope.spawn(|| {
            for _ in 0..4000 {
                fs.change(&Change::Unlink(At::path(&at))).ok();
            }
        });
    });
    fs.change(&Change::Unlink(At::path(&at))).ok();
    assert_eq!(used(&fs), 0);
}
