//! The one error of the libraries: what kind, doing what, to which path, and why.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Result with our [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $errno:ident, $text:literal;)*) => {
        /// What went wrong, fine enough for a caller to act on and to map to `errno`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind,)* }

        impl ErrorKind {
            /// The number a system call would give (`errno(3)`).
            pub fn errno(self) -> i32 {
                match self { $(Self::$kind => libc::$errno,)* }
            }

            /// The sentence a person reads.
            pub fn text(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }
        }
    };
}

kinds! {
    /// Nothing has that name.
    NotFound = ENOENT, "not found";
    /// Something has that name already.
    AlreadyExists = EEXIST, "already exists";
    /// A folder was needed.
    NotADirectory = ENOTDIR, "not a folder";
    /// A folder where none may be.
    IsADirectory = EISDIR, "is a folder";
    /// A folder that holds something.
    DirectoryNotEmpty = ENOTEMPTY, "folder is not empty";
    /// `read_link` of something that is no symbolic link.
    NotASymlink = EINVAL, "not a symbolic link";
    /// More than 40 symbolic links on the way, or the last component is one and may not be followed.
    SymlinkLoop = ELOOP, "too many symbolic links";
    /// A name no filesystem can hold.
    InvalidName = EINVAL, "not a valid name";
    /// A path that is empty or relative where it must not be.
    InvalidPath = EINVAL, "not a valid path";
    /// Longer than 255 bytes (name) or 4095 bytes (link target).
    NameTooLong = ENAMETOOLONG, "name is too long";
    /// An argument out of range.
    InvalidInput = EINVAL, "not a valid argument";
    /// A folder cannot go into itself.
    IntoItself = EINVAL, "a folder can't go into itself";
    /// Source and target are one file.
    SameFile = EINVAL, "source and target are the same file";
    /// The root cannot be removed or renamed.
    IsRoot = EBUSY, "the root can't be changed this way";
    /// The mode bits or the owner forbid it.
    PermissionDenied = EACCES, "permission denied";
    /// Never allowed for this kind of thing, whoever asks (`EPERM`).
    NotPermitted = EPERM, "not permitted";
    /// The filesystem can only be read.
    ReadOnly = EROFS, "read-only filesystem";
    /// Two filesystems where one is needed.
    CrossDevice = EXDEV, "on another filesystem";
    /// No room left; the old content is intact.
    NoSpace = ENOSPC, "no space left";
    /// Over the user's quota.
    QuotaExceeded = EDQUOT, "quota exceeded";
    /// Larger than this filesystem can hold.
    FileTooLarge = EFBIG, "file is too large";
    /// Too many hard links.
    TooManyLinks = EMLINK, "too many links";
    /// Too many open files.
    TooManyOpenFiles = EMFILE, "too many open files";
    /// The extended attribute does not exist.
    XattrNotFound = ENODATA, "no such extended attribute";
    /// This filesystem cannot do that.
    Unsupported = EOPNOTSUPP, "not supported here";
    /// The handle was not opened for this.
    BadHandle = EBADF, "file is not open for this";
    /// No data or hole after this offset.
    NoMoreData = ENXIO, "no data after this offset";
    /// In use by something that must finish first.
    Busy = EBUSY, "busy";
    /// The raw file of a filesystem that is open in this program or another.
    InUse = ETXTBSY, "in use by an open filesystem";
    /// The way leads out of the sandbox.
    EscapesRoot = EXDEV, "leads outside the sandbox";
    /// Stopped by the user.
    Cancelled = ECANCELED, "cancelled";
    /// Stored bytes are not what was written.
    Corrupted = EIO, "damaged";
    /// Content of the wrong form (text that is not UTF-8, a file that does not parse).
    InvalidData = EILSEQ, "content has the wrong form";
    /// The password does not open it.
    WrongPassword = EKEYREJECTED, "wrong password";
    /// It needs a password.
    PasswordNeeded = ENOKEY, "a password is needed";
    /// A file or folder that is no filesystem of ours.
    UnknownFormat = EMEDIUMTYPE, "not a filesystem this program knows";
    /// Made by a newer version.
    NewerFormat = EPROTONOSUPPORT, "made by a newer version";
    /// An upper layer that was made over another base: its deletions and copies belong to that one.
    WrongBase = ESTALE, "the layer was made over another base";
    /// The filesystem has been closed.
    Closed = ESHUTDOWN, "filesystem is closed";
    /// Took too long.
    TimedOut = ETIMEDOUT, "timed out";
    /// Interrupted by a signal.
    Interrupted = EINTR, "interrupted";
    /// Anything else the device or the system reports.
    Io = EIO, "input/output error";
}

