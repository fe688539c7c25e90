//! Looking after a database and its content: what [`Maintenance`] asks for.
//!
//! | module | what it owns |
//! |---|---|
//! | `info` | what the database says of itself |
//! | `check` | pages, rows and contents compared with the format, one stage after the other |
//! | `finding` | one thing that is wrong, and what would put it right |
//! | `paths` | names for what is damaged |
//! | `repair` | doing what a plan says, in one transaction |
//! | `compact`, `backup`, `rekey` | free pages, a copy of one moment, another password |

mod backup;
mod check;
mod compact;
mod finding;
mod info;
mod paths;
mod rekey;
mod repair;
mod reseal;

#[cfg(test)]
mod tests;

use std::path::Path;

use fs_core::maintenance::{Checked, Damage, Identity, Info, Maintenance, Reclaimed};
use fs_core::{Control, Result};

use super::store::{CatalogContent, CatalogStore};
use crate::virtual_fs::NodeStore as _;

pub(super) use backup::copy_database;
pub use check::Inspection;
pub(crate) use check::stops;
pub(crate) use finding::{About, Finding, Fix, Leftover};

impl<C: CatalogContent> Maintenance for CatalogStore<C> {
    fn info(&self) -> Result<Info> {
        info::info(self)
    }

    fn identity(&self) -> Result<Identity> {
        info::identity(self.database())
    }

    fn check(&self, control: &Control, found: &mut dyn FnMut(Damage)) -> Result<Checked> {
        check::check(self, control, &mut |finding, path| {
            found(finding.damage(path))
        })
    }

    fn repair(&self, plan: &[Damage], control: &Control) -> Result<u64> {
        repair::repair(self, plan, control)
    }

    fn compact(&self, control: &Control) -> Result<Reclaimed> {
        compact::compact(self, control)
    }

    fn backup(&self, to: &Path, control: &Control) -> Result<()> {
        self.content().backup(to, control)
    }

    fn change_password(&self, old: &str, new: &str) -> Result<()> {
        self.database().change_password(old, new)
    }

    fn collect(&self, grace_seconds: u64, control: &Control) -> Result<Reclaimed> {
        self.content().collect(grace_seconds, control)
    }
}
