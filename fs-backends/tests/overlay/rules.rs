//! Names: lookup, deletion, re-creation, renaming, listing. The numbers are those of the list of overlay rules the project keeps.

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend, ErrorKind, FileKind, Name, NewKind, NewNode, OpenOptions, Overlay, RenameMode,
    VPath, Want,
};
use std::sync::Arc;

use crate::support::{Shell, Stack, at};

/// `/d/e`, `/d/f`, `/d/s/deep`, `/a`, `/b`, `/l -> d`.
pub fn sample(base: &MemoryBackend) {
    base.mkdir("/d");
    base.put("/d/e", "e");
    base.put("/d/f", "f");
    base.mkdir("/d/s");
    base.put("/d/s/deep", "deep");
    base.put("/a", "a of the base");
    base.put("/b", "b of the base");
    base.create("/l", &NewNode::symlink("d")).unwrap();
}

#[test]
fn r01_upper_wins_and_a_whiteout_hides_everything_below() {
    let mut t = Stack::new(sample);
    t.fs.put("/a", "mine");
    t.fs.rm_r("/d");
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/a"), "mine");
        assert_eq!(fs.error("/d"), ErrorKind::NotFound);
        assert_eq!(fs.error("/d/s/deep"), ErrorKind::NotFound);
    });
    assert!(t.upper.is_whiteout("/d"));
}

#[test]
fn r02_only_directories_merge() {
    let mut t = Stack::new(sample);
    t.fs.put("/d/new", "n");
    t.fs.rm_r("/d/s");
    t.fs.put("/d/s", "a file now");
    t.fs.unlink("/a").unwrap();
    t.fs.mkdir("/a");
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/d"), ["e", "f", "new", "s"]);
        assert_eq!(fs.error("/d/s/deep"), ErrorKind::NotADirectory);
        assert_eq!(fs.ls("/a"), [""; 0]);
    });
}

#[test]
fn r03_links_are_never_followed_inside_a_layer() {
    let t = Stack::new(sample);
    assert_eq!(t.fs.error("/l/e"), ErrorKind::NotADirectory);
    assert_eq!(t.fs.meta("/l").kind, FileKind::Symlink);
    assert_eq!(t.fs.read_link(At::path(&at("/l"))).unwrap(), "d");
    let error = t.fs.open(At::path(&at("/l")), &OpenOptions::read_write());
    assert_eq!(error.err().unwrap().kind(), ErrorKind::SymlinkLoop);
    t.fs.unlink("/l").unwrap();
    assert!(t.fs.exists("/d/e"));
}

#[test]
fn r03_resolver_follows_links_across_layers() {
    let t = Stack::new(sample);
    t.fs.create("/up", &NewNode::symlink("d/s/../e")).unwrap();
    t.fs.mkdir("/n");
    t.fs.create("/n/back", &NewNode::symlink("../l/f")).unwrap();
    let front = fs_core::FileStorage::new(&t.fs);
    assert_eq!(front.read("/up").unwrap(), b"e");
    assert_eq!(front.read("/n/back").unwrap(), b"f");
}

#[test]
fn r05_names_that_look_like_marks_are_names() {
    let mut t = Stack::new(|base| {
        base.put("/.wh.a", "1");
        base.put("/a", "2");
    });
    t.fs.put("/.wh..wh..opq", "3");
    t.fs.put("/.wh.b", "4");
    t.fs.put("/b", "5");
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/"), [".wh..wh..opq", ".wh.a", ".wh.b", "a", "b"]);
    });
    t.fs.unlink("/.wh.a").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/"), [".wh..wh..opq", ".wh.b", "a", "b"]));
}

