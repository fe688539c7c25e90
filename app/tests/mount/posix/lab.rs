//! A tree to try calls on, and what each did to it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};
use rustix::io::Errno;

use super::calls::Op;
use crate::rules::{User, as_user};

pub const ROOT: User = User { uid: 0, gid: 0 };
pub const ANNE: User = User {
    uid: 1001,
    gid: 2001,
};
pub const BERT: User = User {
    uid: 1002,
    gid: 2002,
};
pub const USERS: [User; 3] = [ROOT, ANNE, BERT];

/// What there is: name, mode, owner. Folders end with `/`.
const TREE: &[(&str, u32, User)] = &[
    ("file", 0o644, ANNE),
    ("private", 0o600, ANNE),
    ("set-id", 0o6755, ANNE),
    ("set-gid", 0o2644, ANNE),
    ("unreadable", 0o000, ANNE),
    ("empty/", 0o755, ANNE),
    ("full/", 0o777, ANNE),
    ("full/x", 0o644, ANNE),
    ("full/sub/", 0o755, ANNE),
    ("closed/", 0o600, ANNE),
    ("closed/f", 0o666, ANNE),
    ("read-only/", 0o555, ANNE),
    ("read-only/f", 0o666, ANNE),
    ("read-only/d/", 0o777, ANNE),
    ("sticky/", 0o1777, BERT),
    ("sticky/of-anne", 0o666, ANNE),
    ("sticky/of-bert", 0o666, BERT),
    ("sticky/d/", 0o777, ANNE),
    ("group/", 0o2777, BERT),
];

/// Symbolic links and where they lead.
const LINKS: &[(&str, &str)] = &[
    ("link", "file"),
    ("dangling", "nowhere"),
    ("loop", "loop"),
    ("to-folder", "full"),
];

const SPECIAL: &[(&str, FileType)] = &[
    ("fifo", FileType::Fifo),
    ("socket", FileType::Socket),
    ("device", FileType::CharacterDevice),
];

/// The entry of the root that `path` is in or below; the names of one file are one.
fn top(path: &Path) -> &str {
    let first = path.iter().next().and_then(OsStr::to_str).unwrap_or("");
    if first == "private-too" {
        "private"
    } else {
        first
    }
}

