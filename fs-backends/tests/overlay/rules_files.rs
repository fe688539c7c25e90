//! Nodes: copy-up, identity, persistence, a base that changes, layers on layers.

use std::sync::Arc;
use std::sync::mpsc;

use fs_backends::MemoryBackend;
use fs_core::extensions::Origin;
use fs_core::{
    At, Backend, Change, ErrorKind, NewNode, OpenOptions, Overlay, RenameMode, SetAttr, Time, VPath,
};

use crate::rules::sample;
use crate::support::{Shell, Stack, at, dump};

fn deep(base: &MemoryBackend) {
    base.mkdir("/p");
    base.mkdir("/p/q");
    base.put("/p/q/f", "content");
    base.set_x("/p/q/f", "user.x", Some("1")).unwrap();
    base.set_x("/p", "user.y", Some("2")).unwrap();
    base.chmod("/p/q/f", 0o640);
    for (path, mode, time) in [("/p/q/f", 0o640, 3), ("/p/q", 0o2750, 2), ("/p", 0o700, 1)] {
        let attr = SetAttr {
            mode: Some(mode),
            uid: Some(1000),
            gid: Some(100),
            mtime: Some(fs_core::SetTime::To(Time::from_nanos(time))),
            ..SetAttr::default()
        };
        base.set(path, &attr).unwrap();
    }
}

#[test]
fn r27_parents_come_up_with_mode_owner_and_times() {
    let mut t = Stack::new(deep);
    let before = dump(&t.fs);
    t.fs.set_x("/p/q/f", "user.new", Some("3")).unwrap();
    t.fs.set_x("/p/q/f", "user.new", None).unwrap();
    let same = |fs: &crate::support::MemOverlay| {
        let mut after = dump(fs);
        for (path, item) in &mut after {
            // The change time is that of the copying, and a merged directory counts one link.
            item.metadata.ctime = before[path].metadata.ctime;
            item.metadata.nlink = before[path].metadata.nlink;
        }
        assert_eq!(after, before);
    };
    t.also_reopened(same);
    assert_eq!(t.upper.meta("/p").mode, 0o700);
}

#[test]
fn r28_metadata_and_content_change_separately() {
    let mut t = Stack::new(deep);
    let before = t.fs.meta("/p/q/f");
    t.fs.chmod("/p/q/f", 0o4711);
    t.also_reopened(|fs| {
        let after = fs.meta("/p/q/f");
        assert_eq!(
            (after.mode, after.mtime, after.btime),
            (0o4711, before.mtime, before.btime)
        );
        assert_eq!(fs.cat("/p/q/f"), "content");
    });
    let file =
        t.fs.open(At::path(&at("/p/q/f")), &OpenOptions::read_write())
            .unwrap();
    file.write_at(b"CON", 0).unwrap();
    drop(file);
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/p/q/f"), "CONtent");
        assert_eq!(fs.get_x("/p/q/f", "user.x").unwrap(), "1");
        assert_eq!(fs.meta("/p/q/f").btime, before.btime);
    });
}

#[test]
fn r29_append_truncate_and_gaps_keep_the_rest() {
    let t = Stack::new(|base| {
        for name in ["/append", "/down", "/up", "/gap", "/none"] {
            base.put(name, "0123456789");
        }
    });
    let open = |path| {
        t.fs.open(At::path(&at(path)), &OpenOptions::read_write())
            .unwrap()
    };
    open("/append").append(b"x").unwrap();
    t.fs.set("/down", &SetAttr::size(3)).unwrap();
    t.fs.set("/up", &SetAttr::size(12)).unwrap();
    open("/gap").write_at(b"x", 12).unwrap();
    let cut = OpenOptions {
        truncate: true,
        ..OpenOptions::read_write()
    };
    t.fs.open(At::path(&at("/none")), &cut).unwrap();
    assert_eq!(t.fs.cat("/append"), "0123456789x");
    assert_eq!(t.fs.cat("/down"), "012");
    assert_eq!(t.fs.cat("/up"), "0123456789\0\0");
    assert_eq!(t.fs.cat("/gap"), "0123456789\0\0x");
    assert_eq!(t.fs.cat("/none"), "");
}

#[test]
fn r30_concurrent_copy_up_happens_once() {
    let t = Stack::new(|base| base.put("/f", &"x".repeat(300_000)));
    std::thread::scope(|scope| {
        for number in 0..8u64 {
            let fs = &t.fs;
            scope.spawn(move || {
                let file = fs
                    .open(At::path(&at("/f")), &OpenOptions::read_write())
                    .unwrap();
                file.write_at(b"y", number).unwrap();
            });
        }
    });
    assert!(t.fs.cat("/f").starts_with("yyyyyyyyx"));
    assert_eq!(t.upper.ls("/"), ["f"]);
}

