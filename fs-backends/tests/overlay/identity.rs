//! Identity and change: numbers, open files, pins, a base that changes, what a layer tells (rules 38 to 43).

use std::sync::{Arc, mpsc};

use fs_backends::{MemoryBackend, VRootFsBackend};
use fs_core::extensions::{Origin, TreeEvent};
use fs_core::{
    At, Backend, Change, ErrorKind, NewNode, OpenOptions, Overlay, RenameMode, SetAttr, VPath,
};

use crate::rules::sample;
use crate::support::{Shell, Stack, at, dump};

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
    let (inside, b) = (At::in_dir(&dir, &e), at("/b"));
    for (from, to) in [(inside, At::path(&b)), (At::path(&b), inside)] {
        let mode = RenameMode::Replace;
        let moved = t.fs.change(&Change::Rename { from, to, mode });
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let file = t.fs.pin(At::path(&at("/b"))).unwrap();
    t.fs.unlink("/b").unwrap();
    let (itself, again) = (VPath::root(), at("/again"));
    assert_eq!(t.fs.stat(At::in_dir(&file, &itself)).unwrap().nlink, 0);
    let linked = t.fs.change(&Change::Link {
        from: At::in_dir(&file, &itself),
        to: At::path(&again),
    });
    assert_eq!(linked.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_lost_the_name_it_was_found_by_is_linked_again_while_it_has_others() {
    let t = Stack::new(sample);
    t.fs.put("/x", "of two names");
    t.fs.ln("/x", "/y").unwrap();
    let id = t.fs.meta("/y").id;
    let file = t.fs.pin(At::path(&at("/x"))).unwrap();
    t.fs.unlink("/x").unwrap();
    t.fs.unlink("/b").unwrap();
    let itself = VPath::root();
    // A free name, one that a whiteout keeps, one that is there, and one in a folder that only the base has.
    for (to, expected) in [
        ("/z", None),
        ("/b", None),
        ("/a", Some(ErrorKind::AlreadyExists)),
        ("/d/s/x", None),
    ] {
        let linked = t.fs.change(&Change::Link {
            from: At::in_dir(&file, &itself),
            to: At::path(&at(to)),
        });
        assert_eq!(linked.err().map(|error| error.kind()), expected, "{to}");
        assert_eq!(expected.is_none(), t.fs.meta(to).id == id, "{to}");
    }
    assert_eq!(t.fs.meta("/y").nlink, 4);
    assert_eq!(t.fs.cat("/b"), "of two names");
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

/// A copy that was renamed away and what it was copied from have one number once that shows again; they are no second name of each other.
#[test]
fn a_moved_copy_replaces_what_it_was_copied_from() {
    let t = Stack::new(sample);
    t.fs.put("/a", "copied");
    t.fs.mv("/a", "/moved").unwrap();
    t.fs.extensions()
        .deletions
        .unwrap()
        .reveal(&at("/a"))
        .unwrap();
    t.fs.mv("/moved", "/a").unwrap();
    assert_eq!(t.fs.cat("/a"), "copied");
    assert_eq!(t.fs.error("/moved"), ErrorKind::NotFound);
}

/// What layers tell of everything comes in the numbers of the overlay, and what a copy-up changes aside comes with it.
#[test]
fn who_watches_everything_hears_the_numbers_of_the_overlay() {
    let t = Stack::new(sample);
    let (send, heard) = mpsc::channel();
    let watch = t.fs.extensions().watch.unwrap();
    let guard = watch
        .watch_all(Arc::new(move |event| send.send(event).unwrap_or_default()))
        .unwrap();
    let all = || -> Vec<TreeEvent> { heard.try_iter().collect() };
    let (root, dir) = (t.fs.meta("/").id, t.fs.meta("/d").id);
    let file = t.fs.meta("/d/e").id;
    t.fs.put("/d/e", "x");
    let events = all();
    for aside in [root, dir, file] {
        assert!(events.contains(&TreeEvent::Aside(aside)), "{events:?}");
    }
    assert_eq!(t.fs.meta("/d/e").id, file);
    all();
    t.upper.put("/d/e", "y");
    assert!(all().contains(&TreeEvent::Node(file)));
    t.upper.unlink("/d/e").unwrap();
    let name = fs_core::Name::new("e").unwrap();
    assert!(all().contains(&TreeEvent::Entry(dir, name)));
    drop(guard);
    t.fs.put("/d/e", "z");
    assert_eq!(all(), []);
}

#[test]
fn layers_that_do_not_tell_of_everything_promise_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = VRootFsBackend::new(folder.path()).unwrap();
    let fs = Overlay::new(host, MemoryBackend::new());
    let watch = fs.extensions().watch.unwrap();
    let error = watch.watch_all(Arc::new(|_| {})).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
