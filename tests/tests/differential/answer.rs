//! What an operation answers, in words both sides have.

use std::fmt;

use fs_core::{FileKind, Time};

/// What must be equal of a file's metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Stat {
    pub kind: FileKind,
    pub mode: u32,
    pub owner: (u32, u32),
    pub nlink: u64,
    /// Not of directories, whose size says nothing.
    pub size: u64,
    /// Only when it was set to a moment long past; everything that happens now is `None`.
    pub mtime: Option<Time>,
}

impl Stat {
    /// Leaves out what may differ.
    pub fn new(
        (kind, mode): (FileKind, u32),
        owner: (u32, u32),
        nlink: u64,
        size: u64,
        mtime: Time,
    ) -> Self {
        let recent = Time::from_parts(1_500_000_000, 0);
        Self {
            kind,
            mode,
            owner,
            nlink,
            size: if kind == FileKind::Directory { 0 } else { size },
            mtime: (mtime < recent).then_some(mtime),
        }
    }
}

#[derive(Clone, PartialEq)]
pub enum Answer {
    Done,
    Bytes(Vec<u8>),
    Text(String),
    Stat(Stat),
    Names(Vec<(String, FileKind)>),
    /// The number from `errno(3)`.
    Failed(i32),
    /// Failed at something that is neither a file nor a folder: in which way does not matter.
    Special,
    /// No such handle.
    NoHandle,
}

impl Answer {
    /// Do they say the same?
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Special, Self::Special | Self::Failed(_)) | (Self::Failed(_), Self::Special) => {
                true
            }
            _ => self == other,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "done"),
            Self::Bytes(bytes) if bytes.len() > 24 => write!(f, "{} bytes", bytes.len()),
            Self::Bytes(bytes) => write!(f, "{bytes:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Stat(stat) => write!(f, "{stat:?}"),
            Self::Names(names) => write!(f, "{names:?}"),
            Self::Failed(errno) => {
                write!(f, "failed: {}", std::io::Error::from_raw_os_error(*errno))
            }
            Self::Special => write!(f, "failed: special file"),
            Self::NoHandle => write!(f, "no handle"),
        }
    }
}

/// One node of the final tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub path: String,
    pub stat: Stat,
    pub content: Answer,
    pub xattrs: Vec<(String, Vec<u8>)>,
    /// The first path that is a hard link of the same file.
    pub same_as: String,
}

/// Where two trees differ first.
pub fn first_difference(actual: &[Leaf], expected: &[Leaf]) -> Option<String> {
    if actual == expected {
        return None;
    }
    let differs = actual.iter().zip(expected).find(|(a, e)| a != e);
    Some(match differs {
        Some((actual, expected)) => format!("in the end {actual:?}, in the kernel {expected:?}"),
        None => format!(
            "in the end {} nodes, in the kernel {}",
            actual.len(),
            expected.len()
        ),
    })
}
