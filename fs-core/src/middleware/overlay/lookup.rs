//! What the two layers together have at a path.
//!
//! An entry of the upper wins; a mark in the upper hides the base's entry; two directories merge unless the upper's is opaque; and nothing of the base shows
//! below an ancestor that is hidden, opaque or no directory in the upper. The path is walked component by component in both layers, so no layer ever follows
//! a link: links are resolved above, in the merged view.

use super::core::Core;
use super::upper::{Facts, Seen, no_xattr};
use super::xattr;
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileId, Metadata};
use crate::path::VPath;

/// Which layers a visible directory consists of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dir {
    /// The upper has it.
    pub upper: bool,
    /// The base has it, and shows.
    pub base: bool,
    /// What the upper says about it.
    pub facts: Facts,
}

/// Both layers at one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The upper's node.
    pub upper: Option<Metadata>,
    /// The base's node, provided no ancestor hides it; known only when it matters or a full walk was asked for.
    pub base: Option<Metadata>,
    /// A mark in the upper hides the base's node.
    pub marked: bool,
    /// A whiteout node sits on the name in the upper.
    pub whiteout: bool,
    /// The upper's node is a directory of this nature.
    pub facts: Facts,
    /// The directory it is in.
    pub parent: Dir,
}

impl Entry {
    /// The base's node, unless a mark hides it.
    fn shown_base(&self) -> Option<&Metadata> {
        self.base.as_ref().filter(|_| !self.marked)
    }

    /// The node a user sees, as its layer describes it.
    pub fn visible(&self) -> Option<&Metadata> {
        self.upper.as_ref().or(self.shown_base())
    }

    /// A directory of both layers?
    pub fn merged(&self) -> bool {
        self.upper.is_some_and(|m| m.is_dir()) && self.shown_base().is_some_and(Metadata::is_dir)
    }

    /// Do both names show one node? By the layers, for a copy that moved away has the number of what it was copied from, which may show again.
    pub fn is_same_node(&self, other: &Self) -> bool {
        let id = |entry: &Self| entry.visible().map(|node| (entry.upper.is_some(), node.id));
        id(self).is_some() && id(self) == id(other)
    }

    /// The node a user sees, or `NotFound`.
    pub fn found(&self) -> Result<&Metadata> {
        self.visible()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "look up"))
    }

    /// As a directory to look into; `NotFound`, `NotADirectory`.
    pub fn as_dir(&self) -> Result<Dir> {
        if !self.found()?.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "look up"));
        }
        Ok(Dir {
            upper: self.upper.is_some(),
            base: self.shown_base().is_some_and(Metadata::is_dir),
            facts: self.facts,
        })
    }
}

impl Core {
    /// What is visible at `path`. `NotFound` / `NotADirectory` for an ancestor; a missing last component is an entry with nothing visible.
    pub(super) fn look(&self, path: &VPath) -> Result<Entry> {
        self.walk(path, false)
    }

    /// As [`Core::look`], and what the base has at `path` even where the upper hides it: what a deletion needs to know.
    pub(super) fn look_full(&self, path: &VPath) -> Result<Entry> {
        self.walk(path, true)
    }

    fn walk(&self, path: &VPath, full: bool) -> Result<Entry> {
        let Some(parent) = path.parent() else {
            return self.root_entry();
        };
        let Some(dir) = self.directory(&parent)? else {
            return self.base_only(path);
        };
        if !dir.upper && !self.base_walks() {
            return self.base_only(path);
        }
        self.step(path, dir, full)
    }

    /// The visible directory at `path`; `None` when it is somewhere below a directory that only the base has, where the base alone answers.
    fn directory(&self, path: &VPath) -> Result<Option<Dir>> {
        let mut below = Vec::new();
        let mut at = path.clone();
        let moment = self.dirs.moment();
        let mut dir = loop {
            if let Some(dir) = self.dirs.get(&at) {
                break dir;
            }
            let Some(parent) = at.parent() else {
                let dir = self.root_entry()?.as_dir()?;
                self.dirs.put(at, dir, moment);
                break dir;
            };
            below.push(std::mem::replace(&mut at, parent));
        };
        while let Some(at) = below.pop() {
            if !dir.upper && !self.base_walks() {
                return Ok(None);
            }
            dir = self.step(&at, dir, false)?.as_dir()?;
            self.dirs.put(at, dir, moment);
        }
        Ok(Some(dir))
    }

