//! Memory that is a file: shared and private, and what calls on the file do to it.
#![allow(unsafe_code, reason = "a mapping is memory that others change")]

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::bytes::{create, open};
use super::{Log, Scene};

pub const SCENES: &[(&str, Scene)] = &[
    ("shared", shared),
    ("private", private),
    ("cut below a mapping", cut),
    ("two mappings", two),
    ("without a name", nameless),
    ("refused", refused),
];

struct Map(*mut u8, usize);

impl Map {
    fn new(file: &File, len: usize, access: i32, flags: i32) -> std::io::Result<Self> {
        // SAFETY: a new mapping at an address the kernel chooses.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                access,
                flags,
                file.as_raw_fd(),
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Self(at.cast(), len))
    }

    fn of(file: &File, len: usize, flags: i32) -> Self {
        Self::new(file, len, libc::PROT_READ | libc::PROT_WRITE, flags).unwrap()
    }

    fn put(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.1);
        // SAFETY: inside the mapping, which lives.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.add(offset), bytes.len()) }
    }

    fn get(&self, offset: usize, len: usize) -> Vec<u8> {
        assert!(offset + len <= self.1);
        // SAFETY: inside the mapping, which lives; read as bytes that may change at any time.
        (offset..offset + len)
            .map(|at| unsafe { self.0.add(at).read_volatile() })
            .collect()
    }

    fn sync(&self) {
        // SAFETY: the mapping lives.
        let done = unsafe { libc::msync(self.0.cast(), self.1, libc::MS_SYNC) };
        assert_eq!(done, 0);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, not used after.
        unsafe { libc::munmap(self.0.cast(), self.1) };
    }
}

fn shared(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[1; 10_000], 0).unwrap();
    let map = Map::of(&file, 10_000, libc::MAP_SHARED);
    map.put(100, b"by memory");
    let mut into = [0; 9];
    file.read_exact_at(&mut into, 100).unwrap();
    log.say("read", into);
    file.write_all_at(b"by a call", 5_000).unwrap();
    log.say("seen", map.get(5_000, 9));
    // What lies between the end and the end of its page never becomes content.
    map.sync();
    log.say("size", file.metadata().unwrap().len());
    drop(file);
    map.put(200, b"closed");
    drop(map);
    log.say("after all", &fs::read(&path).unwrap()[90..210]);
}

fn private(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[1; 10_000], 0).unwrap();
    let reader = open(&path, OFlags::RDONLY).unwrap();
    let map = Map::of(&reader, 10_000, libc::MAP_PRIVATE);
    map.put(10, b"mine alone");
    log.say("in memory", map.get(8, 14));
    log.say("in the file", &fs::read(&path).unwrap()[8..22]);
    file.write_all_at(b"theirs", 9_000).unwrap();
    log.say("not touched here", map.get(9_000, 6));
}

fn cut(root: &Path, log: &mut Log) {
    let file = create(&root.join("file"));
    file.write_all_at(&[1; 20_000], 0).unwrap();
    let map = Map::of(&file, 20_000, libc::MAP_SHARED);
    map.put(6_000, b"goes");
    file.set_len(5_000).unwrap();
    file.set_len(20_000).unwrap();
    log.say(
        "after the cut",
        (
            map.get(4_999, 1),
            map.get(5_000, 2),
            map.get(6_000, 4),
            map.get(12_000, 4),
        ),
    );
    map.put(15_000, b"back");
    map.sync();
    let mut into = [0; 4];
    file.read_exact_at(&mut into, 15_000).unwrap();
    log.say("in the file", into);
}

fn two(root: &Path, log: &mut Log) {
    let path = root.join("file");
    create(&path).write_all_at(&[1; 8_192], 0).unwrap();
    let (a, b) = (
        open(&path, OFlags::RDWR).unwrap(),
        open(&path, OFlags::RDWR).unwrap(),
    );
    let (first, second) = (
        Map::of(&a, 8_192, libc::MAP_SHARED),
        Map::of(&b, 8_192, libc::MAP_SHARED),
    );
    first.put(5_000, b"hello");
    log.say("at once", second.get(5_000, 5));
    std::thread::scope(|scope| {
        scope.spawn(|| fs::rename(&path, root.join("moved")).unwrap());
    });
    second.put(5_000, b"HE");
    log.say(
        "under another name",
        &fs::read(root.join("moved")).unwrap()[5_000..5_005],
    );
}

fn nameless(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[1; 8_192], 0).unwrap();
    let map = Map::of(&file, 8_192, libc::MAP_SHARED);
    fs::remove_file(&path).unwrap();
    map.put(1, b"still here");
    map.sync();
    let mut into = [0; 12];
    file.read_exact_at(&mut into, 0).unwrap();
    log.say("read", into);
    drop(file);
    map.put(1, b"and here");
    log.say("seen", map.get(0, 12));
}

fn refused(root: &Path, log: &mut Log) {
    let path = root.join("file");
    create(&path).write_all_at(&[1; 100], 0).unwrap();
    let both = libc::PROT_READ | libc::PROT_WRITE;
    for (name, flags) in [
        ("reader", OFlags::RDONLY),
        ("writer", OFlags::WRONLY),
        ("appender", OFlags::RDWR | OFlags::APPEND),
    ] {
        let file = open(&path, flags).unwrap();
        for (how, access, kind) in [
            ("shared, to read", libc::PROT_READ, libc::MAP_SHARED),
            ("shared", both, libc::MAP_SHARED),
            ("private", both, libc::MAP_PRIVATE),
            ("validated", both, libc::MAP_SHARED_VALIDATE),
        ] {
            let error = Map::new(&file, 100, access, kind)
                .err()
                .and_then(|e| e.raw_os_error());
            log.say(&format!("{name}, {how}"), error);
        }
    }
    let folder = open(root, OFlags::RDONLY).unwrap();
    let error = Map::new(&folder, 100, libc::PROT_READ, libc::MAP_SHARED).err();
    log.say("folder", error.and_then(|e| e.raw_os_error()));
}
