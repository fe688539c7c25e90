//! Every call on every kind of path by every kind of user, with the answer and the effects (modes, owners, links, times) that the kernel's own
//! filesystem in memory shows. What pjdfstest asks in 8,800 assertions is asked here as a product.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps,
    UTIME_NOW, UTIME_OMIT, Uid, XattrFlags,
};
use rustix::io::Errno;

use crate::rules::{User, as_user, is_root};
use crate::world::{Kind, World, can_mount, folder};

const ROOT: User = User { uid: 0, gid: 0 };
const ANNE: User = User {
    uid: 1001,
    gid: 2001,
};
const BERT: User = User {
    uid: 1002,
    gid: 2002,
};
const USERS: [User; 3] = [ROOT, ANNE, BERT];

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

fn long() -> String {
    "n".repeat(256)
}

fn build(root: &Path) {
    let set = |path: &Path, mode: u32, owner: User| {
        std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)).unwrap();
        rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
    };
    fs::create_dir(root).unwrap();
    for (name, ..) in TREE {
        match name.strip_suffix('/') {
            Some(folder) => fs::create_dir(root.join(folder)).unwrap(),
            None => fs::write(root.join(name), format!("content of {name}")).unwrap(),
        }
    }
    fs::hard_link(root.join("private"), root.join("private-too")).unwrap();
    for (name, target) in LINKS {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        std::os::unix::fs::lchown(root.join(name), Some(ANNE.uid), Some(ANNE.gid)).unwrap();
    }
    for (name, kind) in SPECIAL {
        let device = rustix::fs::makedev(1, 3);
        rustix::fs::mknodat(CWD, root.join(name), *kind, Mode::empty(), device).unwrap();
        set(&root.join(name), 0o644, ANNE);
    }
    for (name, mode, owner) in TREE {
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
    for path in dump(root, false).keys() {
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

fn dump(root: &Path, counts_folders: bool) -> Dump {
    let mut all = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
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
        let name = path.strip_prefix(root).unwrap().to_owned();
        all.insert(name, (facts, times));
    }
    all
}

/// What an operation did: the answer, and each node it changed, with whether mtime and ctime moved.
#[derive(Debug, PartialEq)]
struct Effect {
    answer: Result<(), Errno>,
    changed: Vec<(PathBuf, Option<Facts>, &'static str)>,
}

/// A tree that operations are tried on, built anew when one changed it.
struct Lab {
    root: PathBuf,
    next: usize,
    counts_folders: bool,
    now: Option<(PathBuf, Dump)>,
    /// The kernel's times may stand still for some milliseconds.
    pause: bool,
}

impl Lab {
    fn new(root: PathBuf, counts_folders: bool) -> Self {
        Self {
            pause: has_coarse_times(&root),
            root,
            next: 0,
            counts_folders,
            now: None,
        }
    }

    fn attempt(&mut self, user: User, op: &Op) -> Effect {
        let (root, before) = self.now.take().unwrap_or_else(|| {
            self.next += 1;
            let root = self.root.join(format!("tree {}", self.next));
            build(&root);
            let before = dump(&root, self.counts_folders);
            (root, before)
        });
        if self.pause {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        std::env::set_current_dir(&root).unwrap();
        let answer = as_user(user, || (op.run)());
        std::env::set_current_dir("/").unwrap();
        let after = dump(&root, self.counts_folders);
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
        if changed.is_empty() {
            self.now = Some((root, before));
        } else {
            fs::remove_dir_all(&root).unwrap();
        }
        Effect { answer, changed }
    }
}

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

struct Op {
    name: String,
    run: Box<dyn Fn() -> Result<(), Errno>>,
}

/// A call on one path.
type Call = Box<dyn Fn(&str) -> Result<(), Errno>>;

fn op(name: String, run: impl Fn() -> Result<(), Errno> + 'static) -> Op {
    Op {
        name,
        run: Box::new(run),
    }
}

fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode)
}

fn open(path: &str, flags: OFlags, mode: u32) -> Result<rustix::fd::OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::from_raw_mode(mode))
}

