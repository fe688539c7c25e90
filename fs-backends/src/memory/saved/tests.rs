//! Saved files come back whole, and no damage passes for content.

mod home;
mod sealed;

use std::ffi::{OsStr, OsString};

use fs_core::extensions::Trash as _;
use fs_core::listing::collect;
use fs_core::{
    At, Backend, Change, Control, ErrorKind, FileKind, Metadata, NewKind, NewNode, OpenOptions,
    RenameMode, SetAttr, SetTime, Time, VPath, Want,
};

use super::*;

/// Everything there is to see of a node but its filesystem.
type Seen = (
    VPath,
    Metadata,
    Vec<u8>,
    Option<OsString>,
    Vec<(OsString, Vec<u8>)>,
);

fn see(fs: &MemoryBackend) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut to_see = vec![VPath::root()];
    while let Some(path) = to_see.pop() {
        let at = At::path(&path);
        let mut metadata = fs.stat(at).unwrap();
        metadata.id.fs = 0;
        let mut bytes = Vec::new();
        match metadata.kind {
            FileKind::Directory => {
                let entries = collect(fs.list(at, &Want::names()).unwrap()).unwrap();
                to_see.extend(
                    entries
                        .iter()
                        .map(|e| path.join(&fs_core::Name::new(e.name).unwrap())),
                );
            }
            FileKind::File if metadata.size < 1 << 30 => {
                bytes.resize(metadata.size as usize, 1);
                fs.open(at, &OpenOptions::read())
                    .unwrap()
                    .read_at(&mut bytes, 0)
                    .unwrap();
            }
            _ => {}
        }
        let xattrs = fs.list_xattrs(at).unwrap().into_iter();
        let xattrs = xattrs
            .map(|name| (name.clone(), fs.get_xattr(at, &name).unwrap()))
            .collect();
        seen.push((path.clone(), metadata, bytes, fs.read_link(at).ok(), xattrs));
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    seen
}

/// One of everything.
fn sample() -> MemoryBackend {
    use std::os::unix::ffi::OsStrExt as _;
    let fs = MemoryBackend::new();
    let path = |text: &str| VPath::new(text).unwrap();
    let create = |at: &str, kind: NewKind| {
        let new = NewNode {
            kind,
            mode: 0o4751,
            owner: Some((7, 8)),
        };
        fs.change(&Change::Create(At::path(&path(at)), &new))
            .unwrap();
    };
    create("/dir", NewKind::Directory);
    create("/dir/empty", NewKind::Directory);
    create("/link", NewKind::Symlink("../anywhere".into()));
    create("/fifo", NewKind::Fifo);
    create("/device", NewKind::BlockDevice(0x1234_5678_9abc));
    create("/empty", NewKind::File);
    create("/dir/big", NewKind::File);
    let big = fs
        .open(At::path(&path("/dir/big")), &OpenOptions::read_write())
        .unwrap();
    big.write_at(&[3; 150_000], 10).unwrap();
    create("/sparse", NewKind::File);
    let sparse = fs
        .open(At::path(&path("/sparse")), &OpenOptions::read_write())
        .unwrap();
    sparse.write_at(b"end", 1 << 40).unwrap();
    let raw = VPath::root().join(&fs_core::Name::new(OsStr::from_bytes(b"\xff\xfe")).unwrap());
    fs.change(&Change::Link {
        from: At::path(&path("/dir/big")),
        to: At::path(&raw),
    })
    .unwrap();
    let mut copy = fs
        .stage(At::path(&path("/copy")), &NewNode::file())
        .unwrap();
    copy.fill_from(At::path(&path("/dir/big")), &Control::new())
        .unwrap();
    copy.commit(RenameMode::NoReplace).unwrap();
    for (name, value) in [("user.a", &b"1"[..]), ("user.empty", b"")] {
        let at = path("/dir");
        fs.change(&Change::SetXattr(
            At::path(&at),
            OsStr::new(name),
            Some(value),
        ))
        .unwrap();
    }
    let times = SetAttr {
        mtime: Some(SetTime::To(Time::from_nanos(-1))),
        atime: Some(SetTime::To(Time::from_parts(7_258_118_400, 999_999_999))),
        btime: Some(Time::from_nanos(5)),
        ..SetAttr::default()
    };
    fs.change(&Change::SetAttr(At::path(&raw), &times)).unwrap();
    create("/thrown", NewKind::Directory);
    create("/thrown/away", NewKind::File);
    fs.discard(&path("/thrown")).unwrap();
    fs
}

