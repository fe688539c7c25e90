//! A filesystem that is also a folder of this computer, for other programs.

use std::path::{Path, PathBuf};

use super::{Generation, TabId};

/// Where a filesystem is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderMount {
    /// Tells it from other mounts of the same filesystem, before and after.
    pub id: Generation,
    /// The folder.
    pub dir: PathBuf,
    /// Nothing can be changed through it.
    pub read_only: bool,
    /// Files that other programs have open in it.
    pub open_files: usize,
    /// How far it is.
    pub stage: FolderStage,
}

/// How far a mounted folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderStage {
    /// It is being mounted.
    Mounting,
    /// Programs can use it.
    Mounted,
    /// It is being unmounted.
    Unmounting,
    /// Its name is gone; the programs that use it go on until they are done.
    Leaving,
}

impl FolderMount {
    /// Does the folder show the filesystem at the moment?
    pub fn is_there(&self) -> bool {
        matches!(self.stage, FolderStage::Mounted | FolderStage::Unmounting)
    }

    /// The way inside the filesystem to what is at the host path `path`, when that leads through the folder.
    pub fn inside<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if self.is_there() {
            path.strip_prefix(&self.dir).ok()
        } else {
            None
        }
    }
}

/// What is done once a folder is unmounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Stay,
    /// This tab is closed.
    Close(TabId),
    /// The filesystem is locked.
    Lock,
}

/// How a filesystem is to be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderWish {
    /// The folder; it is made when it is missing.
    pub dir: PathBuf,
    /// Nothing shall be changed through it.
    pub read_only: bool,
}

/// What happened to a mounted folder.
#[derive(Debug)]
pub enum FolderNews {
    /// It is mounted at this folder.
    Mounted(PathBuf),
    /// It could not be mounted.
    Refused(fs_core::Error),
    /// How programs use it.
    Used {
        /// Files they have open.
        open_files: usize,
        /// Something was changed through it since the last news.
        changed: bool,
    },
    /// It can't be unmounted: these programs use it (perhaps others too).
    Busy(Vec<String>),
    /// It can't be unmounted for another reason.
    Stuck(fs_core::Error),
    /// It is unmounted.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_through_a_folder_that_is_there_lead_inside() {
        let mut folder = FolderMount {
            id: Generation::fresh(),
            dir: "/run/x".into(),
            read_only: false,
            open_files: 0,
            stage: FolderStage::Mounted,
        };
        let inside = |folder: &FolderMount, path: &'static str| {
            folder.inside(Path::new(path)).map(|path| path.to_owned())
        };
        assert_eq!(inside(&folder, "/run/x/a/b"), Some("a/b".into()));
        assert_eq!(inside(&folder, "/run/x"), Some("".into()));
        assert_eq!(inside(&folder, "/run/xy"), None);
        assert_eq!(inside(&folder, "/run"), None);
        folder.stage = FolderStage::Leaving;
        assert_eq!(inside(&folder, "/run/x/a"), None);
    }
}