#[test]
fn r30_holes_stay_holes() {
    let t = Stack::new(|base| {
        base.put("/sparse", "begin");
        let file = base
            .open(At::path(&at("/sparse")), &OpenOptions::read_write())
            .unwrap();
        file.write_at(b"end", 1 << 30).unwrap();
    });
    t.fs.chmod("/sparse", 0o600);
    let copy = t.upper.meta("/sparse");
    assert_eq!(copy.size, (1 << 30) + 3);
    assert!(copy.allocated < 1 << 24, "{} bytes stored", copy.allocated);
}

#[test]
fn r31_reading_never_copies() {
    let t = Stack::new(deep);
    let file =
        t.fs.open(At::path(&at("/p/q/f")), &OpenOptions::read())
            .unwrap();
    assert_eq!(
        file.write_at(b"x", 0).unwrap_err().kind(),
        ErrorKind::BadHandle
    );
    dump(&t.fs);
    assert_eq!(t.upper.ls("/"), [""; 0]);
}

#[test]
fn r32_a_new_link_of_a_base_file_is_one_file() {
    let mut t = Stack::new(sample);
    t.fs.ln("/a", "/d/link").unwrap();
    t.fs.put("/a", "through one name");
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/d/link"), "through one name");
        assert_eq!(fs.meta("/a").nlink, 2);
        assert_eq!(fs.meta("/a").id, fs.meta("/d/link").id);
    });
    assert_eq!(
        t.fs.ln("/d", "/x").unwrap_err().kind(),
        ErrorKind::NotPermitted
    );
}

#[test]
fn r32_linked_base_files_part_when_one_is_changed() {
    let mut t = Stack::new(|base| {
        base.put("/one", "same");
        base.ln("/one", "/two").unwrap();
    });
    assert_eq!(t.fs.meta("/one").id, t.fs.meta("/two").id);
    t.fs.put("/one", "changed");
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/two"), "same");
        assert_ne!(fs.meta("/one").id, fs.meta("/two").id);
    });
}

#[test]
fn r33_attributes_of_a_directory_do_not_hide_its_children() {
    let mut t = Stack::new(deep);
    t.fs.chmod("/p/q", 0o711);
    t.fs.set("/p", &SetAttr::mtime(Time::from_nanos(9)))
        .unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/p/q/f"), "content");
        assert_eq!(fs.meta("/p").mtime, Time::from_nanos(9));
    });
}

#[test]
fn r38_numbers_stay_and_differ() {
    let mut t = Stack::new(sample);
    let before = dump(&t.fs);
    t.fs.put("/a", "changed");
    t.fs.chmod("/d", 0o700);
    t.fs.put("/d/e", "changed");
    t.fs.mv("/d/f", "/f").unwrap();
    t.fs.mv("/d", "/moved").unwrap();
    t.fs.mkdir("/plain");
    t.fs.mv("/b", "/plain/b").unwrap();
    t.also_reopened(|fs| {
        let after = dump(fs);
        for (new, old) in [
            ("/a", "/a"),
            ("/moved", "/d"),
            ("/moved/e", "/d/e"),
            ("/moved/s/deep", "/d/s/deep"),
            ("/f", "/d/f"),
            ("/plain/b", "/b"),
        ] {
            assert_eq!(after[new].metadata.id, before[old].metadata.id, "{new}");
        }
        let mut ids: Vec<_> = after.values().map(|item| item.metadata.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|w| w[0] != w[1]));
    });
}

#[test]
fn r39_open_files_see_changes_and_outlive_their_name() {
    let t = Stack::new(sample);
    let reader =
        t.fs.open(At::path(&at("/a")), &OpenOptions::read())
            .unwrap();
    let id = reader.metadata().unwrap().id;
    t.fs.mv("/a", "/renamed").unwrap();
    t.fs.put("/renamed", "new content");
    let mut bytes = [0; 3];
    reader.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"new");
    assert_eq!(reader.metadata().unwrap().id, id);
    t.fs.unlink("/renamed").unwrap();
    assert_eq!(reader.metadata().unwrap().nlink, 0);
    let reader =
        t.fs.open(At::path(&at("/b")), &OpenOptions::read())
            .unwrap();
    t.fs.unlink("/b").unwrap();
    reader.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"b o");
    assert_eq!(reader.metadata().unwrap().nlink, 0);
}

