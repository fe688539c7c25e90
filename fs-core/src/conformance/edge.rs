//! The root, depth, size and unusual names.

use std::io::{Read, Write};

use super::check::{ensure, fails, fails_with, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::{FileKind, NewNode};
use crate::path::{Name, VPath};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

fn round_trip(t: &Fixture, names: &[&str]) -> Check {
    for name in names {
        let path = VPath::root().join(&Name::new(name)?);
        t.fs.write(path.as_path(), name.as_bytes())?;
        same(t.fs.read(path.as_path())?, name.as_bytes())?;
    }
    let mut expected: Vec<_> = names.iter().map(ToString::to_string).collect();
    expected.sort();
    same(t.names("/")?, expected)?;
    names.iter().try_for_each(|name| {
        let path = VPath::root().join(&Name::new(name)?);
        Ok(t.fs.remove_file(path.as_path())?)
    })
}

pub(super) const CASES: &[Case] = &[
    case("E01", "the root is a folder", |t| {
        same(t.fs.metadata("/")?.kind, FileKind::Directory)?;
        same(t.fs.exists("/")?, true)
    }),
    case("E02", "the root is listed", |t| {
        same(t.names("/")?.len(), 0)
    }),
    case("E03", "the root is not removed", |t| {
        fails(t.fs.remove_dir("/"), ErrorKind::IsRoot)?;
        let root = VPath::root();
        let removed = t.backend.change(&Change::Rmdir(At::path(&root)));
        fails_with(removed, &[ErrorKind::IsRoot, ErrorKind::Busy])
    }),
    case("E04", "the root is not removed with all below it", |t| {
        t.fs.write("/f", b"kept")?;
        fails(t.fs.remove_dir_all("/"), ErrorKind::IsRoot)?;
        fails(t.fs.remove_dir_all("/.."), ErrorKind::IsRoot)?;
        fails(t.fs.remove_dir_all("/."), ErrorKind::IsRoot)?;
        same(t.fs.read("/f")?, b"kept")
    }),
    case("E05", "a file in the root", |t| {
        t.fs.write("/f", b"")?;
        same(t.names("/")?, ["f"])
    }),
    case("E06", "16 levels", |t| {
        let dir: String = (0..16).map(|i| format!("/level{i}")).collect();
        t.fs.create_dir_all(&dir)?;
        t.fs.write(format!("{dir}/f"), b"deep")?;
        same(t.fs.read(format!("{dir}/f"))?, b"deep")
    }),
    case("E07", "names in other scripts", |t| {
        round_trip(t, &["文件", "файл", "αρχείο", "ファイル", "파일"])
    }),
    case("E08", "names with spaces", |t| {
        round_trip(t, &["a b", " a", "a ", " ", "a  b"])
    }),
    case("E09", "names with punctuation", |t| {
        round_trip(
            t,
            &[
                "a-b", "a_b", "a+b", "a,b", "a;b", "(a)", "[a]", "{a}", "a&b", "#a", "a=b", "!",
            ],
        )
    }),
    case("E10", "a file of 1 MB", |t| {
        let content = noise(1_000_000, 10);
        t.fs.write("/f", &content)?;
        ensure(t.fs.read("/f")? == content, "content differs")
    }),
    case("E11", "100 entries", |t| {
        for i in 0..100 {
            t.fs.write(format!("/f{i:02}"), format!("{i}"))?;
        }
        same(t.names("/")?.len(), 100)?;
        same(t.fs.read("/f42")?, b"42")
    }),
    case("E14", "1,000 levels", |t| {
        let levels = t.scale(120, 1_000);
        let name = VPath::root().join(&Name::new("d")?);
        let node = NewNode::directory();
        let mut whole = VPath::root();
        let mut pin = None;
        let pins = t.fs.capabilities().contains(Capabilities::PIN);
        for _ in 0..levels {
            let parent = whole.clone();
            whole = whole.append(&name);
            let at = match &pin {
                Some(pin) => At::in_dir(pin, &name),
                None => At::path(&whole),
            };
            t.backend.change(&Change::Create(at, &node))?;
            if pins {
                pin = Some(t.backend.pin(at)?);
            }
            same(parent.depth() + 1, whole.depth())?;
        }
        same(t.fs.metadata(whole.as_path())?.kind, FileKind::Directory)?;
        t.fs.rename("/d", "/e")?;
        t.fs.remove_dir_all("/e")?;
        same(t.names("/")?.len(), 0)
    }),
    case("E15", "a large file as a stream", |t| {
        let pieces = t.scale(16, 1_024);
        let mut stream = t.fs.open_write("/f")?;
        for i in 0..pieces {
            stream.write_all(&noise(65_536, i as u64))?;
        }
        stream.commit()?;
        same(t.fs.metadata("/f")?.size, 65_536 * pieces as u64)?;
        let mut stream = t.fs.open_read("/f")?;
        let mut piece = vec![0; 65_536];
        for i in 0..pieces {
            stream.read_exact(&mut piece)?;
            ensure(
                piece == noise(65_536, i as u64),
                format!("piece {i} differs"),
            )?;
        }
        same(stream.read(&mut piece)?, 0)
    }),
    case("E16", "names that differ in case are different", |t| {
        round_trip(t, &["name", "Name", "NAME", "straße", "STRASSE"])
    })
    .needs(Capabilities::CASE_SENSITIVE),
    case("E17", "unusual names", |t| {
        let long = "n".repeat(255);
        let wide = "é".repeat(127);
        let names = [
            ".hidden",
            "..double",
            "...",
            "trailing.",
            "trailing ",
            "-rf",
            "--",
            "'",
            "\"",
            "a\nb",
            "a\tb",
            "\u{1}",
            "🦀",
            "\u{202e}gpj.exe",
            "a\\b",
            "C:",
            "con",
            "a:b",
            "*",
            "?",
            "|",
            "~",
            ".wh.f",
            ".wh..wh..opq",
            &long,
            &wide,
        ];
        round_trip(t, &names)
    })
    .needs(Capabilities::CASE_SENSITIVE),
    case("E17", "names of 256 bytes are NameTooLong", |t| {
        let long = format!("/{}", "n".repeat(256));
        fails(t.fs.write(&long, b""), ErrorKind::NameTooLong)?;
        fails(t.fs.create_dir(&long), ErrorKind::NameTooLong)?;
        fails(t.fs.read(&long), ErrorKind::NameTooLong)?;
        fails(
            t.fs.read(format!("/{}", "é".repeat(128))),
            ErrorKind::NameTooLong,
        )?;
        same(t.names("/")?.len(), 0)
    }),
    #[cfg(unix)]
    case("E17", "names that are not UTF-8", |t| {
        use std::os::unix::ffi::OsStrExt as _;
        for bytes in [&b"\xff\xfe"[..], b"caf\xe9", b"\x80", b"a\xc3"] {
            let path = VPath::root().join(&Name::new(std::ffi::OsStr::from_bytes(bytes))?);
            t.fs.write(path.as_path(), bytes)?;
            same(t.fs.read(path.as_path())?, bytes)?;
            let listed: Vec<_> = t.fs.read_dir("/")?.collect::<crate::Result<_>>()?;
            let names: Vec<_> = listed.iter().map(|e| e.file_name().as_bytes()).collect();
            same(names, [bytes])?;
            t.fs.rename(path.as_path(), "/renamed")?;
            t.fs.remove_file("/renamed")?;
        }
        Ok(())
    })
    .needs(Capabilities::RAW_NAMES),
    case(
        "E18",
        "very many open files come back as an error, if at all",
        |t| {
            t.fs.write("/f", b"x")?;
            let path = vpath("/f")?;
            let mut open = Vec::new();
            for _ in 0..t.scale(100, 10_000) {
                match t.backend.open(At::path(&path), &OpenOptions::read()) {
                    Ok(file) => open.push(file),
                    Err(error) => {
                        same(error.kind(), ErrorKind::TooManyOpenFiles)?;
                        break;
                    }
                }
            }
            drop(open);
            same(t.fs.read("/f")?, b"x")
        },
    ),
    case(
        "E19",
        "a staged folder appears with all that was put into it",
        |t| {
            let path = vpath("/d")?;
            let staged = t.backend.stage(At::path(&path), &NewNode::directory())?;
            let node = staged.node()?;
            let name = vpath("/f")?;
            let file = t
                .backend
                .open(At::in_dir(&node, &name), &OpenOptions::create_new(0o644))?;
            file.write_at(b"inside", 0)?;
            drop(file);
            same(t.names("/")?.len(), 0)?;
            staged.commit(RenameMode::NoReplace)?;
            same(t.fs.read("/d/f")?, b"inside")
        },
    )
    .needs(Capabilities::STAGE.union(Capabilities::PIN)),
];
