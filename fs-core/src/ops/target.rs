//! The filesystem things go to: what it can hold.

use std::sync::Arc;

use super::place::{Filesystems, FsRef, Place};
use super::preflight::Loss;
use crate::backend::{At, Backend};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileId, FileKind, Metadata};
use crate::path::{Name, VPath};

pub(super) struct Target {
    pub(super) fs: FsRef,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) capabilities: Capabilities,
    /// The folder and all above it, to notice a folder on its way into itself, through whatever filesystem it is seen.
    pub(super) ancestors: Vec<FileId>,
    /// Components of the folder's path.
    pub(super) depth: usize,
    folder: VPath,
}

impl Target {
    pub(super) fn open(filesystems: &dyn Filesystems, folder: &Place) -> Result<Self> {
        let backend = filesystems.backend(&folder.fs)?;
        let mut ancestors = Vec::new();
        let mut at = Some(folder.path.clone());
        while let Some(path) = at {
            match backend.stat(At::path(&path)) {
                Ok(metadata) => ancestors.push(metadata.id),
                // Copying makes the folder itself.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            at = path.parent();
        }
        Ok(Self {
            fs: folder.fs.clone(),
            capabilities: backend.capabilities(At::path(&folder.path)),
            depth: folder.path.depth(),
            folder: folder.path.clone(),
            backend,
            ancestors,
        })
    }

    /// Room that is left, where known.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let space = self.backend.extensions().space?;
        space.space(At::path(&self.folder)).ok()?.available_bytes
    }

    pub(super) fn folds_case(&self) -> bool {
        !self.capabilities.contains(Capabilities::CASE_SENSITIVE)
    }

    pub(super) fn drops_xattrs(&self) -> bool {
        !self.capabilities.contains(Capabilities::XATTRS)
    }

    pub(super) fn check_name(&self, name: &Name) -> Result<()> {
        let raw = name.as_os_str().to_str().is_none();
        if raw && !self.capabilities.contains(Capabilities::RAW_NAMES) {
            return Err(Error::new(ErrorKind::InvalidName, "name").with_path(name));
        }
        Ok(())
    }

    pub(super) fn holds(&self, kind: FileKind) -> bool {
        let needs = match kind {
            FileKind::File | FileKind::Directory => Capabilities::empty(),
            FileKind::Symlink => Capabilities::SYMLINKS,
            _ => Capabilities::SPECIAL_FILES,
        };
        self.capabilities.contains(needs)
    }

    /// What of this metadata can't be kept. (Holes and links of what is no file do not count.)
    pub(super) fn losses(&self, metadata: &Metadata) -> impl Iterator<Item = Loss> {
        let file = metadata.is_file();
        let caps = self.capabilities;
        [
            (
                Capabilities::HARD_LINKS,
                Loss::HardLinks,
                !metadata.is_dir() && metadata.nlink > 1,
            ),
            (Capabilities::MODE, Loss::Mode, !metadata.is_symlink()),
            (Capabilities::TIMES, Loss::Times, true),
            (Capabilities::OWNER, Loss::Owner, true),
            (
                Capabilities::SPARSE,
                Loss::Holes,
                file && metadata.allocated < metadata.size,
            ),
        ]
        .into_iter()
        .filter(move |(needs, _, here)| *here && !caps.contains(*needs))
        .map(|(_, loss, _)| loss)
    }
}
