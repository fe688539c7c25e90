//! Operations, and how they are drawn.

use std::collections::VecDeque;
use std::fmt;

pub use lamina_tests::random::Random as Rng;

/// How a rename treats its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Replace,
    NoReplace,
    Exchange,
}

/// How a handle is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    ReadWrite,
    Read,
    Write,
    Truncate,
    Create,
    CreateNew,
}

/// One step; handles are numbered slots.
#[derive(Clone, PartialEq)]
pub enum Op {
    Mkdir(String, u32),
    Mkfifo(String),
    CreateNew(String, u32),
    Write(String, Vec<u8>),
    Append(String, Vec<u8>),
    Truncate(String, u64),
    Unlink(String),
    Rmdir(String),
    Rename(String, String, Mode),
    Symlink(String, String),
    Link(String, String),
    Chmod(String, u32),
    Chown(String, Option<u32>, Option<u32>),
    SetMtime(String, i64, u32),
    SetXattr(String, &'static str, Vec<u8>),
    RemoveXattr(String, &'static str),
    GetXattr(String, &'static str),
    Read(String),
    Stat(String),
    Lstat(String),
    List(String),
    ReadLink(String),
    /// With all that is in it.
    RemoveAll(String),
    ListXattrs(String),
    Open(usize, String, How),
    WriteAt(usize, u64, Vec<u8>),
    AppendTo(usize, Vec<u8>),
    ReadAt(usize, u64, usize),
    SetLen(usize, u64),
    PunchHole(usize, u64, u64),
    ChmodOpen(usize, u32),
    StatOpen(usize),
    Close(usize),
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mkdir(path, mode) => write!(f, "mkdir {path} {mode:o}"),
            Self::Mkfifo(path) => write!(f, "mkfifo {path}"),
            Self::CreateNew(path, mode) => write!(f, "create {path} {mode:o}"),
            Self::Write(path, bytes) => write!(f, "write {path} {} bytes", bytes.len()),
            Self::Append(path, bytes) => write!(f, "append {path} {} bytes", bytes.len()),
            Self::Truncate(path, size) => write!(f, "truncate {path} {size}"),
            Self::Unlink(path) => write!(f, "unlink {path}"),
            Self::Rmdir(path) => write!(f, "rmdir {path}"),
            Self::Rename(from, to, mode) => write!(f, "rename {from} {to} {mode:?}"),
            Self::Symlink(target, path) => write!(f, "symlink {target} {path}"),
            Self::Link(from, to) => write!(f, "link {from} {to}"),
            Self::Chmod(path, mode) => write!(f, "chmod {path} {mode:o}"),
            Self::Chown(path, uid, gid) => write!(f, "chown {path} {uid:?} {gid:?}"),
            Self::SetMtime(path, s, ns) => write!(f, "set mtime {path} {s}.{ns:09}"),
            Self::SetXattr(path, name, value) => write!(f, "set {name} {path} {value:?}"),
            Self::RemoveXattr(path, name) => write!(f, "remove {name} {path}"),
            Self::GetXattr(path, name) => write!(f, "get {name} {path}"),
            Self::Read(path) => write!(f, "read {path}"),
            Self::Stat(path) => write!(f, "stat {path}"),
            Self::Lstat(path) => write!(f, "lstat {path}"),
            Self::List(path) => write!(f, "list {path}"),
            Self::ReadLink(path) => write!(f, "readlink {path}"),
            Self::RemoveAll(path) => write!(f, "remove all {path}"),
            Self::ListXattrs(path) => write!(f, "list xattrs {path}"),
            Self::Open(slot, path, how) => write!(f, "open #{slot} {path} {how:?}"),
            Self::WriteAt(slot, at, bytes) => write!(f, "write #{slot} {} at {at}", bytes.len()),
            Self::AppendTo(slot, bytes) => write!(f, "append #{slot} {} bytes", bytes.len()),
            Self::ReadAt(slot, at, len) => write!(f, "read #{slot} {len} at {at}"),
            Self::SetLen(slot, size) => write!(f, "set length #{slot} {size}"),
            Self::PunchHole(slot, at, len) => write!(f, "punch #{slot} at {at}, {len} bytes"),
            Self::ChmodOpen(slot, mode) => write!(f, "chmod #{slot} {mode:o}"),
            Self::StatOpen(slot) => write!(f, "stat #{slot}"),
            Self::Close(slot) => write!(f, "close #{slot}"),
        }
    }
}

/// What the filesystem under test can be asked.
#[derive(Clone, Copy)]
pub struct Range {
    /// Link targets that climb with `..` or begin at the root (a sandbox refuses to follow those that leave it).
    pub any_target: bool,
    /// Renames that swap.
    pub exchange: bool,
    /// Owners that only root may give, and set-id bits, whose fate depends on who asks.
    pub owners: bool,
}

/// Few names, so that operations meet.
const NAMES: [&str; 4] = ["a", "b", "c", "dd"];

fn path(rng: &mut Rng) -> String {
    let depth = 1 + rng.below(3).min(rng.below(3));
    let mut path = String::new();
    for level in 0..depth {
        let last = level + 1 == depth;
        match rng.below(24) {
            0 if !last => path.push_str("/."),
            1 if !last => path.push_str("/.."),
            _ => {
                path.push('/');
                path.push_str(rng.one_of(&NAMES).as_ref());
            }
        }
    }
    path
}

/// Names of files that were just made or opened: what goes wrong with a file goes wrong when several operations meet at it.
#[derive(Default)]
struct Recent(VecDeque<String>);

impl Recent {
    /// One of them, or any other path.
    fn path(&self, rng: &mut Rng) -> String {
        if self.0.is_empty() || rng.below(3) == 0 {
            return path(rng);
        }
        self.0[rng.below(self.0.len() as u64) as usize].clone()
    }

