//! Reading, writing, cutting, holes, copies inside the kernel.

use std::fs::{self, File};
use std::io::{IoSlice, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{FallocateFlags, Mode, OFlags, SeekFrom, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, ReadWriteFlags};

use super::{Log, Scene};

pub const SCENES: &[(&str, Scene)] = &[
    ("appending", appending),
    ("positions", positions),
    ("cutting", cutting),
    ("holes", holes),
    ("allocation refused", allocation_refused),
    ("copies in the kernel", copies),
    ("copies refused", copies_refused),
    ("descriptors opened otherwise", wrong_descriptors),
    ("times of bytes", times),
    ("direct", direct),
];

pub fn open(path: &Path, flags: OFlags) -> Result<File, Errno> {
    let mode = Mode::from_raw_mode(0o644);
    rustix::fs::open(path, flags | OFlags::CLOEXEC, mode).map(File::from)
}

pub fn create(path: &Path) -> File {
    open(path, OFlags::RDWR | OFlags::CREATE).unwrap()
}

fn appending(root: &Path, log: &mut Log) {
    let path = root.join("log");
    let how = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let (mut a, mut b) = (open(&path, how).unwrap(), open(&path, how).unwrap());
    for round in 0..20 {
        a.write_all(format!("a{round}\n").as_bytes()).unwrap();
        b.write_all(format!("b{round}\n").as_bytes()).unwrap();
    }
    log.say("two writers", fs::read_to_string(&path).unwrap());
    // As the BUGS of pwrite(2) tell: the offset does not count.
    log.call("pwrite", rustix::io::pwrite(&a, b"at the end", 3));
    log.say("after pwrite", fs::read_to_string(&path).unwrap());
    rustix::fs::ftruncate(&a, 2).unwrap();
    b.write_all(b"after the cut").unwrap();
    log.say("after a cut", fs::read_to_string(&path).unwrap());
    let plain = open(&path, OFlags::WRONLY).unwrap();
    let pieces = [IoSlice::new(b"one"), IoSlice::new(b" two")];
    log.say(
        "pwritev2 appending",
        rustix::io::pwritev2(&plain, &pieces, 0, ReadWriteFlags::APPEND),
    );
    log.say("after it", fs::read_to_string(&path).unwrap());
    let both = open(&path, OFlags::RDWR | OFlags::APPEND | OFlags::TRUNC).unwrap();
    log.say("cut by open", both.metadata().unwrap().len());
    (&both).write_all(b"new").unwrap();
    log.say("position", rustix::fs::tell(&both));
}

fn positions(root: &Path, log: &mut Log) {
    let file = create(&root.join("file"));
    file.write_all_at(&[7; 10_000], 0).unwrap();
    for (name, to) in [
        ("start", SeekFrom::Start(5)),
        ("end", SeekFrom::End(-5)),
        ("before the start", SeekFrom::End(-10_001)),
        ("on", SeekFrom::Current(100)),
        ("data", SeekFrom::Data(100)),
        ("hole", SeekFrom::Hole(100)),
        ("data at the end", SeekFrom::Data(10_000)),
        ("hole at the end", SeekFrom::Hole(10_000)),
        ("data beyond", SeekFrom::Data(20_000)),
    ] {
        log.say(name, rustix::fs::seek(&file, to));
    }
    let mut into = [0; 100];
    for offset in [0, 9_950, 10_000, 1 << 35] {
        log.say("read", rustix::io::pread(&file, &mut into, offset));
    }
    log.say("read nothing", rustix::io::pread(&file, &mut [0; 0], 3));
    log.say("write nothing", rustix::io::pwrite(&file, &[], 1 << 35));
    log.say("size", file.metadata().unwrap().len());
    log.say("far", rustix::io::pwrite(&file, b"x", 1 << 35));
    log.say("size", file.metadata().unwrap().len());
    log.say("farther", rustix::io::pwrite(&file, b"x", u64::MAX >> 1));
    log.say("read between", rustix::io::pread(&file, &mut into, 1 << 34));
    log.say("zeros", into == [0; 100]);
}

fn cutting(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[7; 9_000], 0).unwrap();
    for size in [5_000, 1, 8_192, 4_097, 0, 100_000] {
        log.call("cut", rustix::fs::ftruncate(&file, size));
        let bytes = fs::read(&path).unwrap();
        let set = bytes.iter().filter(|byte| **byte != 0).count();
        log.say("left", (bytes.len(), set));
    }
    let reader = open(&path, OFlags::RDONLY).unwrap();
    log.call("of a reader", rustix::fs::ftruncate(&reader, 1));
    log.call(
        "to less than nothing",
        rustix::fs::ftruncate(&file, u64::MAX),
    );
    let before = file.metadata().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    log.call("to what it is", rustix::fs::ftruncate(&file, 100_000));
    let after = file.metadata().unwrap();
    let moved = |a: (i64, i64), b: (i64, i64)| a != b;
    log.say(
        "times move",
        (
            moved(
                (before.mtime(), before.mtime_nsec()),
                (after.mtime(), after.mtime_nsec()),
            ),
            moved(
                (before.ctime(), before.ctime_nsec()),
                (after.ctime(), after.ctime_nsec()),
            ),
        ),
    );
}

