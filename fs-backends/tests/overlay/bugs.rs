//! Bugs other overlay filesystems had, each named after the project that had it.

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend as _, ErrorKind, FileStorage, NewNode, OpenOptions, Overlay, RenameMode, SetAttr,
    Time,
};

use crate::rules::sample;
use crate::support::{Shell, Stack, at, dump};

#[test]
fn fuse_overlayfs_151_a_mark_at_the_root_hid_the_name_in_every_directory() {
    let mut t = Stack::new(|base| {
        base.put("/x", "");
        base.mkdir("/d");
        base.put("/d/x", "");
    });
    t.fs.unlink("/x").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/x") && fs.exists("/d/x")));
}

#[test]
fn fuse_overlayfs_136_425_478_deep_recreated_directories_showed_old_children() {
    let mut t = Stack::new(|base| {
        for path in ["/a", "/a/b", "/a/b/c"] {
            base.mkdir(path);
            base.put(&format!("{path}/old"), "");
        }
    });
    t.fs.rm_r("/a");
    for path in ["/a", "/a/b", "/a/b/c"] {
        t.fs.mkdir(path);
        // In both orders of looking: the deepest first after a restart, then from the top.
        t.reopen();
        assert!(!t.fs.exists("/a/b/c/old"));
        t.also_reopened(|fs| assert!(!dump(fs).keys().any(|path| path.ends_with("old"))));
    }
}

#[test]
fn fuse_overlayfs_271_moving_a_directory_back_after_removing_it_said_it_exists() {
    let mut t = Stack::new(sample);
    t.fs.mkdir("/copy");
    t.fs.put("/copy/e", "new e");
    t.fs.rm_r("/d");
    t.fs.mv("/copy", "/d").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), ["e"]));
}

#[test]
fn fuse_overlayfs_273_moving_onto_a_deleted_name_met_the_mark() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.fs.rename("/b", "/a", RenameMode::NoReplace).unwrap();
    t.also_reopened(|fs| assert_eq!(fs.cat("/a"), "b of the base"));
}

#[test]
fn fuse_overlayfs_279_a_link_over_a_mark_vanished_at_the_next_mount() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.fs.create("/a", &NewNode::symlink("b")).unwrap();
    t.also_reopened(|fs| assert!(fs.meta("/a").is_symlink()));
}

#[test]
fn fuse_overlayfs_306_309_327_marks_of_names_the_base_does_not_show() {
    let t = Stack::new(sample);
    t.fs.rm_r("/d");
    t.fs.mkdir("/d");
    t.fs.put("/d/e", "");
    t.fs.unlink("/d/e").unwrap();
    t.fs.put("/fresh", "");
    t.fs.mv("/fresh", "/d/moved").unwrap();
    t.fs.mv("/d/moved", "/fresher").unwrap();
    assert_eq!(t.upper.ls("/d"), [""; 0]);
    assert_eq!(t.upper.ls("/"), ["d", "fresher"]);
}

#[test]
fn fuse_overlayfs_354_renaming_over_a_mark_lost_the_sources_mark() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/b").unwrap();
    t.fs.mv("/a", "/b").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/a")));
}

#[test]
fn fuse_overlayfs_324_content_of_a_deleted_directory_was_visible() {
    let mut t = Stack::new(sample);
    t.fs.rm_r("/d");
    t.also_reopened(|fs| {
        assert_eq!(fs.error("/d/e"), ErrorKind::NotFound);
        let open = fs.open(At::path(&at("/d/s/deep")), &OpenOptions::read());
        assert_eq!(open.err().unwrap().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn fuse_overlayfs_444_moving_away_and_copying_back_said_it_exists() {
    let mut t = Stack::new(sample);
    t.fs.mv("/d", "/away").unwrap();
    t.fs.mkdir("/d");
    t.fs.put("/d/e", &t.fs.cat("/away/e"));
    t.fs.mkdir("/d/s");
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), ["e", "s"]));
}

#[test]
fn fuse_overlayfs_435_108_link_counts_depended_on_what_was_looked_up() {
    let mut t = Stack::new(sample);
    t.fs.ln("/a", "/a2").unwrap();
    t.fs.ln("/a", "/d/a3").unwrap();
    t.reopen();
    assert_eq!(t.fs.meta("/d/a3").nlink, 3);
    t.fs.unlink("/a").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.meta("/a2").nlink, 2));
}

#[test]
fn fuse_overlayfs_359_391_numbers_are_unique_and_equal_in_listing_and_lookup() {
    // Both layers number their nodes from the same start.
    let mut t = Stack::new(sample);
    t.fs.mkdir("/n");
    t.fs.put("/n/x", "");
    t.fs.chmod("/d", 0o700);
    t.also_reopened(|fs| {
        let mut ids: Vec<_> = dump(fs).values().map(|item| item.metadata.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|w| w[0] != w[1]), "{ids:?}");
    });
}

