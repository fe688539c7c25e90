//! Content: shared, held by handles, of a limited size.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use fs_core::extensions::Watch as _;
use fs_core::{
    At, Backend, Change, Control, ErrorKind, NewNode, OpenOptions, RenameMode, Scope, SetAttr,
    SetTime, Time, VPath,
};

use super::{create, open, path, read, read_all, save, used, write};
use crate::MemoryBackend;

#[test]
fn a_copy_shares_bytes_until_either_side_is_written() {
    let fs = MemoryBackend::new();
    write(&fs, "/a", &[1; 100_000]);
    let to = path("/b");
    let mut staged = fs.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(
        staged
            .fill_from(At::path(&path("/a")), &Control::new())
            .unwrap()
    );
    // The source may change before the commit; the copy is of the moment of `fill_from`.
    open(&fs, "/a").write_at(&[9], 0).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(read(&fs, "/b"), [1; 100_000]);
    assert_eq!(read(&fs, "/a")[..2], [9, 1]);

    let mut staged = fs.stage(At::path(&path("/c")), &NewNode::file()).unwrap();
    staged
        .fill_from(At::path(&path("/b")), &Control::new())
        .unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    let before = used(&fs);
    open(&fs, "/c").write_at(&[7], 50_000).unwrap();
    assert!(used(&fs) > before, "the first write copies");
    assert_eq!(read(&fs, "/b"), [1; 100_000]);
    for name in ["/a", "/b", "/c"] {
        fs.change(&Change::Unlink(At::path(&path(name)))).unwrap();
    }
    assert_eq!(used(&fs), 0);
}

#[test]
fn an_unlinked_file_lives_until_its_last_handle_and_pin_close() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"bytes");
    let at = path("/f");
    let (handle, pin) = (open(&fs, "/f"), fs.pin(At::path(&at)).unwrap());
    fs.change(&Change::Unlink(At::path(&at))).unwrap();
    let root = VPath::root();
    let here = At::in_dir(&pin, &root);
    handle.append(b" more").unwrap();
    assert_eq!(fs.stat(here).unwrap().size, 10);
    assert_eq!(fs.stat(here).unwrap().nlink, 0);
    fs.change(&Change::SetAttr(here, &SetAttr::mode(0o600)))
        .unwrap();
    assert_eq!(handle.metadata().unwrap().mode, 0o600);
    drop(handle);
    assert_eq!(
        read_all(&*fs.open(here, &OpenOptions::read()).unwrap()),
        b"bytes more"
    );
    let link = Change::Link {
        from: here,
        to: At::path(&at),
    };
    assert_eq!(fs.change(&link).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(used(&fs), 10);
    drop(pin);
    assert_eq!(used(&fs), 0);
}

/// Between the moment its last name is gone and the moment its handles hear of that, which those who watch everything are told in.
#[test]
fn a_file_that_is_just_losing_its_last_name_can_be_used_by_its_pin() {
    let fs = Arc::new(MemoryBackend::new());
    write(&*fs, "/f", b"bytes");
    let (at, root, tag) = (path("/f"), VPath::root(), OsStr::new("user.tag"));
    fs.change(&Change::SetXattr(At::path(&at), tag, Some(b"v")))
        .unwrap();
    let pin = fs.pin(At::path(&at)).unwrap();
    let looks = Arc::<AtomicUsize>::default();
    let (inside, looked) = (Arc::downgrade(&fs), Arc::clone(&looks));
    let guard = fs.watch_all(Arc::new(move |_| {
        let (fs, here) = (inside.upgrade().unwrap(), At::in_dir(&pin, &root));
        assert_eq!(fs.stat(here).unwrap().nlink, 0);
        assert_eq!(fs.list_xattrs(here).unwrap(), [tag]);
        assert_eq!(fs.get_xattr(here, tag).unwrap(), b"v");
        let other = fs.get_xattr(here, OsStr::new("user.other"));
        assert_eq!(other.unwrap_err().kind(), ErrorKind::XattrNotFound);
        let file = fs.open(here, &OpenOptions::read()).unwrap();
        assert_eq!(read_all(&*file), b"bytes");
        looked.fetch_add(1, Ordering::AcqRel);
    }));
    fs.change(&Change::Unlink(At::path(&at))).unwrap();
    drop(guard);
    assert_ne!(looks.load(Ordering::Acquire), 0);
}

#[test]
fn a_pinned_file_is_found_whenever_its_last_name_goes() {
    let fs = MemoryBackend::new();
    let (at, root, tag) = (path("/f"), VPath::root(), OsStr::new("user.tag"));
    for _ in 0..2000 {
        write(&fs, "/f", b"bytes");
        let pin = fs.pin(At::path(&at)).unwrap();
        let (here, start) = (At::in_dir(&pin, &root), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                fs.change(&Change::Unlink(At::path(&at))).unwrap();
            });
            start.wait();
            for _ in 0..3 {
                fs.stat(here).unwrap();
                fs.list_xattrs(here).unwrap();
                let none = fs.get_xattr(here, tag).unwrap_err();
                assert_eq!(none.kind(), ErrorKind::XattrNotFound);
                fs.open(here, &OpenOptions::read_write()).unwrap();
            }
        });
    }
}

