//! Lookup, the root and listing (rules 1 to 7 and 34 to 37). The numbers are those of the list of overlay rules the project keeps.

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend, ErrorKind, FileKind, Name, NewNode, OpenOptions, RenameMode, VPath, Want,
};

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