fn holes(root: &Path, log: &mut Log) {
    const MIB: u64 = 1 << 20;
    let path = root.join("sparse");
    let file = create(&path);
    file.write_all_at(&vec![7; 4 << 20], 0).unwrap();
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    log.call("punch", rustix::fs::fallocate(&file, punch, MIB, 2 * MIB));
    log.call(
        "punch beyond the end",
        rustix::fs::fallocate(&file, punch, 3 * MIB + 5, 8 * MIB),
    );
    let keep = FallocateFlags::KEEP_SIZE;
    log.call("keep size", rustix::fs::fallocate(&file, keep, 0, 16 * MIB));
    log.say("size", file.metadata().unwrap().len());
    file.sync_all().unwrap();
    let bytes = fs::read(&path).unwrap();
    let set: Vec<usize> = (0..4)
        .map(|n| {
            bytes[n << 20..(n + 1) << 20]
                .iter()
                .filter(|b| **b != 0)
                .count()
        })
        .collect();
    log.say("bytes", set);
    log.call(
        "grow",
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 5 * MIB, 10),
    );
    log.say("size", file.metadata().unwrap().len());
    log.say(
        "grown",
        fs::read(&path).unwrap()[4 << 20..].iter().all(|b| *b == 0),
    );
    file.write_all_at(b"end", 9 * MIB).unwrap();
    log.say(
        "found",
        rustix::fs::seek(&file, SeekFrom::Data(8 * MIB)).is_ok(),
    );
    log.say(
        "past it",
        rustix::fs::seek(&file, SeekFrom::Data(9 * MIB + 3)),
    );
    log.say("hole", rustix::fs::seek(&file, SeekFrom::Hole(9 * MIB)));
}

fn allocation_refused(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    let reader = open(&path, OFlags::RDONLY).unwrap();
    let folder = open(root, OFlags::RDONLY | OFlags::DIRECTORY).unwrap();
    let none = FallocateFlags::empty();
    log.call("nothing", rustix::fs::fallocate(&file, none, 0, 0));
    log.call("reader", rustix::fs::fallocate(&reader, none, 0, 10));
    log.call("folder", rustix::fs::fallocate(&folder, none, 0, 10));
    log.call(
        "punch and grow",
        rustix::fs::fallocate(&file, FallocateFlags::PUNCH_HOLE, 0, 10),
    );
    log.call(
        "too far",
        rustix::fs::fallocate(&file, none, u64::MAX >> 1, 10),
    );
    log.say("size", file.metadata().unwrap().len());
}

fn copies(root: &Path, log: &mut Log) {
    let (from, to) = (create(&root.join("from")), create(&root.join("to")));
    from.write_all_at(&[3; 50_000], 0).unwrap();
    let copy = |from_at: u64, to_at: u64, len: usize| {
        let (mut a, mut b) = (from_at, to_at);
        let done = rustix::fs::copy_file_range(&from, Some(&mut a), &to, Some(&mut b), len);
        (done, a, b, to.metadata().unwrap().len())
    };
    log.say("all", copy(0, 0, 50_000));
    log.say("more than there is", copy(49_000, 100, 5_000));
    log.say("from the end", copy(50_000, 0, 10));
    log.say("from beyond", copy(60_000, 0, 10));
    log.say("into a hole", copy(0, 100_000, 10));
    log.say("nothing", copy(0, 0, 0));
    let bytes = fs::read(root.join("to")).unwrap();
    log.say(
        "bytes",
        (bytes.len(), bytes.iter().filter(|b| **b == 3).count()),
    );
    let mut at = 0;
    let own = rustix::fs::copy_file_range(&from, Some(&mut at), &from, Some(&mut 60_000), 100);
    log.say("in itself", (own, at, from.metadata().unwrap().len()));
    log.say(
        "positions",
        (rustix::fs::tell(&from), rustix::fs::tell(&to)),
    );
}

fn copies_refused(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[3; 50_000], 0).unwrap();
    let other = root.join("other");
    let append = open(&other, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE).unwrap();
    let reader = open(&path, OFlags::RDONLY).unwrap();
    let writer = open(&path, OFlags::WRONLY).unwrap();
    let folder = open(root, OFlags::RDONLY | OFlags::DIRECTORY).unwrap();
    for (name, from, to, at) in [
        ("over itself", &file, &file, 10),
        ("to the end", &file, &append, 0),
        ("to a reader", &file, &reader, 60_000),
        ("from a writer", &writer, &file, 60_000),
        ("from a folder", &folder, &file, 0),
        ("to a folder", &file, &folder, 0),
    ] {
        let (mut a, mut b) = (0, at);
        let done = rustix::fs::copy_file_range(from, Some(&mut a), to, Some(&mut b), 100);
        log.say(name, done);
    }
}

