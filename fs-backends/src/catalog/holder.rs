//! Who holds the lock of a database or a saved file: the kernel knows, so nothing has to be written that could be wrong after a crash.

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::mounts::Mount;

/// A process that holds a lock, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    process: u32,
    /// It may change the file; otherwise it shares the lock with others that read.
    writes: bool,
}

/// A clause that names who keeps `path` from being opened for changes, and what can be done all the same.
pub(crate) fn clause(path: &Path) -> Cow<'static, str> {
    format!("{}; it can be opened read-only", held(path)).into()
}

/// A clause that names who keeps `path` from being opened for changes.
pub(crate) fn held(path: &Path) -> String {
    let computer = rustix::system::uname();
    let computer = computer.nodename().to_string_lossy();
    match holder(path) {
        Some(Holder { process, writes }) => {
            let program = program(process);
            let does = if writes { "has it open" } else { "reads it" };
            format!("{program}, process {process} on {computer}, {does}")
        }
        // Locks of other computers, and of process namespaces beside ours, are not in the table.
        None => match Mount::of(path) {
            Some(mount) if mount.is_of_network() => {
                format!("a program on another computer has it open ({})", mount.kind)
            }
            _ => format!("another program has it open, in a container on {computer}"),
        },
    }
}

/// What is in the way of a writer at `path`, if the kernel tells.
fn holder(path: &Path) -> Option<Holder> {
    let found = std::fs::metadata(path).ok()?;
    let device = Mount::of(path).map_or_else(
        || {
            let device = found.dev();
            (rustix::fs::major(device), rustix::fs::minor(device))
        },
        |mount| mount.device,
    );
    crate::kernel_tables::find("/proc/locks", |locks| in_table(locks, device, found.ino()))
}

/// The first lock of `flock(2)` on a file. A line is `number: FLOCK ADVISORY READ|WRITE process major:minor:inode 0 EOF`, the device in hexadecimal
/// digits (`proc_locks(5)`); one that waits has `->` after its number.
fn in_table(locks: &str, (major, minor): (u32, u32), inode: u64) -> Option<Holder> {
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (kind, _, access) = (words.next()?, words.next()?, words.next()?);
        let process = words.next()?.parse().ok()?;
        let is_it = kind == "FLOCK" && words.next()? == file;
        is_it.then_some(Holder {
            process,
            writes: access == "WRITE",
        })
    })
}

/// The name of the program that a process runs.
fn program(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    match name.trim_end() {
        "" => "another program".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "\
1: POSIX  ADVISORY  READ 812 fe:00:613 1073741826 1073742335
2: FLOCK  ADVISORY  WRITE 29679 fe:00:613 0 EOF
2: -> FLOCK  ADVISORY  WRITE 11 fe:00:614 0 EOF
3: FLOCK  ADVISORY  READ 29158 00:1b:613 0 EOF
4: OFDLCK ADVISORY  READ -1 00:1b:700 0 EOF
";

    #[test]
    fn the_holder_is_found_while_other_locks_come_and_go() {
        use std::fs::File;
        use std::sync::atomic::{AtomicBool, Ordering};

        let folder = tempfile::tempdir().unwrap();
        let files = |name: &str, count: usize| {
            let open = |number| File::create(folder.path().join(format!("{name}{number}")));
            (0..count)
                .map(|number| open(number).unwrap())
                .collect::<Vec<_>>()
        };
        // More of them than one page of the table has.
        let before = files("before", 100);
        let held = files("held", 1);
        held.iter().for_each(|file| file.lock().unwrap());
        let path = folder.path().join("held0");
        let done = AtomicBool::new(false);
        let missed = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    before.iter().for_each(|file| file.lock().unwrap());
                    before.iter().for_each(|file| file.unlock().unwrap());
                }
            });
            let missed = (0..2_000).filter(|_| holder(&path).is_none()).count();
            done.store(true, Ordering::Relaxed);
            missed
        });
        assert_eq!(missed, 0);
    }

    #[test]
    fn the_holder_is_the_one_of_the_same_file_and_kind_of_lock() {
        let found = |device, inode| {
            in_table(LOCKS, device, inode).map(|holder| (holder.process, holder.writes))
        };
        assert_eq!(found((254, 0), 613), Some((29679, true)));
        assert_eq!(found((0, 27), 613), Some((29158, false)));
        assert_eq!(found((254, 0), 614), None, "it only waits");
        assert_eq!(found((0, 27), 700), None);
        assert_eq!(found((254, 0), 61), None);
    }
}
