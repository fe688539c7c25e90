//! Copy-up: what comes up with a node, when, and how hard links fare (rules 27 to 33).

use fs_backends::MemoryBackend;
use fs_core::{At, Backend, ErrorKind, OpenOptions, SetAttr, Time};

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