#[test]
fn r05_a_users_own_whiteout_is_not_permitted() {
    let t = Stack::new(sample);
    let error = t.fs.create("/w", &NewNode::whiteout()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    let staged = t.fs.stage(At::path(&at("/w")), &NewNode::whiteout());
    assert_eq!(staged.err().unwrap().kind(), ErrorKind::NotPermitted);
    let error = t.fs.rename("/a", "/z", RenameMode::LeaveWhiteout);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(t.fs.exists("/a") && !t.fs.exists("/z"));
}

#[test]
fn r06_a_mark_hides_one_path_only() {
    let mut t = Stack::new(|base| {
        for name in ["t", "r", "d", "dd"] {
            base.mkdir(&format!("/{name}"));
        }
        base.put("/r/t", "kept");
        base.put("/dd/x", "kept");
        base.put("/d.txt", "kept");
    });
    t.fs.rmdir("/t").unwrap();
    t.fs.rmdir("/d").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/"), ["d.txt", "dd", "r"]);
        assert_eq!(fs.cat("/r/t") + &fs.cat("/dd/x"), "keptkept");
    });
}

#[test]
fn r07_case_and_normalisation_keep_names_apart() {
    let t = Stack::new(|base| base.put("/\u{e9}", "composed"));
    t.fs.put("/e\u{301}", "decomposed");
    t.fs.put("/A", "upper case");
    t.fs.put("/a", "lower case");
    t.fs.unlink("/\u{e9}").unwrap();
    assert_eq!(t.fs.ls("/"), ["A", "a", "e\u{301}"]);
}

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

#[test]
fn r18_r20_renaming_a_base_file_leaves_a_whiteout_and_takes_one() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/b").unwrap();
    t.fs.mv("/a", "/b").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/b"), "a of the base");
        assert!(!fs.exists("/a"));
    });
    assert!(t.upper.is_whiteout("/a"));
}

#[test]
fn r19_the_source_gets_a_whiteout_exactly_when_the_base_has_the_name() {
    let t = Stack::new(sample);
    t.fs.mv("/a", "/d/moved").unwrap();
    t.fs.mv("/d/moved", "/again").unwrap();
    assert!(!t.upper.exists("/d/moved"));
    assert!(t.upper.is_whiteout("/a"));
    t.fs.put("/b", "changed");
    t.fs.mv("/b", "/c").unwrap();
    assert!(t.upper.is_whiteout("/b"));
}

#[test]
fn r21_over_a_base_file_and_over_directories() {
    let mut t = Stack::new(sample);
    t.fs.put("/new", "new");
    t.fs.mv("/new", "/b").unwrap();
    t.fs.mkdir("/m");
    t.fs.put("/m/x", "x");
    assert_eq!(
        t.fs.mv("/m", "/d").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    for name in t.fs.ls("/d") {
        t.fs.rm_r(&format!("/d/{name}"));
    }
    t.fs.mv("/m", "/d").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/b"), "new");
        assert_eq!(fs.ls("/d"), ["x"]);
        assert!(!fs.exists("/m"));
    });
}

#[test]
fn r22_a_directory_moved_onto_a_deleted_name_is_opaque() {
    let mut t = Stack::new(sample);
    t.fs.mkdir("/c");
    t.fs.rm_r("/d");
    t.fs.mv("/c", "/d").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), [""; 0]));
    assert!(!t.upper.exists("/c"), "a whiteout of nothing is left");
}

#[test]
fn r23_directories_of_the_base_move_with_all_they_hold() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/d/f").unwrap();
    t.fs.put("/d/s/new", "new");
    t.fs.mv("/d", "/moved").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/moved"), ["e", "s"]);
        assert_eq!(fs.ls("/moved/s"), ["deep", "new"]);
        assert!(!fs.exists("/d"));
    });
    t.fs.mv("/moved", "/d").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/d"), ["e", "s"]);
        assert_eq!(fs.cat("/d/s/deep"), "deep");
        assert!(!fs.exists("/moved"));
    });
}

#[test]
fn r23_past_the_limit_nothing_changes() {
    let base = Arc::new(MemoryBackend::new());
    sample(&base);
    let upper = Arc::new(MemoryBackend::new());
    let fs = Overlay::new(base, upper.clone()).with_rename_limit(3);
    let before = crate::support::dump(&fs);
    assert_eq!(
        fs.mv("/d", "/moved").unwrap_err().kind(),
        ErrorKind::CrossDevice
    );
    let mut after = crate::support::dump(&fs);
    after.get_mut("/").unwrap().metadata.ctime = before["/"].metadata.ctime;
    assert_eq!(after, before);
    assert_eq!(upper.ls("/"), [""; 0]);
}

