//! Connecting `/dev/fuse` with a folder: by `mount(2)` where that is allowed, otherwise by `fusermount3(1)`.

use std::ffi::{CString, OsString};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use fs_core::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// The helper that may mount for who is not root.
const HELPER: &str = "fusermount3";

/// How the helper is told where to send the descriptor.
const HELPER_SOCKET: &str = "_FUSE_COMMFD";

/// What is shown of a mount in `/proc/mounts`.
#[derive(Clone, Debug)]
pub struct Label {
    /// What is mounted.
    pub source: String,
    /// Nothing can be changed.
    pub read_only: bool,
}

fn failed(errno: Errno, dir: &Path) -> Error {
    Error::from_errno(errno.raw_os_error(), "mount").with_path(dir)
}

/// Mounts at `dir`; requests come from the descriptor. Set-id bits and device nodes in it have no power: what is mounted may come from anywhere.
/// Reading changes no access time, and `/proc/mounts` says so: what the kernel keeps is read without us.
pub fn attach(dir: &Path, label: &Label) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let device = rustix::fs::open("/dev/fuse", flags, Mode::empty()).map_err(|errno| {
        failed(errno, dir).with_detail("this system has no FUSE, or keeps it from you (/dev/fuse)")
    })?;
    match mount(&device, dir, label) {
        Ok(()) => Ok(device),
        Err(Errno::PERM) => ask_helper(dir, label),
        Err(errno) => Err(failed(errno, dir)),
    }
}

fn mount(device: &OwnedFd, dir: &Path, label: &Label) -> rustix::io::Result<()> {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    // Root mounts for everybody: the kernel checks permissions by owner and mode.
    let options = format!(
        "fd={},rootmode=40000,user_id={},group_id={},default_permissions,allow_other",
        device.as_raw_fd(),
        uid.as_raw(),
        gid.as_raw()
    );
    let options = CString::new(options).map_err(|_| Errno::INVAL)?;
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    flags.set(MountFlags::RDONLY, label.read_only);
    rustix::mount::mount(&label.source, dir, "fuse.lamina", flags, &*options)
}

/// Mounts for one user, whom alone the kernel then lets in.
fn ask_helper(dir: &Path, label: &Label) -> Result<OwnedFd> {
    let told = |error| Error::from_io(error, "mount").with_path(dir);
    // Its socket is its standard input.
    let (ours, theirs) = UnixStream::pair().map_err(told)?;
    let source = label.source.replace('\\', "\\\\").replace(',', "\\,");
    let mut options = format!("default_permissions,noatime,subtype=lamina,fsname={source}");
    if label.read_only {
        options.push_str(",ro");
    }
    let mut command = Command::new(HELPER);
    command
        .env(HELPER_SOCKET, "0")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .args(["-o", &options, "--"])
        .arg(dir);
    let child = command.spawn().map_err(|error| {
        told(error).with_detail(format!(
            "mounting without being root needs {HELPER}: install the package fuse3"
        ))
    })?;
    // Lets go of our copy of its end, so that its end is seen.
    drop(command);
    let device = receive(&ours);
    let output = child.wait_with_output().map_err(told)?;
    device.ok_or_else(|| {
        let said = OsString::from_vec(output.stderr);
        let said = said.to_string_lossy().trim().to_owned();
        Error::new(ErrorKind::PermissionDenied, "mount")
            .with_path(dir)
            .with_detail(said)
    })
}

/// The descriptor sent through `socket`; `None` when the other end closes it instead.
fn receive(socket: &UnixStream) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

/// Takes off what is mounted at `dir`. `lazily`: its name goes at once and the rest when nobody uses it any more; otherwise `Busy` while somebody does.
pub fn detach(dir: &Path, lazily: bool) -> Result<()> {
    let flags = if lazily {
        UnmountFlags::DETACH
    } else {
        UnmountFlags::empty()
    };
    match rustix::mount::unmount(dir, flags | UnmountFlags::NOFOLLOW) {
        Err(Errno::PERM) => detach_by_helper(dir, lazily),
        Err(errno) => Err(failed(errno, dir).with_operation("unmount")),
        Ok(()) => Ok(()),
    }
}

/// The number of what is mounted at `dir`, among the connections of this system. Asks nothing of whoever serves it.
pub fn connection(dir: &Path) -> Result<u32> {
    let known = AtFlags::STATX_DONT_SYNC | AtFlags::SYMLINK_NOFOLLOW;
    let found = rustix::fs::statx(CWD, dir, known, StatxFlags::empty());
    Ok(found.map_err(|errno| failed(errno, dir))?.stx_dev_minor)
}

/// Ends a connection, wherever it may still be mounted (the kernel's `Documentation/filesystems/fuse.rst`, "Control filesystem").
pub fn abort(connection: u32) -> std::io::Result<()> {
    std::fs::write(format!("/sys/fs/fuse/connections/{connection}/abort"), "1")
}

fn detach_by_helper(dir: &Path, lazily: bool) -> Result<()> {
    let mut command = Command::new(HELPER);
    command.arg("-u").stdin(Stdio::null());
    if lazily {
        command.arg("-z");
    }
    let output = command
        .arg("--")
        .arg(dir)
        .output()
        .map_err(|error| Error::from_io(error, "unmount").with_path(dir))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::new(ErrorKind::Busy, "unmount")
        .with_path(dir)
        .with_detail(said))
}
