//! Attacks, named after the attack.

use super::check::{ensure, fails, fails_with, same};
use super::{Case, Check, Fixture, Level};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Security, id, title, check)
}

/// The name stands for itself and for nothing else.
fn literal(t: &Fixture, name: &str) -> Check {
    t.fs.create_dir_all("/inside/deep")?;
    let path = format!("/inside/deep/{name}");
    t.fs.write(&path, name)?;
    same(t.names("/inside/deep")?, [name])?;
    same(t.names("/inside")?, ["deep"])?;
    same(t.names("/")?, ["inside"])?;
    same(t.fs.read(&path)?, name.as_bytes())?;
    Ok(t.fs.remove_file(&path)?)
}

pub(super) const CASES: &[Case] = &[
    case("S01", "dot-dot traversal stays inside", |t| {
        for path in [
            "/../../../../../../etc/passwd",
            "/a/../../../../etc/passwd",
            "/./.././../etc/passwd",
        ] {
            fails(t.fs.read(path), ErrorKind::NotFound)?;
        }
        t.fs.write("/../../escaped", b"inside")?;
        same(t.names("/")?, ["escaped"])
    }),
    case("S02", "percent-encoded traversal is a name", |t| {
        ["%2e%2e", "%252e%252e", "..%2f..%2fetc", "%00", "..%c0%af"]
            .into_iter()
            .try_for_each(|name| literal(t, name))
    }),
    case("S03", "backslash traversal is a name", |t| {
        ["..\\", "..\\..\\etc\\passwd", "\\", "a\\..\\b"]
            .into_iter()
            .try_for_each(|name| literal(t, name))
    }),
    case("S04", "mixed slashes do not climb", |t| {
        fails(t.fs.read("/..\\../etc/passwd"), ErrorKind::NotFound)?;
        fails(t.fs.read("/.\\./etc/passwd"), ErrorKind::NotFound)
    }),
    case("S05", "a NUL never cuts a path when reading", |t| {
        t.fs.write("/f", b"content")?;
        for path in ["/f\0", "/f\0.txt", "/\0f", "/f\0/../f"] {
            fails(t.fs.read(path), ErrorKind::InvalidName)?;
            fails(t.fs.metadata(path), ErrorKind::InvalidName)?;
        }
        Ok(())
    }),
    case("S06", "a NUL never cuts a path when writing", |t| {
        fails(t.fs.write("/f\0.txt", b""), ErrorKind::InvalidName)?;
        fails(t.fs.create_dir("/d\0"), ErrorKind::InvalidName)?;
        same(t.names("/")?.len(), 0)
    }),
    case("S06", "a NUL in a link target is refused", |t| {
        let kinds = [
            ErrorKind::InvalidName,
            ErrorKind::InvalidInput,
            ErrorKind::InvalidPath,
        ];
        fails_with(t.fs.symlink("a\0b", "/l"), &kinds)?;
        same(t.names("/")?.len(), 0)
    })
    .needs(Capabilities::SYMLINKS),
    case("S07", "links to host files lead nowhere", |t| {
        for (i, target) in [
            "/etc/passwd",
            "/etc/../etc/passwd",
            "../../../../../../../etc/passwd",
            "/proc/self/root/etc/passwd",
            "/dev/fd/0",
            "/proc/self/environ",
        ]
        .into_iter()
        .enumerate()
        {
            let link = format!("/l{i}");
            t.fs.symlink(target, &link)?;
            let kinds = [ErrorKind::NotFound, ErrorKind::EscapesRoot];
            fails_with(t.fs.read(&link), &kinds)?;
            fails_with(t.fs.read_dir(format!("{link}/..")), &kinds)?;
            fails_with(t.fs.write(&link, b"overwritten"), &kinds)?;
        }
        Ok(())
    })
    .needs(Capabilities::SYMLINKS),
    case(
        "S08",
        "a folder link to the host root leads to our root or nowhere",
        |t| {
            t.fs.symlink("/", "/root")?;
            t.fs.symlink("../../../..", "/up")?;
            t.fs.write("/mark", b"ours")?;
            for link in ["/root", "/up"] {
                match t.fs.read(format!("{link}/mark")) {
                    Ok(content) => same(content, b"ours")?,
                    Err(error) => same(error.kind(), ErrorKind::EscapesRoot)?,
                }
                let kinds = [ErrorKind::NotFound, ErrorKind::EscapesRoot];
                fails_with(t.fs.read(format!("{link}/etc/passwd")), &kinds)?;
            }
            Ok(())
        },
    )
    .needs(Capabilities::SYMLINKS),
    case("S10", "a chain of 300 links ends", |t| {
        t.fs.write("/l0", b"")?;
        for i in 1..=300 {
            t.fs.symlink(format!("l{}", i - 1), format!("/l{i}"))?;
        }
        fails(t.fs.read("/l300"), ErrorKind::SymlinkLoop)
    })
    .needs(Capabilities::SYMLINKS),
    case(
        "S11",
        "composed and decomposed letters are different names",
        |t| {
            t.fs.write("/\u{e9}", b"composed")?;
            t.fs.write("/e\u{301}", b"decomposed")?;
            same(t.names("/")?.len(), 2)?;
            same(t.fs.read("/\u{e9}")?, b"composed")
        },
    )
    .needs(Capabilities::RAW_NAMES),
    case("S13", "letters that look alike are different names", |t| {
        t.fs.create_dir("/admin")?;
        t.fs.create_dir("/\u{430}dmin")?;
        t.fs.write("/admin/f", b"")?;
        same(t.names("/\u{430}dmin")?.len(), 0)
    }),
    case(
        "S14",
        "check-then-write races end in old, new or an error",
        |t| {
            t.fs.create_dir("/d")?;
            std::thread::scope(|scope| {
                let swap = scope.spawn(|| {
                    for _ in 0..100 {
                        // Either call may meet the other state: that is the race.
                        drop(t.fs.remove_dir("/d"));
                        drop(t.fs.write("/d", b"file"));
                        drop(t.fs.remove_file("/d"));
                        drop(t.fs.create_dir("/d"));
                    }
                });
                while !swap.is_finished() {
                    if t.fs.metadata("/d").is_ok_and(|found| found.is_dir()) {
                        drop(t.fs.write("/d/f", b"x"));
                        drop(t.fs.remove_file("/d/f"));
                    }
                }
                ensure(swap.join().is_ok(), "a thread panicked")
            })
        },
    ),
    case("S18", "four dots do not climb", |t| {
        fails(t.fs.read("/....//....//etc/passwd"), ErrorKind::NotFound)?;
        literal(t, "....")
    }),
    case("S21", "SQL in names is a name", |t| {
        [
            "'; DROP TABLE node; --",
            "\" OR 1=1 --",
            "%",
            "_",
            "a%b_c",
            "`",
            "?1",
            ":name",
            "x'41'",
            "\\x00",
        ]
        .into_iter()
        .try_for_each(|name| literal(t, name))
    }),
];
