//! Permissions, times and extended attributes; all of them follow links.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::FileStorage;
use crate::backend::{Backend, Change};
use crate::error::Result;
use crate::metadata::{Permissions, SetAttr, SetTime, Time};
use crate::resolve::PathResolver;

impl<B: Backend, R: PathResolver> FileStorage<B, R> {
    /// Sets the permission bits.
    pub fn set_permissions(&self, path: impl AsRef<Path>, permissions: Permissions) -> Result<()> {
        self.set_attr(path, &SetAttr::mode(permissions.mode()))
    }

    /// Sets the times of the last change and the last read.
    pub fn set_times(&self, path: impl AsRef<Path>, mtime: Time, atime: Time) -> Result<()> {
        let times = SetAttr {
            mtime: Some(SetTime::To(mtime)),
            atime: Some(SetTime::To(atime)),
            ..SetAttr::default()
        };
        self.set_attr(path, &times)
    }

    /// Sets any attributes, together.
    pub fn set_attr(&self, path: impl AsRef<Path>, attr: &SetAttr) -> Result<()> {
        let place = self.existing(path.as_ref())?;
        self.backend.change(&Change::SetAttr(place.at(), attr))?;
        self.persist_node(place.at())
    }

    /// The value of an extended attribute. `XattrNotFound`.
    pub fn get_xattr(&self, path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Result<Vec<u8>> {
        let place = self.existing(path.as_ref())?;
        self.backend.get_xattr(place.at(), name.as_ref())
    }

    /// The names of the extended attributes.
    pub fn list_xattrs(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>> {
        let place = self.existing(path.as_ref())?;
        self.backend.list_xattrs(place.at())
    }

    /// Sets an extended attribute, replacing an earlier value.
    pub fn set_xattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
        value: &[u8],
    ) -> Result<()> {
        self.change_xattr(path.as_ref(), name.as_ref(), Some(value))
    }

    /// Removes an extended attribute. `XattrNotFound`.
    pub fn remove_xattr(&self, path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Result<()> {
        self.change_xattr(path.as_ref(), name.as_ref(), None)
    }

    fn change_xattr(&self, path: &Path, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        let place = self.existing(path)?;
        self.backend
            .change(&Change::SetXattr(place.at(), name, value))?;
        self.persist_node(place.at())
    }
}
