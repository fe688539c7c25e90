//! Names and virtual paths: absolute and normalised by construction.
//!
//! A raw path (what a user types, what a link contains) enters a [resolver](crate::resolve); a [`VPath`] is what comes out.
//! Neither type can hold `.`, `..`, an empty component or a NUL byte, so no code below has to ask again.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// Longest name in bytes, as on every Linux filesystem (`NAME_MAX`).
pub const NAME_MAX_BYTES: usize = 255;

/// Longest symbolic link target in bytes (`PATH_MAX`, which counts the NUL that ends it).
pub const TARGET_MAX_BYTES: usize = 4095;

/// One component of a path: not empty, not `.` or `..`, without `/` and NUL, at most [`NAME_MAX_BYTES`] long.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Arc<OsStr>);

impl Name {
    /// Checks `name`. Errors: `InvalidName`, `NameTooLong`.
    pub fn new(name: impl AsRef<OsStr>) -> Result<Self> {
        let name = name.as_ref();
        check_name(name)?;
        Ok(Self(name.into()))
    }

    /// The name as the operating system's string.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// The name's bytes (on Unix exactly those on disk).
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_encoded_bytes()
    }

    /// The name for display; bytes that are not UTF-8 become replacement characters.
    pub fn display(&self) -> std::borrow::Cow<'_, str> {
        self.0.to_string_lossy()
    }
}

pub(crate) fn check_name(name: &OsStr) -> Result<()> {
    let bytes = name.as_encoded_bytes();
    let kind = if bytes.is_empty()
        || bytes == b"."
        || bytes == b".."
        || bytes.iter().any(|&b| b == b'/' || b == 0)
    {
        ErrorKind::InvalidName
    } else if bytes.len() > NAME_MAX_BYTES {
        ErrorKind::NameTooLong
    } else {
        return Ok(());
    };
    Err(Error::new(kind, "name").with_path(name))
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsRef<OsStr> for VPath {
    fn as_ref(&self) -> &OsStr {
        &self.0
    }
}

impl AsRef<OsStr> for Name {
    fn as_ref(&self) -> &OsStr {
        &self.0
    }
}

impl Borrow<OsStr> for Name {
    fn borrow(&self) -> &OsStr {
        &self.0
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Byte order: the order in which every sorted listing comes.
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// An absolute, normalised path inside one filesystem: `/` or `/a/b`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VPath(Arc<OsStr>);

impl VPath {
    /// The root, `/`.
    pub fn root() -> Self {
        Self(OsStr::new("/").into())
    }

    /// A path from text that is already absolute and free of `.` and `..`; repeated and trailing slashes are dropped.
    ///
    /// Errors: `InvalidPath` when `path` is relative or empty, `InvalidName` for `.`, `..` or NUL, `NameTooLong`.
    pub fn new(path: impl AsRef<OsStr>) -> Result<Self> {
        let path = path.as_ref();
        if !path.as_encoded_bytes().starts_with(b"/") {
            return Err(Error::new(ErrorKind::InvalidPath, "path").with_path(path));
        }
        split(path).try_for_each(check_name)?;
        Ok(Self::of_parts(split(path), path.len()))
    }

    /// The path of these components, each of which is a name, together about `bytes` long.
    pub(crate) fn of_parts<'a>(parts: impl IntoIterator<Item = &'a OsStr>, bytes: usize) -> Self {
        let mut path = OsString::with_capacity(bytes.max(1));
        for part in parts {
            path.push("/");
            path.push(part);
        }
        if path.is_empty() {
            path.push("/");
        }
        Self(path.into())
    }

    /// `path` with `.` and `..` removed by text alone; `..` at the root stays at the root. Relative input counts from the root.
    ///
    /// For what a user types; for what a link contains only a resolver is right. Errors: as [`VPath::new`].
    pub fn lexical(path: impl AsRef<OsStr>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_empty() {
            return Err(Error::new(ErrorKind::InvalidPath, "path"));
        }
        let mut parts = Vec::new();
        for part in split(path) {
            match part.as_encoded_bytes() {
                b"." => {}
                b".." => drop(parts.pop()),
                _ => {
                    check_name(part)?;
                    parts.push(part);
                }
            }
        }
        Ok(Self::of_parts(parts, path.len()))
    }

    /// This path with one more component.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        let mut out = OsString::with_capacity(self.0.len() + 1 + name.0.len());
        if !self.is_root() {
            out.push(&*self.0);
        }
        out.push("/");
        out.push(&*name.0);
        Self(out.into())
    }

    /// The components of `other` appended to this path.
    #[must_use]
    pub fn append(&self, other: &VPath) -> Self {
        match (self.is_root(), other.is_root()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => {
                let mut out = self.0.to_os_string();
                out.push(&*other.0);
                Self(out.into())
            }
        }
    }

    /// Is this `/`?
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Everything but the last component; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.split_last()?;
        Some(parent)
    }

    /// The last component; `None` for the root.
    pub fn file_name(&self) -> Option<Name> {
        let (_, name) = self.split_last()?;
        Some(name)
    }

    /// Parent and last component; `None` for the root.
    pub fn split_last(&self) -> Option<(Self, Name)> {
        let (parent, name) = self.as_split_last()?;
        Some((Self(parent.into()), Name(name.into())))
    }

    /// Parent and last component as parts of this path's text; `None` for the root.
    pub fn as_split_last(&self) -> Option<(&OsStr, &OsStr)> {
        if self.is_root() {
            return None;
        }
        let path = self.0.as_encoded_bytes();
        let slash = path.iter().rposition(|&byte| byte == b'/')?;
        let (parent, name) = (path.get(..slash.max(1))?, path.get(slash + 1..)?);
        // SAFETY: cut at an ASCII byte, where the encoding of OsStr may be split (std::ffi::OsStr::from_encoded_bytes_unchecked).
        #[expect(unsafe_code, reason = "std offers no safe split of OsStr")]
        unsafe {
            Some((
                OsStr::from_encoded_bytes_unchecked(parent),
                OsStr::from_encoded_bytes_unchecked(name),
            ))
        }
    }

    /// The components, from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &OsStr> + Clone {
        split(&self.0)
    }

    /// The components as names, from the root down.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = Name> + '_ {
        self.components().map(|part| Name(part.into()))
    }

    /// How many components.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// Is `ancestor` this path or above it, component by component (`/ab` is not below `/a`)?
    pub fn starts_with(&self, ancestor: &VPath) -> bool {
        Path::new(&*self.0).starts_with(Path::new(&*ancestor.0))
    }

    /// This path as seen from `ancestor`; `None` when it is not below it.
    pub fn strip_prefix(&self, ancestor: &VPath) -> Option<Self> {
        let rest = Path::new(&*self.0)
            .strip_prefix(Path::new(&*ancestor.0))
            .ok()?;
        let mut out = OsString::from("/");
        out.push(rest);
        Some(Self(out.into()))
    }

    /// The whole path as text of the operating system.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// The whole path, for calls that take a [`Path`].
    pub fn as_path(&self) -> &Path {
        Path::new(&*self.0)
    }

    /// The path for display.
    pub fn display(&self) -> std::borrow::Cow<'_, str> {
        self.0.to_string_lossy()
    }
}

