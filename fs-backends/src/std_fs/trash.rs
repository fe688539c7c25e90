//! The desktop's trash (<https://specifications.freedesktop.org/trash-spec/latest/>), written here because undo needs the name an item got.
//!
//! What is on the same mount as the home trash goes there; anything else into a trash at the top of its own mount. A sandbox counts as a
//! mount of its own. An item's id is its path in the trash, percent-encoded, and stays the same for ever.

mod info;
mod place;

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::extensions::{Trash, TrashId, TrashItem};
use fs_core::{
    At, Backend as _, Change, Error, ErrorKind, Name, NewNode, OpenOptions, RenameMode, Result,
    Time, VPath, Want,
};

use super::HostFs;
use super::reach::{Doing as _, Reach, slot};
use info::{TrashInfo, decode, encode};
use place::TrashPlace;
pub(super) use place::home_trash;
pub use place::name_on_medium;

const INFO_SUFFIX: &str = ".trashinfo";

/// Longest name an item can have so that its information file has one too.
const ITEM_NAME_MAX_BYTES: usize = fs_core::path::NAME_MAX_BYTES - INFO_SUFFIX.len();

impl<R: Reach> Trash for HostFs<R> {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        self.discard_as(path, path)
    }

    fn discard_as(&self, path: &VPath, original: &VPath) -> Result<TrashId> {
        self.move_to_trash(path, original, RenameMode::NoReplace)
            .doing("move to trash", path)
    }

    fn discard_leaving_whiteout(&self, path: &VPath) -> Result<TrashId> {
        self.move_to_trash(path, path, RenameMode::LeaveWhiteout)
            .doing("move to trash", path)
    }

    fn restore_over_whiteout(&self, id: &TrashId, to: &VPath) -> Result<()> {
        let item = self.item(id)?;
        if !self.stat(At::path(to))?.is_whiteout() {
            return Err(Error::new(ErrorKind::NotFound, "restore").with_path(to));
        }
        self.change(&Change::Rename {
            from: At::path(&item.content()),
            to: At::path(to),
            mode: RenameMode::Exchange,
        })
        .doing("restore", to)?;
        // The whiteout is where the item was.
        self.change(&Change::Unlink(At::path(&item.content())))?;
        self.forget(&item)
    }

    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        let item = self.item(id)?;
        self.change(&Change::Rename {
            from: At::path(&item.content()),
            to: At::path(to),
            mode,
        })
        .doing("restore", to)?;
        self.forget(&item)
    }

    fn items(&self) -> Result<Vec<TrashItem>> {
        let mut items = Vec::new();
        for place in self.trash_places()? {
            let folder = place.dir.join(&Name::new("info")?);
            let listing = match self.list(At::path(&folder), &Want::names()) {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                // A medium that does not answer has nothing to show, and must not hide the others.
                Err(_) if place.top.is_some() => continue,
                listing => fs_core::listing::collect(listing?)?,
            };
            for entry in listing.iter() {
                let name = entry.name.as_bytes().strip_suffix(INFO_SUFFIX.as_bytes());
                let Some(Ok(name)) = name.map(|name| Name::new(OsStr::from_bytes(name))) else {
                    continue;
                };
                let item = Item {
                    place: place.clone(),
                    name,
                };
                // A file without information or the other way round is no item (the specification: ignore it).
                if let Ok(found) = self.describe(&item) {
                    items.push(found);
                }
            }
        }
        Ok(items)
    }

    fn purge(&self, id: &TrashId) -> Result<()> {
        let item = self.item(id)?;
        let content = item.content();
        let slot = slot(self.reach()?, At::path(&content)).doing("empty trash", &content)?;
        self.0.written.note(slot.dir.as_fd());
        super::tree::remove(slot.dir.as_fd(), slot.name.as_os_str())
            .doing("empty trash", &content)?;
        self.forget(&item)
    }
}

/// Something in a trash.
struct Item {
    place: TrashPlace,
    name: Name,
}

impl Item {
    fn content(&self) -> VPath {
        self.place.files().join(&self.name)
    }

    fn info(&self) -> Result<VPath> {
        let mut name = self.name.as_os_str().to_os_string();
        name.push(INFO_SUFFIX);
        Ok(self
            .place
            .dir
            .join(&Name::new("info")?)
            .join(&Name::new(name)?))
    }

    fn id(&self) -> TrashId {
        TrashId(encode(self.content().as_os_str().as_bytes()))
    }
}

