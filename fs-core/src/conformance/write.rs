//! Creating, replacing and removing files.

use super::check::{ensure, fails, long_ago, noise, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;
use crate::metadata::{Permissions, SetAttr};
use crate::middleware::{Effect, Fault, FaultRule, Op};
use crate::storage::FileStorage;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::One, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("W01", "write creates", |t| {
        t.fs.write("/f", b"new")?;
        same(t.fs.read("/f")?, b"new")
    }),
    case("W02", "write replaces", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.write("/f", b"new")?;
        same(t.fs.read("/f")?, b"new")?;
        same(t.names("/")?, ["f"])
    }),
    case("W03", "write below a missing folder is NotFound", |t| {
        fails(t.fs.write("/missing/f", b""), ErrorKind::NotFound)?;
        same(t.names("/")?.len(), 0)
    }),
    case("W04", "an empty file", |t| {
        t.fs.write("/f", b"")?;
        same(t.fs.read("/f")?, b"")?;
        same(t.fs.metadata("/f")?.size, 0)
    }),
    case("W05", "all byte values", |t| {
        let content: Vec<u8> = (0..=255).collect();
        t.fs.write("/f", &content)?;
        same(t.fs.read("/f")?, content)
    }),
    case("W06", "append adds to the end", |t| {
        t.fs.write("/f", b"one")?;
        t.fs.append("/f", b" two")?;
        same(t.fs.read("/f")?, b"one two")
    }),
    case("W07", "append creates", |t| {
        t.fs.append("/f", b"one")?;
        same(t.fs.read("/f")?, b"one")
    }),
    case("W08", "remove_file removes", |t| {
        t.fs.write("/f", b"")?;
        t.fs.remove_file("/f")?;
        same(t.fs.exists("/f")?, false)?;
        same(t.names("/")?.len(), 0)
    }),
    case("W09", "removing what is missing is NotFound", |t| {
        fails(t.fs.remove_file("/missing"), ErrorKind::NotFound)
    }),
    case("W10", "remove_file of a folder is IsADirectory", |t| {
        t.fs.create_dir("/d")?;
        fails(t.fs.remove_file("/d"), ErrorKind::IsADirectory)?;
        same(t.fs.exists("/d")?, true)
    }),
    case("W16", "truncate cuts", |t| {
        t.fs.write("/f", b"0123456789")?;
        t.fs.truncate("/f", 4)?;
        same(t.fs.read("/f")?, b"0123")?;
        let big = noise(300_000, 16);
        t.fs.write("/g", &big)?;
        for size in [200_001, 131_072, 65_535, 1] {
            t.fs.truncate("/g", size)?;
            let expected = big.get(..usize::try_from(size).unwrap_or(0));
            same(t.fs.read("/g")?, expected.unwrap_or_default())?;
        }
        Ok(())
    }),
    case("W17", "truncate extends with zeros", |t| {
        t.fs.write("/f", b"01")?;
        t.fs.truncate("/f", 100_000)?;
        let mut expected = b"01".to_vec();
        expected.resize(100_000, 0);
        same(t.fs.read("/f")?, expected)
    }),
    case("W18", "truncate to nothing; of nothing; of a folder", |t| {
        t.fs.write("/f", b"0123456789")?;
        t.fs.truncate("/f", 0)?;
        same(t.fs.read("/f")?, b"")?;
        fails(t.fs.truncate("/missing", 0), ErrorKind::NotFound)?;
        t.fs.create_dir("/d")?;
        fails(t.fs.truncate("/d", 0), ErrorKind::IsADirectory)
    }),
    case(
        "W23",
        "create_new of an existing name is AlreadyExists",
        |t| {
            t.fs.write("/f", b"old")?;
            t.fs.create_dir("/d")?;
            for path in [vpath("/f")?, vpath("/d")?] {
                let opened = t
                    .backend
                    .open(At::path(&path), &OpenOptions::create_new(0o644));
                fails(opened, ErrorKind::AlreadyExists)?;
            }
            same(t.fs.read("/f")?, b"old")
        },
    ),
    case("W24", "of racing create_new exactly one wins", |t| {
        let path = vpath("/f")?;
        for _ in 0..20 {
            let wins = std::thread::scope(|scope| {
                let open = || {
                    let opened = t
                        .backend
                        .open(At::path(&path), &OpenOptions::create_new(0o644));
                    usize::from(opened.is_ok())
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                threads
                    .into_iter()
                    .map(|t| t.join().unwrap_or(100))
                    .sum::<usize>()
            });
            same(wins, 1)?;
            t.fs.remove_file("/f")?;
        }
        Ok(())
    }),
    case("W25", "write on a folder is IsADirectory", |t| {
        t.fs.create_dir("/d")?;
        fails(t.fs.write("/d", b""), ErrorKind::IsADirectory)?;
        fails(t.fs.append("/d", b""), ErrorKind::IsADirectory)?;
        fails(t.fs.write("/", b""), ErrorKind::IsADirectory)?;
        same(t.names("/")?, ["d"])
    }),
    case("W26", "write below a file is NotADirectory", |t| {
        t.fs.write("/f", b"old")?;
        fails(t.fs.write("/f/x", b""), ErrorKind::NotADirectory)?;
        fails(t.fs.append("/f/x", b""), ErrorKind::NotADirectory)?;
        same(t.fs.read("/f")?, b"old")
    }),
    case("W27", "write keeps the inode and the birth time", |t| {
        t.fs.write("/f", b"old")?;
        let before = t.fs.metadata("/f")?;
        t.fs.write("/f", b"newer")?;
        let after = t.fs.metadata("/f")?;
        same((after.id, after.btime), (before.id, before.btime))
    }),
    case("W27", "write keeps the mode", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.set_permissions("/f", Permissions::from_mode(0o640))?;
        t.fs.write("/f", b"newer")?;
        same(t.fs.metadata("/f")?.mode, 0o640)
    })
    .needs(Capabilities::MODE),
    case("W27", "write keeps hard links together", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.hard_link("/f", "/g")?;
        t.fs.write("/f", b"newer")?;
        same(t.fs.read("/g")?, b"newer")?;
        same(t.fs.metadata("/g")?.nlink, 2)
    })
    .needs(Capabilities::HARD_LINKS),
    case("W27", "write keeps extended attributes", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.set_xattr("/f", "user.note", b"kept")?;
        t.fs.write("/f", b"newer")?;
        same(t.fs.get_xattr("/f", "user.note")?, b"kept")?;
        same(t.fs.list_xattrs("/f")?.len(), 1)
    })
    .needs(Capabilities::XATTRS),
    case("W28", "mtime advances on write, not on read or stat", |t| {
        t.fs.write("/f", b"old")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        t.fs.read("/f")?;
        t.fs.metadata("/f")?;
        same(t.fs.metadata("/f")?.mtime, long_ago())?;
        t.fs.write("/f", b"new")?;
        ensure(t.fs.metadata("/f")?.mtime > long_ago(), "write left mtime")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        t.fs.append("/f", b"er")?;
        ensure(t.fs.metadata("/f")?.mtime > long_ago(), "append left mtime")?;
        t.fs.set_times("/f", long_ago(), long_ago())?;
        t.fs.truncate("/f", 1)?;
        ensure(
            t.fs.metadata("/f")?.mtime > long_ago(),
            "truncate left mtime",
        )
    })
    .needs(Capabilities::TIMES),
    case(
        "W29",
        "the folder's mtime advances when names change",
        |t| {
            t.fs.create_dir("/d")?;
            let step = |what: &str, change: &dyn Fn() -> crate::Result<()>| -> Check {
                t.fs.set_times("/d", long_ago(), long_ago())?;
                change()?;
                let moved = t.fs.metadata("/d")?.mtime > long_ago();
                ensure(moved, format!("{what} left the mtime of the folder"))
            };
            step("create", &|| t.fs.write("/d/f", b""))?;
            step("rename", &|| t.fs.rename("/d/f", "/d/g"))?;
            step("remove", &|| t.fs.remove_file("/d/g"))?;
            step("create folder", &|| t.fs.create_dir("/d/e"))?;
            step("remove folder", &|| t.fs.remove_dir("/d/e"))?;
            t.fs.write("/d/f", b"")?;
            t.fs.set_times("/d", long_ago(), long_ago())?;
            let path = vpath("/d/f")?;
            let file = t
                .backend
                .open(At::path(&path), &OpenOptions::read_write())?;
            file.write_at(b"content", 0)?;
            same(t.fs.metadata("/d")?.mtime, long_ago())
        },
    )
    .needs(Capabilities::TIMES),
    case("W45", "cut and extended again shows no old bytes", |t| {
        t.fs.write("/f", vec![7; 200_000])?;
        t.fs.truncate("/f", 10)?;
        t.fs.truncate("/f", 200_000)?;
        let mut expected = vec![7; 10];
        expected.resize(200_000, 0);
        same(t.fs.read("/f")?, expected)
    }),
    case("W46", "larger to smaller and back", |t| {
        for len in [10, 100_000, 5, 70_000, 0, 65_536] {
            let content = noise(len, len as u64);
            t.fs.write("/f", &content)?;
            same(t.fs.read("/f")?, content)?;
        }
        Ok(())
    }),
    case("W47", "a failed write leaves the old content", |t| {
        t.fs.write("/f", b"old")?;
        let fault = Fault::new(t.backend.clone());
        let torn = Effect::TornWrite(1, ErrorKind::NoSpace);
        fault.faults().add(FaultRule::on(Op::Write, torn));
        let fs = FileStorage::new(fault);
        fails(fs.write("/f", b"new"), ErrorKind::NoSpace)?;
        fails(fs.write("/g", b"new"), ErrorKind::NoSpace)?;
        same(t.fs.read("/f")?, b"old")?;
        same(t.names("/")?, ["f"])
    })
    .needs(Capabilities::STAGE.union(Capabilities::ATOMIC_KEEPS_INODE)),
    case("W48", "an open file follows its rename", |t| {
        t.fs.write("/f", b"0123")?;
        let path = vpath("/f")?;
        let file = t
            .backend
            .open(At::path(&path), &OpenOptions::read_write())?;
        t.fs.rename("/f", "/g")?;
        file.write_at(b"X", 1)?;
        same(t.fs.read("/g")?, b"0X23")?;
        file.set_attr(&SetAttr::size(2))
            .or_else(|_| file.set_len(2))?;
        same(t.fs.read("/g")?, b"0X")
    })
    .needs(Capabilities::OPEN_UNLINKED),
];