#[test]
fn r39_setting_attributes_through_a_reader_never_reaches_the_base() {
    let t = Stack::new(sample);
    let reader =
        t.fs.open(At::path(&at("/a")), &OpenOptions::read())
            .unwrap();
    reader.set_attr(&SetAttr::mode(0o400)).unwrap();
    assert_eq!(t.fs.meta("/a").mode, 0o400);
    assert_eq!(reader.metadata().unwrap().mode, 0o400);
}

#[test]
fn pins_follow_renames_and_keep_removed_nodes() {
    let t = Stack::new(sample);
    let dir = t.fs.pin(At::path(&at("/d"))).unwrap();
    t.fs.mv("/d", "/moved").unwrap();
    let e = at("/e");
    assert_eq!(t.fs.stat(At::in_dir(&dir, &e)).unwrap().size, 1);
    let new = at("/new");
    t.fs.change(&Change::Create(At::in_dir(&dir, &new), &NewNode::file()))
        .unwrap();
    assert!(t.fs.exists("/moved/new"));
    t.fs.rename("/moved", "/a", RenameMode::Exchange).unwrap();
    assert_eq!(t.fs.stat(At::in_dir(&dir, &e)).unwrap().size, 1);
    t.fs.rm_r("/a");
    assert_eq!(
        t.fs.stat(At::in_dir(&dir, &e)).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let file = t.fs.pin(At::path(&at("/b"))).unwrap();
    t.fs.unlink("/b").unwrap();
    let itself = VPath::root();
    assert_eq!(t.fs.stat(At::in_dir(&file, &itself)).unwrap().nlink, 0);
}

#[test]
fn r42_a_base_that_changes_is_followed_or_hidden_but_never_fatal() {
    let base = Arc::new(MemoryBackend::new());
    sample(&base);
    let fs = Overlay::new(base.clone(), Arc::new(MemoryBackend::new()));
    fs.unlink("/a").unwrap();
    fs.put("/d/mine", "m");
    base.put("/a", "again");
    base.put("/later", "l");
    assert_eq!(fs.ls("/"), ["b", "d", "l", "later"]);
    base.rm_r("/d");
    base.put("/d", "a file");
    assert_eq!(fs.ls("/d"), ["mine"]);
    dump(&fs);
}

#[test]
fn r43_one_folder_is_not_two_layers() {
    let one = Arc::new(MemoryBackend::new());
    let fs = Overlay::new(one.clone(), one);
    assert_eq!(fs.error("/"), ErrorKind::SameFile);
}

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
fn layers_tell_where_entries_come_from() {
    let bottom = Arc::new(MemoryBackend::new());
    sample(&bottom);
    let middle = Arc::new(Overlay::new(bottom, Arc::new(MemoryBackend::new())));
    middle.put("/mid", "m");
    middle.unlink("/b").unwrap();
    let top = Overlay::new(middle, Arc::new(MemoryBackend::new()));
    top.put("/top", "t");
    top.put("/a", "changed");
    top.unlink("/d/f").unwrap();
    let layers = top.extensions().layers.unwrap();
    assert_eq!(layers.count(), 3);
    let origin = |path| layers.origin(&at(path)).unwrap();
    assert_eq!(origin("/top"), Origin::Upper);
    assert_eq!(origin("/a"), Origin::Changed);
    assert_eq!(origin("/mid"), Origin::Base(1));
    assert_eq!(origin("/d/e"), Origin::Base(0));
    assert_eq!(origin("/d"), Origin::Merged);
    let deleted = |dir| -> Vec<_> {
        let all = layers.deleted(&at(dir)).unwrap().into_iter();
        all.map(|gone| (gone.name.display().into_owned(), gone.layer))
            .collect()
    };
    assert_eq!(deleted("/d"), [("f".to_owned(), 2)]);
    assert_eq!(deleted("/"), [("b".to_owned(), 1)]);
    assert_eq!(top.ls("/"), ["a", "d", "l", "mid", "top"]);
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
fn watchers_hear_what_changes_through_the_overlay() {
    let t = Stack::new(sample);
    let (send, heard) = mpsc::channel();
    let watch = t.fs.extensions().watch.unwrap();
    let guard = watch
        .watch(
            &at("/d"),
            Arc::new(move |event| send.send(event).unwrap_or_default()),
        )
        .unwrap();
    t.fs.put("/d/e", "x");
    assert!(heard.recv().is_ok());
    drop(guard);
    while heard.try_recv().is_ok() {}
    t.fs.put("/d/f", "x");
    assert!(heard.try_recv().is_err());
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
