//! How far vaults and stores were when they were open here last: an old copy in the place of a newer one is whole and authentic in itself, so only a
//! memory outside of it can tell.

use std::path::{Path, PathBuf};

use fs_backends::location::{Location, Part};
use fs_core::maintenance::Identity;
use fs_core::{Backend, Time};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The memory of one user: a file for each filesystem, by its identity. What is in the filesystems is not in it.
#[derive(Clone, Debug)]
pub struct Seen {
    folder: PathBuf,
}

/// When a newer state of a filesystem was seen than it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Older {
    /// Which filesystem: the one that was opened, or a layer of it.
    pub location: Location,
    seen: Time,
}

impl Seen {
    /// The memory in the folder where the session is kept.
    pub fn of(state: &Path) -> Self {
        Self {
            folder: state.join("seen"),
        }
    }

    /// Remembers how far the filesystems are that were just opened, and answers which of them were further already. That is told once: whoever put the copy
    /// there on purpose goes on with it.
    pub fn meet(&self, opened: &[Part]) -> Vec<Older> {
        let older = |part: &Part| {
            let identity = identity(&*part.backend)?;
            let before = self.recall(&identity);
            self.remember(&identity);
            let (generation, seen) = before?;
            let location = part.location.clone();
            (identity.generation < generation).then_some(Older { location, seen })
        };
        opened.iter().filter_map(older).collect()
    }

    /// Remembers how far the filesystems are that will be closed.
    pub fn leave(&self, opened: &[Part]) {
        for identity in opened.iter().filter_map(|part| identity(&*part.backend)) {
            self.remember(&identity);
        }
    }

    fn recall(&self, identity: &Identity) -> Option<(u64, Time)> {
        let text = std::fs::read_to_string(self.file(identity)?).ok()?;
        let (generation, seen) = text.trim_end().split_once(' ')?;
        Some((
            generation.parse().ok()?,
            Time::from_nanos(seen.parse().ok()?),
        ))
    }

    fn remember(&self, identity: &Identity) {
        let Some(file) = self.file(identity) else {
            return;
        };
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            // Two programs may open it at once, to read it.
            let new = file.with_extension(std::process::id().to_string());
            let text = format!("{} {}\n", identity.generation, Time::now().nanos());
            std::fs::write(&new, text)?;
            std::fs::rename(&new, &file)
        };
        if let Err(error) = write() {
            tracing::warn!("{}: {error}", file.display());
        }
    }

    /// What a file says of itself is no path before it was looked at.
    fn file(&self, identity: &Identity) -> Option<PathBuf> {
        let uuid = &identity.uuid;
        let is_one = uuid.len() == 36 && uuid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        is_one.then(|| self.folder.join(uuid))
    }
}

impl Older {
    /// The sentence a person reads.
    pub fn sentence(&self, name: &str) -> String {
        let (seconds, nanos) = self.seen.parts();
        let seen = Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0));
        let seen = seen.map(|seen| {
            let seen = seen.to_zoned(TimeZone::system());
            format!(", on {}", seen.strftime("%-d %B %Y at %H:%M"))
        });
        let seen = seen.unwrap_or_default();
        format!(
            "{name} is older than when it was open here last{seen}: an old copy may have taken its place. Nothing was changed."
        )
    }
}

fn identity(backend: &dyn Backend) -> Option<Identity> {
    backend.extensions().maintenance?.identity().ok()
}
