//! Opening regular files: never a live one, never blocking, never through a link that is not to be followed.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use fs_core::{At, Error, ErrorKind, FileKind, Follow, Metadata, OpenOptions, Result};
use rustix::fs::{Mode, OFlags};

use super::file::HostFile;
use super::reach::{self, Reach, failed, reopen, slot};
use super::{HostFs, attr, elsewhere};
use crate::live_files;

impl<R: Reach> HostFs<R> {
    pub(super) fn open_file(&self, at: At<'_>, how: &OpenOptions) -> Result<HostFile> {
        let access = match (how.read, how.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            (true, false) => OFlags::RDONLY,
            (false, false) => return Err(Error::new(ErrorKind::InvalidInput, "open")),
        };
        let fd = if how.create_new {
            self.create_file(at, access, how.mode)?
        } else {
            self.open_or_create(at, access, how)?
        };
        if how.write {
            self.0.written.note_file(fd.as_fd());
        }
        Ok(HostFile::new(fd, at.path.clone(), how.write))
    }

    fn open_or_create(&self, at: At<'_>, access: OFlags, how: &OpenOptions) -> Result<OwnedFd> {
        let creates = how.create && how.write;
        loop {
            match reach::node(self.reach()?, at) {
                Ok(node) => {
                    let truncate = if how.truncate && how.write {
                        OFlags::TRUNC
                    } else {
                        OFlags::empty()
                    };
                    return open_node(at, node.as_fd(), access | truncate).map(|(fd, _)| fd);
                }
                Err(e) if e.kind() == ErrorKind::NotFound && creates => {}
                Err(e) => return Err(e),
            }
            match at.follow {
                // Creates what a dangling link names; whatever appeared there since is opened.
                Follow::ByBackend => {
                    let flags = access | OFlags::CREATE | OFlags::NONBLOCK;
                    let mode = Mode::from_raw_mode(how.mode & 0o7777);
                    return self.reach()?.open(at, flags, mode);
                }
                Follow::Never | Follow::Nowhere => match self.create_file(at, access, how.mode) {
                    // Appeared since: open it.
                    Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                    created => return created,
                },
            }
        }
    }

    /// A new file with exactly this mode.
    fn create_file(&self, at: At<'_>, access: OFlags, mode: u32) -> Result<OwnedFd> {
        let slot = match slot(self.reach()?, at) {
            Err(e) if e.kind() == ErrorKind::IsRoot => {
                return Err(Error::new(ErrorKind::AlreadyExists, "open"));
            }
            slot => slot?,
        };
        let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o7777);
        rustix::fs::openat(slot.dir.as_fd(), slot.name.as_os_str(), flags, mode)
            .and_then(|fd| {
                // The process's umask is not ours to apply.
                let made = attr::stat_fd(&fd)?.mode;
                if made != mode.as_raw_mode() {
                    rustix::fs::fchmod(&fd, mode)?;
                }
                Ok(fd)
            })
            .map_err(|e| failed(e, "open"))
    }
}

/// Opens a regular file of which there is an `O_PATH` descriptor; answers with what it was like.
fn open_node(at: At<'_>, node: BorrowedFd<'_>, access: OFlags) -> Result<(OwnedFd, Metadata)> {
    let metadata = attr::stat_fd(node).map_err(|e| failed(e, "open"))?;
    check_plain(&metadata)?;
    if elsewhere::may_be(at, node) {
        elsewhere::refuse(node)?;
    }
    Ok((reopen(node, access | OFlags::NONBLOCK)?, metadata))
}

/// Opens an existing regular file for reading; answers with what it was like.
pub(super) fn to_read(reach: &impl Reach, at: At<'_>) -> Result<(HostFile, Metadata)> {
    let node = reach::node(reach, at)?;
    let (fd, metadata) = open_node(at, node.as_fd(), OFlags::RDONLY)?;
    Ok((HostFile::new(fd, at.path.clone(), false), metadata))
}

/// Refuses what is no regular file, and what belongs to an open filesystem.
pub(super) fn check_plain(metadata: &Metadata) -> Result<()> {
    let kind = match metadata.kind {
        FileKind::File if live_files::is_live(metadata.id.fs, metadata.id.ino) => {
            return Err(live_files::in_use("open"));
        }
        FileKind::File => return Ok(()),
        FileKind::Directory => ErrorKind::IsADirectory,
        FileKind::Symlink => ErrorKind::SymlinkLoop,
        _ => {
            return Err(Error::new(ErrorKind::Unsupported, "open")
                .with_detail("it is a pipe, socket or device"));
        }
    };
    Err(Error::new(kind, "open"))
}
