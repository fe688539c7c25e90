//! Removing a folder with everything in it: however deep it is, with few pinned folders, and never through a link.
//!
//! On a host the way down could be swapped for a link while we are on it, so every step counts from a pinned folder. A pin is a descriptor there, of
//! which a process may have few: only the [`WINDOW`] deepest folders are held on the way down. On the way up a missing one is found again from the
//! nearest held folder above it, by its names, and must be the folder that was held before. That walk leaves pins half way, three quarters of the way, and so
//! on, so n levels take n log n steps and log n pins.

use crate::backend::{At, Backend, Change, Node, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::listing::collect;
use crate::metadata::{FileId, FileKind};
use crate::path::{Name, VPath};

/// Folders that are held at the deep end.
const WINDOW: usize = 8;

/// Longest way that is given to the backend at once (`PATH_MAX` on a host).
const WAY_MAX_BYTES: usize = 3000;

/// A folder whose content is being removed.
struct Level {
    /// Its name in the level above; of the first the name it is removed by.
    name: Name,
    pin: Option<Node>,
    id: Option<FileId>,
    rest: Vec<(Name, FileKind)>,
}

/// The way from the top to the folder that is being emptied.
struct Way<'a> {
    backend: &'a dyn Backend,
    top: &'a VPath,
    pinning: bool,
    levels: Vec<Level>,
}

/// Removes the folder `top`. What others removed meanwhile is no error. `pinning`: the backend can pin folders.
pub(super) fn remove_tree(backend: &dyn Backend, top: &VPath, pinning: bool) -> Result<()> {
    let name = top
        .file_name()
        .ok_or_else(|| Error::new(ErrorKind::IsRoot, "remove folder"))?;
    let mut way = Way {
        backend,
        top,
        pinning,
        levels: Vec::new(),
    };
    let first = way.enter(name, At::path(top))?;
    way.levels.push(first);
    while let Some(level) = way.levels.last_mut() {
        match level.rest.pop() {
            Some((name, FileKind::Directory)) => {
                let below = way.on_child(&name, |way, at| way.enter(name.clone(), at))?;
                way.levels.push(below);
                way.let_go();
            }
            Some((name, _)) => {
                let removed =
                    way.on_child(&name, |way, at| way.backend.change(&Change::Unlink(at)));
                gone_is_fine(removed)?;
            }
            None => {
                let Some(Level { name, .. }) = way.levels.pop() else {
                    break;
                };
                if way.levels.is_empty() {
                    return backend.change(&Change::Rmdir(At::path(top)));
                }
                let removed = way.on_child(&name, |way, at| way.backend.change(&Change::Rmdir(at)));
                gone_is_fine(removed)?;
            }
        }
    }
    Ok(())
}

fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl Way<'_> {
    /// Pins and lists the folder at `at`.
    fn enter(&self, name: Name, at: At<'_>) -> Result<Level> {
        let root = VPath::root();
        let pin = self.pinning.then(|| self.backend.pin(at)).transpose()?;
        let at = pin.as_ref().map_or(at, |pin| At::in_dir(pin, &root));
        let batch = collect(self.backend.list(at, &Want::names())?)?;
        let rest = batch
            .iter()
            .map(|entry| Ok((Name::new(entry.name)?, entry.kind)))
            .collect::<Result<_>>()?;
        Ok(Level {
            name,
            id: pin.as_ref().map(Node::id),
            pin,
            rest,
        })
    }

    /// Does something with `name` in the deepest folder. Errors tell the whole path.
    fn on_child<T>(
        &mut self,
        name: &Name,
        act: impl FnOnce(&Self, At<'_>) -> Result<T>,
    ) -> Result<T> {
        if !self.pinning {
            let whole = self.path()?.join(name);
            return act(self, At::path(&whole));
        }
        let relative = VPath::root().join(name);
        let pin = self.hold_last();
        pin.and_then(|pin| act(self, At::in_dir(&pin, &relative)))
            .map_err(|error| match self.path() {
                Ok(path) => error.with_path(path.join(name)),
                Err(_) => error,
            })
    }

    /// The path of the deepest folder.
    fn path(&self) -> Result<VPath> {
        let mut path = self.top.as_os_str().to_os_string();
        for level in self.levels.iter().skip(1) {
            path.push("/");
            path.push(level.name.as_os_str());
        }
        VPath::new(path)
    }

    /// On the way down: the folder that left the window is not held any more, unless it is the first.
    fn let_go(&mut self) {
        let depth = self.levels.len();
        if let Some(index) = depth.checked_sub(WINDOW + 1).filter(|index| *index > 0)
            && let Some(level) = self.levels.get_mut(index)
        {
            level.pin = None;
        }
    }

    /// The deepest folder, pinned again when it was let go.
    fn hold_last(&mut self) -> Result<Node> {
        let lost = || Error::new(ErrorKind::NotFound, "remove folder");
        let last = self.levels.len().checked_sub(1).ok_or_else(lost)?;
        let held = self.levels.iter().rposition(|level| level.pin.is_some());
        let mut from = held.ok_or_else(lost)?;
        while from < last {
            let to = from + ((last - from) / 2).max(1);
            self.find_again(from, to)?;
            from = to;
        }
        let pin = self.levels.get(last).and_then(|level| level.pin.clone());
        pin.ok_or_else(lost)
    }

    /// Pins the folder at level `to`, which is below the held one at `from`.
    fn find_again(&mut self, from: usize, to: usize) -> Result<()> {
        let lost = || Error::new(ErrorKind::NotFound, "remove folder");
        let mut pin = self
            .levels
            .get(from)
            .and_then(|level| level.pin.clone())
            .ok_or_else(lost)?;
        let mut way = VPath::root();
        for level in self.levels.iter().skip(from + 1).take(to - from) {
            if way.as_os_str().len() + level.name.as_bytes().len() >= WAY_MAX_BYTES {
                pin = self.backend.pin(At::in_dir(&pin, &way))?;
                way = VPath::root();
            }
            way = way.join(&level.name);
        }
        let pin = self.backend.pin(At::in_dir(&pin, &way))?;
        let level = self.levels.get_mut(to).ok_or_else(lost)?;
        if level.id != Some(pin.id()) {
            return Err(Error::new(ErrorKind::Busy, "remove folder")
                .with_detail("a folder was replaced while it was being emptied"));
        }
        level.pin = Some(pin);
        Ok(())
    }
}
