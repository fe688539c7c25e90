//! Disks that lose power: a filesystem in an image, mounted through a loop device. Only root can have one.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::child::now_ns;
use crate::fault;

/// A disk, which lies in a folder and is mounted in it.
pub struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    /// A new one in `folder`, formatted as `kind` ("ext4", "xfs").
    ///
    /// Errors: what the tools said.
    pub fn format(folder: &Path, kind: &str) -> Result<Self, String> {
        Self::with_blocks(folder, kind, 4096)
    }

    /// As [`Disk::format`], with blocks of so many bytes (ext4).
    ///
    /// Errors: what the tools said.
    pub fn with_blocks(folder: &Path, kind: &str, block_bytes: u32) -> Result<Self, String> {
        let disk = Self::in_folder(folder);
        std::fs::create_dir_all(&disk.mounted).unwrap();
        let file = File::create(&disk.image).unwrap();
        let image = disk.image.to_str().unwrap();
        match kind {
            "ext4" => {
                file.set_len(128 << 20).unwrap();
                // Everything but the data is written now, so that later only the data can fail.
                let all = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
                let block = block_bytes.to_string();
                fault::works(&["mkfs.ext4", "-q", "-F", "-b", &block, "-E", all, image])?;
            }
            _ => {
                // The smallest mkfs.xfs makes.
                file.set_len(320 << 20).unwrap();
                fault::works(&["mkfs.xfs", "-q", "-f", image])?;
            }
        }
        Ok(disk)
    }

    /// The one that was formatted in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            image: folder.join("disk.img"),
            mounted: folder.join("disk"),
        }
    }

    /// Mounts it; what was not complete is put right by its journal.
    ///
    /// Errors: what the tools said.
    pub fn mount(&self) -> Result<(), String> {
        let (image, mounted) = (self.image.to_str(), self.mounted.to_str());
        fault::works(&["mount", "-o", "loop", image.unwrap(), mounted.unwrap()])
    }

    /// Unmounts it.
    ///
    /// # Panics
    /// When it is in use.
    pub fn unmount(&self) {
        let mounted = self.mounted.to_str().unwrap();
        // A program that another test starts just now has copies of descriptors until it begins.
        for _ in 0..100 {
            if fault::works(&["umount", mounted]).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        fault::run(&["umount", mounted]);
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mounted
    }

    /// Cuts its power: what is not on the disk will never be; everything fails until it is unmounted. Answers when that began ([`now_ns`]).
    ///
    /// # Panics
    /// When the filesystem can't.
    pub fn cut(&self) -> u64 {
        use rustix::ioctl::{Setter, ioctl, opcode};
        /// `EXT4_IOC_SHUTDOWN`, `XFS_IOC_GOINGDOWN` (`linux/fs/ext4/ext4.h`, `xfs_fs.h`).
        const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
        /// The log is not written either.
        const NO_LOG_FLUSH: u32 = 2;
        let folder = File::open(&self.mounted).unwrap();
        let began = now_ns();
        #[expect(unsafe_code, reason = "this ioctl reads one u32, as its number says")]
        let cut = unsafe { ioctl(&folder, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) };
        cut.unwrap();
        began
    }
}