    fn note(&mut self, op: &Op) {
        match op {
            Op::CreateNew(path, _) | Op::Write(path, _) | Op::Open(_, path, _) => self.keep(path),
            Op::Link(from, to) => {
                self.keep(from);
                self.keep(to);
            }
            _ => {}
        }
    }

    fn keep(&mut self, path: &str) {
        self.0.push_back(path.to_owned());
        if self.0.len() > 4 {
            self.0.pop_front();
        }
    }
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(8) {
        0 => 0,
        1..=5 => rng.below(50),
        6 => rng.below(5_000),
        _ => 60_000 + rng.below(10_000),
    };
    let seed = rng.next() as u8;
    (0..len)
        .map(|i| (i as u8).wrapping_mul(31) ^ seed)
        .collect()
}

fn size(rng: &mut Rng) -> u64 {
    match rng.below(4) {
        0 => rng.below(10),
        1 | 2 => rng.below(200),
        _ => rng.below(140_000),
    }
}

/// Draws `count` operations.
pub fn draw(rng: &mut Rng, count: usize, range: Range) -> Vec<Op> {
    let within = ["a", "b", "c/a", "missing", "./b"];
    let beyond = ["..", "../b", "/a", "/", "../../a/b", "/a/../b", "/../c"];
    let targets: Vec<&str> = if range.any_target {
        within.iter().chain(&beyond).copied().collect()
    } else {
        within.to_vec()
    };
    let modes: &[Mode] = if range.exchange {
        &[
            Mode::Replace,
            Mode::Replace,
            Mode::NoReplace,
            Mode::Exchange,
        ]
    } else {
        &[Mode::Replace, Mode::NoReplace]
    };
    let xattrs = ["user.a", "user.b"];
    let hows = [
        How::Read,
        How::Write,
        How::Truncate,
        How::Create,
        How::CreateNew,
    ];
    let plain = [0o700, 0o755, 0o1711, 0o777];
    let with_set_ids = [0o2775, 0o6755, 0o4711, 0o2644, 0o700, 0o755, 0o1777];
    let mode_bits: &[u32] = if range.owners { &with_set_ids } else { &plain };
    let owners: &[Option<u32>] = &[None, Some(0), Some(1), Some(12)];
    let mut recent = Recent::default();
    (0..count)
        .map(|_| {
            let p = recent.path(rng);
            let slot = rng.below(3) as usize;
            let op = match rng.below(if range.owners { 52 } else { 49 }) {
                0..=5 => Op::Mkdir(p, rng.one_of(&[0o755, 0o700, 0o1777])),
                6 => Op::Mkfifo(p),
                7 | 8 => Op::CreateNew(p, rng.one_of(&[0o644, 0o600, 0o755])),
                9..=12 => Op::Write(p, bytes(rng)),
                13 => Op::Append(p, bytes(rng)),
                14 => Op::Truncate(p, size(rng)),
                15 | 16 => Op::Unlink(p),
                17 | 18 => Op::Rmdir(p),
                19..=22 => Op::Rename(p, recent.path(rng), rng.one_of(modes)),
                23 | 24 => Op::Symlink(rng.one_of(&targets).to_owned(), p),
                25 | 26 => Op::Link(p, recent.path(rng)),
                27 => Op::Chmod(p, rng.one_of(mode_bits)),
                28 => Op::SetMtime(
                    p,
                    1_000_000_000 + rng.below(1_000) as i64,
                    rng.below(1_000_000_000) as u32,
                ),
                29 => Op::SetXattr(
                    p,
                    rng.one_of(&xattrs),
                    bytes(rng).into_iter().take(100).collect(),
                ),
                30 => Op::RemoveXattr(p, rng.one_of(&xattrs)),
                31 => Op::GetXattr(p, rng.one_of(&xattrs)),
                32 => Op::Read(p),
                33 => Op::Stat(p),
                34 => Op::Lstat(p),
                35 => Op::List(p),
                36 => Op::ReadLink(p),
                37 => Op::Open(slot, p, How::ReadWrite),
                38 => Op::WriteAt(slot, size(rng), bytes(rng)),
                39 => Op::AppendTo(slot, bytes(rng)),
                40 => Op::ReadAt(slot, size(rng), rng.below(300) as usize),
                41 => Op::SetLen(slot, size(rng)),
                42 => Op::StatOpen(slot),
                43 => Op::Close(slot),
                44 => Op::RemoveAll(p),
                45 => Op::ListXattrs(p),
                46 => Op::Open(slot, p, rng.one_of(&hows)),
                47 => Op::PunchHole(slot, size(rng), 1 + size(rng)),
                48 => Op::ChmodOpen(slot, rng.one_of(mode_bits)),
                49 => Op::Chmod(p, rng.one_of(mode_bits)),
                // Neither is no chown at all, of which an attribute that is not set says nothing.
                50 => Op::Chown(p, rng.one_of(owners), Some(7)),
                _ => Op::Chown(p, Some(3), rng.one_of(owners)),
            };
            recent.note(&op);
            op
        })
        .collect()
}