/// Makes those entries of the root that are wanted, with all below them.
fn build(root: &Path, wanted: impl Fn(&str) -> bool) {
    let set = |path: &Path, mode: u32, owner: User| {
        std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)).unwrap();
        rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
    };
    let wanted = |name: &str| wanted(top(Path::new(name)));
    let tree = || TREE.iter().filter(|(name, ..)| wanted(name));
    for (name, ..) in tree() {
        match name.strip_suffix('/') {
            Some(folder) => fs::create_dir(root.join(folder)).unwrap(),
            None => fs::write(root.join(name), format!("content of {name}")).unwrap(),
        }
    }
    if wanted("private") {
        fs::hard_link(root.join("private"), root.join("private-too")).unwrap();
    }
    for (name, target) in LINKS.iter().filter(|(name, _)| wanted(name)) {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        std::os::unix::fs::lchown(root.join(name), Some(ANNE.uid), Some(ANNE.gid)).unwrap();
    }
    for (name, kind) in SPECIAL.iter().filter(|(name, _)| wanted(name)) {
        let device = rustix::fs::makedev(1, 3);
        rustix::fs::mknodat(CWD, root.join(name), *kind, Mode::empty(), device).unwrap();
        set(&root.join(name), 0o644, ANNE);
    }
    for (name, mode, owner) in tree() {
        set(&root.join(name), *mode, *owner);
    }
    set(root, 0o777, ROOT);
    // One time for all, or what takes another's place would seem to change its own.
    let time = Timespec {
        tv_sec: 1_000_000_000,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    for path in dump(root, false, wanted).keys() {
        let path = root.join(path);
        rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

/// What is compared of a node, beside its times.
#[derive(Clone, Debug, PartialEq)]
struct Facts {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    size: u64,
    device: u64,
    content: Vec<u8>,
}

type Times = ((i64, i64), (i64, i64));

/// Every node with its times, by path.
type Dump = BTreeMap<PathBuf, (Facts, Times)>;

/// The root, and those of its entries that are wanted with all below them.
fn dump(root: &Path, counts_folders: bool, wanted: impl Fn(&str) -> bool) -> Dump {
    let mut all = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let name = path.strip_prefix(root).unwrap().to_owned();
        if path != root && !wanted(top(&name)) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let folder = kind.is_dir();
        if folder {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let content = if kind.is_file() {
            fs::read(&path).unwrap()
        } else if kind.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            Vec::new()
        };
        let facts = Facts {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            links: if folder && !counts_folders {
                0
            } else {
                metadata.nlink()
            },
            size: if folder { 0 } else { metadata.size() },
            device: if kind.is_char_device() {
                metadata.rdev()
            } else {
                0
            },
            content,
        };
        let times = (
            (metadata.mtime(), metadata.mtime_nsec()),
            (metadata.ctime(), metadata.ctime_nsec()),
        );
        all.insert(name, (facts, times));
    }
    all
}

/// What an operation did: the answer, and each node it changed, with whether mtime and ctime moved.
#[derive(Debug, PartialEq)]
pub struct Effect {
    answer: Result<(), Errno>,
    changed: Vec<Changed>,
}

/// A tree that operations are tried on; what one changed is made anew before the next.
pub struct Lab {
    root: PathBuf,
    next: usize,
    counts_folders: bool,
    now: Option<(PathBuf, Dump)>,
    /// The kernel's times may stand still for some milliseconds.
    pub pause: bool,
}

impl Lab {
    pub fn new(root: PathBuf, counts_folders: bool) -> Self {
        Self {
            pause: has_coarse_times(&root),
            root,
            next: 0,
            counts_folders,
            now: None,
        }
    }

    /// The next attempt starts with a new tree.
    pub fn renew(&mut self) {
        self.now = None;
    }

    pub fn attempt(&mut self, user: User, op: &Op) -> Effect {
        let (root, before) = self.now.take().unwrap_or_else(|| {
            self.next += 1;
            let root = self.root.join(format!("tree {}", self.next));
            fs::create_dir(&root).unwrap();
            build(&root, |_| true);
            let before = dump(&root, self.counts_folders, |_| true);
            (root, before)
        });
        if self.pause {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        std::env::set_current_dir(&root).unwrap();
        let answer = as_user(user, || op.run());
        std::env::set_current_dir("/").unwrap();
        let after = dump(&root, self.counts_folders, |_| true);
        let mut changed = Vec::new();
        for (path, (facts, (mtime, ctime))) in &after {
            match before.get(path) {
                None => changed.push((path.clone(), Some(facts.clone()), "new")),
                Some((old, (old_mtime, old_ctime))) => {
                    let moved = match (mtime != old_mtime, ctime != old_ctime) {
                        (false, false) => "",
                        (true, false) => "mtime",
                        (false, true) => "ctime",
                        (true, true) => "mtime, ctime",
                    };
                    if old != facts || !moved.is_empty() {
                        changed.push((path.clone(), Some(facts.clone()), moved));
                    }
                }
            }
        }
        let gone = before.keys().filter(|path| !after.contains_key(*path));
        changed.extend(gone.map(|path| (path.clone(), None, "gone")));
        self.now = self.mended(root, after, &changed);
        Effect { answer, changed }
    }

    /// The tree as it was before, where only entries of the root have to be made anew for that. What changed the root itself may have left more there.
    fn mended(&self, root: PathBuf, mut now: Dump, changed: &[Changed]) -> Option<(PathBuf, Dump)> {
        let tops: BTreeSet<&str> = changed.iter().map(|(path, ..)| top(path)).collect();
        let of_root = changed
            .iter()
            .find(|(path, ..)| path.as_os_str().is_empty());
        let named = |change: &&str| ["new", "gone"].contains(change);
        let by_name = changed
            .iter()
            .any(|(path, _, how)| path.iter().count() == 1 && named(how));
        let harmless = of_root.is_none_or(|(_, facts, how)| {
            let same = facts
                .as_ref()
                .is_some_and(|facts| facts.mode & 0o7777 == 0o777);
            same && *how == "mtime, ctime" && by_name
        });
        if !harmless {
            fs::remove_dir_all(&root).unwrap();
            return None;
        }
        if changed.is_empty() {
            return Some((root, now));
        }
        for entry in fs::read_dir(&root).unwrap() {
            let entry = entry.unwrap();
            if !tops.contains(top(Path::new(&entry.file_name()))) {
                continue;
            }
            match entry.file_type().unwrap().is_dir() {
                true => fs::remove_dir_all(entry.path()).unwrap(),
                false => fs::remove_file(entry.path()).unwrap(),
            }
        }
        build(&root, |name| tops.contains(name));
        now.retain(|path, _| !tops.contains(top(path)));
        now.extend(dump(&root, self.counts_folders, |name| tops.contains(name)));
        Some((root, now))
    }
}

/// A node that changed: its path, what it is now, and which of its times moved (or that it came or went).
type Changed = (PathBuf, Option<Facts>, &'static str);

/// Before Linux 6.13 two changes within one tick have one time.
fn has_coarse_times(root: &Path) -> bool {
    let path = root.join("tick");
    let ctime = || {
        let metadata = fs::metadata(&path).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let ticks = (0..20).any(|_| {
        fs::write(&path, b"").unwrap();
        let before = ctime();
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o600)).unwrap();
        ctime() == before
    });
    fs::remove_file(&path).unwrap();
    ticks
}
