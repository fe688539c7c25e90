//! Staged nodes: what they replace, and whole trees and batches of them.

use fs_core::listing::collect;
use fs_core::{
    At, Backend, Change, ErrorKind, NewNode, OpenOptions, RenameMode, SetAttr, VPath, Want,
};

use super::{create, open, path, read, read_all, save, used, write};
use crate::MemoryBackend;

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
