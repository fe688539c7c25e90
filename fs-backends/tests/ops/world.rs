//! Filesystems for the tests of operations, ways to fill them, and an oracle that knows nothing of the engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use fs_core::ops::{
    Decision, Decisions, Engine, Filesystems, FsRef, Monitor, Operation, Place, Preflight, Report,
};
use fs_core::{
    At, Backend, Capabilities, Change, Control, FileKind, NewNode, OpenOptions, Result, SetAttr,
    Time, VPath, Want, listing,
};

/// The open filesystems, by name.
#[derive(Default)]
pub struct World(BTreeMap<FsRef, Arc<dyn Backend>>);

impl World {
    pub fn with(mut self, name: &str, backend: impl Backend + 'static) -> Self {
        self.0.insert(FsRef::new(name), Arc::new(backend));
        self
    }

    pub fn engine(self, journal: Option<&Path>) -> Engine {
        Engine::open(Arc::new(self), journal).unwrap()
    }
}

impl Filesystems for World {
    fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>> {
        Ok(self.0[fs].clone())
    }
}

pub fn vpath(text: &str) -> VPath {
    VPath::new(text).unwrap()
}

/// `fs:/path`.
pub fn place(text: &str) -> Place {
    let (fs, path) = text.split_once(':').unwrap();
    Place::new(FsRef::new(fs), vpath(path))
}

pub fn places(texts: &[&str]) -> Vec<Place> {
    texts.iter().map(|text| place(text)).collect()
}

/// Plans and runs with one answer for every conflict.
pub fn run(engine: &Engine, operation: Operation, answer: Decision) -> Report {
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let plan = engine.plan(operation, monitor).unwrap();
    engine.run(&plan, &Decisions::all(answer), monitor).unwrap()
}

/// Only looks.
pub fn preflight(engine: &Engine, operation: Operation) -> Preflight {
    let control = Control::new();
    let plan = engine.plan(operation, Monitor::silent(&control)).unwrap();
    plan.preflight().clone()
}

/// Runs, and nothing may fail.
pub fn run_well(engine: &Engine, operation: Operation, answer: Decision) -> Report {
    let report = run(engine, operation, answer);
    assert!(report.complete(), "{}", failures(&report));
    report
}

/// The first few failures, for messages.
pub fn failures(report: &Report) -> String {
    let told = report.failed.iter().take(5).map(|failure| {
        let mut text = format!("{:?}: {:?}", failure.place, failure.error);
        text.truncate(300);
        text
    });
    told.collect::<Vec<_>>().join("\n")
}

pub fn write(backend: &dyn Backend, path: &str, bytes: &[u8]) {
    let path = vpath(path);
    let file = backend
        .open(At::path(&path), &OpenOptions::create_new(0o640))
        .unwrap();
    file.write_at(bytes, 0).unwrap();
    drop(file);
    let caps = backend.capabilities(At::path(&path));
    if caps.contains(Capabilities::TIMES) {
        let time = Time::from_parts(1_500_000_000 + bytes.len() as i64, 123_456_789);
        set(backend, &path, &SetAttr::mtime(time));
    }
}

pub fn set(backend: &dyn Backend, path: &VPath, attr: &SetAttr) {
    backend
        .change(&Change::SetAttr(At::path(path), attr))
        .unwrap();
}

pub fn mkdir(backend: &dyn Backend, path: &str) {
    backend
        .change(&Change::Create(
            At::path(&vpath(path)),
            &NewNode::directory(),
        ))
        .unwrap();
}

/// A tree with what the backend can hold: empty and big files, nested and empty folders, links, hard links, odd names and modes.
pub fn fill(backend: &dyn Backend, root: &str) {
    let caps = backend.capabilities(At::path(&VPath::root()));
    let at = |rest: &str| format!("{root}{rest}");
    for folder in ["", "/deep", "/deep/er", "/empty", "/ spaces and ünïcode"] {
        mkdir(backend, &at(folder));
    }
    write(backend, &at("/empty.txt"), b"");
    write(backend, &at("/note.txt"), b"hello");
    let big: Vec<u8> = (0..2_500_000u32).map(|n| (n / 7) as u8).collect();
    write(backend, &at("/deep/big.bin"), &big);
    for number in 0..40 {
        write(
            backend,
            &at(&format!("/deep/er/{number}.txt")),
            format!("file {number}").as_bytes(),
        );
    }
    write(backend, &at("/ spaces and ünïcode/ö"), b"\xff\xfe");
    if caps.contains(Capabilities::SYMLINKS) {
        for (name, target) in [("/link", "note.txt"), ("/deep/dangling", "../nowhere")] {
            let new = NewNode::symlink(target);
            let path = vpath(&at(name));
            backend
                .change(&Change::Create(At::path(&path), &new))
                .unwrap();
        }
    }
    if caps.contains(Capabilities::HARD_LINKS) {
        let (from, to) = (vpath(&at("/deep/big.bin")), vpath(&at("/deep/er/same.bin")));
        backend
            .change(&Change::Link {
                from: At::path(&from),
                to: At::path(&to),
            })
            .unwrap();
    }
    if caps.contains(Capabilities::SPECIAL_FILES) {
        let new = NewNode {
            kind: fs_core::NewKind::Fifo,
            mode: 0o600,
            owner: None,
        };
        let path = vpath(&at("/fifo"));
        backend
            .change(&Change::Create(At::path(&path), &new))
            .unwrap();
    }
    if caps.contains(Capabilities::MODE) {
        set(backend, &vpath(&at("/note.txt")), &SetAttr::mode(0o4751));
        set(backend, &vpath(&at("/empty")), &SetAttr::mode(0o1700));
    }
    if caps.contains(Capabilities::TIMES) {
        for folder in ["/deep/er", "/deep", "/empty", ""] {
            let time = Time::from_parts(1_400_000_000 + folder.len() as i64, 7);
            set(backend, &vpath(&at(folder)), &SetAttr::mtime(time));
        }
    }
}

