//! Renaming: the table of `rename(2)`.

use super::check::{ensure, fails, fails_with, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("W11", "renames a file", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.create_dir("/d")?;
        t.fs.rename("/f", "/d/g")?;
        same(t.fs.read("/d/g")?, b"content")?;
        same(t.names("/")?, ["d"])
    }),
    case("W12", "replaces a file", |t| {
        t.fs.write("/f", b"new")?;
        t.fs.write("/g", b"old")?;
        t.fs.rename("/f", "/g")?;
        same(t.fs.read("/g")?, b"new")?;
        same(t.names("/")?, ["g"])
    }),
    case("W13", "a missing source is NotFound", |t| {
        t.fs.write("/g", b"old")?;
        fails(t.fs.rename("/missing", "/g"), ErrorKind::NotFound)?;
        same(t.fs.read("/g")?, b"old")
    }),
    case("W30", "renames a folder with all below it", |t| {
        t.fs.create_dir_all("/a/b/c")?;
        t.fs.write("/a/b/c/f", b"deep")?;
        t.fs.create_dir("/x")?;
        t.fs.rename("/a", "/x/y")?;
        same(t.fs.read("/x/y/b/c/f")?, b"deep")?;
        same(t.names("/")?, ["x"])?;
        same(t.fs.exists("/a/b")?, false)
    }),
    case("W31", "a folder replaces an empty folder", |t| {
        t.fs.create_dir("/a")?;
        t.fs.write("/a/f", b"")?;
        t.fs.create_dir("/b")?;
        t.fs.rename("/a", "/b")?;
        same(t.names("/")?, ["b"])?;
        same(t.names("/b")?, ["f"])
    }),
    case(
        "W32",
        "over a folder that holds something is DirectoryNotEmpty",
        |t| {
            t.fs.create_dir("/a")?;
            t.fs.create_dir("/b")?;
            t.fs.write("/b/f", b"kept")?;
            fails_with(t.fs.rename("/a", "/b"), &[ErrorKind::DirectoryNotEmpty])?;
            same(t.fs.read("/b/f")?, b"kept")?;
            same(t.names("/")?, ["a", "b"])
        },
    ),
    case(
        "W33",
        "a file over a folder and a folder over a file are refused",
        |t| {
            t.fs.write("/f", b"content")?;
            t.fs.create_dir("/d")?;
            fails(t.fs.rename("/f", "/d"), ErrorKind::IsADirectory)?;
            fails(t.fs.rename("/d", "/f"), ErrorKind::NotADirectory)?;
            same(t.fs.read("/f")?, b"content")?;
            same(t.names("/")?, ["d", "f"])
        },
    ),
    case("W34", "a folder does not go into itself", |t| {
        t.fs.create_dir_all("/a/b/c")?;
        t.fs.write("/a/f", b"content")?;
        for target in ["/a/x", "/a/b", "/a/b/c/x"] {
            fails_with(
                t.fs.rename("/a", target),
                &[ErrorKind::IntoItself, ErrorKind::InvalidInput],
            )?;
        }
        same(t.fs.read("/a/f")?, b"content")?;
        same(t.names("/a")?, ["b", "f"])?;
        // Onto its own ancestor: that one is not empty.
        fails(t.fs.rename("/a/b", "/a"), ErrorKind::DirectoryNotEmpty)
    }),
    case("W35", "onto itself does nothing", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.create_dir("/d")?;
        t.fs.rename("/f", "/f")?;
        t.fs.rename("/d", "/d")?;
        same(t.fs.read("/f")?, b"content")?;
        same(t.names("/")?, ["d", "f"])
    }),
    case(
        "W36",
        "into a missing folder is NotFound, below a file NotADirectory",
        |t| {
            t.fs.write("/f", b"content")?;
            t.fs.write("/g", b"")?;
            fails(t.fs.rename("/f", "/missing/f"), ErrorKind::NotFound)?;
            fails(t.fs.rename("/f", "/g/f"), ErrorKind::NotADirectory)?;
            same(t.fs.read("/f")?, b"content")
        },
    ),
    case("W37", "without replacing", |t| {
        t.fs.write("/f", b"new")?;
        t.fs.write("/g", b"old")?;
        t.fs.create_dir("/d")?;
        for target in ["/g", "/d", "/f"] {
            let renamed = t.fs.rename_with("/f", target, RenameMode::NoReplace);
            fails(renamed, ErrorKind::AlreadyExists)?;
        }
        same(t.fs.read("/g")?, b"old")?;
        t.fs.rename_with("/f", "/h", RenameMode::NoReplace)?;
        same(t.fs.read("/h")?, b"new")
    })
    .needs(Capabilities::RENAME_NO_REPLACE),
    case("W37", "exchanging", |t| {
        t.fs.write("/f", b"file")?;
        t.fs.create_dir("/d")?;
        t.fs.write("/d/x", b"inside")?;
        t.fs.rename_with("/f", "/d", RenameMode::Exchange)?;
        same(t.fs.read("/d")?, b"file")?;
        same(t.fs.read("/f/x")?, b"inside")?;
        let missing = t.fs.rename_with("/d", "/missing", RenameMode::Exchange);
        fails(missing, ErrorKind::NotFound)?;
        t.fs.create_dir("/f/sub")?;
        let inside = t.fs.rename_with("/f", "/f/sub", RenameMode::Exchange);
        fails_with(inside, &[ErrorKind::IntoItself, ErrorKind::InvalidInput])?;
        let outside = t.fs.rename_with("/f/sub", "/f", RenameMode::Exchange);
        fails_with(
            outside,
            &[
                ErrorKind::IntoItself,
                ErrorKind::InvalidInput,
                ErrorKind::DirectoryNotEmpty,
            ],
        )?;
        same(t.names("/f")?, ["sub", "x"])
    })
    .needs(Capabilities::RENAME_EXCHANGE),
    case("W37", "leaving a whiteout", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.rename_with("/f", "/g", RenameMode::LeaveWhiteout)?;
        same(t.fs.read("/g")?, b"content")?;
        let left = t.fs.symlink_metadata("/f")?;
        ensure(left.is_whiteout(), format!("left {:?}", left.kind))
    })
    .needs(Capabilities::RENAME_WHITEOUT),
    case("W38", "the root is neither renamed nor replaced", |t| {
        t.fs.create_dir("/d")?;
        let (root, dir) = (vpath("/")?, vpath("/d")?);
        let kinds = [ErrorKind::IsRoot, ErrorKind::Busy];
        fails_with(t.fs.rename("/", "/d"), &kinds)?;
        fails_with(t.fs.rename("/d", "/"), &kinds)?;
        for (from, to) in [(&root, &dir), (&dir, &root)] {
            let change = Change::Rename {
                from: At::path(from),
                to: At::path(to),
                mode: RenameMode::Replace,
            };
            ensure(
                t.backend.change(&change).is_err(),
                "the backend renamed the root",
            )?;
        }
        same(t.names("/")?, ["d"])
    }),
    case(
        "W39",
        "between two hard links of one file does nothing",
        |t| {
            t.fs.write("/f", b"content")?;
            t.fs.hard_link("/f", "/g")?;
            t.fs.rename("/f", "/g")?;
            same(t.fs.read("/f")?, b"content")?;
            same(t.fs.metadata("/g")?.nlink, 2)?;
            same(t.names("/")?, ["f", "g"])
        },
    )
    .needs(Capabilities::HARD_LINKS),
    case(
        "W39",
        "over a hard link of another file keeps the counts right",
        |t| {
            t.fs.write("/a", b"a")?;
            t.fs.hard_link("/a", "/a2")?;
            t.fs.write("/b", b"b")?;
            t.fs.hard_link("/b", "/b2")?;
            t.fs.rename("/a", "/b")?;
            same(t.fs.metadata("/a2")?.nlink, 2)?;
            same(t.fs.metadata("/b2")?.nlink, 1)?;
            same(t.fs.read("/b")?, b"a")?;
            same(t.fs.read("/b2")?, b"b")
        },
    )
    .needs(Capabilities::HARD_LINKS),
];
