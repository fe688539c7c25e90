//! What each middleware adds: refusals, walls, records and failures.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::middleware::{Effect, FaultRule, Op, TraceEvent};
use fs_core::{
    At, Backend, Capabilities, Change, ErrorKind, Fault, FileStorage, NewNode, OpenOptions,
    Permissions, ReadOnly, RenameMode, SetAttr, Subtree, Time, Trace, VPath,
};

fn vpath(path: &str) -> VPath {
    VPath::new(path).unwrap()
}

#[test]
fn read_only_refuses_every_change_and_leaves_the_backend_as_it_was() {
    let below = Arc::new(MemoryBackend::new());
    let writable = FileStorage::new(below.clone());
    writable.write("/f", b"kept").unwrap();
    writable.create_dir("/d").unwrap();
    writable.set_xattr("/f", "user.a", b"1").unwrap();
    let before = writable.metadata("/f").unwrap();

    let fs = FileStorage::new(ReadOnly::new(below));
    assert!(!fs.capabilities().contains(Capabilities::WRITE));
    let changes: [(&str, fs_core::Result<()>); 17] = [
        ("write", fs.write("/f", b"new")),
        ("write new", fs.write("/g", b"new")),
        ("append", fs.append("/f", b"new")),
        ("truncate", fs.truncate("/f", 0)),
        ("open_write", fs.open_write("/f").map(drop)),
        ("remove_file", fs.remove_file("/f")),
        ("remove_dir", fs.remove_dir("/d")),
        ("remove_dir_all", fs.remove_dir_all("/d")),
        ("create_dir", fs.create_dir("/e")),
        ("rename", fs.rename("/f", "/g")),
        ("copy", fs.copy("/f", "/g").map(drop)),
        ("symlink", fs.symlink("f", "/l")),
        ("hard_link", fs.hard_link("/f", "/g")),
        (
            "set_permissions",
            fs.set_permissions("/f", Permissions::from_mode(0)),
        ),
        (
            "set_times",
            fs.set_times("/f", Time::default(), Time::default()),
        ),
        ("set_xattr", fs.set_xattr("/f", "user.b", b"")),
        ("remove_xattr", fs.remove_xattr("/f", "user.a")),
    ];
    for (name, result) in changes {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly, "{name}");
    }
    let file = vpath("/f");
    let file = fs
        .backend()
        .open(At::path(&file), &OpenOptions::read())
        .unwrap();
    for result in [
        file.write_at(b"x", 0),
        file.set_len(0),
        file.set_attr(&SetAttr::mode(0)),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    assert!(fs.backend().extensions().trash.is_none());
    assert_eq!(writable.metadata("/f").unwrap(), before);
    assert_eq!(fs.read("/f").unwrap(), b"kept");
}

