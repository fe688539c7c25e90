//! Which entries of a tab are selected, by name, so that a selection survives refreshing, sorting and streaming.

use std::collections::HashSet;
use std::ffi::OsStr;

use super::RelPath;

/// A set of entries of one tab. Selecting everything costs nothing, however many entries there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Only(HashSet<RelPath>),
    /// All but these.
    AllBut(HashSet<RelPath>),
}

impl Default for Selection {
    fn default() -> Self {
        Self::none()
    }
}

impl Selection {
    /// Nothing.
    pub fn none() -> Self {
        Self::Only(HashSet::new())
    }

    /// Everything.
    pub fn all() -> Self {
        Self::AllBut(HashSet::new())
    }

    /// One name.
    pub fn one(name: RelPath) -> Self {
        Self::Only(HashSet::from([name]))
    }

    /// Is `name` in it?
    pub fn contains(&self, name: &OsStr) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::AllBut(names) => !names.contains(name),
        }
    }

    /// Is surely nothing selected? (`AllBut` of every name counts as something.)
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(names) if names.is_empty())
    }

    /// Puts `name` in or takes it out.
    pub fn set(&mut self, name: RelPath, selected: bool) {
        match (self, selected) {
            (Self::Only(names), true) | (Self::AllBut(names), false) => {
                names.insert(name);
            }
            (Self::Only(names), false) | (Self::AllBut(names), true) => {
                names.remove(&name);
            }
        }
    }

    /// Takes `name` out if it is in, otherwise puts it in.
    pub fn toggle(&mut self, name: RelPath) {
        let selected = self.contains(name.as_os_str());
        self.set(name, !selected);
    }

    /// What was selected is not, and the other way round.
    pub fn invert(&mut self) {
        *self = match std::mem::take(self) {
            Self::Only(names) => Self::AllBut(names),
            Self::AllBut(names) => Self::Only(names),
        };
    }

    /// How many of `total` entries are selected, when every name in the set exists.
    pub fn count(&self, total: usize) -> usize {
        match self {
            Self::Only(names) => names.len().min(total),
            Self::AllBut(names) => total.saturating_sub(names.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RelPath {
        RelPath::new(OsStr::new(text)).unwrap()
    }

    #[test]
    fn all_but_behaves_like_its_complement() {
        let mut all = Selection::all();
        all.toggle(name("a"));
        assert!(!all.contains(OsStr::new("a")));
        assert!(all.contains(OsStr::new("b")));
        assert_eq!(all.count(10), 9);
        all.invert();
        assert_eq!(all, Selection::one(name("a")));
        all.set(name("a"), false);
        assert!(all.is_none());
    }
}
