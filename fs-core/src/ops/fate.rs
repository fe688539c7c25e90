//! The planner: what happens to each item, from what the scan found and what was answered. Pure: it touches nothing.

use super::preflight::{Conflict, Decision, Decisions};
use super::tree::{AtTarget, Item, Tree};

/// What happens to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is made at the target under its own name, which is free.
    Make,
    /// It is made under another name.
    MakeBeside,
    /// A folder whose content goes into the folder that is there.
    Merge,
    /// It takes the place of a file that goes to the trash.
    Replace,
    /// It stays, by decision.
    Skip,
    /// It stays because it can't be handled.
    Refuse,
    /// It stays because the folder it is in stays.
    Stay,
}

impl Fate {
    /// Does it arrive at the target?
    pub fn goes(self) -> bool {
        matches!(
            self,
            Self::Make | Self::MakeBeside | Self::Merge | Self::Replace
        )
    }
}

/// The fate of every item, in order.
pub fn fates(tree: &Tree, decisions: &Decisions) -> Vec<Fate> {
    let mut fates: Vec<Fate> = Vec::with_capacity(tree.items.len());
    for (index, item) in tree.items.iter().enumerate() {
        let parent = item.parent.and_then(|parent| fates.get(parent).copied());
        fates.push(match parent {
            Some(parent) if !parent.goes() => Fate::Stay,
            _ if item.problem.is_some() => Fate::Refuse,
            None if tree.root_of(index).is_some_and(|root| root.beside) => Fate::MakeBeside,
            // Nothing can stand in a folder that is new.
            Some(Fate::Make | Fate::MakeBeside) => Fate::Make,
            _ => by_target(tree, index, item, decisions),
        });
    }
    fates
}

fn by_target(tree: &Tree, index: usize, item: &Item, decisions: &Decisions) -> Fate {
    match &item.at_target {
        AtTarget::Free => Fate::Make,
        AtTarget::Folder => Fate::Merge,
        AtTarget::Taken(_) => match conflict(tree, index).map(|c| decisions.of(&c)) {
            Some(Decision::KeepBoth) => Fate::MakeBeside,
            Some(Decision::Replace) => Fate::Replace,
            _ => Fate::Skip,
        },
    }
}

