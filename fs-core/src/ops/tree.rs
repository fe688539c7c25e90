//! What a scan found: sources, flattened, each with what stands at its target.

use std::ops::Range;

use super::place::Place;
use super::preflight::ProblemKind;
use crate::metadata::Metadata;
use crate::path::{Name, VPath};

/// The sources of an operation with all that is below them; parents come before their children.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// What was asked for, in order.
    pub roots: Vec<Root>,
    /// Everything, the items of one root together.
    pub items: Vec<Item>,
}

/// One source.
#[derive(Clone, Debug)]
pub struct Root {
    /// Where it is.
    pub source: Place,
    /// Where it goes, before any conflict is settled.
    pub target: Place,
    /// Its items; the first is the source itself. Empty when it could not be looked at.
    pub items: Range<usize>,
    /// It goes beside itself, under another name.
    pub beside: bool,
}

/// A file, folder, link or special node.
#[derive(Clone, Debug)]
pub struct Item {
    /// Index of the folder it is in; `None` for a source itself.
    pub parent: Option<usize>,
    /// Its name (of a filesystem's root: that of its target).
    pub name: Option<Name>,
    /// Of a folder that was looked into: its path at the source.
    pub folder: Option<VPath>,
    /// Its metadata.
    pub metadata: Metadata,
    /// What has its name at the target.
    pub at_target: AtTarget,
    /// Why it can't be handled.
    pub problem: Option<ProblemKind>,
    /// Its content was not looked into: it is renamed as a whole.
    pub whole: bool,
}

/// What stands at the target of an item.
#[derive(Clone, Debug)]
pub enum AtTarget {
    /// Nothing.
    Free,
    /// A folder that meets a folder: they merge.
    Folder,
    /// Something that has to be decided about.
    Taken(Metadata),
}

impl Tree {
    /// The path of an item below `base`, the path of its root.
    pub fn path_below(&self, index: usize, base: &VPath) -> VPath {
        let mut names = Vec::new();
        let mut at = self.items.get(index);
        while let Some(item) = at {
            let Some(parent) = item.parent else { break };
            names.extend(item.name.as_ref());
            at = self.items.get(parent);
        }
        let mut path = std::ffi::OsString::from(base.as_os_str());
        for name in names.into_iter().rev() {
            if path != "/" {
                path.push("/");
            }
            path.push(name.as_os_str());
        }
        // Made of valid parts.
        VPath::new(path).unwrap_or_else(|_| base.clone())
    }

    /// The root an item belongs to.
    pub fn root_of(&self, index: usize) -> Option<&Root> {
        let after = self.roots.partition_point(|root| root.items.start <= index);
        self.roots
            .get(..after)?
            .iter()
            .rev()
            .find(|root| root.items.contains(&index))
    }

    /// The source place of an item.
    pub fn source(&self, index: usize) -> Option<Place> {
        let root = &self.root_of(index)?.source;
        let item = self.items.get(index)?;
        let folder = item.parent.and_then(|p| self.items.get(p)?.folder.as_ref());
        Some(match (folder, &item.name) {
            (Some(folder), Some(name)) => root.with_path(folder.join(name)),
            _ => root.with_path(self.path_below(index, &root.path)),
        })
    }

    /// The target place of an item as asked, before any conflict is settled.
    pub fn target(&self, index: usize) -> Option<Place> {
        let root = &self.root_of(index)?.target;
        Some(root.with_path(self.path_below(index, &root.path)))
    }
}
