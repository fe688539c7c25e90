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
