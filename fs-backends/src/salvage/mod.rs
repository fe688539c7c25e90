//! Saving what can be read of a vault, a store or a saved memory filesystem that is too damaged to open.
//!
//! Nothing of the damaged files is ever changed. What is given out was proven to be what was written, or is said to be unproven, or is left out and
//! said to be lost: there is no fourth way.
//!
//! | module | what it owns |
//! |---|---|
//! | `found` | what was found of a filesystem, however it is kept |
//! | `tree` | a way to everything that was found, each once |
//! | `save` | that written to another filesystem |
//! | `report` | what became of each |

pub(crate) mod found;
mod report;
mod save;
mod tree;

#[cfg(test)]
mod attacks;

use std::ffi::OsString;
use std::path::Path;

use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Backend, Control, Result, VPath};

pub use report::{Item, Report, State};

use crate::location::{Kind, Root};
use found::{Found, FoundContent};

/// What was read of damaged files.
pub(crate) struct Read {
    pub(crate) found: Found,
    pub(crate) damages: Vec<Damage>,
    pub(crate) content: Box<dyn FoundContent + Send>,
    /// What the files tell of earlier moments, oldest first.
    pub(crate) moments: Vec<Moment>,
}

/// An earlier moment of a filesystem.
pub(crate) struct Moment {
    pub(crate) name: OsString,
    /// Reads it, when it is wanted: one at a time is enough.
    pub(crate) read: Box<dyn Fn(&Control) -> Read + Send>,
}

/// A damaged filesystem, as far as it can be read. While it lives its files are in use.
pub struct Salvage(Read);

impl Salvage {
    /// Reads all there is of the vault, store or saved memory filesystem at `root`, whole or not; its contents only when they are wanted.
    ///
    /// Errors: `NotFound`, `InUse`, `PasswordNeeded`, `WrongPassword` (or nothing of it is what was written), `UnknownFormat` (it holds nothing),
    /// `Cancelled`; `Unsupported` for other kinds of filesystems.
    pub fn open(root: &Root, password: Option<&str>, control: &Control) -> Result<Self> {
        let read = match root {
            Root::Vault(path) => crate::sqlite::salvage::read(path, password, control),
            Root::Store(path) => crate::indexed::salvage::read(path, password, control),
            Root::Saved(path) => crate::memory::salvage(path, password, control),
            _ => Err(fs_core::Error::new(
                fs_core::ErrorKind::Unsupported,
                "salvage",
            )),
        }?;
        Ok(Self(read))
    }

    /// As [`Salvage::open`], for a host path that holds a filesystem of `kind`.
    pub fn open_as(
        kind: Kind,
        path: &Path,
        password: Option<&str>,
        control: &Control,
    ) -> Result<Self> {
        let root = match kind {
            Kind::Vault => Root::Vault(path.to_owned()),
            Kind::Store => Root::Store(path.to_owned()),
            _ => Root::Saved(path.to_owned()),
        };
        Self::open(&root, password, control)
    }

    /// What is wrong with the files themselves, as far as it was seen without reading contents.
    pub fn damages(&self) -> &[Damage] {
        &self.0.damages
    }

    /// Reads all contents too, and calls `found` with everything that is damaged. Error: `Cancelled`.
    pub fn check(&self, control: &Control, found: &mut dyn FnMut(Damage)) -> Result<Report> {
        self.0.damages.iter().cloned().for_each(&mut *found);
        save::check(&self.0, control, &mut |item| {
            found(Damage {
                kind: match (item.state, item.size_bytes) {
                    (State::Lost, _) => DamageKind::ContentMissing,
                    (_, Some(_)) => DamageKind::ContentChanged,
                    (_, None) => DamageKind::Record,
                },
                path: Some(item.from.clone()),
                detail: item.detail.clone(),
                repair: None,
            });
        })
    }

    /// Writes everything that can be read into the folder `at` of `to`, which is made when it is missing and must be empty: the tree into `files`, what
    /// nothing leads to into `unnamed`, the trash into `trash`, and the same of each snapshot that the damaged file tells of into a folder of its name
    /// in `snapshots`. A file that is not whole gets `.damaged` at the end of its name, one that nothing proves
    /// `.unproven`; what is missing of it is zeros. `told` hears of everything that is not whole, as soon as it is known.
    ///
    /// Cancelled, what was written so far stays, each file whole as far as it could be. Errors: `AlreadyExists` (there is something in the folder),
    /// `Cancelled`, `NoSpace` and others of the target that concern more than one file.
    pub fn save_to(
        &self,
        to: &dyn Backend,
        at: &VPath,
        control: &Control,
        told: &mut dyn FnMut(&Item),
    ) -> Result<Report> {
        save::save(&self.0, to, at, control, told)
    }
}