/// An error with its kind, the operation that failed, the path it was about and its cause.
#[derive(Clone, thiserror::Error)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    path: Option<PathBuf>,
    detail: Option<Cow<'static, str>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A new error; add what is known with the `with_` methods.
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            path: None,
            detail: None,
            source: None,
        }))
    }

    /// The error of a system call. `ENOENT` and its like become their [`ErrorKind`], the rest [`ErrorKind::Io`] with the source kept.
    pub fn from_io(error: std::io::Error, operation: &'static str) -> Self {
        let kind = kind_of_io(&error);
        let error = Self::new(kind, operation).with_source(error);
        if kind == ErrorKind::Io {
            error
        } else {
            error.plain()
        }
    }

    /// The error for a number from `errno(3)`.
    pub fn from_errno(errno: i32, operation: &'static str) -> Self {
        Self::from_io(std::io::Error::from_raw_os_error(errno), operation)
    }

    /// The path it is about; replaces an earlier one.
    #[must_use]
    pub fn with_path(mut self, path: impl AsRef<OsStr>) -> Self {
        self.0.path = Some(PathBuf::from(path.as_ref()));
        self
    }

    /// The path, only if none is known yet.
    #[must_use]
    pub fn or_path(self, path: impl AsRef<OsStr>) -> Self {
        if self.0.path.is_some() {
            self
        } else {
            self.with_path(path)
        }
    }

    /// Names the operation anew, where a caller knows better than the layer below.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation = operation;
        self
    }

    /// One more sentence for the person who reads it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The cause.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Drops a source that says no more than the kind.
    fn plain(mut self) -> Self {
        self.0.source = None;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// What it was done to.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// One more sentence, if there is one.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Is it the error of a system call that has no kind of its own? Then nothing is known of what is stored.
    pub fn is_from_host(&self) -> bool {
        let source = self.0.source.as_deref();
        self.0.kind == ErrorKind::Io && source.is_some_and(|it| it.is::<std::io::Error>())
    }

    /// The number a system call would give.
    pub fn errno(&self) -> i32 {
        self.0.kind.errno()
    }
}

/// Path last, as in every message of a Unix tool: `rename: folder is not empty: /a/b`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            operation,
            path,
            detail,
            source,
        } = &*self.0;
        write!(f, "{operation}: {}", kind.text())?;
        if let Some(detail) = detail {
            write!(f, " ({detail})")?;
        }
        if let Some(source) = source {
            write!(f, ": {source}")?;
        }
        if let Some(path) = path {
            write!(f, ": {}", path.display())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({self})", self.0.kind)
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = std::io::Error::from_raw_os_error(error.errno()).kind();
        Self::new(kind, error)
    }
}

fn kind_of_io(error: &std::io::Error) -> ErrorKind {
    use ErrorKind as K;
    let Some(errno) = error.raw_os_error() else {
        return match error.kind() {
            std::io::ErrorKind::NotFound => K::NotFound,
            std::io::ErrorKind::AlreadyExists => K::AlreadyExists,
            std::io::ErrorKind::PermissionDenied => K::PermissionDenied,
            std::io::ErrorKind::InvalidData => K::InvalidData,
            std::io::ErrorKind::InvalidInput => K::InvalidInput,
            std::io::ErrorKind::Interrupted => K::Interrupted,
            _ => K::Io,
        };
    };
    match errno {
        libc::ENOENT => K::NotFound,
        libc::EEXIST => K::AlreadyExists,
        libc::ENOTDIR => K::NotADirectory,
        libc::EISDIR => K::IsADirectory,
        libc::ENOTEMPTY => K::DirectoryNotEmpty,
        libc::ELOOP => K::SymlinkLoop,
        libc::ENAMETOOLONG => K::NameTooLong,
        libc::EINVAL => K::InvalidInput,
        libc::EACCES => K::PermissionDenied,
        libc::EPERM => K::NotPermitted,
        libc::EROFS => K::ReadOnly,
        libc::EXDEV => K::CrossDevice,
        libc::ENOSPC => K::NoSpace,
        libc::EDQUOT => K::QuotaExceeded,
        libc::EFBIG => K::FileTooLarge,
        libc::EMLINK => K::TooManyLinks,
        libc::EMFILE | libc::ENFILE => K::TooManyOpenFiles,
        libc::ENODATA => K::XattrNotFound,
        libc::EOPNOTSUPP | libc::ENOSYS => K::Unsupported,
        libc::EBADF => K::BadHandle,
        libc::ENXIO => K::NoMoreData,
        libc::EBUSY => K::Busy,
        libc::ETXTBSY => K::InUse,
        libc::ECANCELED => K::Cancelled,
        libc::ETIMEDOUT => K::TimedOut,
        libc::EINTR => K::Interrupted,
        _ => K::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_round_trips() {
        for errno in [
            libc::ENOENT,
            libc::EEXIST,
            libc::EPERM,
            libc::EXDEV,
            libc::ENOTEMPTY,
            libc::ENODATA,
        ] {
            assert_eq!(Error::from_errno(errno, "test").errno(), errno);
        }
    }

    #[test]
    fn message_puts_the_path_last() {
        let error = Error::new(ErrorKind::DirectoryNotEmpty, "rename").with_path("/a/b");
        assert_eq!(error.to_string(), "rename: folder is not empty: /a/b");
    }
}