fn wrong_descriptors(root: &Path, log: &mut Log) {
    let path = root.join("file");
    create(&path).write_all_at(b"content", 0).unwrap();
    let reader = open(&path, OFlags::RDONLY).unwrap();
    let writer = open(&path, OFlags::WRONLY).unwrap();
    let named = open(&path, OFlags::PATH).unwrap();
    let folder = open(root, OFlags::RDONLY).unwrap();
    for (name, file) in [
        ("reader", &reader),
        ("writer", &writer),
        ("path", &named),
        ("folder", &folder),
    ] {
        log.say(name, rustix::io::pread(file, &mut [0; 4], 0));
        log.say(name, rustix::io::pwrite(file, b"x", 0));
        log.call(name, rustix::fs::fsync(file));
        log.call(name, rustix::fs::fdatasync(file));
        log.call(name, rustix::fs::fchmod(file, Mode::from_raw_mode(0o700)));
        log.call(name, rustix::fs::fstat(file));
        log.call(name, rustix::fs::fstatvfs(file));
        log.call(name, rustix::fs::syncfs(file));
    }
    log.call("open folder for writing", open(root, OFlags::WRONLY));
    log.say("read folder", rustix::io::read(&folder, &mut [0; 4]));
}

/// Which of mtime and ctime a change moves.
pub fn moved(log: &mut Log, path: &Path, step: &str, change: impl FnOnce() -> Result<(), Errno>) {
    let times = || {
        let m = fs::symlink_metadata(path).unwrap();
        (
            (m.atime(), m.atime_nsec()),
            (m.mtime(), m.mtime_nsec()),
            (m.ctime(), m.ctime_nsec()),
        )
    };
    let before = times();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let done = change();
    let after = times();
    log.say(step, (done, before.1 != after.1, before.2 != after.2));
}

fn times(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.write_all_at(&[1; 100], 0).unwrap();
    let at = |step: &str, log: &mut Log, change: &dyn Fn() -> Result<(), Errno>| {
        moved(log, &path, step, change);
    };
    at("write", log, &|| {
        rustix::io::pwrite(&file, b"x", 3).map(drop)
    });
    at("write nothing", log, &|| {
        rustix::io::pwrite(&file, b"", 3).map(drop)
    });
    at("read", log, &|| {
        rustix::io::pread(&file, &mut [0; 9], 3).map(drop)
    });
    at("cut", log, &|| rustix::fs::ftruncate(&file, 50));
    at("grow", log, &|| rustix::fs::ftruncate(&file, 500));
    at("allocate", log, &|| {
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, 9_000)
    });
    at("punch", log, &|| {
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&file, punch, 0, 4_096)
    });
    at("open for writing", log, &|| {
        open(&path, OFlags::WRONLY).map(drop)
    });
    at("open cutting", log, &|| {
        open(&path, OFlags::WRONLY | OFlags::TRUNC).map(drop)
    });
    at("open cutting what is empty", log, &|| {
        open(&path, OFlags::WRONLY | OFlags::TRUNC).map(drop)
    });
    at("open creating", log, &|| {
        open(&path, OFlags::WRONLY | OFlags::CREATE).map(drop)
    });
    at("chmod to what it is", log, &|| {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))
    });
    at("times", log, &|| {
        let time = |tv_nsec| Timespec { tv_sec: 5, tv_nsec };
        let times = Timestamps {
            last_access: time(UTIME_OMIT),
            last_modification: time(6),
        };
        rustix::fs::futimens(&file, &times)
    });
    let stamp = file.metadata().unwrap();
    log.say("set", (stamp.mtime(), stamp.mtime_nsec()));
    at("hard link", log, &|| {
        rustix::fs::link(&path, root.join("link"))
    });
    at("of the link", log, &|| {
        rustix::fs::unlink(root.join("link"))
    });
    at("rename", log, &|| {
        rustix::fs::rename(&path, root.join("other"))?;
        rustix::fs::rename(root.join("other"), &path)
    });
}

fn direct(root: &Path, log: &mut Log) {
    #[repr(align(4096))]
    struct Page([u8; 8192]);
    let path = root.join("file");
    let file = open(&path, OFlags::RDWR | OFlags::CREATE | OFlags::DIRECT).unwrap();
    let buffered = open(&path, OFlags::RDWR).unwrap();
    let mut page = Page([9; 8192]);
    log.say("write", rustix::io::pwrite(&file, &page.0, 4096));
    let mut into = [0; 3];
    log.say(
        "seen",
        (rustix::io::pread(&buffered, &mut into, 5000), into),
    );
    log.say("buffered", rustix::io::pwrite(&buffered, b"abc", 4096));
    log.say("read", rustix::io::pread(&file, &mut page.0, 4096));
    log.say("seen", &page.0[..5]);
    log.say("at the end", rustix::io::pread(&file, &mut page.0, 12_288));
}
