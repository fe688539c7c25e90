//! Notes of an overlay are kept in its upper, apart from the upper's own: paths in them are those of the overlay.

use super::Overlay;
use super::core::Core;
use crate::backend::Backend;
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Notes, notes_below};
use crate::path::VPath;

/// What the names of notes about the overlay begin with in the upper.
const PREFIX: &str = "overlay\n";

impl Core {
    /// Where notes go. `None` where the upper keeps none, or would keep in clear what the base keeps encrypted.
    pub(super) fn notes(&self) -> Option<&dyn Notes> {
        let base = self.base.capabilities(&VPath::root());
        if base.contains(Capabilities::ENCRYPTED) && !self.upper.has(Capabilities::ENCRYPTED) {
            return None;
        }
        self.upper.backend().extensions().notes
    }

    fn notes_kept(&self) -> Result<&dyn Notes> {
        let absent = || Error::new(ErrorKind::Unsupported, "notes");
        self.notes().ok_or_else(absent)
    }
}

fn inside(name: &str) -> String {
    format!("{PREFIX}{name}")
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Notes for Overlay<Base, Upper> {
    fn append(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        let notes = self.core.notes_kept()?;
        notes.append(&inside(name), bytes, durable)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.core.notes_kept()?.read(&inside(name))
    }

    fn list(&self) -> Result<Vec<(String, u64)>> {
        notes_below(self.core.notes_kept()?, PREFIX)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.core.notes_kept()?.remove(&inside(name))
    }
}
