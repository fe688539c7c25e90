//! Everything POSIX stores about a file.

use std::ffi::OsString;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Identity of a file: equal for two names exactly when they are hard links to one inode.
///
/// `fs` is the device on host kinds, so a file reached through a host tab and through a sandbox tab has one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Which filesystem.
    pub fs: u64,
    /// Inode number in it; never reused by a virtual filesystem.
    pub ino: u64,
}

/// Type of a file (`inode(7)`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[repr(u8)]
pub enum FileKind {
    /// A regular file.
    File = 1,
    /// A directory.
    Directory = 2,
    /// A symbolic link.
    Symlink = 3,
    /// A named pipe.
    Fifo = 4,
    /// A socket.
    Socket = 5,
    /// A character device; with device number 0:0 a whiteout.
    CharDevice = 6,
    /// A block device.
    BlockDevice = 7,
}

impl FileKind {
    /// The kind stored as `number`, if it is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::File,
            2 => Self::Directory,
            3 => Self::Symlink,
            4 => Self::Fifo,
            5 => Self::Socket,
            6 => Self::CharDevice,
            7 => Self::BlockDevice,
            _ => return None,
        })
    }

    /// The type bits of `st_mode` (`inode(7)`).
    pub fn mode_bits(self) -> u32 {
        match self {
            Self::File => libc::S_IFREG,
            Self::Directory => libc::S_IFDIR,
            Self::Symlink => libc::S_IFLNK,
            Self::Fifo => libc::S_IFIFO,
            Self::Socket => libc::S_IFSOCK,
            Self::CharDevice => libc::S_IFCHR,
            Self::BlockDevice => libc::S_IFBLK,
        }
    }

    /// The kind in the type bits of `st_mode`, if it is one.
    pub fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & libc::S_IFMT {
            libc::S_IFREG => Self::File,
            libc::S_IFDIR => Self::Directory,
            libc::S_IFLNK => Self::Symlink,
            libc::S_IFIFO => Self::Fifo,
            libc::S_IFSOCK => Self::Socket,
            libc::S_IFCHR => Self::CharDevice,
            libc::S_IFBLK => Self::BlockDevice,
            _ => return None,
        })
    }
}

/// Permission bits of a file: `rwxrwxrwx` with set-user-id, set-group-id and sticky, 0o7777 in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permissions(u32);

impl Permissions {
    /// Bits above 0o7777 are dropped.
    pub fn from_mode(mode: u32) -> Self {
        Self(mode & 0o7777)
    }

    /// The bits.
    pub fn mode(self) -> u32 {
        self.0
    }

    /// May nobody write?
    pub fn readonly(self) -> bool {
        self.0 & 0o222 == 0
    }
}

/// A point in time, in nanoseconds since 1970-01-01 UTC; from 1677 to 2262.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Time(i64);

impl Time {
    /// From nanoseconds since 1970.
    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds and nanoseconds, as `timespec` holds them; clamped to what the type can hold.
    pub fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Now.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down, and the nanoseconds that remain (0..1,000,000,000).
    pub fn parts(self) -> (i64, u32) {
        let nanos = u32::try_from(self.0.rem_euclid(1_000_000_000)).unwrap_or(0);
        (self.0.div_euclid(1_000_000_000), nanos)
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let nanos = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(nanos(after)),
            Err(before) => Self(-nanos(before.duration())),
        }
    }
}

impl From<Time> for SystemTime {
    fn from(time: Time) -> Self {
        let distance = Duration::from_nanos(time.0.unsigned_abs());
        if time.0 >= 0 {
            UNIX_EPOCH + distance
        } else {
            UNIX_EPOCH - distance
        }
    }
}

/// What `lstat` says. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Identity.
    pub id: FileId,
    /// Type.
    pub kind: FileKind,
    /// Permission bits, 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links; of a directory 2 + its subdirectories.
    pub nlink: u64,
    /// Content length; of a symbolic link the length of its target.
    pub size: u64,
    /// Bytes really stored, where the filesystem knows; less than `size` for a sparse file.
    pub allocated: u64,
    /// Device number of a device node (`makedev(3)`), otherwise 0.
    pub rdev: u64,
    /// Last change of the content.
    pub mtime: Time,
    /// Last change of anything.
    pub ctime: Time,
    /// Last read, where the filesystem keeps it.
    pub atime: Time,
    /// Birth, where the filesystem keeps it.
    pub btime: Option<Time>,
}

