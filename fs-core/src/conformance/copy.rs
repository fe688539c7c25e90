//! Copying files within a filesystem.

use super::check::{fails, long_ago, noise, same};
use super::{Case, Check, Fixture, Level};
use crate::backend::RenameMode;
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::metadata::{Permissions, SetAttr, SetTime};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("W14", "copy copies", |t| {
        let content = noise(300_000, 14);
        t.fs.write("/f", &content)?;
        same(t.fs.copy("/f", "/g")?, 300_000)?;
        same(t.fs.read("/g")?, &*content)?;
        same(t.fs.read("/f")?, &*content)?;
        t.fs.write("/f", b"changed")?;
        same(t.fs.read("/g")?, &*content)?;
        t.fs.append("/g", b"more")?;
        same(t.fs.read("/f")?, b"changed")
    }),
    case("W15", "copy of a missing file is NotFound", |t| {
        t.fs.write("/g", b"old")?;
        fails(t.fs.copy("/missing", "/g"), ErrorKind::NotFound)?;
        fails(t.fs.copy("/g", "/missing/g"), ErrorKind::NotFound)?;
        same(t.fs.read("/g")?, b"old")
    }),
    case("W40", "copy of a file onto itself is SameFile", |t| {
        t.fs.write("/f", b"content")?;
        fails(t.fs.copy("/f", "/f"), ErrorKind::SameFile)?;
        fails(t.fs.copy("/f", "//./f"), ErrorKind::SameFile)?;
        same(t.fs.read("/f")?, b"content")
    }),
    case("W40", "copy onto a hard link of itself is SameFile", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.hard_link("/f", "/g")?;
        fails(t.fs.copy("/f", "/g"), ErrorKind::SameFile)?;
        same(t.fs.read("/f")?, b"content")
    })
    .needs(Capabilities::HARD_LINKS),
    case("W40", "copy through a link onto itself is SameFile", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.symlink("f", "/l")?;
        fails(t.fs.copy("/l", "/f"), ErrorKind::SameFile)?;
        fails(t.fs.copy("/f", "/l"), ErrorKind::SameFile)?;
        same(t.fs.read("/f")?, b"content")
    })
    .needs(Capabilities::SYMLINKS),
    case("W41", "copy makes a file of its own", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.copy("/f", "/g")?;
        let (f, g) = (t.fs.metadata("/f")?.id, t.fs.metadata("/g")?.id);
        super::check::ensure(f != g, "source and copy are one file")
    }),
    case("W41", "copy keeps mode and mtime", |t| {
        t.fs.write("/f", b"content")?;
        let attributes = SetAttr {
            mode: Some(0o604),
            mtime: Some(SetTime::To(long_ago())),
            ..SetAttr::default()
        };
        t.fs.set_attr("/f", &attributes)?;
        t.fs.write("/existing", b"")?;
        for target in ["/g", "/existing"] {
            t.fs.copy("/f", target)?;
            let copy = t.fs.metadata(target)?;
            same((copy.mode, copy.mtime), (0o604, long_ago()))?;
        }
        Ok(())
    })
    .needs(Capabilities::MODE.union(Capabilities::TIMES)),
    case("W42", "copy without replacing", |t| {
        t.fs.write("/f", b"new")?;
        t.fs.write("/g", b"old")?;
        let copied = t.fs.copy_with("/f", "/g", RenameMode::NoReplace);
        fails(copied, ErrorKind::AlreadyExists)?;
        same(t.fs.read("/g")?, b"old")?;
        t.fs.copy_with("/f", "/h", RenameMode::NoReplace)?;
        same(t.fs.read("/h")?, b"new")
    }),
    case("W43", "copy of a folder is IsADirectory", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/f", b"")?;
        fails(t.fs.copy("/d", "/e"), ErrorKind::IsADirectory)?;
        fails(t.fs.copy("/f", "/d"), ErrorKind::IsADirectory)?;
        same(t.names("/")?, ["d", "f"])
    }),
    case("H13", "extended attributes follow copy and rename", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.set_xattr("/f", "user.note", b"value")?;
        t.fs.set_permissions("/f", Permissions::from_mode(0o600))?;
        t.fs.copy("/f", "/g")?;
        t.fs.rename("/f", "/h")?;
        same(t.fs.get_xattr("/g", "user.note")?, b"value")?;
        same(t.fs.get_xattr("/h", "user.note")?, b"value")
    })
    .needs(Capabilities::XATTRS.union(Capabilities::MODE)),
];