#[test]
fn fuse_overlayfs_93_removing_a_tree_left_marks_in_it() {
    let t = Stack::new(sample);
    t.fs.unlink("/d/e").unwrap();
    t.fs.put("/d/s/new", "");
    t.fs.unlink("/d/s/deep").unwrap();
    t.fs.rm_r("/d");
    assert!(t.upper.is_whiteout("/d"));
    t.fs.mkdir("/m");
    t.fs.put("/m/x", "");
    t.fs.rm_r("/m");
    assert_eq!(t.upper.ls("/"), ["d"]);
}

#[test]
fn fuse_overlayfs_470_472_modes_of_directories_were_lost_at_copy_up() {
    let mut t = Stack::new(|base| {
        base.mkdir("/d");
        base.mkdir("/d/e");
        base.chmod("/d", 0o700);
        base.chmod("/d/e", 0o3770);
    });
    t.fs.put("/d/e/m", "");
    t.also_reopened(|fs| assert_eq!((fs.meta("/d").mode, fs.meta("/d/e").mode), (0o700, 0o3770)));
}

#[test]
fn random_testing_mkdir_c_rm_d_mv_c_d_brought_the_base_back() {
    let mut t = Stack::new(sample);
    t.fs.mkdir("/c");
    t.fs.rm_r("/d");
    t.fs.mv("/c", "/d").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/d/e")));
}

#[test]
fn random_testing_mv_b_x_mkdir_b_mv_b_c_brought_the_base_back() {
    for dir in ["", "/d"] {
        let mut t = Stack::new(|base| {
            base.mkdir("/d");
            base.put("/b", "");
            base.put("/d/b", "");
        });
        let p = |name: &str| format!("{dir}/{name}");
        t.fs.mv(&p("b"), &p("x")).unwrap();
        t.fs.mkdir(&p("b"));
        t.fs.mv(&p("b"), &p("c")).unwrap();
        t.also_reopened(|fs| assert!(!fs.exists(&p("b")) && fs.meta(&p("c")).is_dir()));
    }
}

#[test]
fn random_testing_rm_a_create_a_mv_a_e_brought_the_base_back() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.fs.put("/a", "");
    t.fs.mv("/a", "/e").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/a")));
}

#[test]
fn random_testing_rename_new_b_rename_b_d_brought_the_base_back() {
    for dir in ["", "/d"] {
        let mut t = Stack::new(|base| {
            base.mkdir("/d");
            base.put("/b", "base");
            base.put("/d/b", "base");
        });
        let p = |name: &str| format!("{dir}/{name}");
        t.fs.put(&p("new"), "new");
        t.fs.mv(&p("new"), &p("b")).unwrap();
        t.fs.mv(&p("b"), &p("z")).unwrap();
        t.also_reopened(|fs| {
            assert!(!fs.exists(&p("b")));
            assert_eq!(fs.cat(&p("z")), "new");
        });
    }
}

#[test]
fn random_testing_an_unlinked_open_file_had_no_metadata() {
    let t = Stack::new(sample);
    let file =
        t.fs.open(At::path(&at("/a")), &OpenOptions::read_write())
            .unwrap();
    t.fs.unlink("/a").unwrap();
    assert_eq!(file.metadata().unwrap().nlink, 0);
    file.set_len(3).unwrap();
    assert_eq!(file.metadata().unwrap().size, 3);
}

#[test]
fn agentfs_270_271_deletions_were_forgotten_at_the_next_open() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/a").unwrap();
    t.fs.rm_r("/d");
    t.reopen();
    assert_eq!(t.fs.ls("/"), ["b", "l"]);
}

#[test]
fn agentfs_203_274_the_number_changed_at_copy_up() {
    type Trigger = fn(&crate::support::MemOverlay);
    let triggers: [Trigger; 8] = [
        |fs| fs.put("/a", "x"),
        |fs| fs.set("/a", &SetAttr::size(1)).unwrap(),
        |fs| fs.chmod("/a", 0o600),
        |fs| {
            fs.set(
                "/a",
                &SetAttr {
                    uid: Some(5),
                    ..SetAttr::default()
                },
            )
            .unwrap()
        },
        |fs| fs.mv("/a", "/b").and_then(|()| fs.mv("/b", "/a")).unwrap(),
        |fs| fs.ln("/a", "/d/link").unwrap(),
        |fs| fs.set("/a", &SetAttr::mtime(Time::from_nanos(1))).unwrap(),
        |fs| fs.set_x("/a", "user.x", Some("x")).unwrap(),
    ];
    for trigger in triggers {
        let mut t = Stack::new(sample);
        let before = t.fs.meta("/a").id;
        trigger(&t.fs);
        t.also_reopened(|fs| assert_eq!(fs.meta("/a").id, before));
    }
}

#[test]
fn agentfs_a_base_file_in_a_copied_up_directory_was_removed_without_a_mark() {
    let mut t = Stack::new(sample);
    t.fs.chmod("/d", 0o700);
    t.fs.unlink("/d/e").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/d"), ["f", "s"]));
}