    /// One step down.
    fn step(&self, at: &VPath, parent: Dir, full: bool) -> Result<Entry> {
        let Seen {
            node,
            mut marked,
            whiteout,
        } = if parent.upper {
            self.upper.look(at, parent.facts.file_whiteouts)?
        } else {
            Seen::default()
        };
        let mut facts = Facts::default();
        if node.is_some_and(|m| m.is_dir()) {
            facts = self.upper.facts(at)?;
            marked |= facts.opaque;
        }
        let shows = !marked && node.is_none_or(|m| m.is_dir());
        let base = if parent.base && (full || shows) {
            self.base.look(at)?
        } else {
            None
        };
        Ok(Entry {
            upper: node,
            base,
            marked,
            whiteout,
            facts,
            parent,
        })
    }

    /// Below a directory that only the base has, the base alone answers, and knows why something is missing.
    fn base_only(&self, path: &VPath) -> Result<Entry> {
        let found = match self.base.stat(At::path(path)) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // A missing last component is no error, a missing ancestor is.
        if found.is_none()
            && let Some(dir) = path.parent()
            && !self.base.stat(At::path(&dir))?.is_dir()
        {
            return Err(Error::new(ErrorKind::NotADirectory, "look up"));
        }
        Ok(Entry {
            upper: None,
            base: found,
            marked: false,
            whiteout: false,
            facts: Facts::default(),
            parent: Dir {
                upper: false,
                base: true,
                facts: Facts::default(),
            },
        })
    }

    /// Must the base be walked step by step, because the system would follow links in the middle?
    fn base_walks(&self) -> bool {
        self.base
            .capabilities(&VPath::root())
            .contains(Capabilities::SELF_RESOLVING)
    }

    fn root_entry(&self) -> Result<Entry> {
        let root = VPath::root();
        let facts = self.upper.facts(&root)?;
        let upper = self.upper.backend().stat(At::path(&root))?;
        Ok(Entry {
            upper: Some(upper),
            base: self.base.look(&root)?,
            marked: facts.opaque,
            whiteout: false,
            facts,
            parent: Dir {
                upper: true,
                base: true,
                facts,
            },
        })
    }

    /// What `stat` says about the visible node of `entry`, which is at `path`.
    pub(super) fn describe(&self, path: &VPath, entry: &Entry) -> Result<Metadata> {
        let mut metadata = *entry.found()?;
        if path.is_root() {
            if let Some(base) = entry.base
                && !self.root_is_ours(&metadata)?
            {
                metadata = base;
            }
            metadata.id = self.ids()?.root();
        } else if let Some(upper) = &entry.upper {
            metadata.id = self.upper_id(At::path(&self.upper.kept(path)?), upper.id)?;
        } else {
            metadata.id = self.ids()?.base(metadata.id);
        }
        if entry.merged() {
            metadata.nlink = MERGED_LINKS;
            self.note_merged(entry.base.as_ref(), metadata.id)?;
        }
        Ok(metadata)
    }

    /// The number of a node of the upper: that of its origin, where it has one. `at` is a place in the upper.
    pub(super) fn upper_id(&self, at: At<'_>, id: FileId) -> Result<FileId> {
        let ids = self.ids()?;
        Ok(match self.origin(at, id)? {
            Some(origin) => {
                let number = ids.base(origin);
                self.told.note_copy(id, number);
                number
            }
            None => ids.upper(id),
        })
    }

    /// Which base node a node of the upper was copied from.
    pub(super) fn origin(&self, at: At<'_>, id: FileId) -> Result<Option<FileId>> {
        let ids = self.ids()?;
        if let Some(origin) = ids.remembered(id) {
            return Ok(Some(origin));
        }
        if !self.upper.has(Capabilities::XATTRS) {
            return Ok(None);
        }
        let value = no_xattr(
            self.upper
                .backend()
                .get_xattr(at, std::ffi::OsStr::new(xattr::ORIGIN)),
        )?;
        Ok(value.and_then(|value| ids.read_origin(&value)))
    }
}

/// Link count of a directory of both layers: as on filesystems that do not count subdirectories, so that no reader infers their number from it.
pub(super) const MERGED_LINKS: u64 = 1;
