//! Symbolic and hard links, special files.

use std::path::PathBuf;

use super::check::{ensure, fails, fails_with, long_ago, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::{FileKind, NewKind, NewNode, Permissions};

const fn symlinks(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Two, id, title, check).needs(Capabilities::SYMLINKS)
}

const fn hard_links(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Two, id, title, check).needs(Capabilities::HARD_LINKS)
}

pub(super) const CASES: &[Case] = &[
    symlinks("LK01", "makes a link", |t| {
        t.fs.symlink("target", "/l")?;
        same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)
    }),
    symlinks("LK02", "read_link gives the target verbatim", |t| {
        for target in ["a", "/a//b/", "../.././x", "no such\nthing", "…"] {
            t.fs.symlink(target, "/l")?;
            same(
                t.fs.read_link("/l")?.into_os_string(),
                std::ffi::OsString::from(target),
            )?;
            t.fs.remove_file("/l")?;
        }
        Ok(())
    }),
    #[cfg(unix)]
    symlinks("LK02", "a target need not be UTF-8", |t| {
        use std::os::unix::ffi::OsStrExt as _;
        let target = std::ffi::OsStr::from_bytes(b"caf\xe9/\xff");
        t.fs.symlink(target, "/l")?;
        same(t.fs.read_link("/l")?, PathBuf::from(target))
    })
    .needs(Capabilities::RAW_NAMES),
    symlinks("LK02", "targets have limits", |t| {
        let long = "t/".repeat(2_000);
        t.fs.symlink(&long, "/l")?;
        same(t.fs.read_link("/l")?, PathBuf::from(long))?;
        fails(
            t.fs.symlink("t".repeat(4_097), "/m"),
            ErrorKind::NameTooLong,
        )?;
        let empty = t.fs.symlink("", "/m");
        fails_with(
            empty,
            &[
                ErrorKind::NotFound,
                ErrorKind::InvalidInput,
                ErrorKind::InvalidPath,
            ],
        )?;
        same(t.names("/")?, ["l"])
    }),
    hard_links("LK03", "hard links share content, both ways", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.hard_link("/f", "/g")?;
        same(t.fs.read("/g")?, b"old")?;
        t.fs.append("/g", b"er")?;
        same(t.fs.read("/f")?, b"older")?;
        t.fs.write("/f", b"new")?;
        same(t.fs.read("/g")?, b"new")?;
        t.fs.truncate("/g", 1)?;
        same(t.fs.read("/f")?, b"n")
    }),
    symlinks("LK04", "metadata follows, symlink_metadata does not", |t| {
        t.fs.write("/f", b"12345")?;
        t.fs.symlink("f", "/l")?;
        same(t.fs.metadata("/l")?.id, t.fs.metadata("/f")?.id)?;
        same(t.fs.metadata("/l")?.kind, FileKind::File)?;
        same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)
    }),
    symlinks("LK05", "read_link of a file is NotASymlink", |t| {
        t.fs.write("/f", b"")?;
        t.fs.create_dir("/d")?;
        fails(t.fs.read_link("/f"), ErrorKind::NotASymlink)?;
        fails(t.fs.read_link("/d"), ErrorKind::NotASymlink)?;
        fails(t.fs.read_link("/missing"), ErrorKind::NotFound)
    }),
    symlinks("LK06", "a link on a taken name is AlreadyExists", |t| {
        t.fs.write("/f", b"kept")?;
        t.fs.symlink("a", "/l")?;
        for path in ["/f", "/l", "/"] {
            fails(t.fs.symlink("x", path), ErrorKind::AlreadyExists)?;
        }
        same(t.fs.read("/f")?, b"kept")?;
        same(t.fs.read_link("/l")?, PathBuf::from("a"))
    }),
    hard_links(
        "LK06",
        "a hard link on a taken name is AlreadyExists",
        |t| {
            t.fs.write("/f", b"")?;
            t.fs.write("/g", b"kept")?;
            fails(t.fs.hard_link("/f", "/g"), ErrorKind::AlreadyExists)?;
            fails(t.fs.hard_link("/f", "/f"), ErrorKind::AlreadyExists)?;
            same(t.fs.read("/g")?, b"kept")?;
            same(t.fs.metadata("/f")?.nlink, 1)
        },
    ),
    symlinks("LK07", "a link in a missing folder is NotFound", |t| {
        fails(t.fs.symlink("x", "/missing/l"), ErrorKind::NotFound)?;
        t.fs.write("/f", b"")?;
        fails(t.fs.symlink("x", "/f/l"), ErrorKind::NotADirectory)
    }),
    hard_links("LK08", "a hard link to a folder is NotPermitted", |t| {
        t.fs.create_dir("/d")?;
        fails(t.fs.hard_link("/d", "/e"), ErrorKind::NotPermitted)?;
        same(t.names("/")?, ["d"])
    }),
    hard_links("LK09", "a hard link to what is missing is NotFound", |t| {
        fails(t.fs.hard_link("/missing", "/g"), ErrorKind::NotFound)?;
        t.fs.write("/f", b"")?;
        fails(t.fs.hard_link("/f", "/missing/g"), ErrorKind::NotFound)
    }),
    hard_links(
        "LK10",
        "links are counted, and the last one keeps the content",
        |t| {
            t.fs.write("/f", b"content")?;
            t.fs.hard_link("/f", "/g")?;
            t.fs.create_dir("/d")?;
            t.fs.hard_link("/g", "/d/h")?;
            same(t.fs.metadata("/f")?.nlink, 3)?;
            t.fs.remove_file("/f")?;
            t.fs.rename("/d/h", "/h")?;
            same(t.fs.metadata("/g")?.nlink, 2)?;
            t.fs.write("/other", b"")?;
            t.fs.rename("/other", "/g")?;
            same(t.fs.metadata("/h")?.nlink, 1)?;
            same(t.fs.read("/h")?, b"content")
        },
    ),
    Case::new(
        Level::Two,
        "LK11",
        "a file without names gives its space back",
        |t| {
            if t.backend.extensions().space.is_none() || t.on_host {
                return Ok(());
            }
            let before = t.fs.statfs()?.used_bytes;
            t.fs.write("/f", noise(1_000_000, 11))?;
            let full = t.fs.statfs()?.used_bytes;
            ensure(
                full >= before + 900_000,
                format!("used {before}, then {full}"),
            )?;
            t.fs.remove_file("/f")?;
            t.uses_less_than(full - 500_000)
        },
    ),
    hard_links("LK12", "hard links have mode and times in common", |t| {
        t.fs.write("/f", b"")?;
        t.fs.hard_link("/f", "/g")?;
        t.fs.set_permissions("/g", Permissions::from_mode(0o600))?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        let (f, g) = (t.fs.metadata("/f")?, t.fs.metadata("/g")?);
        same(f, g)?;
        same((g.mode, g.mtime), (0o600, long_ago()))
    })
    .needs(Capabilities::MODE.union(Capabilities::TIMES)),
    symlinks("LK13", "the size of a link is that of its target", |t| {
        t.fs.symlink("12345", "/l")?;
        same(t.fs.symlink_metadata("/l")?.size, 5)
    }),
    symlinks("LK14", "a link to a folder is listed as a link", |t| {
        t.fs.create_dir("/d")?;
        t.fs.symlink("d", "/l")?;
        let kinds =
            t.fs.read_dir("/")?
                .map(|entry| Ok(entry?.kind()))
                .collect::<crate::Result<Vec<_>>>()?;
        ensure(kinds.contains(&FileKind::Symlink), format!("{kinds:?}"))?;
        fails(t.fs.remove_dir("/l"), ErrorKind::NotADirectory)?;
        same(t.fs.metadata("/l")?.kind, FileKind::Directory)
    }),
    symlinks("LK15", "a hard link to a symbolic link is that link", |t| {
        t.fs.symlink("nowhere", "/l")?;
        t.fs.hard_link("/l", "/m")?;
        same(t.fs.read_link("/m")?, PathBuf::from("nowhere"))?;
        let (l, m) = (t.fs.symlink_metadata("/l")?, t.fs.symlink_metadata("/m")?);
        same((l.id, l.nlink), (m.id, 2))
    })
    .needs(Capabilities::HARD_LINKS),
    symlinks(
        "LK16",
        "opening a link that is not to be followed is SymlinkLoop",
        |t| {
            t.fs.write("/f", b"")?;
            t.fs.symlink("f", "/l")?;
            let path = vpath("/l")?;
            let opened = t.backend.open(At::path(&path), &OpenOptions::read());
            fails(opened, ErrorKind::SymlinkLoop)?;
            let opened = t
                .backend
                .open(At::path(&path), &OpenOptions::create_new(0o644));
            fails(opened, ErrorKind::AlreadyExists)
        },
    ),
    Case::new(
        Level::Two,
        "SP01",
        "fifos and sockets are kept and never block",
        |t| {
            for (name, kind) in [("/fifo", NewKind::Fifo), ("/socket", NewKind::Socket)] {
                let path = vpath(name)?;
                let node = NewNode {
                    kind: kind.clone(),
                    ..NewNode::file()
                };
                t.backend.change(&Change::Create(At::path(&path), &node))?;
                same(t.fs.symlink_metadata(name)?.kind, kind.kind())?;
                ensure(t.fs.read(name).is_err(), format!("read {name}"))?;
                t.fs.rename(name, "/moved")?;
                same(t.fs.symlink_metadata("/moved")?.kind, kind.kind())?;
                t.fs.remove_file("/moved")?;
            }
            same(t.names("/")?.len(), 0)
        },
    )
    .needs(Capabilities::SPECIAL_FILES),
];
