//! Reading folders: places in them, and what comes and goes meanwhile.
#![allow(unsafe_code, reason = "std and rustix have no telldir(3)")]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::bytes::moved;
use super::{Log, Scene};

pub const SCENES: &[(&str, Scene)] = &[
    ("places", places),
    ("from the start again", rewound),
    ("while others change it", while_changing),
    ("removed", removed),
    ("times of folders", times),
    ("links of folders", links),
];

/// `opendir(3)`.
struct Dir(*mut libc::DIR);

impl Dir {
    fn new(path: &Path) -> Self {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the path ends with a zero byte.
        let dir = unsafe { libc::opendir(path.as_ptr()) };
        assert!(!dir.is_null(), "{}", std::io::Error::last_os_error());
        Self(dir)
    }

    fn next(&self) -> Option<String> {
        // SAFETY: the stream is open; the entry is read before the next call.
        let entry = unsafe { libc::readdir(self.0) };
        if entry.is_null() {
            return None;
        }
        // SAFETY: the kernel ends names with a zero byte.
        let name = unsafe { CStr::from_ptr((*entry).d_name.as_ptr()) };
        Some(name.to_str().unwrap().to_owned())
    }

    fn rest(&self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn tell(&self) -> libc::c_long {
        // SAFETY: the stream is open.
        unsafe { libc::telldir(self.0) }
    }

    fn seek(&self, to: libc::c_long) {
        // SAFETY: the stream is open.
        unsafe { libc::seekdir(self.0, to) }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, not used after.
        unsafe { libc::closedir(self.0) };
    }
}

fn fill(root: &Path, count: usize) {
    for number in 0..count {
        fs::write(root.join(format!("{number:04}")), "").unwrap();
    }
}

fn places(root: &Path, log: &mut Log) {
    fill(root, 700);
    let dir = Dir::new(root);
    let mut places = Vec::new();
    let mut names = Vec::new();
    loop {
        places.push(dir.tell());
        match dir.next() {
            Some(name) => names.push(name),
            None => break,
        }
    }
    log.say("all", names.iter().collect::<BTreeSet<_>>());
    log.say("nothing twice", names.len());
    for at in [650, 3, 0, 300, names.len(), 1, 699] {
        dir.seek(places[at]);
        log.say("goes on there", (at, dir.next().as_ref() == names.get(at)));
        dir.seek(places[at]);
        log.say("to the end", (at, dir.rest() == names[at..]));
    }
    // A place holds although what lies before it goes.
    for name in names.iter().take(100).filter(|name| !name.starts_with('.')) {
        fs::remove_file(root.join(name)).unwrap();
    }
    dir.seek(places[200]);
    log.say("after removals", dir.rest() == names[200..]);
}

fn rewound(root: &Path, log: &mut Log) {
    fill(root, 3);
    let dir = Dir::new(root);
    let start = dir.tell();
    let sorted = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    log.say("first", sorted(dir.rest()));
    fs::remove_file(root.join("0001")).unwrap();
    fs::write(root.join("new"), "").unwrap();
    dir.seek(start);
    log.say("again", sorted(dir.rest()));
}

fn while_changing(root: &Path, log: &mut Log) {
    fill(root, 2_000);
    let mut seen = Vec::new();
    let dir = Dir::new(root);
    for step in 0.. {
        let Some(name) = dir.next() else { break };
        // Names that come and go may be seen or not; those that stay are seen once.
        if step % 3 == 0 {
            fs::write(root.join(format!("new {step}")), "").unwrap();
        }
        if step % 5 == 0 {
            fs::remove_file(root.join(format!("{:04}", 1_999 - step / 5))).ok();
        }
        if step > 10_000 {
            break;
        }
        seen.push(name);
    }
    let stayed = |name: &&String| name.len() == 4 && name.as_str() < "1000";
    log.say("stayed", seen.iter().filter(stayed).count());
    let once: BTreeSet<_> = seen.iter().filter(stayed).collect();
    log.say("once", once.len());
}

fn removed(root: &Path, log: &mut Log) {
    let path = root.join("folder");
    fs::create_dir(&path).unwrap();
    let dir = Dir::new(&path);
    fs::remove_dir(&path).unwrap();
    let left: Vec<_> = dir
        .rest()
        .into_iter()
        .filter(|n| !n.starts_with('.'))
        .collect();
    log.say("left", left);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("x"), "").unwrap();
    dir.seek(0);
    let left: Vec<_> = dir
        .rest()
        .into_iter()
        .filter(|n| !n.starts_with('.'))
        .collect();
    log.say("not the new one", left);
}

fn times(root: &Path, log: &mut Log) {
    fs::write(root.join("file"), "x").unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    let (file, sub) = (root.join("file"), root.join("sub"));
    let done = |result: std::io::Result<()>| {
        result.map_err(|e| rustix::io::Errno::from_io_error(&e).unwrap())
    };
    moved(log, root, "write", || done(fs::write(&file, "y")));
    moved(log, root, "create", || {
        done(fs::write(root.join("new"), "y"))
    });
    moved(log, root, "link", || {
        done(fs::hard_link(&file, root.join("l")))
    });
    moved(log, root, "remove", || {
        done(fs::remove_file(root.join("l")))
    });
    moved(log, root, "mkdir", || done(fs::create_dir(root.join("d"))));
    moved(log, root, "mkdir below", || {
        done(fs::create_dir(sub.join("d")))
    });
    moved(log, root, "rmdir", || done(fs::remove_dir(root.join("d"))));
    moved(log, root, "rename", || {
        done(fs::rename(&file, root.join("f")))
    });
    moved(log, root, "rename out", || {
        done(fs::rename(root.join("f"), sub.join("f")))
    });
    moved(log, &sub, "rename in", || {
        done(fs::rename(root.join("new"), sub.join("f")))
    });
    moved(log, root, "chmod inside", || {
        rustix::fs::chmod(&sub, rustix::fs::Mode::from_raw_mode(0o700))
    });
    moved(log, root, "list", || {
        done(fs::read_dir(root).map(|all| all.count()).map(drop))
    });
    moved(log, &sub, "moved folder", || {
        fs::create_dir(root.join("in")).unwrap();
        fs::create_dir(sub.join("mover")).unwrap();
        done(fs::rename(sub.join("mover"), root.join("in/mover")))
    });
}

fn links(root: &Path, log: &mut Log) {
    use std::os::unix::fs::MetadataExt as _;
    // A folder of several layers says 1, here and in overlayfs.
    let links = |path: &Path| fs::metadata(path).unwrap().nlink();
    let merged = links(root) == 1;
    let count = |path: &Path, expected: u64| merged || links(path) == expected;
    let sub = root.join("sub");
    fs::create_dir(&sub).unwrap();
    log.say("made", (count(root, 3), count(&sub, 2)));
    fs::create_dir(sub.join("a")).unwrap();
    fs::create_dir(sub.join("b")).unwrap();
    fs::write(sub.join("file"), "").unwrap();
    log.say("filled", count(&sub, 4));
    fs::rename(sub.join("a"), root.join("a")).unwrap();
    log.say("moved out", (count(&sub, 3), count(root, 4)));
    fs::rename(root.join("a"), sub.join("b")).unwrap();
    log.say("over another", (count(&sub, 3), count(root, 3)));
    fs::remove_dir(sub.join("b")).unwrap();
    log.say("removed", count(&sub, 2));
}
