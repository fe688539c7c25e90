//! Random operations: an overlay of a base and an empty upper is indistinguishable from a copy of the base.
//!
//! The model is a plain memory filesystem. After every operation both must have answered alike and show the same tree: names, kinds, bytes, modes, owners,
//! link targets, hard links, attributes, which modification times moved, and numbers that belong together. Not compared: change times (a copy-up is a
//! change), link counts of directories. The base has no hard links, which an overlay separates.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend, Change, ErrorKind, FileId, NewKind, NewNode, OpenOptions, Overlay, RenameMode,
    SetAttr, Time, VPath,
};
use proptest::prelude::*;

use crate::limited;
use crate::support::{Item, Mem, Shell, at, dump};

#[derive(Clone, Debug)]
pub enum Op {
    Create(String, NewKind),
    Write(String, u8, u64),
    Append(String, u8),
    Truncate(String, u64),
    Cut(String),
    Unlink(String),
    Rmdir(String),
    Rename(String, String, RenameMode),
    Link(String, String),
    Chmod(String, u32),
    SetX(String, bool),
    Mtime(String, i64),
    Stage(String, NewKind, RenameMode),
    Reopen,
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..=3)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn kind() -> impl Strategy<Value = NewKind> {
    prop_oneof![
        3 => Just(NewKind::File),
        4 => Just(NewKind::Directory),
        1 => Just(NewKind::Symlink("a/b".into())),
        1 => Just(NewKind::Fifo),
    ]
}

fn mode() -> impl Strategy<Value = RenameMode> {
    prop_oneof![
        4 => Just(RenameMode::Replace),
        1 => Just(RenameMode::NoReplace),
        1 => Just(RenameMode::Exchange),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let replace = prop::sample::select(vec![RenameMode::Replace, RenameMode::NoReplace]);
    prop_oneof![
        6 => (path(), kind()).prop_map(|(p, k)| Op::Create(p, k)),
        2 => (path(), any::<u8>(), 0..9u64).prop_map(|(p, b, o)| Op::Write(p, b, o)),
        1 => (path(), any::<u8>()).prop_map(|(p, b)| Op::Append(p, b)),
        1 => (path(), 0..9u64).prop_map(|(p, s)| Op::Truncate(p, s)),
        1 => path().prop_map(Op::Cut),
        5 => path().prop_map(Op::Unlink),
        5 => path().prop_map(Op::Rmdir),
        8 => (path(), path(), mode()).prop_map(|(a, b, m)| Op::Rename(a, b, m)),
        2 => (path(), path()).prop_map(|(a, b)| Op::Link(a, b)),
        2 => (path(), 0..0o7777u32).prop_map(|(p, m)| Op::Chmod(p, m)),
        1 => (path(), any::<bool>()).prop_map(|(p, s)| Op::SetX(p, s)),
        1 => (path(), 0..99i64).prop_map(|(p, t)| Op::Mtime(p, t)),
        3 => (path(), kind(), replace).prop_map(|(p, k, m)| Op::Stage(p, k, m)),
        2 => Just(Op::Reopen),
    ]
}

/// Does `op`; the answer is what a caller sees.
pub fn run(fs: &dyn Backend, op: &Op) -> Result<(), ErrorKind> {
    let done = match op {
        Op::Create(path, kind) => fs.create(
            path,
            &NewNode {
                kind: kind.clone(),
                mode: 0o751,
                owner: None,
            },
        ),
        Op::Write(path, byte, offset) => {
            let how = OpenOptions {
                create: true,
                ..OpenOptions::read_write()
            };
            fs.open(At::path(&at(path)), &how)
                .and_then(|file| file.write_at(&[*byte; 3], *offset))
        }
        Op::Append(path, byte) => fs
            .open(At::path(&at(path)), &OpenOptions::read_write())
            .and_then(|file| file.append(&[*byte]).map(drop)),
        Op::Truncate(path, size) => fs.set(path, &SetAttr::size(*size)),
        Op::Cut(path) => {
            let how = OpenOptions {
                truncate: true,
                ..OpenOptions::read_write()
            };
            fs.open(At::path(&at(path)), &how).map(drop)
        }
        Op::Unlink(path) => fs.unlink(path),
        Op::Rmdir(path) => fs.rmdir(path),
        Op::Rename(from, to, mode) => fs.rename(from, to, *mode),
        Op::Link(from, to) => fs.ln(from, to),
        Op::Chmod(path, mode) => fs.set(path, &SetAttr::mode(*mode)),
        Op::SetX(path, set) => fs.change(&Change::SetXattr(
            At::path(&at(path)),
            OsStr::new("user.x"),
            set.then_some(b"value"),
        )),
        Op::Mtime(path, time) => fs.set(path, &SetAttr::mtime(Time::from_nanos(*time))),
        Op::Stage(path, kind, mode) => stage(fs, &at(path), kind, *mode),
        Op::Reopen => Ok(()),
    };
    done.map_err(|error| error.kind())
}

fn stage(fs: &dyn Backend, path: &VPath, kind: &NewKind, mode: RenameMode) -> fs_core::Result<()> {
    let new = NewNode {
        kind: kind.clone(),
        mode: 0o600,
        owner: None,
    };
    let mut staged = fs.stage(At::path(path), &new)?;
    if let Some(file) = staged.file() {
        file.write_at(b"staged", 0)?;
    }
    staged.commit(mode).map(drop)
}

/// What is compared beyond names, kinds, bytes and attributes.
#[derive(Clone, Copy)]
pub struct Look {
    /// Numbers stay the same and are never reused.
    ids: bool,
    /// Modification times move together (the clock of a host is coarse).
    times: bool,
    /// Whose modification time the overlay may forget.
    forgets: Option<&'static str>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            ids: true,
            times: true,
            forgets: None,
        }
    }
}

