//! Looking before doing: walks the sources, compares with the target, fills in a [`Tree`] and a [`Preflight`].
//!
//! Never follows a link, never recurses on the stack. What can't be looked at becomes a problem of that item; only `Cancelled` ends a scan.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;

use super::fate;
use super::meter::Reporter;
use super::operation::Transfer;
use super::place::{Filesystems, Place};
use super::preflight::{Loss, Preflight, Problem, ProblemKind};
use super::target::Target;
use super::tree::{AtTarget, Item, Root, Tree};
use crate::backend::{At, Backend, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::listing::EntryBatch;
use crate::metadata::Metadata;
use crate::path::{Name, VPath};

/// A folder with at least so many entries is compared with a listing of the target, a smaller one by asking for each name.
const LIST_TARGET_FROM: usize = 32;

pub(super) struct Scanner<'a, 'm> {
    filesystems: &'a dyn Filesystems,
    reporter: &'a mut Reporter<'m>,
    pub(super) tree: Tree,
    pub(super) preflight: Preflight,
}

/// A folder to look into, and the folder at the target it meets.
struct Open {
    index: usize,
    path: VPath,
    meets: Option<VPath>,
}

/// How the items of a root go to a target.
#[derive(Clone, Copy)]
struct Way<'t> {
    source: &'t dyn Backend,
    place: &'t Place,
    target: Option<&'t Target>,
    /// What has no folder of its name at the target is renamed as a whole.
    rename: bool,
}

impl<'a, 'm> Scanner<'a, 'm> {
    pub(super) fn new(filesystems: &'a dyn Filesystems, reporter: &'a mut Reporter<'m>) -> Self {
        Self {
            filesystems,
            reporter,
            tree: Tree::default(),
            preflight: Preflight::default(),
        }
    }

