//! What the upper holds beside entries: staged nodes, marks of other makers, attributes, the trash.

use fs_core::{At, Backend, Change, ErrorKind, NewNode, RenameMode};

use crate::rules::sample;
use crate::support::{Shell, Stack, at, dump};

#[test]
fn staged_nodes_appear_by_the_same_rules() {
    let mut t = Stack::new(sample);
    let stage = |path: &str, new: &NewNode, text: &str| {
        let mut staged = t.fs.stage(At::path(&at(path)), new).unwrap();
        if let Some(file) = staged.file() {
            file.write_at(text.as_bytes(), 0).unwrap();
        }
        staged
    };
    let id = t.fs.meta("/a").id;
    let replaced = stage("/a", &NewNode::file(), "new")
        .commit(RenameMode::Replace)
        .unwrap();
    assert_eq!((replaced, t.fs.meta("/a").id), (id, id));
    let error = stage("/b", &NewNode::file(), "")
        .commit(RenameMode::NoReplace)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = stage("/d", &NewNode::directory(), "")
        .commit(RenameMode::Replace)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    t.fs.rm_r("/d");
    let dir = stage("/d", &NewNode::directory(), "");
    let node = dir.node().unwrap();
    let inner = at("/inner");
    t.fs.change(&Change::Create(At::in_dir(&node, &inner), &NewNode::file()))
        .unwrap();
    dir.commit(RenameMode::NoReplace).unwrap();
    assert!(t.fs.stat(At::in_dir(&node, &inner)).is_ok());
    drop(stage("/gone", &NewNode::file(), "never"));
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/a"), "new");
        assert_eq!(fs.ls("/d"), ["inner"]);
        assert!(!fs.exists("/gone"));
    });
}

#[test]
fn staged_nodes_appear_together() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/b").unwrap();
    let stage =
        |path: &str, new: &NewNode, mode| (t.fs.stage(At::path(&at(path)), new).unwrap(), mode);
    let (file, dir) = (NewNode::file(), NewNode::directory());
    let batch = vec![
        stage("/a", &file, RenameMode::Replace),
        stage("/b", &dir, RenameMode::NoReplace),
        stage("/d", &file, RenameMode::NoReplace),
        stage("/new", &file, RenameMode::NoReplace),
        stage("/new", &file, RenameMode::NoReplace),
    ];
    let done: Vec<_> =
        t.fs.commit_all(batch)
            .into_iter()
            .map(|r| r.map_err(|e| e.kind()))
            .collect();
    let taken = Err(ErrorKind::AlreadyExists);
    assert_eq!((done[2], done[4]), (taken, taken));
    assert_eq!(done[0], Ok(t.fs.meta("/a").id));
    assert_eq!(done[3], Ok(t.fs.meta("/new").id));
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/a"), "");
        assert_eq!(fs.ls("/b"), [""; 0]);
        assert_eq!(fs.ls("/d"), ["e", "f", "s"]);
    });
}

#[test]
fn own_attributes_are_hidden_and_a_users_of_that_name_are_kept() {
    let mut t = Stack::new(|base| base.mkdir("/d"));
    t.fs.set_x("/d", "user.overlay.opaque", Some("y")).unwrap();
    t.fs.put("/d/x", "x");
    t.also_reopened(|fs| {
        assert_eq!(fs.get_x("/d", "user.overlay.opaque").unwrap(), "y");
        let names = fs.list_xattrs(At::path(&at("/d"))).unwrap();
        assert_eq!(names, ["user.overlay.opaque"]);
    });
}

#[test]
fn whiteouts_in_a_plain_base_are_devices_that_cannot_move() {
    let mut t = Stack::new(|base| base.create("/w", &NewNode::whiteout()).unwrap());
    t.also_reopened(|fs| assert_eq!(fs.ls("/"), ["w"]));
    assert_eq!(
        t.fs.mv("/w", "/v").unwrap_err().kind(),
        ErrorKind::NotPermitted
    );
    t.fs.unlink("/w").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/"), [""; 0]));
}

#[test]
fn a_container_layer_is_an_upper() {
    let mut t = Stack::new(sample);
    t.upper.create("/a", &NewNode::whiteout()).unwrap();
    t.upper.mkdir("/d");
    t.upper
        .set_x("/d", "trusted.overlay.opaque", Some("y"))
        .unwrap();
    t.upper.put("/d/only", "o");
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/"), ["b", "d", "l"]);
        assert_eq!(fs.ls("/d"), ["only"]);
    });
}

#[test]
fn whiteouts_that_are_files_are_read() {
    let mut t = Stack::new(sample);
    t.upper.mkdir("/d");
    t.upper
        .set_x("/d", "user.overlay.opaque", Some("x"))
        .unwrap();
    t.upper.put("/d/e", "");
    t.upper
        .set_x("/d/e", "user.overlay.whiteout", Some("y"))
        .unwrap();
    t.upper.put("/d/empty", "");
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/d"), ["empty", "f", "s"]);
        assert!(!fs.exists("/d/e"));
    });
}

#[test]
fn what_goes_to_the_trash_comes_back() {
    let mut t = Stack::new(sample);
    let Some(trash) = t.fs.extensions().trash else {
        panic!("the upper has a trash");
    };
    let before = dump(&t.fs);
    let dir = trash.discard(&at("/d")).unwrap();
    let file = trash.discard(&at("/a")).unwrap();
    assert_eq!(t.fs.ls("/"), ["b", "l"]);
    assert_eq!(trash.items().unwrap().len(), 2);
    trash
        .restore(&dir, &at("/d"), RenameMode::NoReplace)
        .unwrap();
    trash
        .restore(&file, &at("/a"), RenameMode::NoReplace)
        .unwrap();
    t.also_reopened(|fs| {
        let after = dump(fs);
        for (path, item) in &before {
            assert_eq!(after[path].content, item.content, "{path}");
            assert_eq!(after[path].metadata.id, item.metadata.id, "{path}");
        }
        assert_eq!(after.len(), before.len());
    });
}
