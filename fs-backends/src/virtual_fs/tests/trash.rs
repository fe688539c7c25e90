//! The trash, and trees that are removed for good.

use fs_core::extensions::Trash;
use fs_core::{At, Backend, Change, ErrorKind, NewNode, RenameMode, VPath};

use super::{create, path, read, used, write};
use crate::MemoryBackend;

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
