//! Raw paths: dots, slashes and links.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check::{ensure, fails, fails_with, same};
use super::{Case, Check, Fixture, Level};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::metadata::FileKind;
use crate::middleware::Trace;
use crate::storage::FileStorage;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Path, id, title, check)
}

const fn links(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    case(id, title, check).needs(Capabilities::SYMLINKS)
}

pub(super) const CASES: &[Case] = &[
    case("P01", "`.` is where one is", |t| {
        t.fs.create_dir("/a")?;
        t.fs.write("/a/./b", b"content")?;
        same(t.fs.read("/./a/././b")?, b"content")?;
        same(t.names("/a/.")?, ["b"])
    }),
    case("P02", "`..` goes up", |t| {
        t.fs.create_dir_all("/a/b")?;
        t.fs.write("/a/c", b"content")?;
        same(t.fs.read("/a/b/../c")?, b"content")?;
        same(t.fs.read("/a/b/../../a/c")?, b"content")
    }),
    case(
        "P03",
        "`..` after something missing is NotFound, after a file NotADirectory",
        |t| {
            t.fs.create_dir("/a")?;
            t.fs.write("/a/f", b"content")?;
            fails(t.fs.read("/a/missing/../f"), ErrorKind::NotFound)?;
            fails(t.fs.read("/a/f/../f"), ErrorKind::NotADirectory)?;
            fails(t.fs.write("/a/missing/../g", b""), ErrorKind::NotFound)?;
            fails(t.fs.read("/a/f/."), ErrorKind::NotADirectory)
        },
    ),
    case("P04", "repeated slashes are one", |t| {
        t.fs.create_dir("/a")?;
        t.fs.write("//a///b", b"content")?;
        same(t.fs.read("/a/b")?, b"content")?;
        same(t.fs.read("///a//b")?, b"content")
    }),
    case("P05", "a slash behind a folder", |t| {
        t.fs.create_dir("/d/")?;
        same(t.fs.metadata("/d/")?.kind, FileKind::Directory)?;
        t.fs.write("/d/f", b"")?;
        same(t.names("/d/")?, ["f"])?;
        t.fs.rename("/d/", "/e/")?;
        t.fs.remove_file("/e/f")?;
        t.fs.remove_dir("/e/")?;
        same(t.names("/")?.len(), 0)
    }),
    case("P06", "a slash behind a file is NotADirectory", |t| {
        t.fs.write("/f", b"kept")?;
        fails(t.fs.read("/f/"), ErrorKind::NotADirectory)?;
        fails(t.fs.write("/f/", b""), ErrorKind::NotADirectory)?;
        fails(t.fs.remove_file("/f/"), ErrorKind::NotADirectory)?;
        fails(t.fs.rename("/f/", "/g"), ErrorKind::NotADirectory)?;
        fails(t.fs.rename("/f", "/g/"), ErrorKind::NotADirectory)?;
        fails(t.fs.write("/new/", b""), ErrorKind::IsADirectory)?;
        same(t.fs.read("/f")?, b"kept")?;
        same(t.names("/")?, ["f"])
    }),
    case("P07", "`..` at the root stays there", |t| {
        t.fs.write("/f", b"content")?;
        same(t.fs.read("/../f")?, b"content")?;
        same(t.fs.read("/../../../f")?, b"content")?;
        same(t.names("/..")?, ["f"])
    }),
    case("P08", "empty and relative paths are InvalidPath", |t| {
        t.fs.write("/f", b"")?;
        for path in ["", "f", "./f", "../f", " /f"] {
            fails(t.fs.read(path), ErrorKind::InvalidPath)?;
            fails(t.fs.exists(path), ErrorKind::InvalidPath)?;
        }
        Ok(())
    }),
    links("P09", "`..` after a link applies to its target", |t| {
        t.fs.create_dir_all("/a/b")?;
        t.fs.write("/a/f", b"by the target")?;
        t.fs.write("/f", b"by the text")?;
        t.fs.symlink("a/b", "/l")?;
        same(t.fs.read("/l/../f")?, b"by the target")
    }),
    links("P10", "links to links", |t| {
        t.fs.write("/c", b"content")?;
        t.fs.symlink("c", "/b")?;
        t.fs.symlink("b", "/a")?;
        same(t.fs.read("/a")?, b"content")?;
        same(t.fs.canonicalize("/a")?, PathBuf::from("/c"))
    }),
    links("P11", "a link to itself is SymlinkLoop", |t| {
        t.fs.symlink("l", "/l")?;
        fails(t.fs.read("/l"), ErrorKind::SymlinkLoop)?;
        fails(t.fs.read("/l/below"), ErrorKind::SymlinkLoop)?;
        fails(t.fs.write("/l", b""), ErrorKind::SymlinkLoop)?;
        fails(t.fs.exists("/l"), ErrorKind::SymlinkLoop)?;
        same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)
    }),
    links("P12", "two links to each other are SymlinkLoop", |t| {
        t.fs.symlink("b", "/a")?;
        t.fs.symlink("a", "/b")?;
        fails(t.fs.metadata("/a"), ErrorKind::SymlinkLoop)?;
        fails(t.fs.read_dir("/b"), ErrorKind::SymlinkLoop)
    }),
    links(
        "P13",
        "a folder that links to itself can be walked, to a limit",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.symlink("../d", "/d/again")?;
            t.fs.write("/d/f", b"content")?;
            same(t.fs.read("/d/again/again/again/f")?, b"content")?;
            same(
                t.fs.read(format!("/d{}/f", "/again".repeat(40)))?,
                b"content",
            )?;
            let far = format!("/d{}/f", "/again".repeat(41));
            fails(t.fs.read(far), ErrorKind::SymlinkLoop)
        },
    ),
    links("P14", "40 links are followed, 41 are SymlinkLoop", |t| {
        t.fs.write("/l0", b"content")?;
        for i in 1..=41 {
            t.fs.symlink(format!("l{}", i - 1), format!("/l{i}"))?;
        }
        same(t.fs.read("/l40")?, b"content")?;
        fails(t.fs.read("/l41"), ErrorKind::SymlinkLoop)
    }),
    links("P15", "the exponential bomb ends at once", |t| {
        t.fs.create_dir("/l0")?;
        for i in 1..=60 {
            t.fs.symlink(format!("l{0}/../l{0}", i - 1), format!("/l{i}"))?;
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let counted = Trace::new(t.backend.clone(), move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let fs = FileStorage::new(counted);
        fails(fs.metadata("/l60"), ErrorKind::SymlinkLoop)?;
        fails(fs.write("/l60/f", b""), ErrorKind::SymlinkLoop)?;
        let calls = calls.load(Ordering::Relaxed);
        ensure(calls < 1_000, format!("{calls} calls"))?;
        fails(t.fs.metadata("/l60"), ErrorKind::SymlinkLoop)?;
        same(t.fs.metadata("/l5")?.kind, FileKind::Directory)
    }),
    links("P16", "a relative link counts from its own folder", |t| {
        t.fs.create_dir_all("/a/b")?;
        t.fs.write("/a/f", b"content")?;
        t.fs.symlink("../f", "/a/b/l")?;
        t.fs.symlink("b/l", "/a/l")?;
        same(t.fs.read("/a/l")?, b"content")
    }),
    links("P17", "a dangling link", |t| {
        t.fs.symlink("nowhere", "/l")?;
        same(t.fs.exists("/l")?, false)?;
        fails(t.fs.read("/l"), ErrorKind::NotFound)?;
        fails(t.fs.metadata("/l"), ErrorKind::NotFound)?;
        same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)
    }),
    links("P18", "write through a link changes its target", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.symlink("f", "/l")?;
        t.fs.write("/l", b"new")?;
        same(t.fs.read("/f")?, b"new")?;
        t.fs.append("/l", b"er")?;
        t.fs.truncate("/l", 4)?;
        same(t.fs.read("/f")?, b"newe")?;
        let mut stream = t.fs.open_write("/l")?;
        std::io::Write::write_all(&mut stream, b"streamed")?;
        stream.commit()?;
        same(t.fs.read("/f")?, b"streamed")?;
        same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)
    }),
    links(
        "P19",
        "write through a dangling link makes its target",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.symlink("d/f", "/l")?;
            t.fs.write("/l", b"new")?;
            same(t.fs.read("/d/f")?, b"new")?;
            t.fs.symlink("missing/f", "/m")?;
            fails(t.fs.write("/m", b""), ErrorKind::NotFound)?;
            t.fs.symlink("d/g", "/n")?;
            t.fs.copy("/l", "/n")?;
            same(t.fs.read("/d/g")?, b"new")?;
            same(t.fs.symlink_metadata("/n")?.kind, FileKind::Symlink)
        },
    ),
    links("P20", "remove and rename act on the link", |t| {
        t.fs.write("/f", b"kept")?;
        t.fs.symlink("f", "/l")?;
        t.fs.rename("/l", "/m")?;
        same(t.fs.read_link("/m")?, PathBuf::from("f"))?;
        t.fs.write("/g", b"over")?;
        t.fs.rename("/g", "/m")?;
        same(t.fs.symlink_metadata("/m")?.kind, FileKind::File)?;
        same(t.fs.read("/f")?, b"kept")?;
        t.fs.symlink("f", "/l")?;
        t.fs.remove_file("/l")?;
        same(t.names("/")?, ["f", "m"])
    }),
    links(
        "P21",
        "a new folder on a dangling link is AlreadyExists",
        |t| {
            t.fs.symlink("nowhere", "/l")?;
            fails(t.fs.create_dir("/l"), ErrorKind::AlreadyExists)?;
            fails_with(
                t.fs.create_dir_all("/l"),
                &[ErrorKind::AlreadyExists, ErrorKind::NotADirectory],
            )?;
            same(t.names("/")?, ["l"])
        },
    ),
    links(
        "P21",
        "create_dir_all goes through a link to a folder",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.symlink("d", "/l")?;
            t.fs.create_dir_all("/l")?;
            t.fs.create_dir_all("/l/a/b")?;
            same(t.names("/d/a")?, ["b"])
        },
    ),
    case("P22", "canonicalize of what is missing is NotFound", |t| {
        t.fs.create_dir("/d")?;
        fails(t.fs.canonicalize("/d/missing"), ErrorKind::NotFound)?;
        same(t.fs.canonicalize("//d/./../d/")?, PathBuf::from("/d"))
    }),
    links(
        "P23",
        "soft_canonicalize takes what is missing by text",
        |t| {
            t.fs.create_dir_all("/a/b")?;
            t.fs.symlink("a/b", "/l")?;
            let soft = t.fs.soft_canonicalize("/l/../x/y/../z")?;
            same(soft, PathBuf::from("/a/x/z"))?;
            let soft = t.fs.soft_canonicalize("/l/missing/../../../../..")?;
            same(soft, PathBuf::from("/"))?;
            t.fs.symlink("gone/f", "/dangling")?;
            same(
                t.fs.soft_canonicalize("/dangling")?,
                PathBuf::from("/gone/f"),
            )
        },
    ),
    links(
        "P24",
        "anchored_canonicalize never leaves its anchor",
        |t| {
            t.fs.create_dir_all("/anchor/d")?;
            t.fs.create_dir("/outside")?;
            t.fs.write("/outside/f", b"")?;
            t.fs.symlink("/outside", "/anchor/absolute")?;
            t.fs.symlink("../../outside", "/anchor/d/relative")?;
            for path in [
                "/../outside/f",
                "/absolute/f",
                "/d/relative/f",
                "/d/../../outside/f",
                "/absolute/../../outside/f",
                "/missing/../../../outside/f",
            ] {
                let found = t.fs.anchored_canonicalize(path, "/anchor")?;
                let inside = found.starts_with("/anchor");
                ensure(inside, format!("{path} left the anchor: {found:?}"))?;
            }
            let found = t.fs.anchored_canonicalize("/absolute/f", "/anchor")?;
            same(found, PathBuf::from("/anchor/outside/f"))
        },
    ),
    links(
        "P25",
        "a link out of the filesystem finds nothing of the host",
        |t| {
            t.fs.symlink("../../../../../../etc/passwd", "/relative")?;
            t.fs.symlink("/etc/passwd", "/absolute")?;
            for path in ["/relative", "/absolute"] {
                let kinds = [ErrorKind::NotFound, ErrorKind::EscapesRoot];
                fails_with(t.fs.read(path), &kinds)?;
            }
            t.fs.create_dir("/etc")?;
            t.fs.write("/etc/passwd", b"ours")?;
            match t.fs.read("/relative") {
                Ok(content) => same(content, b"ours"),
                Err(error) => same(error.kind(), ErrorKind::EscapesRoot),
            }
        },
    ),
    links(
        "P26",
        "a link that ends in a slash, or a slash behind a link",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"content")?;
            t.fs.symlink("d/", "/l")?;
            t.fs.symlink("d/f/", "/m")?;
            same(t.fs.symlink_metadata("/l")?.kind, FileKind::Symlink)?;
            same(t.fs.symlink_metadata("/l/")?.kind, FileKind::Directory)?;
            same(t.names("/l/")?, ["f"])?;
            fails(t.fs.read("/m"), ErrorKind::NotADirectory)?;
            fails(t.fs.remove_file("/l/"), ErrorKind::NotADirectory)?;
            fails(t.fs.remove_dir("/l/"), ErrorKind::NotADirectory)?;
            same(t.fs.read("/l/f")?, b"content")
        },
    ),
    case(
        "P27",
        "a name of `.` or `..` is neither removed nor renamed",
        |t| {
            t.fs.create_dir_all("/a/b")?;
            for path in ["/a/b/..", "/a/."] {
                fails(t.fs.remove_dir(path), ErrorKind::InvalidPath)?;
                fails(t.fs.remove_dir_all(path), ErrorKind::InvalidPath)?;
                fails(t.fs.rename(path, "/c"), ErrorKind::InvalidPath)?;
            }
            same(t.names("/a")?, ["b"])
        },
    ),
];