/// On a host folder.
pub const HOST: Look = Look {
    ids: false,
    times: false,
    forgets: None,
};

/// Both sides after each step.
#[derive(Default)]
struct Twins {
    look: Look,
    /// The overlay's number of each of the model's files.
    ids: HashMap<FileId, FileId>,
    mtimes: [BTreeMap<String, Time>; 2],
}

impl Twins {
    fn compare(&mut self, model: &dyn Backend, overlay: &dyn Backend, what: &str) {
        let trees = [dump(model), dump(overlay)];
        let [expected, found] = &trees;
        let names = |tree: &BTreeMap<String, Item>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(found), names(expected), "names after {what}");
        let moved: Vec<Vec<&String>> = trees
            .iter()
            .zip(&self.mtimes)
            .map(|(tree, before)| {
                let changed = |(path, item): &(&String, &Item)| {
                    self.look.times
                        && self.look.forgets != Some(path.as_str())
                        && before.get(*path).is_some_and(|t| *t != item.metadata.mtime)
                };
                tree.iter().filter(changed).map(|(path, _)| path).collect()
            })
            .collect();
        assert_eq!(
            moved[1], moved[0],
            "modification times that moved after {what}"
        );
        for (path, item) in expected {
            let (want, have) = (&item.metadata, &found[path].metadata);
            let facts = |m: &fs_core::Metadata| {
                let nlink = if m.is_dir() { 0 } else { m.nlink };
                let size = if m.is_dir() { 0 } else { m.size };
                (m.kind, m.mode, m.uid, m.gid, size, m.rdev, nlink)
            };
            assert_eq!(facts(have), facts(want), "{path} after {what}");
            assert_eq!(found[path].content, item.content, "{path} after {what}");
            assert_eq!(found[path].xattrs, item.xattrs, "{path} after {what}");
            if self.look.ids && (want.is_dir() || want.is_file()) {
                let known = *self.ids.entry(want.id).or_insert(have.id);
                assert_eq!(have.id, known, "number of {path} after {what}");
            }
        }
        let mut ids: Vec<_> = found.values().filter(|i| i.metadata.nlink == 1).collect();
        ids.sort_by_key(|item| item.metadata.id);
        assert!(
            ids.windows(2).all(|w| w[0].metadata.id != w[1].metadata.id),
            "two files share a number after {what}"
        );
        self.mtimes = trees.map(|tree| {
            let time = |(path, item): (String, Item)| (path, item.metadata.mtime);
            tree.into_iter().map(time).collect()
        });
    }
}

