//! Nonsense that must come back as an error.

use super::check::{ensure, fails, same, vpath};
use super::{Case, Check, Fixture, Level, Storage};
use crate::backend::{At, Change, RenameMode, Scope, Want};
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::{NewNode, Permissions, SetAttr, Time};
use crate::path::VPath;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::NoPanic, id, title, check)
}

type Call = fn(&Storage, &str) -> crate::Result<()>;

/// Every call that takes a path.
const CALLS: &[(&str, Call)] = &[
    ("read", |fs, path| fs.read(path).map(drop)),
    ("read_to_string", |fs, path| {
        fs.read_to_string(path).map(drop)
    }),
    ("read_range", |fs, path| fs.read_range(path, 1, 1).map(drop)),
    ("open_read", |fs, path| fs.open_read(path).map(drop)),
    ("open_write", |fs, path| fs.open_write(path).map(drop)),
    ("write", |fs, path| fs.write(path, b"x")),
    ("append", |fs, path| fs.append(path, b"x")),
    ("truncate", |fs, path| fs.truncate(path, 1)),
    ("remove_file", |fs, path| fs.remove_file(path)),
    ("remove_dir", |fs, path| fs.remove_dir(path)),
    ("remove_dir_all", |fs, path| fs.remove_dir_all(path)),
    ("create_dir", |fs, path| fs.create_dir(path)),
    ("create_dir_all", |fs, path| fs.create_dir_all(path)),
    ("read_dir", |fs, path| fs.read_dir(path).map(drop)),
    ("exists", |fs, path| fs.exists(path).map(drop)),
    ("metadata", |fs, path| fs.metadata(path).map(drop)),
    ("symlink_metadata", |fs, path| {
        fs.symlink_metadata(path).map(drop)
    }),
    ("read_link", |fs, path| fs.read_link(path).map(drop)),
    ("symlink", |fs, path| fs.symlink("x", path)),
    ("rename from", |fs, path| fs.rename(path, "/target")),
    ("rename to", |fs, path| fs.rename("/f", path)),
    ("copy from", |fs, path| fs.copy(path, "/target").map(drop)),
    ("copy to", |fs, path| fs.copy("/f", path).map(drop)),
    ("hard_link from", |fs, path| fs.hard_link(path, "/target")),
    ("hard_link to", |fs, path| fs.hard_link("/f", path)),
    ("canonicalize", |fs, path| fs.canonicalize(path).map(drop)),
    ("set_permissions", |fs, path| {
        fs.set_permissions(path, Permissions::from_mode(0o700))
    }),
    ("set_times", |fs, path| {
        fs.set_times(path, Time::now(), Time::now())
    }),
    ("get_xattr", |fs, path| {
        fs.get_xattr(path, "user.a").map(drop)
    }),
    ("set_xattr", |fs, path| fs.set_xattr(path, "user.a", b"")),
    ("fsync", |fs, path| fs.fsync(path)),
];

fn all_fail(t: &Fixture, path: &str) -> Check {
    t.fs.write("/f", b"kept")?;
    for (name, call) in CALLS {
        // `exists` says no to a path that goes through a file.
        ensure(
            call(&t.fs, path).is_err() || *name == "exists",
            format!("{name} succeeded"),
        )?;
    }
    same(t.fs.read("/f")?, b"kept")?;
    same(t.names("/")?, ["f"])
}

pub(super) const CASES: &[Case] = &[
    case("N01", "an empty path", |t| all_fail(t, "")),
    case("N02", "a NUL in a path", |t| all_fail(t, "/a\0b")),
    case("N03", "a path of 10,000 bytes", |t| {
        t.fs.write("/f", b"kept")?;
        let long = "/abcdefghi".repeat(1_000);
        for (name, call) in CALLS.iter().filter(|(name, _)| !name.contains("all")) {
            let result = call(&t.fs, &long);
            ensure(
                result.is_err() || *name == "exists",
                format!("{name} succeeded"),
            )?;
        }
        same(t.names("/")?, ["f"])
    }),
    case("N04", "a name of 1,000 bytes", |t| {
        all_fail(t, &format!("/{}", "n".repeat(1_000)))
    }),
    case("N04", "a path through a file", |t| all_fail(t, "/f/below")),
    case("N05", "reading after removal", |t| {
        t.fs.write("/f", b"")?;
        t.fs.remove_file("/f")?;
        fails(t.fs.read("/f"), ErrorKind::NotFound)?;
        fails(t.fs.metadata("/f"), ErrorKind::NotFound)
    }),
    case("N06", "removing twice", |t| {
        t.fs.write("/f", b"")?;
        t.fs.create_dir("/d")?;
        t.fs.remove_file("/f")?;
        t.fs.remove_dir("/d")?;
        fails(t.fs.remove_file("/f"), ErrorKind::NotFound)?;
        fails(t.fs.remove_dir("/d"), ErrorKind::NotFound)
    }),
    case("N07", "every call on a folder, and on the root", |t| {
        t.fs.create_dir_all("/d/e")?;
        t.fs.write("/f", b"kept")?;
        for path in ["/d/e", "/"] {
            let removes = ["remove_dir", "remove_dir_all", "rename from"];
            for (_, call) in CALLS.iter().filter(|(name, _)| !removes.contains(name)) {
                // Some succeed, some don't.
                drop(call(&t.fs, path));
            }
        }
        same(t.fs.read("/f")?, b"kept")?;
        same(t.names("/")?, ["d", "f"])
    }),
    case("N07", "every call of the backend on the root", |t| {
        let (root, other) = (VPath::root(), vpath("/other")?);
        let at = At::path(&root);
        let (file, dir, attr) = (NewNode::file(), NewNode::directory(), SetAttr::size(0));
        let name = std::ffi::OsStr::new("user.a");
        let changes = [
            Change::Create(at, &file),
            Change::Create(at, &dir),
            Change::Unlink(at),
            Change::Rmdir(at),
            Change::SetAttr(at, &attr),
            Change::SetXattr(at, name, None),
            Change::Link {
                from: at,
                to: At::path(&other),
            },
            Change::Link {
                from: At::path(&other),
                to: at,
            },
        ];
        for change in &changes {
            let refused = t.backend.change(change).is_err();
            ensure(refused, format!("{} of the root", change.operation()))?;
        }
        for mode in [RenameMode::Exchange, RenameMode::LeaveWhiteout] {
            let change = Change::Rename {
                from: at,
                to: At::path(&other),
                mode,
            };
            ensure(t.backend.change(&change).is_err(), "renamed the root")?;
        }
        for how in [OpenOptions::read(), OpenOptions::create_new(0o644)] {
            ensure(t.backend.open(at, &how).is_err(), "opened the root")?;
        }
        ensure(t.backend.read_link(at).is_err(), "the root is a link")?;
        t.backend.sync(Scope::Node(at))?;
        let none = t.backend.list(at, &Want::metadata())?;
        same(crate::listing::collect(none)?.len(), 0)
    }),
    case("N08", "calls after close are errors", |t| {
        t.fs.write("/f", b"content")?;
        t.backend.close()?;
        // Some backends have nothing to close; the others answer, but not with content gone wrong.
        match t.fs.read("/f") {
            Ok(content) => same(content, b"content"),
            Err(error) => same(error.kind(), ErrorKind::Closed),
        }
    }),
];
