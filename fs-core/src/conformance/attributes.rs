//! Permissions, times, extended attributes, sync and space.

use super::check::{ensure, fails, fails_with, long_ago, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::metadata::{Permissions, SetAttr, SetTime, Time};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Two, id, title, check)
}

const fn xattr(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Four, id, title, check).needs(Capabilities::XATTRS)
}

pub(super) const CASES: &[Case] = &[
    case("PM01", "permissions are kept", |t| {
        t.fs.write("/f", b"")?;
        t.fs.create_dir("/d")?;
        for mode in [0o600, 0o755, 0o000, 0o444] {
            t.fs.set_permissions("/f", Permissions::from_mode(mode))?;
            same(t.fs.metadata("/f")?.permissions().mode(), mode)?;
            t.fs.set_permissions("/d", Permissions::from_mode(mode | 0o700))?;
            same(t.fs.metadata("/d")?.mode, mode | 0o700)?;
        }
        same(t.fs.metadata("/f")?.permissions().readonly(), true)
    })
    .needs(Capabilities::MODE),
    case("PM02", "permissions of what is missing are NotFound", |t| {
        let set =
            t.fs.set_permissions("/missing", Permissions::from_mode(0o600));
        fails(set, ErrorKind::NotFound)
    })
    .needs(Capabilities::MODE),
    case("PM03", "only permission bits are kept of a mode", |t| {
        t.fs.write("/f", b"")?;
        let path = vpath("/f")?;
        let attr = SetAttr::mode(0o177_640);
        t.backend.change(&Change::SetAttr(At::path(&path), &attr))?;
        let found = t.fs.metadata("/f")?;
        same((found.mode & 0o777, found.is_file()), (0o640, true))?;
        ensure(found.mode <= 0o7777, format!("mode {:o}", found.mode))
    })
    .needs(Capabilities::MODE),
    case("PM04", "sync", |t| {
        t.fs.write("/f", b"content")?;
        Ok(t.fs.sync()?)
    }),
    case("PM05", "fsync of a file and a folder", |t| {
        t.fs.write("/f", b"content")?;
        t.fs.create_dir("/d")?;
        t.fs.fsync("/f")?;
        t.fs.fsync("/d")?;
        Ok(t.fs.fsync("/")?)
    }),
    case("PM06", "fsync of what is missing is NotFound", |t| {
        fails(t.fs.fsync("/missing"), ErrorKind::NotFound)
    }),
    case("PM07", "statfs makes sense", |t| {
        if t.backend.extensions().space.is_none() {
            return Ok(());
        }
        let space = t.fs.statfs()?;
        ensure(space.block_size_bytes > 0, "no block size")?;
        ensure(space.name_max_bytes >= 255, "short names only")?;
        match (space.total_bytes, space.available_bytes) {
            (Some(total), Some(available)) => ensure(
                available <= total,
                format!("{available} of {total} available"),
            ),
            _ => Ok(()),
        }
    }),
    case("PM08", "used space grows and shrinks", |t| {
        if t.backend.extensions().space.is_none() || t.on_host {
            return Ok(());
        }
        t.fs.write("/f", noise(2_000_000, 8))?;
        let full = t.fs.statfs()?.used_bytes;
        t.fs.truncate("/f", 10)?;
        t.uses_less_than(full - 1_000_000)
    }),
    case("PM09", "times are kept to the nanosecond", |t| {
        t.fs.write("/f", b"")?;
        t.fs.create_dir("/d")?;
        for time in [
            Time::from_parts(0, 0),
            Time::from_parts(1, 1),
            Time::from_parts(-1, 999_999_999),
            Time::from_parts(-1_000_000_000, 123_456_789),
            Time::from_parts(7_258_118_400, 987_654_321),
        ] {
            for path in ["/f", "/d"] {
                t.fs.set_times(path, time, long_ago())?;
                let found = t.fs.metadata(path)?;
                same((found.mtime, found.atime), (time, long_ago()))?;
            }
        }
        let only_mtime = SetAttr::mtime(Time::from_parts(5, 5));
        t.fs.set_attr("/f", &only_mtime)?;
        same(t.fs.metadata("/f")?.atime, long_ago())
    })
    .needs(Capabilities::TIMES),
    case("PM09", "a time of now is now", |t| {
        t.fs.write("/f", b"")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        let before = Time::from_nanos(Time::now().nanos() - 2_000_000_000);
        let now = SetAttr {
            mtime: Some(SetTime::Now),
            ..SetAttr::default()
        };
        t.fs.set_attr("/f", &now)?;
        let found = t.fs.metadata("/f")?;
        ensure(found.mtime > before, "mtime is not now")?;
        same(found.atime, long_ago())
    })
    .needs(Capabilities::TIMES),
    case("PM10", "chmod leaves mtime and moves ctime", |t| {
        t.fs.write("/f", b"")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        let before = t.fs.metadata("/f")?;
        std::thread::sleep(std::time::Duration::from_millis(15));
        t.fs.set_permissions("/f", Permissions::from_mode(0o600))?;
        let after = t.fs.metadata("/f")?;
        same(after.mtime, long_ago())?;
        ensure(after.ctime > before.ctime, "ctime stayed")
    })
    .needs(Capabilities::MODE.union(Capabilities::TIMES)),
    case(
        "PM11",
        "set-user-id, set-group-id and sticky are kept",
        |t| {
            t.fs.write("/f", b"")?;
            t.fs.create_dir("/d")?;
            t.fs.set_permissions("/f", Permissions::from_mode(0o4755))?;
            t.fs.set_permissions("/d", Permissions::from_mode(0o1777))?;
            same(t.fs.metadata("/f")?.mode, 0o4755)?;
            same(t.fs.metadata("/d")?.mode, 0o1777)
        },
    )
    .needs(Capabilities::MODE),
    case("PM12", "owner and group are kept", |t| {
        t.fs.write("/f", b"")?;
        let owner = SetAttr {
            uid: Some(1_234),
            gid: Some(5_678),
            ..SetAttr::default()
        };
        match t.fs.set_attr("/f", &owner) {
            // On a host only root may give files away.
            Err(error) if t.on_host => return same(error.kind(), ErrorKind::NotPermitted),
            other => other?,
        }
        let found = t.fs.metadata("/f")?;
        same((found.uid, found.gid), (1_234, 5_678))
    })
    .needs(Capabilities::OWNER),
    case(
        "PM13",
        "the mode of a new node is exactly the one asked for",
        |t| {
            let (file, dir) = (vpath("/f")?, vpath("/d")?);
            let node = crate::NewNode::file().with_mode(0o666);
            t.backend.change(&Change::Create(At::path(&file), &node))?;
            let node = crate::NewNode::directory().with_mode(0o777);
            t.backend.change(&Change::Create(At::path(&dir), &node))?;
            same(t.fs.metadata("/f")?.mode, 0o666)?;
            same(t.fs.metadata("/d")?.mode, 0o777)
        },
    )
    .needs(Capabilities::MODE),
    case(
        "PM18",
        "what is made in a set-group-id folder is of its group",
        |t| {
            t.fs.create_dir("/d")?;
            let dir = t.fs.metadata("/d")?;
            if t.backend
                .capabilities(At::path(&vpath("/d")?))
                .contains(Capabilities::OWNER)
            {
                let other = SetAttr {
                    gid: Some(dir.gid + 1),
                    ..SetAttr::default()
                };
                t.fs.set_attr("/d", &other)?;
            }
            let gid = t.fs.metadata("/d")?.gid;
            t.fs.set_permissions("/d", Permissions::from_mode(0o2755))?;
            t.fs.create_dir("/d/sub")?;
            t.fs.write("/d/sub/f", b"content")?;
            t.fs.symlink("f", "/d/sub/l")?;
            let made = t.fs.metadata("/d/sub")?;
            same((made.gid, made.mode), (gid, 0o2755))?;
            let made = t.fs.metadata("/d/sub/f")?;
            same((made.gid, made.mode), (gid, 0o644))?;
            same(t.fs.symlink_metadata("/d/sub/l")?.gid, gid)?;
            let (path, other) = (vpath("/d/given")?, dir.gid + 2);
            if !t
                .backend
                .capabilities(At::path(&path))
                .contains(Capabilities::OWNER)
            {
                return Ok(());
            }
            let node = crate::NewNode {
                owner: Some((dir.uid, other)),
                ..crate::NewNode::directory()
            };
            t.backend.change(&Change::Create(At::path(&path), &node))?;
            let made = t.fs.metadata("/d/given")?;
            same((made.gid, made.mode), (other, 0o755))
        },
    )
    .needs(Capabilities::MODE.union(Capabilities::SYMLINKS)),
    case("PM19", "a new owner takes the set-id bits", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/f", b"")?;
        let owner = t.fs.metadata("/f")?;
        let same_owner = SetAttr {
            uid: Some(owner.uid),
            gid: Some(owner.gid),
            ..SetAttr::default()
        };
        for (before, after) in [(0o6755, 0o755), (0o4700, 0o700), (0o2644, 0o2644)] {
            t.fs.set_permissions("/f", Permissions::from_mode(before))?;
            t.fs.set_attr("/f", &same_owner)?;
            same(t.fs.metadata("/f")?.mode, after)?;
        }
        let both = SetAttr {
            mode: Some(0o6711),
            ..same_owner
        };
        t.fs.set_attr("/f", &both)?;
        same(t.fs.metadata("/f")?.mode, 0o6711)?;
        t.fs.set_permissions("/d", Permissions::from_mode(0o6775))?;
        t.fs.set_attr("/d", &same_owner)?;
        same(t.fs.metadata("/d")?.mode, 0o6775)
    })
    .needs(Capabilities::MODE.union(Capabilities::OWNER)),
    case("PM14", "attributes of a link are its own", |t| {
        t.fs.write("/f", b"")?;
        t.fs.symlink("f", "/l")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        let path = vpath("/l")?;
        let attr = SetAttr {
            // A link has none, so none is set.
            mode: Some(0o600),
            ..SetAttr::mtime(Time::from_parts(77, 7))
        };
        let mode = t.fs.metadata("/f")?.mode;
        t.backend.change(&Change::SetAttr(At::path(&path), &attr))?;
        same(t.fs.metadata("/f")?.mode, mode)?;
        same(t.fs.symlink_metadata("/l")?.mtime, Time::from_parts(77, 7))?;
        same(t.fs.metadata("/f")?.mtime, long_ago())
    })
    .needs(Capabilities::SYMLINKS.union(Capabilities::TIMES)),
    case("PM15", "birth times can be set", |t| {
        t.fs.write("/f", b"")?;
        let attr = SetAttr {
            btime: Some(long_ago()),
            ..SetAttr::default()
        };
        t.fs.set_attr("/f", &attr)?;
        same(t.fs.metadata("/f")?.btime, Some(long_ago()))
    })
    .needs(Capabilities::SET_BTIME),
    xattr(
        "H12",
        "extended attributes are set, read, listed and removed",
        |t| {
            t.fs.write("/f", b"")?;
            t.fs.create_dir("/d")?;
            for path in ["/f", "/d"] {
                let binary = noise(300, 12);
                t.fs.set_xattr(path, "user.one", b"1")?;
                t.fs.set_xattr(path, "user.two", &binary)?;
                t.fs.set_xattr(path, "user.empty", b"")?;
                t.fs.set_xattr(path, "user.one", b"one")?;
                same(t.fs.get_xattr(path, "user.one")?, b"one")?;
                same(t.fs.get_xattr(path, "user.two")?, binary)?;
                same(t.fs.get_xattr(path, "user.empty")?, b"")?;
                let mut names = t.fs.list_xattrs(path)?;
                names.retain(|name| name.to_string_lossy().starts_with("user."));
                names.sort();
                same(names, ["user.empty", "user.one", "user.two"])?;
                t.fs.remove_xattr(path, "user.two")?;
                fails(t.fs.get_xattr(path, "user.two"), ErrorKind::XattrNotFound)?;
                fails(
                    t.fs.remove_xattr(path, "user.two"),
                    ErrorKind::XattrNotFound,
                )?;
            }
            Ok(())
        },
    ),
    xattr(
        "H12",
        "extended attributes of what is missing are NotFound",
        |t| {
            fails(t.fs.get_xattr("/missing", "user.a"), ErrorKind::NotFound)?;
            fails(
                t.fs.set_xattr("/missing", "user.a", b""),
                ErrorKind::NotFound,
            )?;
            fails(t.fs.list_xattrs("/missing"), ErrorKind::NotFound)
        },
    ),
    xattr("H12", "an extended attribute moves ctime, not mtime", |t| {
        t.fs.write("/f", b"")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        let before = t.fs.metadata("/f")?.ctime;
        std::thread::sleep(std::time::Duration::from_millis(15));
        t.fs.set_xattr("/f", "user.a", b"1")?;
        let after = t.fs.metadata("/f")?;
        same(after.mtime, long_ago())?;
        ensure(after.ctime > before, "ctime stayed")
    })
    .needs(Capabilities::TIMES),
    xattr(
        "H14",
        "user attributes of a link are refused, as the kernel does",
        |t| {
            t.fs.symlink("nowhere", "/l")?;
            let path = vpath("/l")?;
            let name = std::ffi::OsStr::new("user.a");
            let set = t
                .backend
                .change(&Change::SetXattr(At::path(&path), name, Some(b"")));
            fails_with(set, &[ErrorKind::NotPermitted, ErrorKind::Unsupported])
        },
    )
    .needs(Capabilities::SYMLINKS),
];
