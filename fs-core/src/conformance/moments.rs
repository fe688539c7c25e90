//! Which times move with which change (`inode(7)`, "Timestamp fields", and the pages of the calls).

use std::time::Duration;

use super::check::{ensure, same};
use super::{Case, Check, Failure, Fixture, Level};
use crate::capabilities::Capabilities;
use crate::error::Result;
use crate::metadata::Metadata;

/// Longer than a tick of any kernel's clock for files.
const TICK: Duration = Duration::from_millis(15);

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Two, id, title, check)
}

const fn linked(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    case(id, title, check).needs(Capabilities::HARD_LINKS)
}

/// Which times of a node have to move.
#[derive(Clone, Copy)]
enum Moves {
    /// Content and attributes: a file that was written, a folder whose names changed.
    Content,
    /// Only the attributes.
    Attributes,
    /// None.
    Nothing,
}

/// What is at each path moves as it says, from before `change` to after it.
fn moves(
    t: &Fixture,
    what: &[(&str, Moves)],
    change: impl FnOnce() -> Result<()>,
) -> Result<(), Failure> {
    let look = || -> Result<Vec<Metadata>> {
        let paths = what.iter().map(|(path, _)| t.fs.symlink_metadata(path));
        paths.collect()
    };
    let before = look()?;
    std::thread::sleep(TICK);
    change()?;
    for ((path, moves), (before, after)) in what.iter().zip(before.iter().zip(look()?)) {
        let content = after.mtime > before.mtime;
        let attributes = after.ctime > before.ctime;
        match moves {
            Moves::Content => {
                ensure(content, format!("mtime of {path} stayed"))?;
                ensure(attributes, format!("ctime of {path} stayed"))?;
            }
            Moves::Attributes => {
                same(after.mtime, before.mtime)?;
                ensure(attributes, format!("ctime of {path} stayed"))?;
            }
            Moves::Nothing => same((after.mtime, after.ctime), (before.mtime, before.ctime))?,
        }
    }
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    case("TM01", "making a name moves its folder's times", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/d/other", b"")?;
        let what = [("/d", Moves::Content), ("/d/other", Moves::Nothing)];
        moves(t, &what, || t.fs.create_dir("/d/new"))?;
        moves(t, &what, || t.fs.write("/d/file", b""))
    }),
    case(
        "TM02",
        "writing moves a file's times, not its folder's",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"12345")?;
            let what = [("/d/f", Moves::Content), ("/d", Moves::Nothing)];
            moves(t, &what, || t.fs.append("/d/f", b"6"))?;
            moves(t, &what, || t.fs.truncate("/d/f", 2))
        },
    ),
    case(
        "TM03",
        "removing a name moves its folder's times, not those above",
        |t| {
            t.fs.create_dir_all("/d/e")?;
            t.fs.write("/d/e/f", b"")?;
            t.fs.create_dir("/d/e/g")?;
            let what = [("/d/e", Moves::Content), ("/d", Moves::Nothing)];
            moves(t, &what, || t.fs.remove_file("/d/e/f"))?;
            moves(t, &what, || t.fs.remove_dir("/d/e/g"))
        },
    ),
    case("TM04", "a rename moves the times of both folders", |t| {
        t.fs.create_dir("/a")?;
        t.fs.create_dir("/b")?;
        t.fs.write("/a/f", b"")?;
        let what = [("/a", Moves::Content), ("/b", Moves::Content)];
        moves(t, &what, || t.fs.rename("/a/f", "/b/f"))?;
        moves(t, &[("/b", Moves::Content)], || t.fs.rename("/b/f", "/b/g"))
    }),
    linked("TM05", "another name moves the file's ctime", |t| {
        t.fs.create_dir("/d")?;
        t.fs.write("/f", b"")?;
        let what = [("/f", Moves::Attributes), ("/d", Moves::Content)];
        moves(t, &what, || t.fs.hard_link("/f", "/d/same"))
    }),
    linked(
        "TM06",
        "a name less moves the ctime that the other names show",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/f", b"")?;
            for name in ["/d/one", "/d/two", "/two"] {
                t.fs.hard_link("/f", name)?;
            }
            let what = [("/f", Moves::Attributes), ("/d", Moves::Content)];
            moves(t, &what, || t.fs.remove_file("/d/one"))?;
            // A rename over a name takes it as well.
            t.fs.write("/other", b"")?;
            moves(t, &[("/f", Moves::Attributes)], || {
                t.fs.rename("/other", "/two")
            })
        },
    ),
    case(
        "TM07",
        "chmod moves a folder's ctime and nothing else",
        |t| {
            t.fs.create_dir("/d")?;
            t.fs.write("/d/f", b"")?;
            let what = [("/d", Moves::Attributes), ("/d/f", Moves::Nothing)];
            let mode = crate::metadata::Permissions::from_mode(0o700);
            moves(t, &what, || t.fs.set_permissions("/d", mode))
        },
    )
    .needs(Capabilities::MODE),
];
