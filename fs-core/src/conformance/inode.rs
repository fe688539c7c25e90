//! Identity of files.

use std::collections::HashSet;
use std::ffi::OsStr;

use super::check::{ensure, fails, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::path::VPath;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Three, id, title, check)
}

const fn pins(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    case(id, title, check).needs(Capabilities::PIN)
}

pub(super) const CASES: &[Case] = &[
    case("I01", "the id of a file is stable", |t| {
        t.fs.write("/f", b"")?;
        let id = t.fs.metadata("/f")?.id;
        t.fs.append("/f", b"more")?;
        t.fs.write("/g", b"")?;
        same(t.fs.metadata("/f")?.id, id)
    }),
    pins("I02", "a pin leads back to its node", |t| {
        t.fs.write("/f", b"12345")?;
        let path = vpath("/f")?;
        let pin = t.backend.pin(At::path(&path))?;
        let root = VPath::root();
        let found = t.backend.stat(At::in_dir(&pin, &root))?;
        same((pin.id(), found.size), (t.fs.metadata("/f")?.id, 5))
    }),
    pins("I03", "a name is looked up in a pinned folder", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/d/f", b"")?;
        let (dir, name) = (vpath("/d")?, vpath("/f")?);
        let pin = t.backend.pin(At::path(&dir))?;
        let found = t.backend.stat(At::in_dir(&pin, &name))?;
        same(found.id, t.fs.metadata("/d/f")?.id)
    }),
    pins(
        "I04",
        "a pin outlives rename and removal of the name",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"12345")?;
            let (dir, file, root) = (vpath("/d")?, vpath("/d/f")?, VPath::root());
            let (dir, file) = (
                t.backend.pin(At::path(&dir))?,
                t.backend.pin(At::path(&file))?,
            );
            t.fs.rename("/d", "/e")?;
            let name = vpath("/f")?;
            let found = t.backend.stat(At::in_dir(&dir, &name))?;
            same(found.id, t.fs.metadata("/e/f")?.id)?;
            t.fs.remove_file("/e/f")?;
            let found = t.backend.stat(At::in_dir(&file, &root))?;
            same((found.id, found.nlink, found.size), (file.id(), 0, 5))?;
            fails(t.backend.stat(At::in_dir(&dir, &name)), ErrorKind::NotFound)
        },
    )
    .needs(Capabilities::OPEN_UNLINKED),
    case("I05", "the root has an id of its own", |t| {
        t.fs.create_dir("/d")?;
        let root = t.fs.metadata("/")?.id;
        same(t.fs.metadata("/d/..")?.id, root)?;
        ensure(
            t.fs.metadata("/d")?.id != root,
            "a folder has the id of the root",
        )
    }),
    case("I06", "different files have different ids", |t| {
        let mut ids = HashSet::new();
        for i in 0..50 {
            t.fs.write(format!("/f{i}"), b"")?;
            t.fs.create_dir(format!("/d{i}"))?;
            ids.insert(t.fs.metadata(format!("/f{i}"))?.id);
            ids.insert(t.fs.metadata(format!("/d{i}"))?.id);
        }
        same(ids.len(), 100)
    }),
    case("I07", "hard links have one id", |t| {
        t.fs.write("/f", b"")?;
        t.fs.hard_link("/f", "/g")?;
        same(t.fs.metadata("/g")?.id, t.fs.metadata("/f")?.id)
    })
    .needs(Capabilities::HARD_LINKS),
    case("I08", "the id is kept over rename and overwrite", |t| {
        t.fs.write("/f", b"")?;
        t.fs.create_dir("/d")?;
        let (file, dir) = (t.fs.metadata("/f")?.id, t.fs.metadata("/d")?.id);
        t.fs.rename("/f", "/d/g")?;
        t.fs.rename("/d", "/e")?;
        t.fs.write("/e/g", b"new")?;
        same(
            (t.fs.metadata("/e/g")?.id, t.fs.metadata("/e")?.id),
            (file, dir),
        )
    }),
    case("I08", "a staged replace keeps the id", |t| {
        t.fs.write("/f", b"old")?;
        let id = t.fs.metadata("/f")?.id;
        let mut stream = t.fs.open_write("/f")?;
        std::io::Write::write_all(&mut stream, b"new")?;
        stream.commit()?;
        same(t.fs.metadata("/f")?.id, id)
    })
    .needs(Capabilities::STAGE.union(Capabilities::ATOMIC_KEEPS_INODE)),
    case("I09", "ids are not used again", |t| {
        if t.on_host {
            return Ok(());
        }
        let mut ids = HashSet::new();
        for _ in 0..30 {
            t.fs.write("/f", b"")?;
            t.fs.create_dir("/d")?;
            ids.insert(t.fs.metadata("/f")?.id);
            ids.insert(t.fs.metadata("/d")?.id);
            t.fs.remove_file("/f")?;
            t.fs.remove_dir("/d")?;
        }
        same(ids.len(), 60)
    }),
    pins(
        "I10",
        "a lookup in a pinned file is NotADirectory, of a missing name NotFound",
        |t| {
            t.fs.write("/f", b"")?;
            let (file, name, root) = (vpath("/f")?, vpath("/x")?, VPath::root());
            let pin = t.backend.pin(At::path(&file))?;
            let found = t.backend.stat(At::in_dir(&pin, &name));
            fails(found, ErrorKind::NotADirectory)?;
            let pin = t.backend.pin(At::path(&root))?;
            fails(t.backend.stat(At::in_dir(&pin, &name)), ErrorKind::NotFound)?;
            fails(t.backend.pin(At::path(&name)), ErrorKind::NotFound)
        },
    ),
    pins(
        "I11",
        "a pinned file keeps its extended attributes when its name is removed",
        |t| {
            t.fs.write("/f", b"")?;
            t.fs.set_xattr("/f", "user.before", b"1")?;
            let (file, root) = (vpath("/f")?, VPath::root());
            let pin = t.backend.pin(At::path(&file))?;
            t.fs.remove_file("/f")?;
            let here = At::in_dir(&pin, &root);
            let [before, after] = ["user.before", "user.after"].map(OsStr::new);
            same(t.backend.get_xattr(here, before)?, b"1")?;
            let set = |name, value| t.backend.change(&Change::SetXattr(here, name, value));
            set(after, Some(b"2"))?;
            let mut names = t.backend.list_xattrs(here)?;
            names.sort();
            same(names, [after, before])?;
            set(before, None)?;
            fails(set(before, None), ErrorKind::XattrNotFound)?;
            fails(t.backend.get_xattr(here, before), ErrorKind::XattrNotFound)?;
            same(t.backend.get_xattr(here, after)?, b"2")?;
            // Another file of the name has none of them.
            t.fs.write("/f", b"")?;
            fails(t.fs.get_xattr("/f", "user.after"), ErrorKind::XattrNotFound)
        },
    )
    .needs(Capabilities::OPEN_UNLINKED.union(Capabilities::XATTRS)),
];