/// The conflict of an item, if it has one.
pub fn conflict(tree: &Tree, index: usize) -> Option<Conflict> {
    let item = tree.items.get(index)?;
    let AtTarget::Taken(target_metadata) = item.at_target else {
        return None;
    };
    Some(Conflict {
        source: tree.source(index)?,
        source_metadata: item.metadata,
        target: tree.target(index)?,
        target_metadata,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::place::{FsRef, Place};
    use super::super::preflight::ProblemKind;
    use super::super::tree::Root;
    use super::*;
    use crate::metadata::{FileId, FileKind, Metadata, Time};
    use crate::path::{Name, VPath};

    fn metadata(kind: FileKind, ino: u64, mtime: i64) -> Metadata {
        let time = Time::from_nanos(mtime);
        Metadata {
            id: FileId { fs: 1, ino },
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            nlink: 1,
            size: 1,
            allocated: 1,
            rdev: 0,
            mtime: time,
            ctime: time,
            atime: time,
            btime: None,
        }
    }

    prop_compose! {
        /// Per item: which earlier folder it is in, is it a folder, what is at the target (free, folder, file older, file newer), is there a problem.
        fn any_tree()(spec in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), 0u8..5, 0u8..8), 1..60)) -> Tree {
            let mut tree = Tree::default();
            for (number, (parent, folder, target, problem)) in spec.into_iter().enumerate() {
                let folders: Vec<usize> = tree.items.iter().enumerate().filter(|(_, i)| i.metadata.is_dir()).map(|(n, _)| n).collect();
                let parent = (number > 0 && !folders.is_empty()).then(|| folders[parent.index(folders.len())]);
                if number > 0 && parent.is_none() {
                    break;
                }
                let kind = if folder { FileKind::Directory } else { FileKind::File };
                let there = match target {
                    0 | 1 => AtTarget::Free,
                    2 if folder => AtTarget::Folder,
                    2 => AtTarget::Taken(metadata(FileKind::Directory, 0, 5)),
                    3 => AtTarget::Taken(metadata(FileKind::File, 0, 1)),
                    _ => AtTarget::Taken(metadata(FileKind::File, 0, 9)),
                };
                tree.items.push(Item {
                    parent,
                    name: Some(Name::new(format!("n{number}")).unwrap()),
                    folder: None,
                    metadata: metadata(kind, number as u64, 5),
                    at_target: there,
                    problem: (problem == 0).then_some(ProblemKind::SameFile),
                    whole: false,
                });
            }
            let root = |fs| Place::new(FsRef::new(fs), VPath::new("/n0").unwrap());
            tree.roots.push(Root { source: root("a"), target: root("b"), items: 0..tree.items.len(), beside: false });
            tree
        }
    }

    fn any_decision() -> impl Strategy<Value = Decision> {
        prop::sample::select(vec![
            Decision::Skip,
            Decision::Replace,
            Decision::KeepBoth,
            Decision::ReplaceIfNewer,
        ])
    }

    proptest! {
        #[test]
        fn nothing_is_replaced_that_must_not_be(tree in any_tree(), rest in any_decision(), each in prop::collection::vec(any_decision(), 60)) {
            let each: HashMap<Place, Decision> = (0..tree.items.len()).zip(each).filter(|(n, _)| n % 2 == 0)
                .map(|(n, d)| (tree.target(n).unwrap(), d)).collect();
            let decisions = Decisions { rest, each };
            let fates = fates(&tree, &decisions);
            prop_assert_eq!(fates.len(), tree.items.len());
            for (index, (item, fate)) in tree.items.iter().zip(&fates).enumerate() {
                let parent = item.parent.map(|p| fates[p]);
                // What is in something that stays, stays.
                prop_assert!(parent.is_none_or(Fate::goes) || *fate == Fate::Stay);
                // A problem never goes.
                prop_assert!(item.problem.is_none() || !fate.goes());
                match fate {
                    Fate::Replace => {
                        let AtTarget::Taken(there) = &item.at_target else { panic!("replaces nothing") };
                        prop_assert!(!there.is_dir() && !item.metadata.is_dir(), "a folder was replaced");
                        prop_assert_eq!(parent.unwrap_or(Fate::Merge), Fate::Merge);
                        let wanted = decisions.each.get(&tree.target(index).unwrap()).unwrap_or(&rest);
                        prop_assert!(matches!(wanted, Decision::Replace | Decision::ReplaceIfNewer));
                        prop_assert!(*wanted == Decision::Replace || there.mtime < item.metadata.mtime);
                    }
                    Fate::Merge => prop_assert!(item.metadata.is_dir() && matches!(item.at_target, AtTarget::Folder)),
                    // A name that is taken is never just made.
                    Fate::Make => prop_assert!(matches!(item.at_target, AtTarget::Free) || matches!(parent, Some(Fate::Make | Fate::MakeBeside))),
                    _ => {}
                }
            }
        }

        #[test]
        fn a_duplicate_touches_nothing_that_is_there(mut tree in any_tree()) {
            tree.roots[0].beside = true;
            let fates = fates(&tree, &Decisions::all(Decision::Replace));
            prop_assert!(fates.iter().all(|fate| !matches!(fate, Fate::Replace | Fate::Merge)));
        }

        #[test]
        fn paths_follow_the_names(tree in any_tree()) {
            for (index, item) in tree.items.iter().enumerate() {
                let source = tree.source(index).unwrap().path;
                if let Some(parent) = item.parent {
                    prop_assert_eq!(source.parent(), tree.source(parent).map(|p| p.path));
                    prop_assert_eq!(source.file_name(), item.name.clone());
                }
            }
        }
    }
}
