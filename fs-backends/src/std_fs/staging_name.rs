//! Names of staged nodes: whose they are, and the removal of those that a killed process left.
//!
//! `.lamina-MACHINEBOOTSPACE-PID-START-RANDOM`, all in hexadecimal: hashes of the machine, of its last start and of the process namespace, the process, when
//! it started, and a random number. So whoever finds such a name knows whether its process still lives: the process of another machine (on a shared
//! medium) or of another namespace is nobody's to judge, and its names are left alone.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::process::{Pid, test_kill_process};

use super::{attr, capabilities, tree};

/// How the names of staged nodes begin.
pub const STAGING_PREFIX: &str = ".lamina-";

/// Folders that are remembered as swept; far more than an operation stages into at one time.
const SWEPT_MAX: usize = 4096;

/// A process, by what tells it from every other on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    machine: u32,
    boot: u32,
    /// The process namespace, in which the number counts.
    space: u32,
    pid: u32,
    /// Clock ticks from the start of the machine to that of the process (`proc_pid_stat(5)`).
    started: u64,
}

/// This process.
static SELF: LazyLock<Owner> = LazyLock::new(|| {
    let text = |path: &str| std::fs::read(path).unwrap_or_default();
    let id = text("/etc/machine-id");
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let pid = std::process::id();
    Owner {
        machine: hash(match id.is_empty() {
            true => text("/proc/sys/kernel/hostname"),
            false => id,
        }),
        boot: hash(text("/proc/sys/kernel/random/boot_id")),
        space: hash(space.as_os_str().as_bytes()),
        pid,
        started: started(pid).unwrap_or(0),
    }
});

/// FNV-1a (Fowler, Noll, Vo).
fn hash(bytes: impl AsRef<[u8]>) -> u32 {
    let bytes = bytes.as_ref().iter();
    bytes.fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// When a process started; `None`: it is gone, waits for its parent to notice, or may not be looked at.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name, which may hold anything; what follows its last `)` are the third and on.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

impl Owner {
    fn parse(name: &OsStr) -> Option<Self> {
        let rest = name.to_str()?.strip_prefix(STAGING_PREFIX)?;
        let mut parts = rest.split('-');
        let place = parts.next().filter(|place| place.len() == 24)?;
        let word = |range| u32::from_str_radix(place.get(range)?, 16).ok();
        let owner = Self {
            machine: word(0..8)?,
            boot: word(8..16)?,
            space: word(16..24)?,
            pid: u32::from_str_radix(parts.next()?, 16).ok()?,
            started: u64::from_str_radix(parts.next()?, 16).ok()?,
        };
        let random = parts.next()?;
        (random.len() == 16 && parts.next().is_none()).then_some(owner)
    }

    fn name(&self) -> OsString {
        let Self {
            machine,
            boot,
            space,
            pid,
            started,
        } = self;
        let random = uuid::Uuid::new_v4().as_u64_pair().1;
        format!(
            "{STAGING_PREFIX}{machine:08x}{boot:08x}{space:08x}-{pid:x}-{started:x}-{random:016x}"
        )
        .into()
    }

    /// Is it certain that it has ended? `shared`: other machines may have the same name for themselves and write here.
    fn has_ended(&self, shared: bool) -> bool {
        if self.machine != SELF.machine || self == &*SELF {
            return false;
        }
        if self.boot != SELF.boot {
            return !shared;
        }
        if self.space != SELF.space {
            return false;
        }
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return false;
        };
        match test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => true,
            // It lives, if it is the same; of one that can't be looked at that is not known.
            _ => match started(self.pid) {
                Some(started) => started != self.started,
                None => std::fs::exists(format!("/proc/{}/stat", self.pid)).unwrap_or(false),
            },
        }
    }
}

/// A name nothing has.
pub(super) fn staging_name() -> OsString {
    SELF.name()
}

/// Is this a name of a node that a process of this machine stages, or staged when it was killed? Nothing has appeared under it, so listings leave it out.
pub(super) fn is_staged(name: &OsStr) -> bool {
    name.as_bytes().starts_with(STAGING_PREFIX.as_bytes())
        && Owner::parse(name).is_some_and(|owner| owner.machine == SELF.machine)
}

/// Removes what killed processes left in `dir`, the first time this process stages a name there.
pub(super) fn sweep_once(dir: BorrowedFd<'_>) {
    static SWEPT: LazyLock<Mutex<HashSet<(u64, u64)>>> = LazyLock::new(Mutex::default);
    let Ok(metadata) = attr::stat_fd(dir) else {
        return;
    };
    let mut swept = SWEPT.lock();
    if swept.len() >= SWEPT_MAX {
        swept.clear();
    }
    if swept.insert((metadata.id.fs, metadata.id.ino)) {
        drop(swept);
        sweep(dir);
    }
}

/// Removes what killed processes left in `dir`. What can't be removed stays, and is nobody's loss.
pub(super) fn sweep(dir: BorrowedFd<'_>) {
    for name in left_behind(dir) {
        tree::remove(dir, &name).ok();
    }
}

fn left_behind(dir: BorrowedFd<'_>) -> Vec<OsString> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(listed) = rustix::fs::openat(dir, ".", flags, Mode::empty()) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut buffer = Box::<[u8]>::new_uninit_slice(32 * 1024);
    let buffer: &mut [MaybeUninit<u8>] = &mut buffer;
    let mut entries = RawDir::new(&listed, buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name.as_bytes().starts_with(STAGING_PREFIX.as_bytes()) {
            names.push(name.to_os_string());
        }
    }
    if !names.is_empty() {
        let shared = capabilities::is_shared(&listed);
        names.retain(|name| Owner::parse(name).is_some_and(|owner| owner.has_ended(shared)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_owner_that_has_certainly_ended_is_told_so() {
        assert_eq!(Owner::parse(&staging_name()), Some(*SELF));
        assert!(!SELF.has_ended(false));
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let pid = ended.id();
        ended.wait().unwrap();
        let ended = Owner { pid, ..*SELF };
        assert!(ended.has_ended(false) && ended.has_ended(true));
        let another_with_the_number = Owner {
            started: SELF.started + 1,
            ..*SELF
        };
        assert!(another_with_the_number.has_ended(false));
        let before_the_start = Owner {
            boot: SELF.boot ^ 1,
            ..*SELF
        };
        assert!(before_the_start.has_ended(false) && !before_the_start.has_ended(true));
        for unknown in [
            Owner {
                machine: SELF.machine ^ 1,
                ..ended
            },
            Owner {
                space: SELF.space ^ 1,
                ..ended
            },
        ] {
            assert!(!unknown.has_ended(false), "{unknown:?}");
        }
    }

    #[test]
    fn names_of_others_are_not_taken_for_ours() {
        for name in [
            ".lamina-",
            ".lamina-0123456789abcdef",
            ".lamina-notes",
            ".lamina-0a1b2c3d-1",
            ".lamina-000000000000000000000000-1-1-short",
        ] {
            assert_eq!(Owner::parse(OsStr::new(name)), None, "{name}");
            assert!(!is_staged(OsStr::new(name)), "{name}");
        }
    }
}