#[test]
fn links_and_dot_dot_stay_in_a_subtree() {
    let fs = FileStorage::new(MemoryBackend::new());
    fs.create_dir_all("/inside").unwrap();
    fs.write("/secret", b"outside").unwrap();
    fs.symlink("/secret", "/inside/absolute").unwrap();
    fs.symlink("../secret", "/inside/relative").unwrap();
    let inside = FileStorage::new(Subtree::new(fs.into_backend(), &vpath("/inside")).unwrap());
    for path in ["/../secret", "/absolute", "/relative"] {
        let error = inside.read(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{path}");
    }
    inside.write("/secret", b"inside").unwrap();
    assert_eq!(inside.read("/absolute").unwrap(), b"inside");
}

/// The system below would follow the link by itself.
#[test]
fn a_link_on_the_way_is_no_way_out_of_a_subtree_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("outside/deep")).unwrap();
    std::fs::write(dir.path().join("outside/f"), b"outside").unwrap();
    std::fs::create_dir(dir.path().join("inside")).unwrap();
    std::os::unix::fs::symlink("../outside", dir.path().join("inside/link")).unwrap();
    let folder = VPath::new(dir.path().join("inside")).unwrap();
    let subtree = Subtree::new(StdFsBackend::new(), &folder).unwrap();

    let below = vpath("/link/f");
    let error = subtree.stat(At::path(&below)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    let new = vpath("/link/deep/new");
    let node = NewNode::file();
    assert!(
        subtree
            .change(&Change::Create(At::path(&new), &node))
            .is_err()
    );
    let (from, to) = (vpath("/link/f"), vpath("/stolen"));
    let change = Change::Rename {
        from: At::path(&from),
        to: At::path(&to),
        mode: RenameMode::Replace,
    };
    assert!(subtree.change(&change).is_err());
    assert_eq!(
        std::fs::read(dir.path().join("outside/f")).unwrap(),
        b"outside"
    );
    assert_eq!(
        std::fs::read_dir(dir.path().join("outside/deep"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_subtree_follows_the_rename_of_its_folder() {
    let below = Arc::new(MemoryBackend::new());
    let whole = FileStorage::new(below.clone());
    whole.create_dir("/old").unwrap();
    let inside = FileStorage::new(Subtree::new(below, &vpath("/old")).unwrap());
    whole.rename("/old", "/new").unwrap();
    inside.write("/f", b"found").unwrap();
    assert_eq!(whole.read("/new/f").unwrap(), b"found");
}

#[test]
fn a_trace_tells_calls_sizes_and_errors_but_no_content() {
    let events: Arc<Mutex<Vec<TraceEvent>>> = Arc::default();
    let sink = events.clone();
    let trace = Trace::new(MemoryBackend::new(), move |event| {
        sink.lock().unwrap().push(event)
    });
    let fs = FileStorage::new(trace);
    fs.write("/f", b"very secret").unwrap();
    assert!(fs.read("/missing").is_err());
    let events = events.lock().unwrap();
    let find = |op| events.iter().filter(move |event| event.op == op);
    let write = find(Op::Write).next().unwrap();
    assert_eq!((write.bytes, &write.path), (11, &vpath("/f")));
    assert_eq!(find(Op::Commit).count(), 1);
    assert!(
        events
            .iter()
            .any(|event| event.outcome == Err(ErrorKind::NotFound))
    );
    assert!(!format!("{events:?}").contains("secret"));
}

#[test]
fn faults_hit_the_call_they_were_meant_for() {
    let fs = FileStorage::new(Fault::new(MemoryBackend::new()));
    fs.write("/f", b"0123456789").unwrap();
    let faults = fs.backend().faults();

    faults.add(FaultRule::on(Op::Unlink, Effect::Error(ErrorKind::Io)).at(2));
    fs.write("/a", b"").unwrap();
    fs.write("/b", b"").unwrap();
    fs.remove_file("/a").unwrap();
    let error = fs.remove_file("/b").unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::Io, Some("/b".as_ref()))
    );
    fs.remove_file("/b").unwrap();

    faults.clear();
    faults.add(FaultRule::on(Op::Read, Effect::ShortRead(3)));
    let mut some = [0; 10];
    assert_eq!(fs.open_read("/f").unwrap().read(&mut some).unwrap(), 3);
    assert_eq!(fs.read("/f").unwrap(), b"0123456789");

    faults.clear();
    faults.add(FaultRule::on_changes(Effect::Error(ErrorKind::NoSpace)).below(vpath("/full")));
    fs.create_dir("/room").unwrap();
    assert_eq!(
        fs.create_dir("/full").unwrap_err().kind(),
        ErrorKind::NoSpace
    );
    assert_eq!(fs.read("/f").unwrap(), b"0123456789");

    faults.clear();
    faults.add(FaultRule::on(
        Op::Write,
        Effect::TornWrite(4, ErrorKind::Io),
    ));
    let path = vpath("/f");
    let file = fs
        .backend()
        .open(At::path(&path), &OpenOptions::read_write())
        .unwrap();
    assert_eq!(
        file.write_at(b"ABCDEFGH", 0).unwrap_err().kind(),
        ErrorKind::Io
    );
    assert_eq!(fs.read("/f").unwrap(), b"ABCD456789");

    faults.clear();
    faults.add(FaultRule::on(Op::Stat, Effect::Error(ErrorKind::Io)).from(2));
    assert!(fs.metadata("/f").is_ok());
    assert!(fs.metadata("/f").is_err());
    assert!(fs.metadata("/f").is_err());
}