/// What a walk sees of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: FileKind,
    pub bytes: Vec<u8>,
    pub target: Option<OsString>,
    pub mode: u32,
    pub mtime: Option<Time>,
    /// The first name of the same file.
    pub first: String,
}

/// Everything below `root` (which is left out), as this backend shows it. Modes and times only where it keeps them.
pub fn seen(backend: &dyn Backend, root: &str) -> BTreeMap<String, Seen> {
    let caps = backend.capabilities(At::path(&VPath::root()));
    let mut all = BTreeMap::new();
    let mut firsts = BTreeMap::new();
    let mut names = Vec::new();
    let mut stack = vec![vpath(root)];
    while let Some(folder) = stack.pop() {
        let listing = backend.list(At::path(&folder), &Want::names()).unwrap();
        for entry in listing::collect(listing).unwrap().iter() {
            let path = folder.join(&fs_core::Name::new(entry.name).unwrap());
            if path.display().starts_with("/.Trash") {
                // A sandbox keeps its trash inside.
                continue;
            }
            if entry.kind == FileKind::Directory {
                stack.push(path.clone());
            }
            names.push(path);
        }
    }
    names.sort();
    for path in names {
        let metadata = backend.stat(At::path(&path)).unwrap();
        let name = path
            .strip_prefix(&vpath(root))
            .unwrap()
            .display()
            .into_owned();
        let first = firsts.entry(metadata.id).or_insert_with(|| name.clone());
        let seen = Seen {
            kind: metadata.kind,
            bytes: if metadata.is_file() {
                read(backend, &path)
            } else {
                Vec::new()
            },
            target: (metadata.is_symlink()).then(|| backend.read_link(At::path(&path)).unwrap()),
            mode: if caps.contains(Capabilities::MODE) && !metadata.is_symlink() {
                metadata.mode
            } else {
                0
            },
            mtime: caps.contains(Capabilities::TIMES).then_some(metadata.mtime),
            first: first.clone(),
        };
        all.insert(name, seen);
    }
    all
}

pub fn read(backend: &dyn Backend, path: &VPath) -> Vec<u8> {
    let file = backend.open(At::path(path), &OpenOptions::read()).unwrap();
    let size = file.metadata().unwrap().size;
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    let mut at = 0;
    while at < bytes.len() {
        let read = file.read_at(&mut bytes[at..], at as u64).unwrap();
        assert!(read > 0, "{path:?} ended early");
        at += read;
    }
    bytes
}

/// Names and bytes only: what even the poorest filesystem keeps.
pub fn names_and_bytes(backend: &dyn Backend, root: &str) -> BTreeMap<String, Vec<u8>> {
    let seen = seen(backend, root);
    seen.into_iter()
        .map(|(name, seen)| (name, seen.bytes))
        .collect()
}

/// Fails with the names that differ.
#[track_caller]
pub fn assert_same(now: &BTreeMap<String, Seen>, expected: &BTreeMap<String, Seen>, what: &str) {
    let names: std::collections::BTreeSet<_> = now.keys().chain(expected.keys()).collect();
    let mut told = String::new();
    for name in names {
        let (left, right) = (now.get(name), expected.get(name));
        if left != right {
            let short = |seen: Option<&Seen>| {
                seen.map(|seen| {
                    let mut seen = seen.clone();
                    seen.bytes.truncate(16);
                    seen
                })
            };
            told += &format!("{name}: {:?}\n  expected {:?}\n", short(left), short(right));
        }
    }
    assert!(told.is_empty(), "{what}\n{told}");
}

/// The same without the times of folders, which change when something in them does.
pub fn without_folder_times(mut tree: BTreeMap<String, Seen>) -> BTreeMap<String, Seen> {
    for seen in tree.values_mut() {
        if seen.kind == FileKind::Directory {
            seen.mtime = None;
        }
    }
    tree
}