#[test]
fn r24_into_itself_onto_itself_and_onto_another_link() {
    let t = Stack::new(sample);
    assert_eq!(
        t.fs.mv("/d", "/d/s/x").unwrap_err().kind(),
        ErrorKind::IntoItself
    );
    t.fs.mv("/d", "/d").unwrap();
    t.fs.mv("/a", "/a").unwrap();
    t.fs.ln("/a", "/link").unwrap();
    t.fs.mv("/a", "/link").unwrap();
    assert!(t.fs.exists("/a") && t.fs.exists("/link"));
    assert_eq!(
        t.fs.mv("/d/s", "/d").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
}

#[test]
fn r25_kinds_must_match() {
    let t = Stack::new(sample);
    assert_eq!(
        t.fs.mv("/a", "/d").unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    assert_eq!(
        t.fs.mv("/d", "/a").unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        t.fs.mv("/a", "/b/x").unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        t.fs.mv("/a", "/none/x").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        t.fs.mv("/none", "/x").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn r26_swapping_through_a_third_name_and_in_one_step() {
    let mut t = Stack::new(sample);
    t.fs.mv("/a", "/tmp").unwrap();
    t.fs.mv("/b", "/a").unwrap();
    t.fs.mv("/tmp", "/b").unwrap();
    t.also_reopened(|fs| {
        assert_eq!(
            (fs.cat("/a"), fs.cat("/b")),
            ("b of the base".into(), "a of the base".into())
        );
        assert!(!fs.exists("/tmp"));
    });
    t.fs.rename("/a", "/d", RenameMode::Exchange).unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.cat("/d"), "b of the base");
        assert_eq!(fs.ls("/a"), ["e", "f", "s"]);
    });
    let error = t.fs.rename("/a", "/b", RenameMode::NoReplace).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn r34_the_root_stays_but_takes_attributes() {
    let mut t = Stack::new(|base| {
        base.chmod("/", 0o751);
        base.set_x("/", "user.x", Some("root")).unwrap();
    });
    let before = t.fs.meta("/");
    assert_eq!(before.mode, 0o751);
    assert_eq!(t.fs.rmdir("/").unwrap_err().kind(), ErrorKind::IsRoot);
    assert_eq!(t.fs.mv("/", "/x").unwrap_err().kind(), ErrorKind::IsRoot);
    t.fs.put("/x", "x");
    t.also_reopened(|fs| {
        assert_eq!((fs.meta("/").mode, fs.meta("/").id), (0o751, before.id));
        assert_eq!(fs.get_x("/", "user.x").unwrap(), "root");
        assert_eq!(
            fs.list_xattrs(At::path(&VPath::root())).unwrap(),
            ["user.x"]
        );
    });
    t.fs.chmod("/", 0o700);
    t.also_reopened(|fs| assert_eq!(fs.meta("/").mode, 0o700));
}

#[test]
fn r35_r36_r37_listing_merges_sorts_and_pages_by_name() {
    let t = Stack::new(|base| {
        for number in 0..3000 {
            base.put(&format!("/b{number:04}"), "");
        }
    });
    for number in (0..3000).step_by(7) {
        t.fs.unlink(&format!("/b{number:04}")).unwrap();
        t.fs.put(&format!("/a{number:04}"), "");
        t.fs.put(&format!("/b{number:04}x"), "");
    }
    let all = t.fs.ls("/");
    assert!(all.is_sorted() && all.windows(2).all(|w| w[0] != w[1]));
    assert_eq!(all.len(), 3000 + 429);
    let after = &all[1234];
    let want = Want {
        metadata: false,
        after: Some(Name::new(after).unwrap()),
    };
    let listing = t.fs.list(At::path(&VPath::root()), &want).unwrap();
    let rest = fs_core::listing::collect(listing).unwrap();
    let rest: Vec<_> = rest
        .iter()
        .map(|e| e.name.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(rest, all[1235..]);
}