/// Every call on one path.
fn calls(path: &str) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut add = |name: &str, run: Call| {
        let own = path.to_owned();
        ops.push(op(format!("{name} {path}"), move || run(&own)));
    };
    for mode in [0o755, 0o2777] {
        let run = move |p: &str| rustix::fs::mkdir(p, bits(mode));
        add("mkdir", Box::new(run));
    }
    for (name, kind) in [
        ("mkfifo", FileType::Fifo),
        ("mknod socket", FileType::Socket),
        ("mknod file", FileType::RegularFile),
        ("mknod device", FileType::CharacterDevice),
    ] {
        let run = move |p: &str| {
            rustix::fs::mknodat(CWD, p, kind, bits(0o6666), rustix::fs::makedev(1, 3))
        };
        add(name, Box::new(run));
    }
    add("symlink", Box::new(|p| rustix::fs::symlink("target", p)));
    if path != "device" {
        for (name, flags) in [
            ("open for reading", OFlags::RDONLY),
            ("open for writing", OFlags::WRONLY),
            ("open for both", OFlags::RDWR),
            ("open folder", OFlags::DIRECTORY),
            ("open without following", OFlags::NOFOLLOW),
            ("open cutting", OFlags::WRONLY | OFlags::TRUNC),
            ("open for reading, cutting", OFlags::RDONLY | OFlags::TRUNC),
            ("create", OFlags::WRONLY | OFlags::CREATE),
            ("create new", OFlags::RDWR | OFlags::CREATE | OFlags::EXCL),
            ("create folder-like", OFlags::CREATE | OFlags::DIRECTORY),
        ] {
            add(name, Box::new(move |p| open(p, flags, 0o6666).map(drop)));
        }
        let write = |p: &str| {
            let file = open(p, OFlags::WRONLY, 0)?;
            rustix::io::pwrite(&file, b"!", 3).map(drop)
        };
        add("write", Box::new(write));
        let append = |p: &str| {
            let file = open(p, OFlags::WRONLY | OFlags::APPEND, 0)?;
            rustix::io::write(&file, b"!").map(drop)
        };
        add("append", Box::new(append));
        let shorten = |p: &str| {
            let file = open(p, OFlags::WRONLY, 0)?;
            rustix::fs::ftruncate(&file, 3)
        };
        add("ftruncate", Box::new(shorten));
        let chmod = |p: &str| {
            let file = open(p, OFlags::RDONLY, 0)?;
            rustix::fs::fchmod(&file, bits(0o2770))
        };
        add("fchmod", Box::new(chmod));
        add("truncate", Box::new(|p| truncate(p, 100)));
    }
    add("unlink", Box::new(|p| rustix::fs::unlink(p)));
    add("rmdir", Box::new(|p| rustix::fs::rmdir(p)));
    for mode in [0o640, 0o6755, 0o1777] {
        let run = move |p: &str| rustix::fs::chmod(p, bits(mode));
        add(&format!("chmod {mode:o}"), Box::new(run));
    }
    for (uid, gid) in [
        (Some(BERT.uid), Some(BERT.gid)),
        (Some(ANNE.uid), None),
        (None, Some(BERT.gid)),
        (None, Some(ANNE.gid)),
        (None, None),
    ] {
        for flags in [AtFlags::empty(), AtFlags::SYMLINK_NOFOLLOW] {
            let run = move |p: &str| {
                let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
                rustix::fs::chownat(CWD, p, uid, gid, flags)
            };
            add(&format!("chown {uid:?}:{gid:?} {flags:?}"), Box::new(run));
        }
    }
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    for (name, atime, mtime) in [
        ("now", time(0, UTIME_NOW), time(0, UTIME_NOW)),
        ("long ago", time(-5, 250_000_000), time(-7, 750_000_000)),
        ("mtime", time(0, UTIME_OMIT), time(1_000, 1)),
        ("atime", time(1_000, 1), time(0, UTIME_OMIT)),
        ("nothing", time(0, UTIME_OMIT), time(0, UTIME_OMIT)),
    ] {
        for flags in [AtFlags::empty(), AtFlags::SYMLINK_NOFOLLOW] {
            let times = Timestamps {
                last_access: atime,
                last_modification: mtime,
            };
            // That it moves shows; "now" itself never repeats.
            let run = move |p: &str| rustix::fs::utimensat(CWD, p, &times, flags);
            add(&format!("utimensat {name} {flags:?}"), Box::new(run));
        }
    }
    for access in [Access::READ_OK, Access::WRITE_OK, Access::EXEC_OK] {
        let run = move |p: &str| rustix::fs::accessat(CWD, p, access, AtFlags::EACCESS);
        add(&format!("access {access:?}"), Box::new(run));
    }
    add(
        "readlink",
        Box::new(|p| rustix::fs::readlink(p, Vec::new()).map(drop)),
    );
    add("stat", Box::new(|p| rustix::fs::stat(p).map(drop)));
    add("lstat", Box::new(|p| rustix::fs::lstat(p).map(drop)));
    for (name, flags) in [
        ("set", XattrFlags::empty()),
        ("create", XattrFlags::CREATE),
        ("replace", XattrFlags::REPLACE),
    ] {
        let run = move |p: &str| rustix::fs::setxattr(p, "user.a", b"value", flags);
        add(&format!("{name} attribute"), Box::new(run));
        let run = move |p: &str| rustix::fs::lsetxattr(p, "user.a", b"value", flags);
        add(&format!("{name} attribute of the link"), Box::new(run));
    }
    let run = |p: &str| rustix::fs::removexattr(p, "user.a");
    add("remove attribute", Box::new(run));
    let run = |p: &str| rustix::fs::getxattr(p, "user.a", &mut [0; 8]).map(drop);
    add("get attribute", Box::new(run));
    let run = |p: &str| rustix::fs::setxattr(p, "trusted.a", b"v", XattrFlags::empty());
    add("set trusted attribute", Box::new(run));
    ops
}

