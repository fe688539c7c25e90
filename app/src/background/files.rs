//! The program's own files (settings, session), the user's folders, and free names.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use directories::UserDirs;
use fs_core::ops::Place;
use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{At, Backend, ErrorKind, Name, Result, VPath};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::state::{FileVersion, Session, Settings, UserFolder, UserFolderKind};

/// Where settings and session are kept.
#[derive(Clone, Debug)]
pub struct Folders {
    /// `settings.ron` is here.
    pub config: PathBuf,
    /// `session.ron` and the journal of operations are here.
    pub state: PathBuf,
    /// Filesystems are mounted in here when nothing else is chosen; gone when the user logs out. Not every system has one.
    pub runtime: Option<PathBuf>,
}

impl Folders {
    /// The folders of the XDG Base Directory Specification; `None` without a home.
    pub fn of_user() -> Option<Self> {
        let dirs = directories::ProjectDirs::from("", "", "lamina")?;
        Some(Self {
            config: dirs.config_dir().to_path_buf(),
            state: dirs
                .state_dir()
                .unwrap_or(dirs.data_local_dir())
                .to_path_buf(),
            runtime: dirs.runtime_dir().map(Path::to_path_buf),
        })
    }

    /// What was saved. A file that can't be read is set aside, and what it held is as at the first start.
    pub fn load(&self) -> Saved {
        let mut told = Vec::new();
        Saved {
            settings: read(&self.config.join("settings.ron"), "Settings", &mut told),
            session: read(&self.state.join("session.ron"), "Tabs and sizes", &mut told),
            told,
        }
    }

    pub(super) fn save_settings(&self, settings: &Settings) {
        write(&self.config.join("settings.ron"), settings);
    }

    pub(super) fn save_session(&self, session: &Session) {
        write(&self.state.join("session.ron"), session);
    }
}

/// The device of a folder, or of the one a link leads to.
pub(super) fn device(backend: &dyn Backend, folder: &VPath) -> Result<u64> {
    let folder = PosixResolver.resolve(backend, Path::new(folder.as_os_str()), Last::Follow)?;
    Ok(backend.stat(folder.at())?.id.fs)
}

/// What was saved when the program ran last.
#[derive(Debug, Default)]
pub struct Saved {
    /// What the user chose.
    pub settings: Settings,
    /// Tabs, panes and sizes.
    pub session: Session,
    /// Sentences about files that could not be read.
    pub told: Vec<String>,
}

/// The one thing all forms of a file have.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Head {
    version: FileVersion,
}

fn read<T: DeserializeOwned + Default>(path: &Path, what: &str, told: &mut Vec<String>) -> T {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        // No text at all: set aside like text that says nothing.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(error),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return T::default(),
        Err(error) => {
            told.push(format!("{what} can't be read: {}: {error}", path.display()));
            return T::default();
        }
    };
    let newer = text.as_ref().is_ok_and(|text| {
        ron::from_str::<Head>(text).is_ok_and(|head| head.version > FileVersion::default())
    });
    let (why, error) = if newer {
        ("were written by a newer version", String::new())
    } else {
        let value = text
            .map_err(|error| error.to_string())
            .and_then(|text| ron::from_str(&text).map_err(|error| error.to_string()));
        match value {
            Ok(value) => return value,
            Err(error) => ("can't be read", format!(": {error}")),
        }
    };
    tracing::warn!("{}{error}", path.display());
    told.push(match set_aside(path) {
        Ok(kept) => format!(
            "{what} {why} and are as at the first start; the old ones are kept in {}",
            kept.display()
        ),
        Err(error) => format!("{what} {why}: {}: {error}", path.display()),
    });
    T::default()
}

/// What a person may have written by hand is not overwritten: it gets a free name.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let kept = path.with_extension(format!("ron.unreadable{number}"));
        if !kept.try_exists()? {
            std::fs::rename(path, &kept)?;
            return Ok(kept);
        }
        number += 1;
    }
}

/// Old or new, never torn: a file beside it, made durable, takes its name.
fn write<T: Serialize>(path: &Path, value: &T) {
    let write = || -> std::io::Result<()> {
        let text = ron::ser::to_string_pretty(value, ron::ser::PrettyConfig::default())
            .map_err(std::io::Error::other)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("ron.new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    if let Err(error) = write() {
        tracing::error!("{}: {error}", path.display());
    }
}

/// The user's folders that exist.
pub fn user_folders() -> Vec<UserFolder> {
    use UserFolderKind as K;
    let Some(dirs) = UserDirs::new() else {
        return Vec::new();
    };
    // Without `xdg-user-dirs` nothing is configured; the usual names are as good.
    let or = |known: Option<&Path>, usual: &str| {
        Some(known.map_or_else(|| dirs.home_dir().join(usual), Path::to_path_buf))
    };
    let all = [
        (K::Home, Some(dirs.home_dir().to_path_buf())),
        (K::Desktop, or(dirs.desktop_dir(), "Desktop")),
        (K::Documents, or(dirs.document_dir(), "Documents")),
        (K::Downloads, or(dirs.download_dir(), "Downloads")),
        (K::Music, or(dirs.audio_dir(), "Music")),
        (K::Pictures, or(dirs.picture_dir(), "Pictures")),
        (K::Videos, or(dirs.video_dir(), "Videos")),
        (K::Computer, Some(PathBuf::from("/"))),
    ];
    all.into_iter()
        .filter_map(|(kind, path)| {
            let path = path?;
            // Folders that were never set up point to the home folder itself.
            let repeats_home = kind != K::Home && path == dirs.home_dir();
            (path.is_dir() && !repeats_home).then_some(UserFolder { kind, path })
        })
        .collect()
}

/// `wish`, or `wish 2` and so on when the name is taken in `folder`.
pub fn free_name(backend: &dyn Backend, folder: &Place, wish: &str) -> Result<Place> {
    let mut number = 1_u32;
    loop {
        let name = match number {
            1 => Name::new(wish)?,
            number => Name::new(format!("{wish} {number}"))?,
        };
        let place = folder.join(&name);
        match backend.stat(At::path(&place.path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(place),
            Err(error) => return Err(error),
            Ok(_) => number += 1,
        }
    }
}
