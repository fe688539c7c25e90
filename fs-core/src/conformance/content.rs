//! Writing through streams and open files.

use std::io::{Seek, SeekFrom, Write};

use super::check::{ensure, fails, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::NewNode;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("W19", "what a stream wrote is there after commit", |t| {
        let content = noise(300_000, 19);
        let mut stream = t.fs.open_write("/f")?;
        for piece in content.chunks(7_777) {
            stream.write_all(piece)?;
        }
        stream.commit()?;
        same(t.fs.read("/f")?, content)
    }),
    case(
        "W20",
        "what a stream wrote appears with commit, not before",
        |t| {
            t.fs.write("/f", b"old")?;
            let mut stream = t.fs.open_write("/f")?;
            ensure(stream.is_atomic(), "the stream writes in place")?;
            stream.write_all(b"new content")?;
            same(t.fs.read("/f")?, b"old")?;
            let mut other = t.fs.open_write("/g")?;
            other.write_all(b"other")?;
            same(t.fs.exists("/g")?, false)?;
            stream.commit()?;
            other.commit()?;
            same(t.fs.read("/f")?, b"new content")?;
            same(t.fs.read("/g")?, b"other")?;
            same(t.names("/")?, ["f", "g"])
        },
    )
    .needs(Capabilities::STAGE),
    case(
        "W21",
        "a stream that is dropped leaves the old file and nothing else",
        |t| {
            t.fs.write("/f", b"old")?;
            for path in ["/f", "/g"] {
                let mut stream = t.fs.open_write(path)?;
                stream.write_all(&noise(100_000, 21))?;
            }
            same(t.fs.read("/f")?, b"old")?;
            same(t.names("/")?, ["f"])
        },
    )
    .needs(Capabilities::STAGE),
    case(
        "W22",
        "an error of commit is returned and changes nothing",
        |t| {
            t.fs.write("/f", b"old")?;
            t.fs.create_dir("/d")?;
            let (file, dir) = (vpath("/f")?, vpath("/d")?);
            let mut staged = t.backend.stage(At::path(&file), &NewNode::file())?;
            if let Some(file) = staged.file() {
                file.write_at(b"new", 0)?;
            }
            fails(
                staged.commit(RenameMode::NoReplace),
                ErrorKind::AlreadyExists,
            )?;
            let staged = t.backend.stage(At::path(&dir), &NewNode::file());
            let committed = staged.and_then(|staged| staged.commit(RenameMode::Replace));
            fails(committed, ErrorKind::IsADirectory)?;
            same(t.fs.read("/f")?, b"old")?;
            same(t.names("/")?, ["d", "f"])
        },
    )
    .needs(Capabilities::STAGE),
    case("W44", "writes in the middle and beyond the end", |t| {
        t.fs.write("/f", b"0123456789")?;
        let path = vpath("/f")?;
        let file = t
            .backend
            .open(At::path(&path), &OpenOptions::read_write())?;
        file.write_at(b"XY", 3)?;
        same(t.fs.read("/f")?, b"012XY56789")?;
        file.write_at(b"end", 12)?;
        same(t.fs.read("/f")?, b"012XY56789\0\0end")?;
        file.write_at(b"", 100)?;
        same(file.metadata()?.size, 15)?;
        same(file.append(b"!")?, 15)?;
        same(t.fs.read_range("/f", 12, 10)?, b"end!")
    }),
    case("W44", "a stream seeks while it writes", |t| {
        let mut stream = t.fs.open_write("/f")?;
        stream.write_all(b"0123456789")?;
        stream.seek(SeekFrom::Start(2))?;
        stream.write_all(b"AB")?;
        stream.seek(SeekFrom::End(2))?;
        stream.write_all(b"z")?;
        stream.commit()?;
        same(t.fs.read("/f")?, b"01AB456789\0\0z")
    }),
    case("W44", "random writes are those of a plain buffer", |t| {
        let mut rng = super::check::Rng(44);
        let mut model: Vec<u8> = Vec::new();
        let path = vpath("/f")?;
        let file = t
            .backend
            .open(At::path(&path), &OpenOptions::create_new(0o644))?;
        for round in 0..t.scale(30, 2_000) as u64 {
            let offset = usize::try_from(rng.below(400_000)).unwrap_or(0);
            let len = usize::try_from(rng.below(70_000)).unwrap_or(0);
            match rng.below(10) {
                0 => {
                    model.resize(offset, 0);
                    file.set_len(offset as u64)?;
                }
                1 => {
                    same(file.append(&noise(len, round))?, model.len() as u64)?;
                    model.extend(noise(len, round));
                }
                _ if len > 0 => {
                    let piece = noise(len, round);
                    if model.len() < offset + len {
                        model.resize(offset + len, 0);
                    }
                    if let Some(into) = model.get_mut(offset..offset + len) {
                        into.copy_from_slice(&piece);
                    }
                    file.write_at(&piece, offset as u64)?;
                }
                _ => {}
            }
            if round % 16 == 0 {
                ensure(
                    t.fs.read("/f")? == model,
                    format!("differs after step {round}"),
                )?;
            }
        }
        ensure(t.fs.read("/f")? == model, "differs at the end")?;
        same(t.fs.metadata("/f")?.size, model.len() as u64)
    }),
];
