//! Where a command that goes on in the background writes what it would tell.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::background::Folders;

/// A log, which goes when nothing was written to it.
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// A new log for what is mounted at `dir`, in the place of the last one; `None` where it can't be kept.
    pub fn of_mount(dir: &Path) -> Option<Self> {
        let folder = Folders::of_user()?.state.join("mounts");
        fs::create_dir_all(&folder).ok()?;
        let path = folder.join(file_name(dir));
        // A file of its own, whoever still writes to the last one.
        fs::remove_file(&path).ok();
        let mut how = File::options();
        let file = how.append(true).create_new(true).open(&path).ok()?;
        Some(Self { file, path })
    }

    /// To write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self
            .file
            .metadata()
            .is_ok_and(|metadata| metadata.len() == 0)
        {
            // An empty one that stays harms nobody.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// The folder's path in one name: `/home/anne/taxes` is `home-anne-taxes.log`.
fn file_name(dir: &Path) -> String {
    let name = dir.to_string_lossy().trim_matches('/').replace('/', "-");
    let tail: String = {
        let skipped = name.chars().count().saturating_sub(60);
        name.chars().skip(skipped).collect()
    };
    format!("{tail}.log")
}

#[cfg(test)]
mod tests {
    use super::file_name;
    use std::path::Path;

    #[test]
    fn a_path_becomes_a_name_that_is_not_too_long() {
        assert_eq!(
            file_name(Path::new("/home/anne/taxes")),
            "home-anne-taxes.log"
        );
        assert_eq!(file_name(Path::new("/")), ".log");
        let long = file_name(Path::new(&"/ä".repeat(400)));
        assert!(long.len() < 255 && long.ends_with("-ä.log"), "{long}");
    }
}