    /// Sources on their way into a folder. Errors: the folder can't be reached, `Cancelled`.
    pub(super) fn transfer(&mut self, transfer: &Transfer, moving: bool) -> Result<()> {
        let target = Target::open(self.filesystems, &transfer.into)?;
        let folder = if transfer.contents {
            transfer.into.parent().unwrap_or(transfer.into.clone())
        } else {
            transfer.into.clone()
        };
        let there = target.backend.stat(At::path(&folder.path))?;
        if !there.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "copy").with_path(&folder.path));
        }
        let mut names = HashSet::new();
        for source in &transfer.sources {
            let wanted = if transfer.contents {
                transfer.into.clone()
            } else {
                let name = transfer.name.clone().or(source.path.file_name());
                match name.map_or_else(|| Name::new(source.fs.label()), Ok) {
                    Ok(name) => transfer.into.join(&name),
                    Err(e) => {
                        self.refuse(source, ProblemKind::IllegalName(e));
                        continue;
                    }
                }
            };
            if !transfer.contents && !names.insert(wanted.clone()) {
                self.refuse(source, ProblemKind::TwinName);
                continue;
            }
            let beside = !moving && *source == wanted;
            let rename = moving && source.fs == wanted.fs;
            self.root(source, &wanted, Some(&target), rename, beside)?;
        }
        self.preflight.free_bytes = target.free_bytes();
        self.collect();
        Ok(())
    }

    /// Items with the places they go to, all in one filesystem, copied even where they could be renamed.
    pub(super) fn pairs(&mut self, pairs: &[(Place, Place)]) -> Result<()> {
        for (source, wanted) in pairs {
            let folder = wanted.parent().unwrap_or_else(|| wanted.clone());
            let target = Target::open(self.filesystems, &folder)?;
            self.root(source, wanted, Some(&target), false, false)?;
        }
        self.collect();
        Ok(())
    }

    /// Items that go beside themselves.
    pub(super) fn duplicates(&mut self, items: &[Place]) -> Result<()> {
        for item in items {
            let Some(folder) = item.parent() else {
                self.refuse(item, ProblemKind::IntoItself);
                continue;
            };
            let target = Target::open(self.filesystems, &folder)?;
            self.root(item, item, Some(&target), false, true)?;
            self.preflight.free_bytes = target.free_bytes();
        }
        self.collect();
        Ok(())
    }

    /// Items that are changed or removed where they are, with all below them if `deep`.
    pub(super) fn in_place(&mut self, items: &[Place], deep: bool) -> Result<()> {
        for item in items {
            let way_is_rename = !deep;
            self.root(item, item, None, way_is_rename, false)?;
        }
        self.collect();
        Ok(())
    }

    fn refuse(&mut self, source: &Place, kind: ProblemKind) {
        self.preflight.problems.push(Problem {
            source: source.clone(),
            kind,
        });
    }

    fn root(
        &mut self,
        source: &Place,
        wanted: &Place,
        target: Option<&Target>,
        rename: bool,
        beside: bool,
    ) -> Result<()> {
        self.reporter.check()?;
        let start = self.tree.items.len();
        let found = self
            .filesystems
            .backend(&source.fs)
            .and_then(|backend| Ok((backend.stat(At::path(&source.path))?, backend)));
        let (metadata, backend) = match found {
            Ok(found) => found,
            Err(e) => {
                self.refuse(source, ProblemKind::Unreadable(e));
                return Ok(());
            }
        };
        let way = Way {
            source: &*backend,
            place: source,
            target,
            rename,
        };
        let meets = target
            .filter(|_| !beside)
            .and_then(|t| t.backend.stat(At::path(&wanted.path)).ok());
        let name = wanted.path.file_name();
        let item = self.item(way, None, name, metadata, meets);
        self.tree.items.push(item);
        let meets = matches!(meets, Some(m) if m.is_dir()).then(|| wanted.path.clone());
        self.descend(way, start, meets)?;
        self.tree.roots.push(Root {
            source: source.clone(),
            target: wanted.clone(),
            items: start..self.tree.items.len(),
            beside,
        });
        Ok(())
    }

    /// One item, counted.
    fn item(
        &mut self,
        way: Way<'_>,
        parent: Option<usize>,
        name: Option<Name>,
        metadata: Metadata,
        meets: Option<Metadata>,
    ) -> Item {
        let at_target = match meets {
            None => AtTarget::Free,
            Some(there) if there.is_dir() && metadata.is_dir() => AtTarget::Folder,
            Some(there) => AtTarget::Taken(there),
        };
        let whole = way.rename && !matches!(at_target, AtTarget::Folder);
        let problem = way
            .target
            .and_then(|target| problem(target, name.as_ref(), &metadata, meets.as_ref(), whole));
        if problem.is_none() {
            let bytes = if metadata.is_file() && !whole && way.target.is_some() {
                metadata.size
            } else {
                0
            };
            self.preflight.items += 1;
            self.preflight.bytes += bytes;
            self.reporter.found(1, bytes);
            if let Some(target) = way.target.filter(|_| !whole) {
                for loss in target.losses(&metadata) {
                    *self.preflight.losses.entry(loss).or_default() += 1;
                }
            }
        }
        Item {
            parent,
            name,
            folder: None,
            metadata,
            at_target,
            problem,
            whole,
        }
    }

    /// Everything below the item at `start`.
    fn descend(&mut self, way: Way<'_>, start: usize, meets: Option<VPath>) -> Result<()> {
        let mut stack = Vec::new();
        let path = way.place.path.clone();
        self.open(start, path, meets, &mut stack);
        while let Some(folder) = stack.pop() {
            let children = match self.children(way, &folder) {
                Ok(children) => children,
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => {
                    if let Some(item) = self.tree.items.get_mut(folder.index) {
                        item.problem = Some(ProblemKind::Unreadable(e));
                    }
                    continue;
                }
            };
            let there = Meeting::of(way.target, folder.meets.as_ref(), children.len())?;
            let mut seen = HashSet::new();
            for (name, metadata) in children {
                let meets = there.stat(&name);
                let index = self.tree.items.len();
                let child_path = folder.path.join(&name);
                let meets_path = match (&folder.meets, meets) {
                    (Some(at), Some(m)) if m.is_dir() => Some(at.join(&name)),
                    _ => None,
                };
                let twin = way.target.is_some_and(|t| t.folds_case())
                    && !seen.insert(name.display().to_lowercase());
                self.look_at(way, &child_path, &metadata);
                let mut item = self.item(way, Some(folder.index), Some(name), metadata, meets);
                if twin {
                    item.problem = Some(ProblemKind::TwinName);
                }
                self.tree.items.push(item);
                self.open(index, child_path, meets_path, &mut stack);
            }
        }
        Ok(())
    }

    /// Puts a folder that has to be looked into on the stack.
    fn open(&mut self, index: usize, path: VPath, meets: Option<VPath>, stack: &mut Vec<Open>) {
        let Some(item) = self.tree.items.get_mut(index) else {
            return;
        };
        if item.metadata.is_dir() && !item.whole && item.problem.is_none() {
            item.folder = Some(path.clone());
            stack.push(Open { index, path, meets });
        }
    }

    fn children(&mut self, way: Way<'_>, folder: &Open) -> Result<Vec<(Name, Metadata)>> {
        let mut listing = way.source.list(At::path(&folder.path), &Want::metadata())?;
        let mut batch = EntryBatch::new();
        let mut children = Vec::new();
        loop {
            self.reporter.check()?;
            let more = listing.next(&mut batch)?;
            for entry in batch.iter() {
                let name = Name::new(entry.name)?;
                let metadata = match entry.metadata {
                    Some(metadata) => *metadata,
                    None => way.source.stat(At::path(&folder.path.join(&name)))?,
                };
                children.push((name, metadata));
            }
            batch.clear();
            if !more {
                return Ok(children);
            }
        }
    }

    /// What metadata alone does not tell: where a link leads, whether there are extended attributes to lose.
    fn look_at(&mut self, way: Way<'_>, path: &VPath, metadata: &Metadata) {
        let Some(target) = way.target.filter(|_| !way.rename) else {
            return;
        };
        if metadata.is_symlink() && target.fs != way.place.fs {
            let depth = path.depth().saturating_sub(way.place.path.depth());
            let leads = way.source.read_link(At::path(path));
            if leads.is_ok_and(|leads| escapes(&leads, target.depth + depth)) {
                let place = way.place.with_path(path.clone());
                self.preflight.escaping_links.push(place);
            }
        }
        if target.drops_xattrs() {
            let names = way.source.list_xattrs(At::path(path));
            if names.is_ok_and(|names| !names.is_empty()) {
                *self.preflight.losses.entry(Loss::Xattrs).or_default() += 1;
            }
        }
    }

    /// Lists what has to be asked or told.
    fn collect(&mut self) {
        for (index, item) in self.tree.items.iter().enumerate() {
            if let (Some(kind), Some(source)) = (&item.problem, self.tree.source(index)) {
                let kind = kind.clone();
                self.preflight.problems.push(Problem { source, kind });
            } else if let Some(conflict) = fate::conflict(&self.tree, index) {
                self.preflight.conflicts.push(conflict);
            }
        }
    }
}

