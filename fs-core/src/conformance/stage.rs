//! Nodes that appear whole or not at all.

use super::check::{ensure, fails, fails_with, long_ago, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::ErrorKind;
use crate::file::{OpenOptions, Staged};
use crate::metadata::{FileKind, NewNode, SetAttr, SetTime};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Four, id, title, check).needs(Capabilities::STAGE)
}

fn staged(t: &Fixture, path: &str, content: &[u8]) -> crate::Result<Box<dyn Staged>> {
    let path = vpath(path)?;
    let mut staged = t.backend.stage(At::path(&path), &NewNode::file())?;
    if let Some(file) = staged.file() {
        file.write_at(content, 0)?;
    }
    Ok(staged)
}

pub(super) const CASES: &[Case] = &[
    case(
        "ST01",
        "a staged file appears with its content and attributes",
        |t| {
            let mut staged = staged(t, "/f", &noise(100_000, 1))?;
            let attr = SetAttr {
                mode: Some(0o640),
                mtime: Some(SetTime::To(long_ago())),
                ..SetAttr::default()
            };
            staged.set_attr(&attr)?;
            same(t.names("/")?.len(), 0)?;
            let id = staged.commit(RenameMode::NoReplace)?;
            let found = t.fs.metadata("/f")?;
            same((found.id, found.size), (id, 100_000))?;
            same((found.mode, found.mtime), (0o640, long_ago()))?;
            ensure(t.fs.read("/f")? == noise(100_000, 1), "content differs")
        },
    )
    .needs(Capabilities::MODE.union(Capabilities::TIMES)),
    case("ST02", "a staged file carries extended attributes", |t| {
        let mut staged = staged(t, "/f", b"")?;
        staged.set_xattr(std::ffi::OsStr::new("user.a"), b"1")?;
        staged.commit(RenameMode::NoReplace)?;
        same(t.fs.get_xattr("/f", "user.a")?, b"1")
    })
    .needs(Capabilities::XATTRS),
    case("ST03", "links, folders and fifos can be staged", |t| {
        let nodes = [
            ("/l", NewNode::symlink("target"), Capabilities::SYMLINKS),
            ("/d", NewNode::directory(), Capabilities::empty()),
        ];
        for (name, node, needs) in nodes {
            if !t.fs.capabilities().contains(needs) {
                continue;
            }
            let path = vpath(name)?;
            let mut staged = t.backend.stage(At::path(&path), &node)?;
            ensure(staged.file().is_none(), format!("{name} has content"))?;
            same(t.fs.exists(name)?, false)?;
            staged.commit(RenameMode::NoReplace)?;
            same(t.fs.symlink_metadata(name)?.kind, node.kind.kind())?;
        }
        Ok(())
    }),
    case("ST04", "staging needs an existing folder", |t| {
        let path = vpath("/missing/f")?;
        let staged = t.backend.stage(At::path(&path), &NewNode::file());
        fails(staged, ErrorKind::NotFound)?;
        t.fs.write("/f", b"")?;
        let path = vpath("/f/x")?;
        let staged = t.backend.stage(At::path(&path), &NewNode::file());
        fails(staged, ErrorKind::NotADirectory)
    }),
    case(
        "ST05",
        "committing into a folder that is gone fails and leaves nothing",
        |t| {
            t.fs.create_dir("/d")?;
            let staged = staged(t, "/d/f", b"content")?;
            if t.fs.remove_dir("/d").is_err() {
                // A host may keep the staged node under a name in its folder.
                drop(staged);
                t.fs.remove_dir("/d")?;
                return same(t.names("/")?.len(), 0);
            }
            fails(staged.commit(RenameMode::Replace), ErrorKind::NotFound)?;
            same(t.names("/")?.len(), 0)
        },
    ),
    case(
        "ST06",
        "a dropped stage leaves nothing, whatever it was",
        |t| {
            let path = vpath("/x")?;
            for node in [NewNode::file(), NewNode::directory()] {
                drop(t.backend.stage(At::path(&path), &node)?);
            }
            drop(staged(t, "/x", &noise(300_000, 6))?);
            same(t.names("/")?.len(), 0)?;
            t.fs.create_dir("/x")?;
            Ok(t.fs.remove_dir("/x")?)
        },
    ),
    case(
        "ST07",
        "of two stages for one name the later commit wins, or is told",
        |t| {
            let (one, two, three) = (
                staged(t, "/f", b"one")?,
                staged(t, "/f", b"two")?,
                staged(t, "/f", b"three")?,
            );
            one.commit(RenameMode::NoReplace)?;
            fails(two.commit(RenameMode::NoReplace), ErrorKind::AlreadyExists)?;
            three.commit(RenameMode::Replace)?;
            same(t.fs.read("/f")?, b"three")?;
            same(t.names("/")?, ["f"])
        },
    ),
    case(
        "ST08",
        "a staged replace changes content and attributes under one inode",
        |t| {
            t.fs.write("/f", b"old")?;
            t.fs.hard_link("/f", "/g")?;
            let path = vpath("/f")?;
            let reader = t.backend.open(At::path(&path), &OpenOptions::read())?;
            let before = t.fs.metadata("/f")?;
            let mut staged = staged(t, "/f", b"brand new")?;
            staged.set_attr(&SetAttr::mode(0o600))?;
            let id = staged.commit(RenameMode::Replace)?;
            let after = t.fs.metadata("/f")?;
            same((id, after.id, after.nlink), (before.id, before.id, 2))?;
            same((after.mode, after.btime), (0o600, before.btime))?;
            same(t.fs.read("/g")?, b"brand new")?;
            let mut old = [0; 16];
            let len = reader.read_at(&mut old, 0)?;
            same(old.get(..len), Some(&b"old"[..]))
        },
    )
    .needs(
        Capabilities::ATOMIC_KEEPS_INODE
            .union(Capabilities::HARD_LINKS)
            .union(Capabilities::MODE),
    ),
    case("ST09", "what replaces what", |t| {
        t.fs.write("/f", b"file")?;
        t.fs.create_dir("/empty")?;
        t.fs.create_dir("/full")?;
        t.fs.write("/full/x", b"kept")?;
        let dir = |path: &str| {
            t.backend
                .stage(At::path(&vpath(path)?), &NewNode::directory())
        };
        fails(
            dir("/f")?.commit(RenameMode::Replace),
            ErrorKind::NotADirectory,
        )?;
        let full = dir("/full")?.commit(RenameMode::Replace);
        fails(full, ErrorKind::DirectoryNotEmpty)?;
        dir("/empty")?.commit(RenameMode::Replace)?;
        let over = staged(t, "/empty", b"")?.commit(RenameMode::Replace);
        fails(over, ErrorKind::IsADirectory)?;
        same(t.fs.read("/f")?, b"file")?;
        same(t.names("/full")?, ["x"])
    }),
    case(
        "ST10",
        "a staged link replaces a file as a node of its own",
        |t| {
            t.fs.write("/f", b"file")?;
            let path = vpath("/f")?;
            let staged = t.backend.stage(At::path(&path), &NewNode::symlink("x"))?;
            staged.commit(RenameMode::Replace)?;
            same(t.fs.symlink_metadata("/f")?.kind, FileKind::Symlink)?;
            same(t.names("/")?, ["f"])
        },
    )
    .needs(Capabilities::SYMLINKS),
    case(
        "ST11",
        "an exchange takes the place of whatever is there",
        |t| {
            t.fs.create_dir("/x")?;
            staged(t, "/x", b"file")?.commit(RenameMode::Exchange)?;
            same(t.fs.read("/x")?, b"file")?;
            let path = vpath("/x")?;
            let dir = t.backend.stage(At::path(&path), &NewNode::directory())?;
            dir.commit(RenameMode::Exchange)?;
            same(t.fs.metadata("/x")?.kind, FileKind::Directory)?;
            let missing = staged(t, "/missing", b"")?.commit(RenameMode::Exchange);
            fails(missing, ErrorKind::NotFound)?;
            same(t.names("/")?, ["x"])
        },
    )
    .needs(Capabilities::RENAME_EXCHANGE),
    case(
        "ST12",
        "content is filled from a file without passing through the caller",
        |t| {
            let content = noise(700_000, 12);
            t.fs.write("/f", &content)?;
            let (from, to) = (vpath("/f")?, vpath("/g")?);
            let mut staged = t.backend.stage(At::path(&to), &NewNode::file())?;
            ensure(
                staged.fill_from(At::path(&from), &Control::new())?,
                "the backend did not copy",
            )?;
            staged.commit(RenameMode::NoReplace)?;
            ensure(t.fs.read("/g")? == content, "the copy differs")?;
            let file = t.backend.open(At::path(&to), &OpenOptions::read_write())?;
            file.write_at(b"changed", 1_000)?;
            ensure(
                t.fs.read("/f")? == content,
                "the source changed with the copy",
            )?;
            t.fs.write("/f", b"new")?;
            same(t.fs.read_range("/g", 1_000, 7)?, b"changed")?;
            same(t.fs.metadata("/g")?.size, 700_000)
        },
    )
    .needs(Capabilities::SERVER_SIDE_COPY),
    case(
        "ST13",
        "a staged folder filled deep appears with all of it",
        |t| {
            let path = vpath("/d")?;
            let staged = t.backend.stage(At::path(&path), &NewNode::directory())?;
            let node = staged.node()?;
            let (sub, file) = (vpath("/sub")?, vpath("/sub/f")?);
            let dir = NewNode::directory();
            t.backend
                .change(&Change::Create(At::in_dir(&node, &sub), &dir))?;
            let made = t
                .backend
                .open(At::in_dir(&node, &file), &OpenOptions::create_new(0o644))?;
            made.write_at(b"deep", 0)?;
            same(t.names("/")?.len(), 0)?;
            staged.commit(RenameMode::NoReplace)?;
            same(t.fs.read("/d/sub/f")?, b"deep")?;
            same(t.fs.metadata("/d")?.nlink, 3)?;
            t.fs.rename("/d/sub", "/sub")?;
            t.fs.remove_dir_all("/d")?;
            same(t.fs.read("/sub/f")?, b"deep")
        },
    )
    .needs(Capabilities::PIN),
    case(
        "ST14",
        "a staged folder that was filled and dropped is gone with all of it",
        |t| {
            let path = vpath("/d")?;
            let staged = t.backend.stage(At::path(&path), &NewNode::directory())?;
            let node = staged.node()?;
            let (sub, file) = (vpath("/sub")?, vpath("/sub/f")?);
            let dir = NewNode::directory();
            t.backend
                .change(&Change::Create(At::in_dir(&node, &sub), &dir))?;
            let made = t
                .backend
                .open(At::in_dir(&node, &file), &OpenOptions::create_new(0o644))?;
            made.write_at(b"deep", 0)?;
            drop((made, staged, node));
            same(t.names("/")?.len(), 0)
        },
    )
    .needs(Capabilities::PIN),
    case("ST15", "the root is not staged", |t| {
        t.fs.create_dir("/d")?;
        let root = vpath("/")?;
        let at_root = t.backend.stage(At::path(&root), &NewNode::directory());
        let committed = at_root.and_then(|staged| staged.commit(RenameMode::Replace));
        fails_with(
            committed,
            &[
                ErrorKind::IsRoot,
                ErrorKind::AlreadyExists,
                ErrorKind::Busy,
                ErrorKind::InvalidPath,
            ],
        )?;
        same(t.names("/")?, ["d"])
    }),
];