fn truncate(path: &str, size: i64) -> Result<(), Errno> {
    let path = std::ffi::CString::new(path).unwrap();
    #[expect(unsafe_code, reason = "rustix cuts only what is open")]
    // SAFETY: the path ends with a zero byte and lives through the call.
    let done = unsafe { libc::truncate(path.as_ptr(), size) };
    if done == 0 {
        return Ok(());
    }
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap();
    Err(Errno::from_raw_os_error(errno))
}

/// Every call on two paths.
fn pairs(from: &str, to: &str) -> Vec<Op> {
    let name = |call: &str| format!("{call} {from} {to}");
    let own = || (from.to_owned(), to.to_owned());
    let mut ops = Vec::new();
    for (call, flags) in [
        ("link", AtFlags::empty()),
        ("link following", AtFlags::SYMLINK_FOLLOW),
    ] {
        let (from, to) = own();
        let run = move || rustix::fs::linkat(CWD, from.as_str(), CWD, to.as_str(), flags);
        ops.push(op(name(call), run));
    }
    for (call, flags) in [
        ("rename", RenameFlags::empty()),
        ("rename without replacing", RenameFlags::NOREPLACE),
        ("exchange", RenameFlags::EXCHANGE),
    ] {
        let (from, to) = own();
        let run = move || rustix::fs::renameat_with(CWD, from.as_str(), CWD, to.as_str(), flags);
        ops.push(op(name(call), run));
    }
    ops
}

/// Tries each operation as each user on both; says what differs, all of it.
fn compare(kind: Kind, ops: &[Op], users: &[User]) {
    if !can_mount() || !is_root() {
        return;
    }
    rules_of_this_thread();
    let world = World::new(kind);
    // Without `nodev` a device would be opened in the one and refused in the other, so none is opened.
    let (oracle, counts) = (folder(), kind.counts_folders());
    rustix::fs::chmod(oracle.path(), Mode::from_raw_mode(0o755)).unwrap();
    rustix::fs::chmod(world.root(), Mode::from_raw_mode(0o755)).unwrap();
    let mut expected = Lab::new(oracle.path().to_owned(), counts);
    let mut actual = Lab::new(world.root().to_owned(), counts);
    let pauses = (expected.pause, actual.pause);
    let mut differences = Vec::new();
    for op in ops {
        for &user in users {
            let mut answers = (expected.attempt(user, op), actual.attempt(user, op));
            if answers.0 != answers.1 {
                // A time of the kernel that stood still says nothing: once more, slowly, on new trees.
                (expected.now, actual.now) = (None, None);
                (expected.pause, actual.pause) = (true, true);
                answers = (expected.attempt(user, op), actual.attempt(user, op));
                (expected.pause, actual.pause) = pauses;
            }
            let (expected, actual) = answers;
            if actual != expected {
                differences.push(format!(
                    "{} as {}:\n  got  {actual:?}\n  want {expected:?}",
                    op.name, user.uid
                ));
            }
        }
    }
    let tried = ops.len() * users.len();
    let shown = differences.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        differences.is_empty(),
        "{kind:?}: {} of {tried} differ:\n{}",
        differences.len(),
        shown.join("\n")
    );
}