#[test]
fn holes_are_holes_and_sizes_have_a_limit() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"");
    let file = open(&fs, "/f");
    file.write_at(b"end", 1 << 40).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.size, (1 << 40) + 3);
    assert!(metadata.allocated <= 1 << 16);
    assert_eq!(file.next_data(0).unwrap(), Some((1 << 40, (1 << 40) + 3)));
    assert_eq!(file.next_data((1 << 40) + 3).unwrap(), None);
    for error in [
        file.write_at(b"x", u64::MAX).unwrap_err(),
        file.write_at(b"x", i64::MAX as u64).unwrap_err(),
        file.set_len(u64::MAX).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
    file.set_len(2).unwrap();
    file.set_len(10).unwrap();
    assert_eq!(read_all(&*file), [0; 10]);
    fs.sync(Scope::Node(At::path(&path("/f")))).unwrap();
}

#[test]
fn a_full_filesystem_keeps_the_old_content() {
    let fs = MemoryBackend::with_limit(100_000);
    write(&fs, "/f", &[1; 60_000]);
    let file = open(&fs, "/f");
    assert_eq!(
        file.write_at(&[2; 80_000], 30_000).unwrap_err().kind(),
        ErrorKind::NoSpace
    );
    assert_eq!(read_all(&*file), [1; 60_000]);
    let mut staged = fs.stage(At::path(&path("/f")), &NewNode::file()).unwrap();
    let refused = staged
        .file()
        .unwrap()
        .write_at(&[2; 80_000], 0)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSpace);
    drop(staged);
    file.write_at(&[3; 40_000], 60_000).unwrap();
    file.set_len(0).unwrap();
    file.write_at(&[4; 100_000], 0).unwrap();
}

#[test]
fn a_snapshot_is_independent_both_ways_and_can_be_restored() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", &[1; 200_000]);
    let copy = fs.clone();
    assert_ne!(
        fs.stat(At::path(&path("/f"))).unwrap().id,
        copy.stat(At::path(&path("/f"))).unwrap().id,
        "the same number in another filesystem"
    );
    open(&fs, "/f").write_at(&[2], 100_000).unwrap();
    open(&copy, "/f").write_at(&[3], 0).unwrap();
    create(&copy, "/only here", &NewNode::file());
    assert_eq!((read(&fs, "/f")[0], read(&copy, "/f")[100_000]), (1, 1));
    assert!(fs.stat(At::path(&path("/only here"))).is_err());

    write(&fs, "/later", b"kept by its handle");
    let (kept, changed) = (open(&fs, "/later"), open(&fs, "/f"));
    let generation = fs.generation();
    fs.restore(&copy).unwrap();
    assert!(fs.is_modified() && fs.generation() > generation);
    assert_eq!(read_all(&*kept), b"kept by its handle");
    assert_eq!(
        read_all(&*changed)[..1],
        [3],
        "a file that both have is the restored one"
    );
    assert!(fs.stat(At::path(&path("/only here"))).is_ok());
    write(&fs, "/f", b"new");
    assert_eq!(read(&copy, "/f").len(), 200_000);
}

#[test]
fn a_pin_is_the_inode_whatever_replaces_its_content() {
    let fs = MemoryBackend::new();
    write(&fs, "/f", b"old");
    let pin = fs.pin(At::path(&path("/f"))).unwrap();
    let root = VPath::root();
    let here = At::in_dir(&pin, &root);
    save(&fs, "/f", b"newer");
    assert_eq!(fs.stat(here).unwrap().size, 5);
    fs.change(&Change::SetAttr(here, &SetAttr::mode(0o400)))
        .unwrap();
    fs.change(&Change::SetAttr(here, &SetAttr::size(3)))
        .unwrap();
    assert_eq!(fs.stat(At::path(&path("/f"))).unwrap().mode, 0o400);
    assert_eq!(read(&fs, "/f"), b"new");
    assert_eq!(
        read_all(&*fs.open(here, &OpenOptions::read()).unwrap()),
        b"new"
    );
}

#[test]
fn a_hole_behind_the_end_changes_nothing_but_the_times() {
    let fs = MemoryBackend::new();
    create(&fs, "/f", &NewNode::file());
    let f = path("/f");
    let file = fs.open(At::path(&f), &OpenOptions::read_write()).unwrap();
    file.write_at(b"bytes", 0).unwrap();
    let long_ago = SetAttr {
        mtime: Some(SetTime::To(Time::from_nanos(1))),
        ..SetAttr::default()
    };
    file.set_attr(&long_ago).unwrap();
    file.punch_hole(2, 0).unwrap();
    assert_eq!(file.metadata().unwrap().mtime.nanos(), 1);
    file.punch_hole(70_000, 1000).unwrap();
    let metadata = file.metadata().unwrap();
    assert!(metadata.mtime.nanos() > 1);
    assert_eq!((metadata.size, metadata.allocated), (5, 5));
}
