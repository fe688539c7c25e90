//! Every call on one path and on two, and the paths.

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps,
    UTIME_NOW, UTIME_OMIT, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::lab::{ANNE, BERT};

fn long() -> String {
    "n".repeat(256)
}

/// Something to try.
pub struct Op {
    pub name: String,
    run: Box<dyn Fn() -> Result<(), Errno>>,
}

impl Op {
    /// Tries it in the current folder.
    pub fn run(&self) -> Result<(), Errno> {
        (self.run)()
    }
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

pub fn single_calls() -> Vec<Op> {
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

pub fn double_calls() -> Vec<Op> {
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

pub fn some(ops: Vec<Op>, every: usize, first: usize) -> Vec<Op> {
    ops.into_iter().skip(first).step_by(every).collect()
}