/// What the names of a folder meet at the target.
enum Meeting<'t> {
    Nothing,
    Ask(&'t Target, &'t VPath),
    Listed(HashMap<Name, Metadata>),
}

impl<'t> Meeting<'t> {
    fn of(target: Option<&'t Target>, at: Option<&'t VPath>, count: usize) -> Result<Self> {
        let (Some(target), Some(at)) = (target, at) else {
            return Ok(Self::Nothing);
        };
        if count < LIST_TARGET_FROM || target.folds_case() {
            return Ok(Self::Ask(target, at));
        }
        let mut names = HashMap::new();
        let listing = target.backend.list(At::path(at), &Want::metadata())?;
        let all = crate::listing::collect(listing)?;
        for entry in all.iter() {
            let name = Name::new(entry.name)?;
            let metadata = match entry.metadata {
                Some(metadata) => *metadata,
                None => target.backend.stat(At::path(&at.join(&name)))?,
            };
            names.insert(name, metadata);
        }
        Ok(Self::Listed(names))
    }

    fn stat(&self, name: &Name) -> Option<Metadata> {
        match self {
            Self::Nothing => None,
            Self::Ask(target, at) => target.backend.stat(At::path(&at.join(name))).ok(),
            Self::Listed(names) => names.get(name).copied(),
        }
    }
}

/// Why an item can't go to the target.
fn problem(
    target: &Target,
    name: Option<&Name>,
    metadata: &Metadata,
    meets: Option<&Metadata>,
    whole: bool,
) -> Option<ProblemKind> {
    if meets.is_some_and(|there| there.id == metadata.id) {
        return Some(ProblemKind::SameFile);
    }
    if metadata.is_dir() && target.ancestors.contains(&metadata.id) {
        return Some(ProblemKind::IntoItself);
    }
    if let Some(Err(e)) = name.map(|name| target.check_name(name)) {
        return Some(ProblemKind::IllegalName(e));
    }
    (!whole && !target.holds(metadata.kind)).then_some(ProblemKind::UnsupportedKind)
}

/// Does a link in a folder so deep lead above the root?
fn escapes(leads: &OsStr, depth: usize) -> bool {
    let bytes = leads.as_encoded_bytes();
    if bytes.starts_with(b"/") {
        return true;
    }
    let mut at = depth;
    for part in bytes.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if at == 0 => return true,
            b".." => at -= 1,
            _ => at += 1,
        }
    }
    false
}
