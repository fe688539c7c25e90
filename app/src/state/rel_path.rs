//! Which entry of a tab is meant: its way from the folder the tab shows.

use std::borrow::{Borrow, Cow};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use fs_core::ops::Place;
use fs_core::{Name, VPath};

/// The name of an entry in the folder, or, of what was found below it, the names of folders and the entry joined by slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelPath(Arc<OsStr>);

impl RelPath {
    /// Checks `path`; `None`: it is no name, nor several.
    pub fn new(path: &OsStr) -> Option<Self> {
        let rest = path.as_encoded_bytes();
        if !rest.contains(&b'/') {
            return Name::new(path).ok().map(Self::from);
        }
        let whole = VPath::new(joined(OsStr::new(""), path)).ok()?;
        (whole.as_os_str().len() == path.len() + 1).then(|| Self(path.into()))
    }

    /// The way from the folder `from` to `to`; `None`: it is not below.
    pub fn between(from: &VPath, to: &VPath) -> Option<Self> {
        let below = to.strip_prefix(from).filter(|below| !below.is_root())?;
        Some(Self(
            below.as_path().strip_prefix("/").ok()?.as_os_str().into(),
        ))
    }

    /// Where it is, seen from `folder`.
    pub fn at(&self, folder: &Place) -> Place {
        folder.with_path(self.in_folder(&folder.path))
    }

    /// The same within a filesystem.
    pub fn in_folder(&self, folder: &VPath) -> VPath {
        match VPath::new(joined(OsStr::new(""), &self.0)) {
            Ok(way) => folder.append(&way),
            Err(_) => folder.clone(),
        }
    }

    /// What stands beside it under another name.
    #[must_use]
    pub fn beside(&self, name: &Name) -> Self {
        match folder_of(&self.0) {
            folder if folder.is_empty() => Self::from(name.clone()),
            folder => Self(joined(folder, name.as_os_str()).into()),
        }
    }

    /// The name of the entry itself.
    pub fn file_name(&self) -> &OsStr {
        file_name_of(&self.0)
    }

    /// All of it.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// For display; bytes that are not UTF-8 become replacement characters.
    pub fn display(&self) -> Cow<'_, str> {
        self.0.to_string_lossy()
    }
}

impl From<Name> for RelPath {
    fn from(name: Name) -> Self {
        Self(name.as_os_str().into())
    }
}

/// Sets of them are asked with the text of a row.
impl Borrow<OsStr> for RelPath {
    fn borrow(&self) -> &OsStr {
        &self.0
    }
}

/// The name at the end of a relative path; of a name: itself.
pub fn file_name_of(path: &OsStr) -> &OsStr {
    if !path.as_encoded_bytes().contains(&b'/') {
        return path;
    }
    Path::new(path).file_name().unwrap_or(path)
}

/// The folders before the name at the end; of a name: nothing.
pub fn folder_of(path: &OsStr) -> &OsStr {
    let parent = Path::new(path).parent();
    parent.map_or(OsStr::new(""), Path::as_os_str)
}

fn joined(folder: &OsStr, name: &OsStr) -> OsString {
    let mut whole = OsString::with_capacity(folder.len() + 1 + name.len());
    whole.push(folder);
    whole.push("/");
    whole.push(name);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_core::ops::FsRef;

    #[test]
    fn only_names_joined_by_single_slashes_are_ways() {
        for good in ["a", "a/b", "a/.b/c d"] {
            assert!(RelPath::new(OsStr::new(good)).is_some(), "{good}");
        }
        for bad in ["", ".", "..", "/", "/a", "a/", "a//b", "a/../b", "a/./b"] {
            assert!(RelPath::new(OsStr::new(bad)).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_way_leads_from_a_folder_to_an_entry_and_back() {
        let (from, to) = (VPath::new("/x").unwrap(), VPath::new("/x/a/b").unwrap());
        let way = RelPath::between(&from, &to).unwrap();
        assert_eq!(way.as_os_str(), "a/b");
        assert_eq!(way.file_name(), "b");
        let place = Place::new(FsRef::new("memory:m"), from.clone());
        assert_eq!(way.at(&place).path, to);
        assert_eq!(
            RelPath::between(&VPath::root(), &from).unwrap().as_os_str(),
            "x"
        );
        assert_eq!(RelPath::between(&from, &from), None);
        assert_eq!(RelPath::between(&to, &from), None);
        let name = Name::new("c").unwrap();
        assert_eq!(way.beside(&name).as_os_str(), "a/c");
        assert_eq!(
            RelPath::from(name.clone()).beside(&name),
            RelPath::from(name)
        );
    }
}