fn bytes_of(fs: &MemoryBackend) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write(&fs.store().to_save().0, &mut bytes).unwrap();
    bytes
}

fn load(bytes: &[u8]) -> Result<MemoryBackend> {
    MemoryBackend::loaded(decode::read(bytes)?)
}

#[test]
fn everything_comes_back() {
    let fs = sample();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.mem");
    assert!(fs.is_modified());
    fs.save_to(&file).unwrap();
    assert!(!fs.is_modified());
    let loaded = MemoryBackend::load_from(&file).unwrap();
    assert!(!loaded.is_modified());
    assert_eq!(see(&loaded), see(&fs));
    let space = |fs: &MemoryBackend| {
        fs.extensions()
            .space
            .unwrap()
            .space(At::path(&VPath::root()))
            .unwrap()
    };
    assert_eq!(space(&loaded), space(&fs), "shared content is shared again");
    // The trash too, and numbers go on where they ended.
    let item = loaded.items().unwrap().pop().unwrap();
    loaded.restore_item(&item);
    let new = VPath::new("/new").unwrap();
    loaded
        .change(&Change::Create(At::path(&new), &NewNode::file()))
        .unwrap();
    let ino = loaded.stat(At::path(&new)).unwrap().id.ino;
    assert!(
        see(&fs)
            .iter()
            .all(|(_, metadata, ..)| metadata.id.ino < ino)
    );
    assert!(loaded.is_modified());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

impl MemoryBackend {
    fn restore_item(&self, item: &fs_core::extensions::TrashItem) {
        let mode = RenameMode::NoReplace;
        fs_core::extensions::Trash::restore(self, &item.id, &item.original, mode).unwrap();
        assert!(
            self.stat(At::path(&VPath::new("/thrown/away").unwrap()))
                .is_ok()
        );
    }
}

#[test]
fn staged_and_unlinked_nodes_are_not_saved() {
    let fs = sample();
    let before = bytes_of(&fs).len();
    let at = VPath::new("/staged").unwrap();
    let staged = fs.stage(At::path(&at), &NewNode::directory()).unwrap();
    let node = staged.node().unwrap();
    let inside = VPath::new("/file").unwrap();
    let how = OpenOptions::create_new(0o600);
    fs.open(At::in_dir(&node, &inside), &how)
        .unwrap()
        .write_at(&[1; 5000], 0)
        .unwrap();
    assert_eq!(bytes_of(&fs).len(), before);
    let folder = tempfile::tempdir().unwrap();
    fs.save_to(folder.path().join("x.mem")).unwrap();
    assert!(!fs.is_modified());
}

#[test]
fn a_failed_save_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.mem");
    std::fs::write(&file, "old").unwrap();
    let failed = replace_file(&file, |_| Err(std::io::Error::other("disk is full")));
    assert!(failed.is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn wrong_files_are_told_apart() {
    let kind = |bytes: &[u8]| load(bytes).map(drop).unwrap_err().kind();
    assert_eq!(kind(b""), ErrorKind::UnknownFormat);
    assert_eq!(
        kind(b"SQLite format 3\0 and more"),
        ErrorKind::UnknownFormat
    );
    let mut newer = bytes_of(&sample());
    newer[8] = section::MOMENTS as u8 + 1;
    assert_eq!(kind(&newer), ErrorKind::NewerFormat);
    let folder = tempfile::tempdir().unwrap();
    let told = MemoryBackend::load_from(folder.path())
        .map(drop)
        .unwrap_err();
    assert_eq!(told.kind(), ErrorKind::UnknownFormat);
    let missing = MemoryBackend::load_from(folder.path().join("x"))
        .map(drop)
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let bytes = bytes_of(&sample());
    // All of the small sections, a sample of the long content.
    let places = (0..bytes.len().min(4096)).chain((4096..bytes.len()).step_by(997));
    for at in places {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(load(&damaged).is_err(), "bit flipped at {at}");
        assert!(load(&bytes[..at]).is_err(), "cut at {at}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(
        load(&longer).map(drop).unwrap_err().kind(),
        ErrorKind::Corrupted
    );
}

/// A file whose checksums are right and whose content lies, as only an attacker writes it.
fn forged(records: impl FnOnce(&mut section::Writer<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = section::Writer::new(&mut bytes, section::MOMENTS).unwrap();
    records(&mut writer);
    writer.finish().unwrap();
    bytes
}

#[test]
fn forged_files_with_right_checksums_are_refused() {
    use record::{DATA, HEAD, NAME, NODE, NodeEntry, Put as _, TRASH};
    type Out<'a> = section::Writer<&'a mut Vec<u8>>;
    let node = |out: &mut Out<'_>, ino: u64, kind: FileKind, size: u64, content: u64| {
        out.record(NODE).unwrap().node(&NodeEntry {
            ino,
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            rdev: 0,
            size,
            times: [Time::default(); 4],
            content: crate::virtual_fs::ContentId(content),
            target: None,
        });
    };
    let name = |out: &mut Out<'_>, dir: u64, ino: u64, name: &[u8]| {
        let out = out.record(NAME).unwrap();
        out.number(dir);
        out.number(ino);
        out.text(name);
    };
    let start = |out: &mut Out<'_>| {
        out.record(HEAD).unwrap().number(10);
        node(out, 1, FileKind::Directory, 0, 0);
        node(out, 2, FileKind::Directory, 0, 0);
        node(out, 3, FileKind::File, 5, 1);
    };
    let good = forged(|out| {
        start(out);
        name(out, 1, 2, b"d");
        name(out, 2, 3, b"f");
    });
    assert!(load(&good).is_ok());

    type Forge<'a> = &'a dyn Fn(&mut Out<'_>);
    let cases: &[(&str, Forge<'_>)] = &[
        ("no root", &|out| out.record(HEAD).unwrap().number(10)),
        ("unreachable nodes", &start),
        ("a directory that holds itself", &|out| {
            start(out);
            name(out, 2, 2, b"d");
            name(out, 1, 3, b"f");
        }),
        ("a circle of directories", &|out| {
            start(out);
            node(out, 4, FileKind::Directory, 0, 0);
            name(out, 2, 4, b"x");
            name(out, 4, 2, b"y");
            name(out, 1, 3, b"f");
        }),
        ("a directory with two names", &|out| {
            start(out);
            name(out, 1, 2, b"d");
            name(out, 1, 2, b"e");
            name(out, 1, 3, b"f");
        }),
        ("a name for the root", &|out| {
            start(out);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            name(out, 2, 1, b"root");
        }),
        ("a name in a file", &|out| {
            start(out);
            name(out, 1, 3, b"f");
            name(out, 3, 2, b"d");
        }),
        ("a name twice", &|out| {
            start(out);
            name(out, 1, 2, b"d");
            name(out, 1, 3, b"d");
        }),
        ("a name that climbs", &|out| {
            start(out);
            name(out, 1, 2, b"..");
            name(out, 2, 3, b"f");
        }),
        ("a name with a slash", &|out| {
            start(out);
            name(out, 1, 2, b"a/b");
            name(out, 2, 3, b"f");
        }),
        ("a name of nothing", &|out| {
            start(out);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            name(out, 2, 9, b"g");
        }),
        ("a size beyond all limits", &|out| {
            start(out);
            node(out, 4, FileKind::File, u64::MAX, 0);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            name(out, 2, 4, b"g");
        }),
        ("a link without a target", &|out| {
            start(out);
            node(out, 4, FileKind::Symlink, 0, 0);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            name(out, 2, 4, b"g");
        }),
        ("a number to be given out again", &|out| {
            start(out);
            node(out, 10, FileKind::Fifo, 0, 0);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            name(out, 2, 10, b"g");
        }),
        ("a text longer than its section", &|out| {
            start(out);
            let out = out.record(TRASH).unwrap();
            out.number(5);
            out.number(2);
            out.number(0);
            out.short(u32::MAX);
        }),
        ("a chunk beyond all limits", &|out| {
            start(out);
            name(out, 1, 2, b"d");
            name(out, 2, 3, b"f");
            let out = out.record(DATA).unwrap();
            out.number(1);
            out.number(u64::MAX);
            out.text(b"x");
        }),
        ("a section of an unknown kind", &|out| {
            start(out);
            out.record(*b"EVIL").unwrap().number(1);
        }),
    ];
    for (what, forge) in cases {
        let error = load(&forged(forge)).map(drop).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{what}");
    }
    let mut long = section::MAGIC.to_vec();
    long.extend_from_slice(&1u32.to_le_bytes());
    long.extend_from_slice(b"NODE");
    long.extend_from_slice(&u64::MAX.to_le_bytes());
    long.extend_from_slice(&[0; 64]);
    assert_eq!(
        load(&long).map(drop).unwrap_err().kind(),
        ErrorKind::Corrupted
    );
}
