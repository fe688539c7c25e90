//! Locks: of an open file (`flock(2)`), of ranges by open file and by process (`fcntl(2)`).
#![allow(unsafe_code, reason = "rustix has no locks of ranges")]

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::bytes::{create, open};
use super::{Log, Scene};

pub const SCENES: &[(&str, Scene)] = &[
    ("of open files", whole),
    ("of ranges", ranges),
    ("by process", by_process),
    ("of who reads", readers),
];

/// Asks again while it is answered that somebody else has the lock: a process that another test is just starting has all open files of this one for a moment,
/// until it is the program it is to be.
fn soon<T>(is_taken: impl Fn(&T) -> bool, lock: impl Fn() -> T) -> T {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = lock();
        if !is_taken(&answer) || Instant::now() > until {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn whole(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let (a, b) = (create(&path), create(&path));
    let lock = |file: &File, how| rustix::fs::flock(file, how);
    log.call("a shared", lock(&a, FlockOperation::NonBlockingLockShared));
    log.call("b shared", lock(&b, FlockOperation::NonBlockingLockShared));
    log.call(
        "a alone",
        lock(&a, FlockOperation::NonBlockingLockExclusive),
    );
    log.call("b lets go", lock(&b, FlockOperation::Unlock));
    log.call(
        "a alone",
        lock(&a, FlockOperation::NonBlockingLockExclusive),
    );
    log.call("b shared", lock(&b, FlockOperation::NonBlockingLockShared));
    std::fs::rename(&path, root.join("other")).unwrap();
    let copy = a.try_clone().unwrap();
    drop(a);
    log.call(
        "b while a copy is open",
        lock(&b, FlockOperation::NonBlockingLockShared),
    );
    std::fs::remove_file(root.join("other")).unwrap();
    drop(copy);
    let alone = || lock(&b, FlockOperation::NonBlockingLockExclusive);
    log.call(
        "b after all are closed",
        soon(|answer| *answer == Err(Errno::WOULDBLOCK), alone),
    );
}

fn range(file: &File, command: i32, kind: i32, start: i64, len: i64) -> (i32, i32, i64, i64) {
    // SAFETY: a record of numbers, for which zeros are values.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence) = (kind as i16, libc::SEEK_SET as i16);
    (lock.l_start, lock.l_len) = (start, len);
    // SAFETY: the descriptor is open and the record lives through the call.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), command, &mut lock) };
    let errno = if done == 0 {
        0
    } else {
        Errno::from_io_error(&std::io::Error::last_os_error())
            .unwrap()
            .raw_os_error()
    };
    (errno, i32::from(lock.l_type), lock.l_start, lock.l_len)
}

fn ranges(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let (a, b) = (create(&path), create(&path));
    let (set, get) = (libc::F_OFD_SETLK, libc::F_OFD_GETLK);
    let (write, read, none) = (libc::F_WRLCK, libc::F_RDLCK, libc::F_UNLCK);
    log.say("a writes 0..100", range(&a, set, write, 0, 100));
    log.say("b reads 50..60", range(&b, set, read, 50, 10));
    log.say("b asks", range(&b, get, read, 50, 10));
    log.say("b writes 100..", range(&b, set, write, 100, 0));
    log.say("a asks of all", range(&a, get, write, 0, 0));
    log.say("a lets 40..70 go", range(&a, set, none, 40, 30));
    log.say("b reads 50..60", range(&b, set, read, 50, 10));
    log.say("b reads 60..80", range(&b, set, read, 60, 20));
    drop(a);
    let taken = Errno::WOULDBLOCK.raw_os_error();
    let all = || range(&b, set, write, 0, 0);
    log.say("b writes all", soon(|answer| answer.0 == taken, all));
}

/// Locks of a process: another one must see them.
fn by_process(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    let taken = range(&file, libc::F_SETLK, libc::F_WRLCK, 10, 5);
    log.say("taken", taken);
    let script = "import fcntl, sys
f = open(sys.argv[1], 'r+b')
def attempt(start, length):
    try:
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        return 'free'
    except OSError as error:
        return error.errno
print(attempt(10, 5), attempt(14, 1), attempt(15, 5), attempt(0, 10))";
    let ask = || {
        let output = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(&path)
            .output();
        output
            .map(|output| String::from_utf8(output.stdout).unwrap())
            .unwrap_or_default()
    };
    log.say("seen by another", ask());
    // A process lets go of all its locks with any descriptor of the file.
    drop(create(&path));
    log.say("after another descriptor was closed", ask());
}

fn readers(root: &Path, log: &mut Log) {
    let path = root.join("file");
    create(&path);
    let reader = open(&path, OFlags::RDONLY).unwrap();
    let writer = open(&path, OFlags::WRONLY).unwrap();
    let set = libc::F_OFD_SETLK;
    log.say(
        "to write, of a reader",
        range(&reader, set, libc::F_WRLCK, 0, 1),
    );
    log.say(
        "to read, of a writer",
        range(&writer, set, libc::F_RDLCK, 0, 1),
    );
    log.say(
        "to read, of a reader",
        range(&reader, set, libc::F_RDLCK, 0, 1),
    );
    log.call(
        "flock of a reader",
        rustix::fs::flock(&reader, FlockOperation::NonBlockingLockExclusive),
    );
}