impl<R: Reach> HostFs<R> {
    /// `mode`: of the rename that moves it, `NoReplace` or `LeaveWhiteout`.
    fn move_to_trash(&self, path: &VPath, original: &VPath, mode: RenameMode) -> Result<TrashId> {
        let Some(name) = path.file_name() else {
            return Err(Error::new(ErrorKind::IsRoot, "move to trash"));
        };
        self.stat(At::path(path))?;
        let place = self.trash_place(path)?;
        self.make_trash(&place)?;
        let info = TrashInfo::new(&place, original).to_text();
        for attempt in 1.. {
            let item = Item {
                place: place.clone(),
                name: item_name(&name, attempt)?,
            };
            let info_path = item.info()?;
            // The information file first: whoever makes it owns the name (the specification).
            let written = match self.open(At::path(&info_path), &OpenOptions::create_new(0o600)) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                file => file?.write_at(info.as_bytes(), 0),
            };
            let moved = written.and_then(|()| {
                let content = item.content();
                // `LeaveWhiteout` would replace.
                if mode != RenameMode::NoReplace && self.stat(At::path(&content)).is_ok() {
                    return Err(Error::new(ErrorKind::AlreadyExists, "move to trash"));
                }
                self.change(&Change::Rename {
                    from: At::path(path),
                    to: At::path(&content),
                    mode,
                })
            });
            match moved {
                Ok(()) => return Ok(item.id()),
                Err(e) => {
                    self.forget(&item)?;
                    // A leftover without information has the name.
                    if e.kind() != ErrorKind::AlreadyExists {
                        return Err(e);
                    }
                }
            }
        }
        Err(Error::new(ErrorKind::TooManyLinks, "move to trash"))
    }

    /// Removes the information about an item that is no longer there.
    fn forget(&self, item: &Item) -> Result<()> {
        let info = item.info()?;
        match self.change(&Change::Unlink(At::path(&info))) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn describe(&self, item: &Item) -> Result<TrashItem> {
        self.stat(At::path(&item.content()))?;
        let info = item.info()?;
        let file = self.open(At::path(&info), &OpenOptions::read())?;
        // A path has at most 4096 bytes, each at most three when encoded.
        let mut text = vec![0; 16 * 1024];
        let len = file.read_at(&mut text, 0)?;
        text.truncate(len);
        let info = TrashInfo::parse(&text).ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, "read trash").with_path(info.as_os_str())
        })?;
        Ok(TrashItem {
            id: item.id(),
            original: info.original(&item.place)?,
            deleted: info.deleted.unwrap_or(Time::from_nanos(0)),
        })
    }

    /// The item an id names. An id comes from a file that others may have written, so only what lies in a trash is taken for one.
    fn item(&self, id: &TrashId) -> Result<Item> {
        let unknown = || Error::new(ErrorKind::NotFound, "find in trash").with_path(&id.0);
        let path = decode(&id.0).ok_or_else(unknown)?;
        let (files, name) = VPath::new(OsStr::from_bytes(&path))
            .ok()
            .and_then(|path| path.split_last())
            .ok_or_else(unknown)?;
        let place = files
            .parent()
            .and_then(|dir| self.trash_at(&dir))
            .filter(|place| place.files() == files)
            .ok_or_else(unknown)?;
        let item = Item { place, name };
        self.stat(At::path(&item.content()))
            .map_err(|_| unknown())?;
        Ok(item)
    }

    fn make_trash(&self, place: &TrashPlace) -> Result<()> {
        let private = NewNode::directory().with_mode(0o700);
        let above: Vec<VPath> = std::iter::successors(Some(place.dir.clone()), VPath::parent)
            .take_while(|dir| self.stat(At::path(dir).following()).is_err())
            .collect();
        let parts = [place.files(), place.dir.join(&Name::new("info")?)];
        for dir in above.iter().rev().chain(&parts) {
            match self.change(&Change::Create(At::path(dir), &private)) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        if place.top.is_some() {
            // Somebody else's folder, or a link, is no place for our files.
            let found = self.stat(At::path(&place.dir))?;
            if !found.is_dir() || found.uid != rustix::process::geteuid().as_raw() {
                return Err(Error::new(ErrorKind::PermissionDenied, "move to trash")
                    .with_detail("the trash of this medium belongs to somebody else"));
            }
        }
        Ok(())
    }
}

/// `name`, cut so that its information file can be named, and numbered from the second attempt on.
fn item_name(name: &Name, attempt: usize) -> Result<Name> {
    let suffix = if attempt == 1 {
        String::new()
    } else {
        format!(".{attempt}")
    };
    let bytes = name.as_bytes();
    let keep = bytes.len().min(ITEM_NAME_MAX_BYTES - suffix.len());
    let mut cut = OsString::from(OsStr::from_bytes(bytes.get(..keep).unwrap_or(bytes)));
    cut.push(suffix);
    Name::new(cut)
}
