//! Deletion and re-creation (rules 8 to 17).

use fs_core::{At, Backend, ErrorKind, NewKind, NewNode, OpenOptions};

use crate::rules::sample;
use crate::support::{Shell, Stack, at};

#[test]
fn r08_removing_twice_fails_the_second_time() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.error("/a"), ErrorKind::NotFound);
        assert_eq!(fs.unlink("/a").unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn r09_removing_what_only_the_upper_has_leaves_no_whiteout() {
    let t = Stack::new(sample);
    t.fs.put("/d/new", "n");
    t.fs.unlink("/d/new").unwrap();
    t.fs.mkdir("/fresh");
    t.fs.rmdir("/fresh").unwrap();
    assert!(!t.upper.exists("/d/new") && !t.upper.exists("/fresh"));
}

#[test]
fn r10_removing_a_changed_file_leaves_a_whiteout_of_the_base() {
    let mut t = Stack::new(sample);
    t.fs.put("/a", "changed");
    t.fs.unlink("/a").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/a")));
    assert!(t.upper.is_whiteout("/a"));
}

#[test]
fn r11_emptiness_is_that_of_the_merged_directory() {
    let mut t = Stack::new(sample);
    t.fs.chmod("/d", 0o700);
    assert_eq!(
        t.fs.rmdir("/d").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    t.fs.unlink("/d/e").unwrap();
    t.fs.unlink("/d/f").unwrap();
    t.fs.unlink("/d/s/deep").unwrap();
    assert_eq!(
        t.fs.rmdir("/d").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    t.fs.rmdir("/d/s").unwrap();
    t.fs.rmdir("/d").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/"), ["a", "b", "l"]));
    assert!(t.upper.is_whiteout("/d"));
}

#[test]
fn r12_one_whiteout_remains_of_a_removed_tree() {
    let t = Stack::new(sample);
    t.fs.rm_r("/d");
    let nodes = crate::support::dump(&*t.upper);
    assert_eq!(nodes.len(), 2, "{nodes:?}");
}

#[test]
fn r13_a_file_over_a_whiteout_is_new() {
    let mut t = Stack::new(|base| {
        base.put("/a", "old");
        base.chmod("/a", 0o600);
        base.set_x("/a", "user.x", Some("old")).unwrap();
    });
    let old = t.fs.meta("/a");
    t.fs.unlink("/a").unwrap();
    t.fs.create("/a", &NewNode::file()).unwrap();
    t.also_reopened(|fs| {
        let new = fs.meta("/a");
        assert_ne!(new.id, old.id);
        assert_eq!((new.size, new.mode, new.nlink), (0, 0o644, 1));
        assert_eq!(
            fs.get_x("/a", "user.x").unwrap_err().kind(),
            ErrorKind::XattrNotFound
        );
    });
    assert!(t.upper.meta("/a").is_file());
}

#[test]
fn r14_a_directory_over_a_whiteout_stays_empty() {
    let mut t = Stack::new(sample);
    t.fs.rm_r("/d");
    t.fs.mkdir("/d");
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), [""; 0]));
    assert_eq!(t.upper.get_x("/d", "user.overlay.opaque").unwrap(), "y");
}

#[test]
fn r15_nested_recreation_stays_empty_at_every_level() {
    let mut t = Stack::new(sample);
    for _ in 0..2 {
        t.fs.rm_r("/d");
        t.fs.mkdir("/d");
        t.also_reopened(|fs| assert!(!fs.exists("/d/s/deep")));
        t.fs.mkdir("/d/s");
        t.also_reopened(|fs| assert_eq!(fs.ls("/d/s"), [""; 0]));
        t.fs.put("/d/s/deep", "new");
        t.also_reopened(|fs| assert_eq!(fs.ls("/d"), ["s"]));
    }
    t.fs.rm_r("/d/s");
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), [""; 0]));
}

#[test]
fn r16_any_kind_over_a_whiteout_and_away_again() {
    for kind in [
        NewKind::File,
        NewKind::Directory,
        NewKind::Symlink("a".into()),
        NewKind::Fifo,
        NewKind::Socket,
        NewKind::CharDevice(0x0103),
        NewKind::BlockDevice(0),
    ] {
        for name in ["/a", "/d"] {
            let mut t = Stack::new(sample);
            t.fs.rm_r(name);
            let new = NewNode {
                kind: kind.clone(),
                mode: 0o640,
                owner: None,
            };
            t.fs.create(name, &new).unwrap();
            t.also_reopened(|fs| assert_eq!(fs.meta(name).kind, kind.kind()));
            t.fs.rm_r(name);
            t.also_reopened(|fs| assert!(!fs.exists(name), "{name} is back after {kind:?}"));
        }
    }
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.fs.ln("/b", "/a").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.cat("/a"), "b of the base"));
    t.fs.unlink("/a").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/a") && fs.exists("/b")));
}

#[test]
fn r17_what_the_base_has_already_exists() {
    let t = Stack::new(sample);
    for new in [NewNode::file(), NewNode::directory(), NewNode::symlink("x")] {
        for name in ["/a", "/d", "/l"] {
            let error = t.fs.create(name, &new).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        }
    }
    assert_eq!(
        t.fs.ln("/a", "/b").unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    let open =
        t.fs.open(At::path(&at("/a")), &OpenOptions::create_new(0o644));
    assert_eq!(open.err().unwrap().kind(), ErrorKind::AlreadyExists);
    assert_eq!(t.upper.ls("/"), [""; 0]);
}
