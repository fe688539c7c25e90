//! The requests of the kernel: what each means is told to whoever answers it, in words of this program. (`fuser::Filesystem` is one trait for all of
//! them, hence the length.)

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use fs_core::{Metadata, NewKind, SetAttr};
use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, FopenFlags, INodeNo,
    InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr,
    Request, TimeOrNow, WriteFlags,
};

use super::attributes::{Failure, attributes, decode_device, set_time};
use super::replies::{GENERATION, empty, sized};
use super::server::Server;

/// Largest write the kernel sends in one request.
const WRITE_MAX_BYTES: u32 = 1 << 20;

/// Does a file that is changed for this caller lose its set-id bits? With a write the kernel says so; root may keep them (`CAP_FSETID` in
/// `capabilities(7)`).
fn loses_set_id(request: &Request) -> bool {
    request.uid() != 0
}

impl Filesystem for Server {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let mut wanted = InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_ATOMIC_O_TRUNC
            | InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            // The kernel says when a write takes set-id bits away, instead of asking for an attribute before each write.
            | InitFlags::FUSE_HANDLE_KILLPRIV_V2;
        wanted |= if self.caching.keeps() {
            InitFlags::FUSE_CACHE_SYMLINKS
        } else {
            // Not where the kernel keeps pages: of those that are read while such a write is under way it keeps the old ones.
            InitFlags::FUSE_AUTO_INVAL_DATA | InitFlags::FUSE_ASYNC_DIO
        };
        for flag in wanted.iter() {
            // What an older kernel can't do it does not need.
            config.add_capabilities(flag).ok();
        }
        config
            .set_max_write(WRITE_MAX_BYTES)
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let _looking = self.looking();
        let answer = self.lookup_name(parent, name);
        if self.caching.keeps() && matches!(answer, Err(Failure(libc::ENOENT))) {
            // Number 0: nothing has the name, and that may be believed.
            let nothing = attributes(0, &self.nothing());
            return reply.entry(&self.caching.names(), &nothing, GENERATION);
        }
        self.entry(reply, answer);
    }

    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        self.inodes.forget(ino.0, lookups);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let _looking = self.looking();
        let answer = self.inodes.get(ino.0).and_then(|inode| self.stat(&inode));
        self.attr(reply, ino, answer);
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let attr = SetAttr {
            mode: mode.map(|mode| mode & 0o7777),
            uid,
            gid,
            size,
            mtime: mtime.map(set_time),
            atime: atime.map(set_time),
            btime: None,
        };
        let _looking = self.looking();
        match self.set_attributes(request.into(), ino, attr, handle) {
            Ok((metadata, valid)) => reply.attr(&valid, &attributes(ino.0, &metadata)),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let _looking = self.looking();
        match self.read_target(ino) {
            Ok(target) => reply.data(target.as_encoded_bytes()),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let kind = match mode & libc::S_IFMT {
            libc::S_IFREG | 0 => NewKind::File,
            libc::S_IFIFO => NewKind::Fifo,
            libc::S_IFSOCK => NewKind::Socket,
            libc::S_IFCHR => NewKind::CharDevice(decode_device(rdev)),
            libc::S_IFBLK => NewKind::BlockDevice(decode_device(rdev)),
            _ => return reply.error(Errno::EINVAL),
        };
        let _looking = self.looking();
        let answer = self.make(request.into(), parent, name, kind, mode);
        self.entry(reply, answer);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let _looking = self.looking();
        let answer = self.make(request.into(), parent, name, NewKind::Directory, mode);
        self.entry(reply, answer);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let kind = NewKind::Symlink(target.as_os_str().to_owned());
        let _looking = self.looking();
        let answer = self.make(request.into(), parent, name, kind, 0o777);
        self.entry(reply, answer);
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let _looking = self.looking();
        let answer = self.add_link(ino, parent, name);
        self.entry(reply, answer);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.remove(parent, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.remove(parent, name, true));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        empty(
            reply,
            self.rename_name((parent, name), (new_parent, new_name), flags),
        );
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let _looking = self.looking();
        match self.create_open(request.into(), parent, name, mode, OpenFlags(flags)) {
            Ok((inode, metadata, handle)) => reply.created(
                &self.name_lasts(&metadata),
                &attributes(inode.number(), &metadata),
                GENERATION,
                handle,
                self.open_flags(),
            ),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let _looking = self.looking();
        match self.open_file(request.into(), ino, flags) {
            Ok(handle) => reply.opened(handle, self.open_flags()),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.read_file(handle, offset, size, |answer| match answer {
            Ok(bytes) => reply.data(bytes),
            Err(failure) => reply.error(failure.into()),
        });
    }

    fn write(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        how: WriteFlags,
        flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write_file(handle, offset, data, how, flags) {
            Ok(written) => reply.written(written),
            Err(failure) => reply.error(failure.into()),
        }
    }

    /// Whoever closes a file is told what became of what it wrote.
    fn flush(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        empty(reply, self.flush_file(handle));
    }

    fn release(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.close_file(handle);
        reply.ok();
    }

    fn fsync(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        data_only: bool,
        reply: ReplyEmpty,
    ) {
        empty(reply, self.sync_file(handle, data_only));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.open_folder(ino) {
            Ok(handle) => reply.opened(handle, FopenFlags::empty()),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let _looking = self.looking();
        let listed = self.list_folder(handle, offset, |entry| {
            Ok(reply.add(INodeNo(entry.number), entry.next, entry.kind, entry.name))
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let _looking = self.looking();
        let listed = self.list_folder(handle, offset, |entry| {
            let found = if entry.is_dot() {
                // The kernel uses neither attributes nor lookups of these two.
                let metadata = Metadata {
                    kind: fs_core::FileKind::Directory,
                    ..self.nothing()
                };
                let attr = attributes(entry.number, &metadata);
                let lasts = self.caching.names();
                return Ok(reply.add(attr.ino, entry.next, entry.name, &lasts, &attr, GENERATION));
            } else {
                self.lookup_name(ino, entry.name)
            };
            match found {
                Ok((inode, metadata)) => {
                    let attr = attributes(inode.number(), &metadata);
                    let lasts = self.name_lasts(&metadata);
                    let full =
                        reply.add(attr.ino, entry.next, entry.name, &lasts, &attr, GENERATION);
                    if full {
                        // It is not in the answer, so the kernel does not count it.
                        self.inodes.forget(inode.number(), 1);
                    }
                    Ok(full)
                }
                // Gone since it was listed.
                Err(Failure(libc::ENOENT)) => Ok(false),
                Err(failure) => Err(failure),
            }
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn releasedir(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.folders.remove(handle);
        reply.ok();
    }

    fn fsyncdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        _data_only: bool,
        reply: ReplyEmpty,
    ) {
        let _looking = self.looking();
        empty(reply, self.sync_folder(ino));
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        let _looking = self.looking();
        match self.space(ino) {
            Ok(space) => reply.statfs(
                space.blocks,
                space.free,
                space.free,
                space.files,
                space.files_free,
                space.block_bytes,
                space.name_max_bytes,
                space.block_bytes,
            ),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let _looking = self.looking();
        empty(reply, self.set_xattr(ino, name, value, flags));
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let _looking = self.looking();
        sized(reply, size, self.get_xattr(ino, name));
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        let _looking = self.looking();
        sized(reply, size, self.list_xattrs(request.into(), ino));
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let _looking = self.looking();
        empty(reply, self.remove_xattr(ino, name));
    }

    fn fallocate(
        &self,
        request: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let set_id = loses_set_id(request);
        empty(reply, self.allocate(handle, offset, length, mode, set_id));
    }

    fn lseek(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        match self.seek(handle, offset, whence) {
            Ok(offset) => reply.offset(offset),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn copy_file_range(
        &self,
        request: &Request,
        _ino_in: INodeNo,
        from: FileHandle,
        from_offset: u64,
        _ino_out: INodeNo,
        to: FileHandle,
        to_offset: u64,
        len: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let (from, to) = ((from, from_offset), (to, to_offset));
        match self.copy_range(from, to, len, loses_set_id(request)) {
            Ok(copied) => reply.written(copied),
            Err(failure) => reply.error(failure.into()),
        }
    }

    fn ioctl(
        &self,
        _: &Request,
        _ino: INodeNo,
        _handle: FileHandle,
        _flags: IoctlFlags,
        _cmd: u32,
        _in_data: &[u8],
        _out_size: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }

    /// The kernel then answers by itself: always ready, as any file on a disk.
    fn poll(
        &self,
        _: &Request,
        _ino: INodeNo,
        _handle: FileHandle,
        _notifier: PollNotifier,
        _events: PollEvents,
        _flags: PollFlags,
        reply: ReplyPoll,
    ) {
        reply.error(Errno::ENOSYS);
    }
}
