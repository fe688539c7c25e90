//! Names as directories in memory keep them: most lie in the map itself, so that a search goes to no other place.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use fs_core::Name;

/// Bytes of a name that fit; with these an [`EntryName`] takes 32 bytes.
const SHORT: usize = 30;

/// A [`Name`] as a key. In byte order, as names are.
#[derive(Clone, Debug)]
pub(super) enum EntryName {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<[u8]>),
}

impl From<&Name> for EntryName {
    fn from(name: &Name) -> Self {
        let name = name.as_bytes();
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(name);
                Self::Short { len, bytes }
            }
            _ => Self::Long(name.into()),
        }
    }
}

impl EntryName {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }

    pub(super) fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(self.as_bytes())
    }
}

impl Borrow<OsStr> for EntryName {
    fn borrow(&self) -> &OsStr {
        self.as_os_str()
    }
}

impl PartialEq for EntryName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for EntryName {}

impl PartialOrd for EntryName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntryName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_stay_themselves_and_in_order() {
        let mut names: Vec<Name> = (1..=255)
            .flat_map(|len| ["a", "b\u{e4}"].map(|part| part.repeat(len)))
            .filter_map(|text| Name::new(text).ok())
            .collect();
        names.sort();
        let keys: Vec<EntryName> = names.iter().map(EntryName::from).collect();
        assert!(keys.is_sorted());
        for (key, name) in keys.iter().zip(&names) {
            assert_eq!(key.as_bytes(), name.as_bytes());
        }
        assert_eq!(size_of::<EntryName>(), 32);
    }
}
