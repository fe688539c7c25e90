//! Renaming (rules 18 to 26).

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{ErrorKind, Overlay, RenameMode};

use crate::rules::sample;
use crate::support::{Shell, Stack};

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
