//! Open files.

use super::check::{ensure, fails, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::{File, OpenOptions};
use crate::metadata::SetAttr;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Four, id, title, check)
}

fn open(t: &Fixture, path: &str, how: &OpenOptions) -> crate::Result<Box<dyn File>> {
    t.backend.open(At::path(&vpath(path)?), how)
}

fn create() -> OpenOptions {
    OpenOptions {
        create: true,
        ..OpenOptions::read_write()
    }
}

pub(super) const CASES: &[Case] = &[
    case("H01", "opening what is missing is NotFound", |t| {
        fails(
            open(t, "/missing", &OpenOptions::read()),
            ErrorKind::NotFound,
        )?;
        fails(
            open(t, "/missing", &OpenOptions::read_write()),
            ErrorKind::NotFound,
        )?;
        fails(open(t, "/missing/f", &create()), ErrorKind::NotFound)?;
        t.fs.create_dir("/d")?;
        fails(open(t, "/d", &OpenOptions::read()), ErrorKind::IsADirectory)?;
        fails(open(t, "/d", &create()), ErrorKind::IsADirectory)
    }),
    case("H02", "opening creates when asked to", |t| {
        open(t, "/f", &create())?.write_at(b"content", 0)?;
        let file = open(t, "/f", &create())?;
        same(file.metadata()?.size, 7)
    }),
    case(
        "H02",
        "a file made by opening has the mode asked for",
        |t| {
            open(t, "/f", &OpenOptions::create_new(0o640))?;
            same(t.fs.metadata("/f")?.mode, 0o640)?;
            let again = OpenOptions {
                mode: 0o777,
                ..create()
            };
            open(t, "/f", &again)?;
            same(t.fs.metadata("/f")?.mode, 0o640)
        },
    )
    .needs(Capabilities::MODE),
    case("H03", "reading past the end gives nothing", |t| {
        t.fs.write("/f", b"12345")?;
        let file = open(t, "/f", &OpenOptions::read())?;
        let mut into = [9; 8];
        same(file.read_at(&mut into, 5)?, 0)?;
        same(file.read_at(&mut into, u64::from(u32::MAX))?, 0)?;
        same(file.read_at(&mut into, 3)?, 2)?;
        same(file.read_at(&mut [], 0)?, 0)
    }),
    case(
        "H05",
        "a file opened for one thing refuses the other",
        |t| {
            t.fs.write("/f", b"12345")?;
            let file = open(t, "/f", &OpenOptions::read())?;
            fails(file.write_at(b"x", 0), ErrorKind::BadHandle)?;
            fails(file.append(b"x"), ErrorKind::BadHandle)?;
            ensure(file.set_len(0).is_err(), "a reader cut the file")?;
            let write_only = OpenOptions {
                read: false,
                ..OpenOptions::read_write()
            };
            let file = open(t, "/f", &write_only)?;
            fails(file.read_at(&mut [0; 4], 0), ErrorKind::BadHandle)?;
            same(t.fs.read("/f")?, b"12345")
        },
    )
    .needs(Capabilities::STAGE),
    case("H10", "truncate on opening", |t| {
        t.fs.write("/f", b"12345")?;
        let how = OpenOptions {
            truncate: true,
            ..OpenOptions::read_write()
        };
        let file = open(t, "/f", &how)?;
        same(t.fs.metadata("/f")?.size, 0)?;
        file.write_at(b"new", 0)?;
        same(t.fs.read("/f")?, b"new")
    }),
    case(
        "H15",
        "what is written in place is seen by all handles at once",
        |t| {
            t.fs.write("/f", b"0123456789")?;
            let (one, two) = (
                open(t, "/f", &OpenOptions::read_write())?,
                open(t, "/f", &OpenOptions::read())?,
            );
            one.write_at(b"AB", 2)?;
            let mut into = [0; 10];
            two.read_at(&mut into, 0)?;
            same(&into, b"01AB456789")?;
            one.append(b"!")?;
            same((two.metadata()?.size, t.fs.metadata("/f")?.size), (11, 11))?;
            one.set_len(1)?;
            same(two.read_at(&mut into, 0)?, 1)
        },
    ),
    case(
        "H16",
        "a handle goes on when its file has lost all names",
        |t| {
            t.fs.write("/f", b"0123")?;
            let file = open(t, "/f", &OpenOptions::read_write())?;
            t.fs.remove_file("/f")?;
            file.write_at(b"XY", 4)?;
            let mut into = [0; 6];
            same(file.read_at(&mut into, 0)?, 6)?;
            same(&into, b"0123XY")?;
            same((file.metadata()?.nlink, file.metadata()?.size), (0, 6))?;
            file.sync(false)?;
            t.fs.write("/f", b"another")?;
            file.set_len(0)?;
            same(t.fs.read("/f")?, b"another")
        },
    )
    .needs(Capabilities::OPEN_UNLINKED),
    case("H17", "attributes can be set through a handle", |t| {
        t.fs.write("/f", b"12345")?;
        let file = open(t, "/f", &OpenOptions::read_write())?;
        t.fs.rename("/f", "/g")?;
        let attr = SetAttr {
            size: Some(3),
            ..SetAttr::mode(0o600)
        };
        file.set_attr(&attr)?;
        let found = t.fs.metadata("/g")?;
        same((found.mode, found.size), (0o600, 3))
    })
    .needs(Capabilities::MODE.union(Capabilities::OPEN_UNLINKED)),
    case("H18", "holes are found again and cost nothing", |t| {
        let file = open(t, "/f", &create())?;
        file.write_at(&noise(65_536, 1), 0)?;
        file.write_at(&noise(65_536, 2), 8_388_608)?;
        let size = file.metadata()?.size;
        let mut data = 0;
        let mut at = 0;
        while let Some((start, end)) = file.next_data(at)? {
            ensure(
                start >= at && end > start && end <= size,
                format!("{start}..{end}"),
            )?;
            data += end - start;
            at = end;
        }
        ensure(
            (131_072..4_194_304).contains(&data),
            format!("{data} bytes of data"),
        )?;
        let allocated = file.metadata()?.allocated;
        ensure(
            allocated < 4_194_304,
            format!("{allocated} bytes allocated"),
        )?;
        file.set_len(size * 2)?;
        ensure(
            file.next_data(size + 262_144)?.is_none(),
            "the extended end is no hole",
        )
    })
    .needs(Capabilities::SPARSE),
    case("H18", "a punched hole reads as zeros", |t| {
        t.fs.write("/f", noise(1_000_000, 18))?;
        let file = open(t, "/f", &OpenOptions::read_write())?;
        match file.punch_hole(100_000, 700_000) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            other => other?,
        }
        let content = t.fs.read("/f")?;
        let mut expected = noise(1_000_000, 18);
        if let Some(hole) = expected.get_mut(100_000..800_000) {
            hole.fill(0);
        }
        ensure(content == expected, "content differs")
    })
    .needs(Capabilities::SPARSE),
    case(
        "H19",
        "huge offsets come back as an error or as a hole",
        |t| {
            let file = open(t, "/f", &create())?;
            for offset in [u64::MAX, u64::MAX - 1, i64::MAX as u64] {
                ensure(
                    file.write_at(b"xx", offset).is_err(),
                    format!("wrote at {offset}"),
                )?;
            }
            same(file.metadata()?.size, 0)?;
            ensure(file.set_len(u64::MAX).is_err(), "extended to u64::MAX")?;
            file.write_at(b"x", 5_000_000_000)?;
            same(file.metadata()?.size, 5_000_000_001)?;
            same(t.fs.read_range("/f", 4_999_999_998, 9)?, b"\0\0x")?;
            Ok(file.set_len(0)?)
        },
    )
    .needs(Capabilities::SPARSE),
    case(
        "H20",
        "a size that is accepted can be written up to its last byte",
        |t| {
            let file = open(t, "/f", &create())?;
            // The largest one: what is larger is refused.
            let (mut accepted, mut refused) = (0, i64::MAX as u64 + 1);
            while refused - accepted > 1 {
                let size = accepted + (refused - accepted) / 2;
                match file.set_len(size) {
                    Ok(()) => accepted = size,
                    Err(error) => {
                        let full = [ErrorKind::NoSpace, ErrorKind::QuotaExceeded];
                        let kind = error.kind();
                        let told = kind == ErrorKind::FileTooLarge || full.contains(&kind);
                        ensure(told, format!("{size} bytes: {error:?}"))?;
                        refused = size;
                    }
                }
            }
            let last = accepted.saturating_sub(1);
            file.set_len(accepted)?;
            file.write_at(b"x", last)?;
            let mut into = [0; 2];
            same(file.read_at(&mut into, last)?, 1)?;
            same(into, *b"x\0")?;
            // Nobody reads to its end.
            Ok(file.set_len(0)?)
        },
    )
    .needs(Capabilities::SPARSE),
];
