//! Reading files.

use std::io::{Read, Seek, SeekFrom};

use super::check::{ensure, fails, fails_with, noise, same, vpath};
use super::{Case, Level};
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::FileKind;

const fn case(
    id: &'static str,
    title: &'static str,
    check: fn(&super::Fixture) -> super::Check,
) -> Case {
    Case::new(Level::One, id, title, check)
}

/// Sizes around which backends cut content into pieces.
const PIECES: [usize; 4] = [4096, 16_384, 65_536, 262_144];

pub(super) const CASES: &[Case] = &[
    case("R01", "reads an existing file", |t| {
        t.fs.write("/f", b"hello")?;
        same(t.fs.read("/f")?, b"hello")
    }),
    case("R02", "a missing file is NotFound", |t| {
        fails(t.fs.read("/missing"), ErrorKind::NotFound)
    }),
    case("R03", "reading a folder is IsADirectory", |t| {
        t.fs.create_dir("/d")?;
        fails(t.fs.read("/d"), ErrorKind::IsADirectory)?;
        fails(t.fs.read("/"), ErrorKind::IsADirectory)
    }),
    case("R04", "reads text", |t| {
        t.fs.write("/f", "grüß dich ✓")?;
        same(t.fs.read_to_string("/f")?, "grüß dich ✓")
    }),
    case("R05", "text that is not UTF-8 is InvalidData", |t| {
        t.fs.write("/f", b"\xff\xfe")?;
        fails(t.fs.read_to_string("/f"), ErrorKind::InvalidData)
    }),
    case("R06", "reads a range that is the whole file", |t| {
        t.fs.write("/f", b"0123456789")?;
        same(t.fs.read_range("/f", 0, 10)?, b"0123456789")
    }),
    case("R07", "reads a range in the middle", |t| {
        t.fs.write("/f", b"0123456789")?;
        same(t.fs.read_range("/f", 3, 4)?, b"3456")
    }),
    case("R08", "a range across the end gives what is there", |t| {
        t.fs.write("/f", b"0123456789")?;
        same(t.fs.read_range("/f", 8, 10)?, b"89")
    }),
    case("R09", "a range past the end is empty", |t| {
        t.fs.write("/f", b"0123456789")?;
        same(t.fs.read_range("/f", 10, 1)?, b"")?;
        same(t.fs.read_range("/f", u64::from(u32::MAX), 5)?, b"")
    }),
    case("R10", "a file exists", |t| {
        t.fs.write("/f", b"")?;
        same(t.fs.exists("/f")?, true)
    }),
    case("R11", "a missing file does not exist", |t| {
        same(t.fs.exists("/missing")?, false)?;
        same(t.fs.exists("/missing/below")?, false)
    }),
    case("R12", "a folder exists", |t| {
        t.fs.create_dir("/d")?;
        same(t.fs.exists("/d")?, true)
    }),
    case("R13", "metadata of a file", |t| {
        t.fs.write("/f", b"12345")?;
        let found = t.fs.metadata("/f")?;
        same((found.kind, found.size), (FileKind::File, 5))?;
        same((found.nlink, found.rdev), (1, 0))
    }),
    case("R14", "metadata of a folder", |t| {
        t.fs.create_dir("/d")?;
        same(t.fs.metadata("/d")?.kind, FileKind::Directory)
    }),
    case("R15", "metadata of a missing file is NotFound", |t| {
        fails(t.fs.metadata("/missing"), ErrorKind::NotFound)?;
        fails(t.fs.symlink_metadata("/missing"), ErrorKind::NotFound)
    }),
    case("R16", "a stream reads the whole file", |t| {
        let content = noise(100_000, 16);
        t.fs.write("/f", &content)?;
        let mut read = Vec::new();
        t.fs.open_read("/f")?.read_to_end(&mut read)?;
        same(read, content)
    }),
    case(
        "R17",
        "a range of usize::MAX bytes allocates only what is there",
        |t| {
            t.fs.write("/f", b"0123456789")?;
            same(t.fs.read_range("/f", 4, usize::MAX)?, b"456789")?;
            same(t.fs.read_range("/f", u64::MAX, usize::MAX)?, b"")
        },
    ),
    case("R18", "a range of no bytes is empty", |t| {
        t.fs.write("/f", b"0123456789")?;
        same(t.fs.read_range("/f", 3, 0)?, b"")
    }),
    case("R19", "ranges across piece borders", |t| {
        let content = noise(600_000, 19);
        t.fs.write("/f", &content)?;
        for piece in PIECES {
            for around in [piece - 1, piece, piece + 1, 2 * piece - 1, 2 * piece + 1] {
                let start = around.saturating_sub(3);
                let expected = content.get(start..start + 7).unwrap_or_default();
                same(t.fs.read_range("/f", start as u64, 7)?, expected)?;
                let (from, to) = (1, around.min(content.len()));
                let expected = content.get(from..to).unwrap_or_default();
                same(t.fs.read_range("/f", 1, to - from)?, expected)?;
            }
        }
        for size in PIECES.iter().flat_map(|size| [size - 1, *size, size + 1]) {
            let expected = content.get(..size).unwrap_or_default();
            t.fs.write("/g", expected)?;
            same(t.fs.metadata("/g")?.size, size as u64)?;
            same(t.fs.read("/g")?, expected)?;
        }
        Ok(())
    }),
    case("R20", "a stream seeks", |t| {
        t.fs.write("/f", b"0123456789")?;
        let mut stream = t.fs.open_read("/f")?;
        let mut two = [0; 2];
        stream.seek(SeekFrom::End(-3))?;
        stream.read_exact(&mut two)?;
        same(&two, b"78")?;
        stream.seek(SeekFrom::Current(-4))?;
        stream.read_exact(&mut two)?;
        same(&two, b"56")?;
        ensure(
            stream.seek(SeekFrom::Current(-100)).is_err(),
            "sought before the start",
        )?;
        stream.seek(SeekFrom::Start(100))?;
        same(stream.read(&mut two)?, 0)
    }),
    case("R21", "two readers are independent", |t| {
        t.fs.write("/f", b"0123456789")?;
        let (mut one, mut two) = (t.fs.open_read("/f")?, t.fs.open_read("/f")?);
        let mut byte = [0];
        one.read_exact(&mut byte)?;
        one.read_exact(&mut byte)?;
        two.read_exact(&mut byte)?;
        same(&byte, b"0")
    }),
    case(
        "R22",
        "a reader keeps the old content while the file is replaced",
        |t| {
            let old = noise(200_000, 22);
            t.fs.write("/f", &old)?;
            let mut reader = t.fs.open_read("/f")?;
            let mut head = [0; 10];
            reader.read_exact(&mut head)?;
            let mut writer = t.fs.open_write("/f")?;
            std::io::Write::write_all(&mut writer, b"new")?;
            writer.commit()?;
            let mut rest = head.to_vec();
            reader.read_to_end(&mut rest)?;
            same(rest, old)?;
            same(t.fs.read("/f")?, b"new")
        },
    )
    .needs(Capabilities::STAGE.union(Capabilities::OPEN_UNLINKED)),
    case("R23", "a reader outlives the name", |t| {
        let content = noise(200_000, 23);
        t.fs.write("/f", &content)?;
        let mut reader = t.fs.open_read("/f")?;
        t.fs.remove_file("/f")?;
        t.fs.write("/f", b"another")?;
        let mut read = Vec::new();
        reader.read_to_end(&mut read)?;
        same(read, content)?;
        same(reader.metadata()?.nlink, 0)
    })
    .needs(Capabilities::OPEN_UNLINKED),
    case("R24", "a hole reads as zeros", |t| {
        let path = vpath("/f")?;
        let file = t
            .backend
            .open(At::path(&path), &OpenOptions::create_new(0o644))?;
        file.write_at(b"end", 1_000_000)?;
        same(file.metadata()?.size, 1_000_003)?;
        same(t.fs.read_range("/f", 0, 1000)?, vec![0; 1000])?;
        same(t.fs.read_range("/f", 999_998, 10)?, b"\0\0end")
    }),
    case("R25", "a path through a file is NotADirectory", |t| {
        t.fs.write("/f", b"")?;
        fails(t.fs.read("/f/x"), ErrorKind::NotADirectory)?;
        fails(t.fs.metadata("/f/x"), ErrorKind::NotADirectory)?;
        let below = vpath("/f/x")?;
        fails(t.backend.stat(At::path(&below)), ErrorKind::NotADirectory)?;
        fails_with(t.fs.read("/f/x/y"), &[ErrorKind::NotADirectory])
    }),
];