/// The umask and the current folder become this thread's own.
fn rules_of_this_thread() {
    #[expect(unsafe_code, reason = "rustix has it behind a feature")]
    // SAFETY: no memory is touched.
    let done = unsafe { libc::unshare(libc::CLONE_FS) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    rustix::process::umask(Mode::from_raw_mode(0o027));
}

fn single_calls() -> Vec<Op> {
    let long = long();
    let deep = format!("full/{long}");
    let paths = [
        "missing",
        "no-folder/x",
        "file/x",
        &long,
        &deep,
        "loop",
        "loop/x",
        "dangling",
        "file",
        "file/",
        "private",
        "set-id",
        "set-gid",
        "unreadable",
        "empty",
        "empty/",
        "empty/.",
        "full",
        "full/..",
        "full/x",
        "link",
        "to-folder",
        "to-folder/",
        "to-folder/x",
        "fifo",
        "socket",
        "device",
        "closed/f",
        "closed/new",
        "read-only/f",
        "read-only/new",
        "read-only/d",
        "sticky/of-anne",
        "sticky/of-bert",
        "sticky/d",
        "group/new",
        ".",
        "",
    ];
    paths.iter().flat_map(|path| calls(path)).collect()
}

fn double_calls() -> Vec<Op> {
    let long = long();
    let paths = [
        "missing",
        "no-folder/x",
        "file/x",
        &long,
        "loop",
        "dangling",
        "file",
        "private",
        "private-too",
        "empty",
        "full",
        "full/sub",
        "full/sub/new",
        "link",
        "to-folder",
        "fifo",
        "closed/f",
        "read-only/f",
        "read-only/d",
        "sticky/of-anne",
        "sticky/of-bert",
        "sticky/d",
        "group/new",
        ".",
        "empty/..",
    ];
    let all = paths
        .iter()
        .flat_map(|from| paths.iter().map(move |to| (*from, *to)));
    all.flat_map(|(from, to)| pairs(from, to)).collect()
}

fn some(ops: Vec<Op>, every: usize, first: usize) -> Vec<Op> {
    ops.into_iter().skip(first).step_by(every).collect()
}

#[test]
fn each_call_on_memory_answers_as_the_kernel() {
    compare(Kind::Memory, &single_calls(), &USERS);
}

#[test]
fn each_call_on_two_paths_in_memory_answers_as_the_kernel() {
    compare(Kind::Memory, &double_calls(), &[ANNE]);
}

#[test]
fn some_calls_on_a_vault_answer_as_the_kernel() {
    compare(Kind::Vault, &some(single_calls(), 7, 0), &USERS);
    compare(Kind::Vault, &some(double_calls(), 17, 3), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_a_store_answer_as_the_kernel() {
    compare(Kind::Store, &some(single_calls(), 11, 5), &USERS);
    compare(Kind::Store, &some(double_calls(), 23, 1), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_an_overlay_answer_as_the_kernel() {
    compare(Kind::Overlay, &some(single_calls(), 7, 2), &USERS);
    compare(Kind::Overlay, &some(double_calls(), 17, 11), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_a_host_folder_answer_as_the_kernel() {
    compare(Kind::Host, &some(single_calls(), 5, 1), &USERS);
    compare(Kind::Host, &some(double_calls(), 13, 7), &[ROOT, BERT]);
}