/// The parts of a raw path between slashes, empty ones dropped.
pub(crate) fn split(path: &OsStr) -> impl DoubleEndedIterator<Item = &OsStr> + Clone {
    path.as_encoded_bytes()
        .split(|&b| b == b'/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            // SAFETY: cut at an ASCII byte, where the encoding of OsStr may be split (std::ffi::OsStr::from_encoded_bytes_unchecked).
            #[expect(unsafe_code, reason = "std offers no safe split of OsStr")]
            unsafe {
                OsStr::from_encoded_bytes_unchecked(part)
            }
        })
}

impl fmt::Debug for VPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialOrd for VPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Tree order: a folder directly before what it holds.
impl Ord for VPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.components()
            .map(OsStr::as_encoded_bytes)
            .cmp(other.components().map(OsStr::as_encoded_bytes))
    }
}

impl Default for VPath {
    fn default() -> Self {
        Self::root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpath(text: &str) -> VPath {
        VPath::new(text).unwrap()
    }

    #[test]
    fn slashes_collapse_and_dots_are_refused() {
        assert_eq!(vpath("//a///b/"), vpath("/a/b"));
        assert_eq!(
            VPath::new("/a/../b").unwrap_err().kind(),
            ErrorKind::InvalidName
        );
        assert_eq!(VPath::new("a").unwrap_err().kind(), ErrorKind::InvalidPath);
        assert_eq!(VPath::new("").unwrap_err().kind(), ErrorKind::InvalidPath);
        assert_eq!(
            VPath::new("/a\0b").unwrap_err().kind(),
            ErrorKind::InvalidName
        );
    }

    #[test]
    fn lexical_clamps_at_the_root() {
        assert_eq!(
            VPath::lexical("/../../etc/./passwd").unwrap(),
            vpath("/etc/passwd")
        );
        assert_eq!(VPath::lexical("a/../b").unwrap(), vpath("/b"));
    }

    #[test]
    fn prefixes_go_by_component() {
        assert!(vpath("/a/b").starts_with(&vpath("/a")));
        assert!(!vpath("/ab").starts_with(&vpath("/a")));
        assert_eq!(
            vpath("/a/b/c").strip_prefix(&vpath("/a")),
            Some(vpath("/b/c"))
        );
        assert_eq!(vpath("/a").strip_prefix(&vpath("/a")), Some(VPath::root()));
        assert_eq!(vpath("/a").append(&vpath("/b/c")), vpath("/a/b/c"));
    }

    #[test]
    fn names_have_limits() {
        assert!(Name::new("x".repeat(255)).is_ok());
        assert_eq!(
            Name::new("x".repeat(256)).unwrap_err().kind(),
            ErrorKind::NameTooLong
        );
        for bad in ["", ".", "..", "a/b", "a\0"] {
            assert_eq!(
                Name::new(bad).unwrap_err().kind(),
                ErrorKind::InvalidName,
                "{bad:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = Name::new(OsStr::from_bytes(b"\xff\xfe")).unwrap();
        assert_eq!(VPath::root().join(&name).file_name(), Some(name));
    }
}
