//! Which trash a file goes to, and which there are.

use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use fs_core::{At, Backend as _, Error, ErrorKind, Name, Result, VPath};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use super::super::HostFs;
use super::super::reach::{Reach, failed, path_of};

/// A trash folder; its paths are those of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashPlace {
    /// Holds `files` and `info`.
    pub dir: VPath,
    /// The top of the medium it is for; `None` for the home trash.
    pub top: Option<VPath>,
}

impl TrashPlace {
    /// Where the items themselves are.
    pub fn files(&self) -> VPath {
        self.dir.append(&FILES)
    }
}

static FILES: std::sync::LazyLock<VPath> =
    std::sync::LazyLock::new(|| VPath::lexical("/files").unwrap_or_default());

/// What a user's trash at the top of a medium is called.
pub fn name_on_medium() -> OsString {
    format!(".Trash-{}", rustix::process::geteuid().as_raw()).into()
}

/// The home trash: `$XDG_DATA_HOME/Trash`, usually `~/.local/share/Trash`. `None` for a user without a home.
pub fn home_trash() -> Option<VPath> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let data =
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    VPath::lexical(data.join("Trash")).ok()
}

impl<R: Reach> HostFs<R> {
    /// Where what is at `path` goes. It is moved there by a rename, so both must be on one mount.
    pub(super) fn trash_place(&self, path: &VPath) -> Result<TrashPlace> {
        let parent = path.parent().unwrap_or_default();
        let in_trash = |place: &TrashPlace| path.starts_with(&place.dir);
        let place = if self.reach()?.root().is_some() {
            on_medium(VPath::root())?
        } else {
            let mount = self.mount_of(&parent)?;
            match &self.0.home_trash {
                Some(home) if self.mount_of(home).is_ok_and(|of_home| of_home == mount) => {
                    TrashPlace {
                        dir: home.clone(),
                        top: None,
                    }
                }
                _ => self.at_top_of_mount(&parent, mount)?,
            }
        };
        if in_trash(&place) {
            return Err(Error::new(ErrorKind::InvalidInput, "move to trash")
                .with_detail("it is in the trash already"));
        }
        Ok(place)
    }

    /// The number of the mount that holds `path`, or the nearest folder above it that exists.
    fn mount_of(&self, path: &VPath) -> Result<u64> {
        let reach = self.reach()?;
        let mut path = path.clone();
        let fd = loop {
            match reach.open(At::path(&path).following(), OFlags::PATH, Mode::empty()) {
                Err(e) if e.kind() == ErrorKind::NotFound => match path.parent() {
                    Some(parent) => path = parent,
                    None => return Err(e),
                },
                opened => break opened?,
            }
        };
        rustix::fs::statx(&fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)
            .map(|s| s.stx_mnt_id)
            .map_err(|e| failed(e, "find mount"))
    }

    fn at_top_of_mount(&self, dir: &VPath, mount: u64) -> Result<TrashPlace> {
        // Above a link lies something else than above what it points to.
        let reach = self.reach()?;
        let fd = reach.open(At::path(dir).following(), OFlags::PATH, Mode::empty())?;
        let mut top = VPath::new(path_of(fd.as_fd())?)?;
        while let Some(above) = top.parent() {
            if self.mount_of(&above)? != mount {
                break;
            }
            top = above;
        }
        Ok(match self.shared_trash(&top)? {
            Some(place) => place,
            None => on_medium(top)?,
        })
    }

    /// The user's part of a trash an administrator made for all: `$top/.Trash/$uid`, if `.Trash` is a sticky folder and no link.
    fn shared_trash(&self, top: &VPath) -> Result<Option<TrashPlace>> {
        const STICKY: u32 = 0o1000;
        let shared = top.join(&Name::new(".Trash")?);
        let usable = self
            .stat(At::path(&shared))
            .is_ok_and(|m| m.is_dir() && m.mode & STICKY != 0);
        let user = rustix::process::geteuid().as_raw().to_string();
        Ok(usable.then_some(TrashPlace {
            dir: shared.join(&Name::new(user)?),
            top: Some(top.clone()),
        }))
    }

    /// The trash whose folder is `dir`, if it is one of ours by its place.
    pub(super) fn trash_at(&self, dir: &VPath) -> Option<TrashPlace> {
        if self.0.home_trash.as_ref() == Some(dir) {
            return Some(TrashPlace {
                dir: dir.clone(),
                top: None,
            });
        }
        let (parent, name) = dir.split_last()?;
        let top = if name.as_os_str() == name_on_medium() {
            parent
        } else {
            let user = rustix::process::geteuid().as_raw().to_string();
            let (top, shared) = parent.split_last()?;
            (name.as_os_str() == user.as_str() && shared.as_os_str() == ".Trash").then_some(top)?
        };
        if self.0.reach.root().is_some() && !top.is_root() {
            return None;
        }
        Some(TrashPlace {
            dir: dir.clone(),
            top: Some(top),
        })
    }

    /// All trashes: of a sandbox its own, of the host the home trash and one for each mount.
    pub(super) fn trash_places(&self) -> Result<Vec<TrashPlace>> {
        if self.reach()?.root().is_some() {
            return Ok(vec![on_medium(VPath::root())?]);
        }
        let mut places: Vec<_> = self
            .0
            .home_trash
            .iter()
            .map(|home| TrashPlace {
                dir: home.clone(),
                top: None,
            })
            .collect();
        for top in mounts() {
            places.extend(self.shared_trash(&top)?);
            places.push(on_medium(top)?);
        }
        Ok(places)
    }
}

fn on_medium(top: VPath) -> Result<TrashPlace> {
    Ok(TrashPlace {
        dir: top.join(&Name::new(name_on_medium())?),
        top: Some(top),
    })
}

/// Where something is mounted (`proc_pid_mountinfo(5)`: the fifth field, with `\ooo` for odd bytes).
fn mounts() -> Vec<VPath> {
    let table = crate::kernel_tables::whole("/proc/self/mountinfo");
    let mut tops: Vec<_> = table
        .split(|&b| b == b'\n')
        .filter_map(|line| line.split(|&b| b == b' ').nth(4))
        .filter_map(|field| VPath::new(OsString::from_vec(unescape(field))).ok())
        .collect();
    tops.sort();
    tops.dedup();
    tops
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        out.push(octal.unwrap_or(*first));
        rest = match octal {
            Some(_) => rest.get(4..).unwrap_or_default(),
            None => tail,
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescape(br"/mnt/a\040b\134c"), br"/mnt/a b\c");
        assert_eq!(unescape(br"/mnt/\9"), br"/mnt/\9");
    }
}