#[test]
fn bashkit_420_sandlock_159_only_the_exact_path_was_marked() {
    let mut t = Stack::new(sample);
    t.fs.unlink("/d/s/deep").unwrap();
    t.fs.rm_r("/d");
    t.also_reopened(|fs| {
        assert!(!fs.exists("/d/s/deep") && !fs.exists("/d/s") && !fs.exists("/d/e"));
    });
}

#[test]
fn dragonos_2004_2035_a_changed_file_was_removed_without_a_mark() {
    let mut t = Stack::new(sample);
    t.fs.put("/d/e", "changed");
    t.fs.unlink("/d/e").unwrap();
    t.also_reopened(|fs| assert!(!fs.exists("/d/e")));
}

#[test]
fn dragonos_2005_2041_an_open_file_went_stale_at_copy_up() {
    let t = Stack::new(sample);
    let reader =
        t.fs.open(At::path(&at("/a")), &OpenOptions::read())
            .unwrap();
    t.fs.put("/a", "fresh");
    let mut bytes = [0; 5];
    reader.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"fresh");
}

#[test]
fn moby_9572_a_mark_in_a_directory_only_the_upper_has_showed_as_a_file() {
    let mut t = Stack::new(sample);
    t.upper.mkdir("/pure");
    t.upper.create("/pure/x", &NewNode::whiteout()).unwrap();
    t.also_reopened(|fs| {
        assert_eq!(fs.ls("/pure"), [""; 0]);
        assert!(!fs.exists("/pure/x"));
    });
    t.fs.rmdir("/pure").unwrap();
    assert!(!t.upper.exists("/pure"));
}

#[test]
fn moby_13108_a_recreated_directory_that_holds_something_was_removed() {
    let t = Stack::new(sample);
    t.fs.rm_r("/d");
    t.fs.mkdir("/d");
    t.fs.put("/d/x", "");
    assert_eq!(
        t.fs.rmdir("/d").unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
}

#[test]
fn rust_vfs_reading_past_the_end_panicked() {
    let t = Stack::new(sample);
    let file =
        t.fs.open(At::path(&at("/a")), &OpenOptions::read())
            .unwrap();
    assert_eq!(file.read_at(&mut [0; 8], u64::MAX - 4).unwrap(), 0);
}

#[test]
fn rust_vfs_mkdir_over_a_base_directory_succeeded() {
    let t = Stack::new(sample);
    let error = t.fs.create("/d", &NewNode::directory()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn rust_vfs_times_of_a_base_file_could_not_be_set() {
    let mut t = Stack::new(sample);
    let time = Time::from_nanos(1_234_567_890);
    t.fs.set("/d/e", &SetAttr::mtime(time)).unwrap();
    t.also_reopened(|fs| assert_eq!(fs.meta("/d/e").mtime, time));
}

#[test]
fn rust_vfs_the_mark_of_a_name_collided_with_another_name() {
    let mut t = Stack::new(|base| {
        base.put("/a", "");
        base.mkdir("/a_wo");
        base.mkdir("/.whiteout");
    });
    t.fs.unlink("/a").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/"), [".whiteout", "a_wo"]));
}

#[test]
fn the_guides_sketch_write_below_a_directory_only_the_base_has() {
    let mut t = Stack::new(sample);
    FileStorage::new(&t.fs).write("/d/s/new", b"n").unwrap();
    t.also_reopened(|fs| assert_eq!(fs.ls("/d/s"), ["deep", "new"]));
}

#[test]
fn the_guides_sketch_removing_nothing_succeeded_and_listing_nothing_was_empty() {
    let t = Stack::new(sample);
    assert_eq!(
        t.fs.unlink("/none").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        t.fs.unlink("/d").unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    let want = fs_core::Want::names();
    let list = |path| t.fs.list(At::path(&at(path)), &want).err().unwrap().kind();
    assert_eq!(list("/none"), ErrorKind::NotFound);
    assert_eq!(list("/a"), ErrorKind::NotADirectory);
    assert_eq!(t.upper.ls("/"), [""; 0]);
}

#[test]
fn a_middle_layers_deletions_hold_in_the_layers_above() {
    let bottom = Arc::new(MemoryBackend::new());
    sample(&bottom);
    let middle = Arc::new(Overlay::new(bottom, Arc::new(MemoryBackend::new())));
    middle.unlink("/a").unwrap();
    middle.rm_r("/d/s");
    middle.mkdir("/d/s");
    let upper = Arc::new(MemoryBackend::new());
    for _ in 0..2 {
        let top = Overlay::new(middle.clone(), upper.clone());
        assert!(!top.exists("/a") && !top.exists("/d/s/deep"));
        if !top.exists("/moved") {
            top.mv("/d", "/moved").unwrap();
        }
        assert_eq!(top.ls("/moved"), ["e", "f", "s"]);
        assert_eq!(top.ls("/moved/s"), [""; 0]);
    }
    assert_eq!(middle.ls("/"), ["b", "d", "l"]);
}
