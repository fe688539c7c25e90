//! Extended attributes, and how full the filesystem is.

use std::ffi::OsStr;
use std::sync::atomic::Ordering;

use fs_core::{Change, ErrorKind};
use fuser::INodeNo;

use super::attributes::{Answer, Failure};
use super::files::CAPABILITY;
use super::server::{Caller, Server};

/// The namespaces of `xattr(7)`. Not `system`: access control lists would have to be enforced to be worth storing (`acl(5)`), so they are refused, as by
/// any filesystem without them.
const NAMESPACES: [&[u8]; 3] = [b"user.", TRUSTED, b"security."];

/// The kernel lets only root read and set these, but leaves listing them to the filesystem.
const TRUSTED: &[u8] = b"trusted.";

/// What `statfs(2)` says.
pub struct Filled {
    /// All blocks.
    pub blocks: u64,
    /// Free ones.
    pub free: u64,
    /// All inodes.
    pub files: u64,
    /// Free ones.
    pub files_free: u64,
    /// Size of a block.
    pub block_bytes: u32,
    /// Longest name.
    pub name_max_bytes: u32,
}

/// What a filesystem without a limit of its own claims to have room for.
const NO_LIMIT_BYTES: u64 = 1 << 50;

/// Free inodes where nothing limits them.
const NO_LIMIT_INODES: u64 = 1 << 32;

/// Is this the name of an attribute at all? As the kernel's own filesystems answer.
fn check_name(name: &OsStr) -> Answer<()> {
    let bytes = name.as_encoded_bytes();
    let inside = NAMESPACES
        .iter()
        .find_map(|space| bytes.strip_prefix(*space));
    match inside {
        None => Err(Failure(libc::EOPNOTSUPP)),
        Some([]) => Err(Failure(libc::EINVAL)),
        Some(_) => Ok(()),
    }
}

impl Server {
    pub(super) fn get_xattr(&self, ino: INodeNo, name: &OsStr) -> Answer<Vec<u8>> {
        check_name(name)?;
        let inode = self.inodes.get(ino.0)?;
        if name == CAPABILITY && self.is_plain(&inode) {
            return Err(Failure(libc::ENODATA));
        }
        Ok(self.backend.get_xattr(self.here(&inode).at(), name)?)
    }

    /// The kernel lets no other change of attributes in between the look and the change.
    pub(super) fn set_xattr(
        &self,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
    ) -> Answer<()> {
        check_name(name)?;
        let inode = self.inodes.get(ino.0)?;
        if name == CAPABILITY {
            inode.plain().store(false, Ordering::Release);
        }
        self.gathering.settle(&inode);
        let here = self.here(&inode);
        if flags & (libc::XATTR_CREATE | libc::XATTR_REPLACE) != 0 {
            let exists = match self.backend.get_xattr(here.at(), name) {
                Ok(_) => true,
                Err(error) if error.kind() == ErrorKind::XattrNotFound => false,
                Err(error) => return Err(error.into()),
            };
            if exists && flags & libc::XATTR_CREATE != 0 {
                return Err(Failure(libc::EEXIST));
            }
            if !exists && flags & libc::XATTR_REPLACE != 0 {
                return Err(Failure(libc::ENODATA));
            }
        }
        self.change(&Change::SetXattr(here.at(), name, Some(value)))?;
        Ok(())
    }

    pub(super) fn list_xattrs(&self, caller: Caller, ino: INodeNo) -> Answer<Vec<u8>> {
        let inode = self.inodes.get(ino.0)?;
        let mut bytes = Vec::new();
        for name in self.backend.list_xattrs(self.here(&inode).at())? {
            if caller.uid != 0 && name.as_encoded_bytes().starts_with(TRUSTED) {
                continue;
            }
            bytes.extend_from_slice(name.as_encoded_bytes());
            bytes.push(0);
        }
        Ok(bytes)
    }

    pub(super) fn remove_xattr(&self, ino: INodeNo, name: &OsStr) -> Answer<()> {
        check_name(name)?;
        let inode = self.inodes.get(ino.0)?;
        self.gathering.settle(&inode);
        let here = self.here(&inode);
        self.change(&Change::SetXattr(here.at(), name, None))?;
        Ok(())
    }

    pub(super) fn space(&self, ino: INodeNo) -> Answer<Filled> {
        let mut filled = Filled {
            blocks: 0,
            free: 0,
            files: 0,
            files_free: NO_LIMIT_INODES,
            block_bytes: 4096,
            name_max_bytes: 255,
        };
        let mut used_bytes = 0;
        let mut free_bytes = NO_LIMIT_BYTES;
        if let Some(space) = self.backend.extensions().space {
            let inode = self.inodes.get(ino.0)?;
            let space = space.space(self.here(&inode).at())?;
            used_bytes = space.used_bytes;
            free_bytes = space.available_bytes.unwrap_or(NO_LIMIT_BYTES);
            filled.files = space.used_inodes.unwrap_or(0);
            filled.name_max_bytes = space.name_max_bytes;
        }
        let block = u64::from(filled.block_bytes);
        filled.free = free_bytes / block;
        filled.blocks = filled.free + used_bytes.div_ceil(block);
        filled.files += filled.files_free;
        Ok(filled)
    }
}