/// Runs `ops` on a copy of the base and on the overlay that `open` makes; `stable`: numbers stay the same.
pub fn check(base: &MemoryBackend, ops: &[Op], look: Look, open: impl Fn() -> Box<dyn Backend>) {
    let model = base.clone();
    let before = dump(base);
    let mut overlay = open();
    let mut twins = Twins {
        look,
        ..Twins::default()
    };
    twins.compare(&model, &*overlay, "the start");
    for (index, op) in ops.iter().enumerate() {
        let what = format!("{index} {op:?}");
        if matches!(op, Op::Reopen) {
            overlay = open();
        }
        let (expected, found) = (run(&model, op), run(&*overlay, op));
        assert_eq!(found, expected, "answer to {what}");
        twins.compare(&model, &*overlay, &what);
    }
    assert_eq!(dump(base), before, "the base changed");
}

/// A base made by random operations, without hard links.
pub fn filled(ops: &[Op]) -> MemoryBackend {
    let base = MemoryBackend::new();
    for op in ops {
        if !matches!(op, Op::Link(..)) {
            run(&base, op).ok();
        }
    }
    base
}

pub fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn memory_over_memory(base in ops(40), ops in ops(40)) {
        let base = Arc::new(filled(&base));
        let upper: Mem = Arc::new(MemoryBackend::new());
        check(&base, &ops, Look::default(), || Box::new(Overlay::new(base.clone(), upper.clone())));
    }

    #[test]
    fn three_layers(base in ops(30), middle in ops(20), ops in ops(30)) {
        let bottom = Arc::new(filled(&base));
        let model = (*bottom).clone();
        let middle_upper: Mem = Arc::new(MemoryBackend::new());
        let stack = Arc::new(Overlay::new(bottom.clone(), middle_upper.clone()));
        for op in &middle {
            if !matches!(op, Op::Link(..)) {
                run(&model, op).ok();
                run(&*stack, op).ok();
            }
        }
        let (before, middle_before) = (dump(&*bottom), dump(&*middle_upper));
        let upper: Mem = Arc::new(MemoryBackend::new());
        check(&model, &ops, Look::default(), || Box::new(Overlay::new(stack.clone(), upper.clone())));
        prop_assert_eq!(dump(&*bottom), before);
        prop_assert_eq!(dump(&*middle_upper), middle_before);
    }

    #[test]
    fn uppers_that_hold_less(base in ops(30), ops in ops(30), which in 0..4usize) {
        // What such an upper refuses, the model would have to refuse too; without attributes a staged file that replaces another is a new file.
        let refused = |op: &Op| matches!(
            op,
            Op::SetX(..)
                | Op::Create(_, NewKind::Fifo)
                | Op::Stage(_, NewKind::Fifo, _)
                | Op::Stage(_, NewKind::File, RenameMode::Replace)
        );
        let base: Vec<Op> = base.into_iter().filter(|op| !refused(op)).collect();
        let ops: Vec<Op> = ops.into_iter().filter(|op| !refused(op)).collect();
        let base = Arc::new(filled(&base));
        let upper: Mem = Arc::new(MemoryBackend::new());
        // Only an attribute or a reserved name could tell an empty upper in use from a new one.
        let forgets = (which == 0).then_some("/");
        let look = Look { ids: false, forgets, ..Look::default() };
        check(&base, &ops, look, || {
            Box::new(Overlay::new(base.clone(), limited::all(&upper).swap_remove(which)))
        });
    }
}
