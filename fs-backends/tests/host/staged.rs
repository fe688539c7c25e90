//! Staged nodes and copies: attributes, holes, cancelling, leaving nothing behind.

use std::os::unix::fs::MetadataExt as _;

use fs_core::{
    At, Backend, Change, Control, ErrorKind, NewKind, NewNode, RenameMode, SetAttr, Want,
};

use super::{Host, kind};

/// The order in which attributes are set: a change of owner clears the set-id bits.
#[test]
fn set_id_bits_survive_a_change_of_owner() {
    let host = Host::new();
    std::fs::write(host.host("f"), b"").unwrap();
    let me = std::fs::metadata(host.host("f")).unwrap();
    let attr = SetAttr {
        mode: Some(0o4755),
        uid: Some(me.uid()),
        gid: Some(me.gid()),
        ..SetAttr::default()
    };
    let path = host.at("f");
    host.backend
        .change(&Change::SetAttr(At::path(&path), &attr))
        .unwrap();
    assert_eq!(host.backend.stat(At::path(&path)).unwrap().mode, 0o4755);
    let path = host.at("staged");
    let mut staged = host
        .backend
        .stage(At::path(&path), &NewNode::file())
        .unwrap();
    staged.file().unwrap().write_at(b"x", 0).unwrap();
    staged.set_attr(&attr).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(host.backend.stat(At::path(&path)).unwrap().mode, 0o4755);
}

/// A staged file that has its mode from the start is not given it again, unless something else could have changed it.
#[test]
fn the_mode_asked_for_wins() {
    let host = Host::new();
    // Version 2; owner rw-, a user rwx, group r--, mask rwx, others r-- (acl(5)).
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX),
        (0x02, 7, 12345),
        (0x04, 4, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 4, u32::MAX),
    ];
    let mut acl = 2u32.to_le_bytes().to_vec();
    for (tag, may, id) in entries {
        acl.extend(tag.to_le_bytes().into_iter().chain(may.to_le_bytes()));
        acl.extend(id.to_le_bytes());
    }
    for mode in [0o644, 0o600, 0o444, 0o400, 0o666, 0o4755, 0o000] {
        let new = NewNode {
            mode,
            ..NewNode::file()
        };
        for step in 0..4 {
            let path = host.at(&format!("{mode:o} {step}"));
            let mut staged = host.backend.stage(At::path(&path), &new).unwrap();
            match step {
                0 => {}
                1 => staged.file().unwrap().write_at(b"x", 0).unwrap(),
                2 => {
                    let other = SetAttr::mode(0o622);
                    staged.file().unwrap().set_attr(&other).unwrap();
                }
                _ => match staged.set_xattr("system.posix_acl_access".as_ref(), &acl) {
                    Err(error) if error.kind() == ErrorKind::Unsupported => continue,
                    done => done.unwrap(),
                },
            }
            staged.commit(RenameMode::NoReplace).unwrap();
            let made = host.backend.stat(At::path(&path)).unwrap().mode;
            assert_eq!(made, mode, "{mode:o}, step {step}: {made:o}");
        }
    }
}

/// Once a pinned file was copied from, it is asked by the descriptor that was read.
#[test]
fn a_pinned_file_has_the_same_attributes_after_it_was_copied_from() {
    let host = Host::new();
    std::fs::write(host.host("f"), b"content").unwrap();
    let (from, to, root) = (host.at("f"), host.at("copy"), fs_core::VPath::root());
    let value = b"value".as_slice();
    let set = Change::SetXattr(At::path(&from), "user.key".as_ref(), Some(value));
    if matches!(host.backend.change(&set), Err(error) if error.kind() == ErrorKind::Unsupported) {
        return;
    }
    let pin = host.backend.pin(At::path(&from)).unwrap();
    let at = At::in_dir(&pin, &root);
    let ask = || {
        let value = host.backend.get_xattr(at, "user.key".as_ref()).unwrap();
        let missing = kind(host.backend.get_xattr(at, "user.none".as_ref()));
        (host.backend.list_xattrs(at).unwrap(), value, missing)
    };
    let before = ask();
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    for _ in 0..2 {
        assert!(staged.fill_from(at, &Control::new()).unwrap());
        std::fs::rename(host.host("f"), host.host("moved")).ok();
        assert_eq!(ask(), before);
    }
    assert_eq!(before.1, value);
    assert_eq!(before.2, ErrorKind::XattrNotFound);
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(std::fs::read(host.host("copy")).unwrap(), b"content");
}

#[test]
fn what_is_staged_is_not_listed_and_leaves_nothing_behind() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let path = host.at("d/x");
    let kinds = [
        NewNode::file(),
        NewNode::directory(),
        NewNode::symlink("target"),
        NewNode {
            kind: NewKind::Fifo,
            ..NewNode::file()
        },
    ];
    for new in &kinds {
        let staged = host.backend.stage(At::path(&path), new).unwrap();
        assert!(host.list("d", &Want::names()).is_empty(), "{new:?}");
        drop(staged);
        assert_eq!(
            std::fs::read_dir(host.host("d")).unwrap().count(),
            0,
            "{new:?}"
        );
    }
    for new in &kinds {
        let staged = host.backend.stage(At::path(&path), new).unwrap();
        staged.commit(RenameMode::NoReplace).unwrap();
        let again = host.backend.stage(At::path(&path), new).unwrap();
        assert_eq!(
            kind(again.commit(RenameMode::NoReplace)),
            ErrorKind::AlreadyExists
        );
        let other = host
            .backend
            .stage(At::path(&path), &NewNode::whiteout())
            .unwrap();
        other.commit(RenameMode::Exchange).unwrap();
        assert_eq!(
            std::fs::read_dir(host.host("d")).unwrap().count(),
            1,
            "{new:?}"
        );
        assert!(host.backend.stat(At::path(&path)).unwrap().is_whiteout());
        host.backend
            .change(&Change::Unlink(At::path(&path)))
            .unwrap();
    }
}

#[test]
fn holes_stay_holes_in_a_copy() {
    let host = Host::new();
    let size = 64 << 20;
    let file = std::fs::File::create(host.host("sparse")).unwrap();
    file.set_len(size).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"data", 10 << 20).unwrap();
    let (from, to) = (host.at("sparse"), host.at("copy"));
    let control = Control::new();
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(staged.fill_from(At::path(&from), &control).unwrap());
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(control.done_bytes(), size);
    let copy = host.backend.stat(At::path(&to)).unwrap();
    assert_eq!(copy.size, size);
    assert!(copy.allocated < 1 << 20, "{} bytes stored", copy.allocated);
    assert_eq!(
        std::fs::read(host.host("sparse")).unwrap(),
        std::fs::read(host.host("copy")).unwrap()
    );
}

#[test]
fn a_cancelled_copy_leaves_nothing() {
    let host = Host::new();
    std::fs::write(host.host("f"), vec![1; 1 << 20]).unwrap();
    let (from, to) = (host.at("f"), host.at("copy"));
    let control = Control::new();
    control.cancel();
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert_eq!(
        kind(staged.fill_from(At::path(&from), &control)),
        ErrorKind::Cancelled
    );
    drop(staged);
    assert!(!host.host("copy").exists());
}
