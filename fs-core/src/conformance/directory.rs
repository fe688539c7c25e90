//! Making, listing and removing folders.

use super::check::{ensure, fails, fails_with, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change, Want};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::listing::{EntryBatch, collect};
use crate::metadata::{FileKind, NewNode};
use crate::path::{Name, VPath};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("D01", "makes a folder", |t| {
        t.fs.create_dir("/d")?;
        same(t.fs.metadata("/d")?.kind, FileKind::Directory)
    }),
    case("D02", "a folder that exists is AlreadyExists", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/d/f", b"")?;
        fails(t.fs.create_dir("/d"), ErrorKind::AlreadyExists)?;
        fails(t.fs.create_dir("/"), ErrorKind::AlreadyExists)?;
        same(t.names("/d")?, ["f"])
    }),
    case("D03", "in a missing folder is NotFound", |t| {
        fails(t.fs.create_dir("/missing/d"), ErrorKind::NotFound)
    }),
    case("D04", "create_dir_all makes all of them", |t| {
        t.fs.create_dir_all("/a/b/c")?;
        same(t.names("/a/b")?, ["c"])
    }),
    case("D05", "create_dir_all goes on where some exist", |t| {
        t.fs.create_dir("/a")?;
        t.fs.write("/a/f", b"")?;
        t.fs.create_dir_all("/a/b/c")?;
        same(t.names("/a")?, ["b", "f"])
    }),
    case("D06", "create_dir_all twice is fine", |t| {
        t.fs.create_dir_all("/a/b")?;
        t.fs.create_dir_all("/a/b")?;
        same(t.names("/a")?, ["b"])
    }),
    case("D07", "lists an empty folder", |t| {
        t.fs.create_dir("/d")?;
        same(t.names("/d")?.len(), 0)
    }),
    case("D08", "lists files and folders with their kinds", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/f", b"")?;
        let batch = collect(t.backend.list(At::path(&VPath::root()), &Want::names())?)?;
        let mut found: Vec<_> = batch.iter().map(|e| (e.name.to_owned(), e.kind)).collect();
        found.sort();
        let expected = [
            ("d".into(), FileKind::Directory),
            ("f".into(), FileKind::File),
        ];
        same(found, expected)
    }),
    case("D09", "listing a missing folder is NotFound", |t| {
        fails(t.fs.read_dir("/missing"), ErrorKind::NotFound)?;
        let path = vpath("/missing")?;
        let listed = t.backend.list(At::path(&path), &Want::names());
        fails(listed.and_then(collect), ErrorKind::NotFound)
    }),
    case("D10", "listing a file is NotADirectory", |t| {
        t.fs.write("/f", b"")?;
        fails(t.fs.read_dir("/f"), ErrorKind::NotADirectory)
    }),
    case("D11", "removes an empty folder", |t| {
        t.fs.create_dir("/d")?;
        t.fs.remove_dir("/d")?;
        same(t.fs.exists("/d")?, false)
    }),
    case(
        "D12",
        "a folder that holds something is DirectoryNotEmpty",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"kept")?;
            fails(t.fs.remove_dir("/d"), ErrorKind::DirectoryNotEmpty)?;
            same(t.fs.read("/d/f")?, b"kept")
        },
    ),
    case("D13", "removing a missing folder is NotFound", |t| {
        fails(t.fs.remove_dir("/missing"), ErrorKind::NotFound)
    }),
    case("D14", "remove_dir of a file is NotADirectory", |t| {
        t.fs.write("/f", b"kept")?;
        fails(t.fs.remove_dir("/f"), ErrorKind::NotADirectory)?;
        same(t.fs.read("/f")?, b"kept")
    }),
    case("D15", "remove_dir_all removes all below", |t| {
        t.fs.create_dir_all("/a/b/c")?;
        t.fs.create_dir_all("/a/x/y")?;
        t.fs.write("/a/b/f", b"")?;
        t.fs.write("/a/b/c/f", b"")?;
        t.fs.write("/kept", b"")?;
        t.fs.remove_dir_all("/a")?;
        same(t.names("/")?, ["kept"])
    }),
    case(
        "D16",
        "remove_dir_all of a missing folder is NotFound",
        |t| fails(t.fs.remove_dir_all("/missing"), ErrorKind::NotFound),
    ),
    case("D17", "a folder over a file is AlreadyExists", |t| {
        t.fs.write("/f", b"kept")?;
        fails(t.fs.create_dir("/f"), ErrorKind::AlreadyExists)?;
        same(t.fs.read("/f")?, b"kept")
    }),
    case(
        "D18",
        "create_dir_all through or onto a file is NotADirectory",
        |t| {
            t.fs.write("/f", b"kept")?;
            fails(t.fs.create_dir_all("/f/a/b"), ErrorKind::NotADirectory)?;
            fails(t.fs.create_dir_all("/f"), ErrorKind::NotADirectory)?;
            same(t.fs.read("/f")?, b"kept")
        },
    ),
    case("D19", "create_dir_all of the root is fine", |t| {
        Ok(t.fs.create_dir_all("/")?)
    }),
    case("D20", "remove_dir_all of a file is NotADirectory", |t| {
        t.fs.write("/f", b"kept")?;
        fails(t.fs.remove_dir_all("/f"), ErrorKind::NotADirectory)?;
        same(t.fs.read("/f")?, b"kept")
    }),
    case("D21", "remove_dir_all follows no link", |t| {
        t.fs.create_dir("/outside")?;
        t.fs.write("/outside/f", b"kept")?;
        t.fs.create_dir("/d")?;
        t.fs.symlink("/outside", "/d/l")?;
        t.fs.symlink("/outside", "/l")?;
        t.fs.symlink("/outside/f", "/d/lf")?;
        fails(t.fs.remove_dir_all("/l"), ErrorKind::NotADirectory)?;
        t.fs.remove_dir_all("/d")?;
        same(t.fs.read("/outside/f")?, b"kept")?;
        same(t.names("/")?, ["l", "outside"])
    })
    .needs(Capabilities::SYMLINKS),
    case("D22", "a listing says what stat says", |t| {
        t.fs.write("/f", b"12345")?;
        t.fs.create_dir("/d")?;
        t.fs.create_dir("/d/e")?;
        if t.fs.capabilities().contains(Capabilities::SYMLINKS) {
            t.fs.symlink("nowhere", "/l")?;
        }
        for dir in ["/", "/d"] {
            let dir = vpath(dir)?;
            let batch = collect(t.backend.list(At::path(&dir), &Want::metadata())?)?;
            for entry in batch.iter() {
                let path = dir.join(&Name::new(entry.name)?);
                let found = t.backend.stat(At::path(&path))?;
                same(entry.metadata.copied(), Some(found))?;
                same((entry.kind, entry.ino), (found.kind, found.id.ino))?;
            }
        }
        Ok(())
    }),
    case(
        "D23",
        "a listing has no `.`, `..` or names of the backend's own",
        |t| {
            same(t.names("/")?.len(), 0)?;
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"1")?;
            t.fs.write("/d/f", b"2")?;
            t.fs.remove_file("/d/f")?;
            same(t.names("/")?, ["d"])?;
            same(t.names("/d")?.len(), 0)
        },
    ),
    case("D24", "a listing may be given up early", |t| {
        for i in 0..50 {
            t.fs.write(format!("/f{i}"), b"")?;
        }
        let mut listing = t.backend.list(At::path(&VPath::root()), &Want::names())?;
        listing.next(&mut EntryBatch::new())?;
        drop(listing);
        t.fs.remove_file("/f1")?;
        same(t.names("/")?.len(), 49)
    }),
    case("D25", "lists very many entries, each once", |t| {
        let count = t.scale(1_500, 100_000);
        let paths = (0..count)
            .map(|i| vpath(&format!("/name-{i:06}")))
            .collect::<crate::Result<Vec<_>>>()?;
        let node = NewNode::file();
        for paths in paths.chunks(1_000) {
            let changes: Vec<_> = paths
                .iter()
                .map(|path| Change::Create(At::path(path), &node))
                .collect();
            t.backend
                .change_all(&changes)
                .into_iter()
                .collect::<crate::Result<()>>()?;
        }
        let names = t.names("/")?;
        same(names.len(), count)?;
        ensure(names.is_sorted_by(|a, b| a < b), "a name came twice")
    }),
    case(
        "D26",
        "siblings whose names begin alike are not touched",
        |t| {
            for dir in ["/a/b", "/a/bc", "/a/b%", "/a/b_", "/a/B", "/a/bx"] {
                if dir != "/a/B" || t.fs.capabilities().contains(Capabilities::CASE_SENSITIVE) {
                    t.fs.create_dir_all(dir)?;
                    t.fs.write(format!("{dir}/f"), b"")?;
                }
            }
            let before = t.names("/a")?.len();
            t.fs.remove_dir_all("/a/b")?;
            same(t.names("/a")?.len(), before - 1)?;
            t.fs.remove_dir_all("/a/b_")?;
            t.fs.remove_dir_all("/a/b%")?;
            same(t.names("/a/bc")?, ["f"])?;
            same(t.names("/a/bx")?, ["f"])
        },
    ),
    case(
        "D27",
        "renaming a folder leaves siblings whose names begin alike",
        |t| {
            t.fs.create_dir_all("/a/x")?;
            t.fs.create_dir_all("/ab/x")?;
            t.fs.rename("/a", "/b")?;
            same(t.names("/")?, ["ab", "b"])?;
            same(t.names("/ab")?, ["x"])
        },
    ),
    case(
        "D28",
        "entries present all the time come exactly once while others change",
        |t| {
            for i in 0..300 {
                t.fs.write(format!("/stays-{i:03}"), b"")?;
            }
            let mut listing = t.backend.list(At::path(&VPath::root()), &Want::names())?;
            let mut batch = EntryBatch::new();
            let mut more = listing.next(&mut batch)?;
            for i in 0..300 {
                t.fs.write(format!("/new-{i:03}"), b"")?;
            }
            while more {
                more = listing.next(&mut batch)?;
            }
            let stays = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("stays");
            let mut seen: Vec<_> = batch.iter().map(|e| e.name.to_owned()).collect();
            seen.retain(|name| stays(name));
            let count = seen.len();
            seen.sort();
            seen.dedup();
            same((count, seen.len()), (300, 300))
        },
    ),
    case(
        "D29",
        "a sorted listing is sorted and goes on after a name",
        |t| {
            for name in ["b", "a", "c", "a b", "Z", "é", "aa"] {
                t.fs.write(format!("/{name}"), b"")?;
            }
            let all = t.listed("/", &Want::names())?;
            ensure(all.is_sorted(), format!("not in byte order: {all:?}"))?;
            for (at, name) in all.iter().enumerate() {
                let want = Want {
                    after: Some(Name::new(name)?),
                    ..Want::metadata()
                };
                same(t.listed("/", &want)?, all.get(at + 1..).unwrap_or_default())?;
            }
            let between = Want {
                after: Some(Name::new("aab")?),
                ..Want::names()
            };
            same(t.listed("/", &between)?, ["b", "c", "é"])
        },
    )
    .needs(Capabilities::SORTED_LISTING),
    Case::new(Level::Two, "D30", "a folder counts its subfolders", |t| {
        t.fs.create_dir("/d")?;
        same(t.fs.metadata("/d")?.nlink, 2)?;
        t.fs.create_dir("/d/a")?;
        t.fs.create_dir("/d/b")?;
        t.fs.write("/d/f", b"")?;
        same(t.fs.metadata("/d")?.nlink, 4)?;
        t.fs.rename("/d/a", "/a")?;
        same(t.fs.metadata("/d")?.nlink, 3)?;
        t.fs.rename("/a", "/d/b")?;
        t.fs.remove_dir("/d/b")?;
        same(t.fs.metadata("/d")?.nlink, 2)
    }),
    case(
        "D31",
        "the backend itself does not walk through links",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"")?;
            t.fs.symlink("/d", "/l")?;
            let (link, below) = (vpath("/l")?, vpath("/l/f")?);
            let listed = t.backend.list(At::path(&link), &Want::names());
            fails_with(
                listed.and_then(collect),
                &[ErrorKind::NotADirectory, ErrorKind::SymlinkLoop],
            )?;
            if t.fs.capabilities().contains(Capabilities::SELF_RESOLVING) {
                return Ok(());
            }
            fails(t.backend.stat(At::path(&below)), ErrorKind::NotADirectory)
        },
    )
    .needs(Capabilities::SYMLINKS),
];