impl Metadata {
    /// Of a node made at `now` by root: empty, with one link (a directory two) and without a birth time.
    pub fn new(id: FileId, kind: FileKind, mode: u32, now: Time) -> Self {
        Self {
            id,
            kind,
            mode,
            uid: 0,
            gid: 0,
            nlink: if kind == FileKind::Directory { 2 } else { 1 },
            size: 0,
            allocated: 0,
            rdev: 0,
            mtime: now,
            ctime: now,
            atime: now,
            btime: None,
        }
    }

    /// Is it a directory?
    pub fn is_dir(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Is it a regular file?
    pub fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }

    /// Is it a symbolic link?
    pub fn is_symlink(&self) -> bool {
        self.kind == FileKind::Symlink
    }

    /// The permission bits.
    pub fn permissions(&self) -> Permissions {
        Permissions::from_mode(self.mode)
    }

    /// A deletion as the kernel's overlayfs keeps it: character device 0:0.
    pub fn is_whiteout(&self) -> bool {
        self.kind == FileKind::CharDevice && self.rdev == 0
    }
}

/// What a new node shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewKind {
    /// An empty file.
    File,
    /// An empty directory.
    Directory,
    /// A symbolic link with this target, stored verbatim.
    Symlink(OsString),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device with this number.
    CharDevice(u64),
    /// A block device with this number.
    BlockDevice(u64),
}

impl NewKind {
    /// The kind without its argument.
    pub fn kind(&self) -> FileKind {
        match self {
            Self::File => FileKind::File,
            Self::Directory => FileKind::Directory,
            Self::Symlink(_) => FileKind::Symlink,
            Self::Fifo => FileKind::Fifo,
            Self::Socket => FileKind::Socket,
            Self::CharDevice(_) => FileKind::CharDevice,
            Self::BlockDevice(_) => FileKind::BlockDevice,
        }
    }
}

/// A node to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its kind.
    pub kind: NewKind,
    /// Permission bits; set exactly, no umask is applied. Ignored for a symbolic link.
    pub mode: u32,
    /// Owner and group; `None`: whoever runs the program.
    pub owner: Option<(u32, u32)>,
}

impl NewNode {
    /// A file, 0o644.
    pub fn file() -> Self {
        Self {
            kind: NewKind::File,
            mode: 0o644,
            owner: None,
        }
    }

    /// A directory, 0o755.
    pub fn directory() -> Self {
        Self {
            kind: NewKind::Directory,
            mode: 0o755,
            owner: None,
        }
    }

    /// A symbolic link.
    pub fn symlink(target: impl Into<OsString>) -> Self {
        Self {
            kind: NewKind::Symlink(target.into()),
            mode: 0o777,
            owner: None,
        }
    }

    /// The mark of a deletion in a layer: character device 0:0.
    pub fn whiteout() -> Self {
        Self {
            kind: NewKind::CharDevice(0),
            mode: 0,
            owner: None,
        }
    }

    /// With these permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o7777;
        self
    }
}

/// A time to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// The moment of the change.
    Now,
    /// This one.
    To(Time),
}

impl SetTime {
    /// The time meant, with `now` for [`SetTime::Now`].
    pub fn resolve(self, now: Time) -> Time {
        match self {
            Self::Now => now,
            Self::To(time) => time,
        }
    }
}

/// Attributes to change; `None` leaves one as it is. Set together or not at all where the filesystem can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Content length: cut off, or extended with zeros.
    pub size: Option<u64>,
    /// Last change of the content.
    pub mtime: Option<SetTime>,
    /// Last read.
    pub atime: Option<SetTime>,
    /// Birth; ignored where it can't be set.
    pub btime: Option<Time>,
}

impl SetAttr {
    /// Only the mode.
    pub fn mode(mode: u32) -> Self {
        Self {
            mode: Some(mode),
            ..Self::default()
        }
    }

    /// Only the length.
    pub fn size(size_bytes: u64) -> Self {
        Self {
            size: Some(size_bytes),
            ..Self::default()
        }
    }

    /// Only the time of the last change.
    pub fn mtime(time: Time) -> Self {
        Self {
            mtime: Some(SetTime::To(time)),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_before_1970_has_positive_nanos() {
        assert_eq!(Time::from_nanos(-1).parts(), (-1, 999_999_999));
        assert_eq!(Time::from_parts(-1, 999_999_999), Time::from_nanos(-1));
        let time = Time::from_parts(-5_000_000_000, 7);
        assert_eq!(Time::from(SystemTime::from(time)), time);
    }

    #[test]
    fn kinds_round_trip() {
        for number in 1..=7 {
            let kind = FileKind::from_number(number).unwrap();
            assert_eq!(kind as u8, number);
            assert_eq!(FileKind::from_mode(kind.mode_bits()), Some(kind));
        }
        assert_eq!(FileKind::from_number(0), None);
    }
}
