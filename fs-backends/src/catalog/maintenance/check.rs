//! Everything compared with the format: pages, rows, what the rows promise each other, contents.

mod counts;
mod folders;
mod pages;
mod rows;
mod sums;

use fs_core::maintenance::{Checked, DamageKind};
use fs_core::{Control, Error, ErrorKind, Result, VPath};
use rusqlite::Connection;

use super::finding::{About, Finding};
use super::paths::{for_each_user, paths};
use crate::catalog::schema::Format;
use crate::catalog::store::{CatalogContent, CatalogStore};
use crate::virtual_fs::NodeStore as _;

/// Findings whose paths are looked for together.
const BATCH: usize = 256;

/// Where findings go, with their paths.
pub(crate) type Found<'a> = dyn FnMut(Finding, Option<VPath>) + 'a;

/// A check at work, on one moment of the database.
pub struct Inspection<'a> {
    /// The moment.
    pub(crate) db: &'a Connection,
    /// Which of our databases it is.
    pub(in crate::catalog) format: Format,
    /// Do its rows have sums?
    sums: bool,
    /// Tells progress, and when to stop.
    pub(crate) control: &'a Control,
    /// What was looked at.
    pub(crate) checked: Checked,
    findings: Vec<Finding>,
    found: &'a mut Found<'a>,
}

impl Inspection<'_> {
    /// Notes something wrong.
    pub(crate) fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
        if self.findings.len() >= BATCH {
            self.tell();
        }
    }

    /// Notes that the database itself could not be read here.
    pub(crate) fn unreadable(&mut self, what: &str, error: &Error) {
        self.note(Finding::new(
            DamageKind::Database,
            About::Whole,
            format!("{what} can't be read: {error}"),
        ));
    }

    fn tell(&mut self) {
        let findings = for_each_user(self.db, std::mem::take(&mut self.findings));
        self.checked.damages += findings.len() as u64;
        let paths = paths(self.db, &findings);
        for (finding, path) in findings.into_iter().zip(paths) {
            (self.found)(finding, path);
        }
    }

    /// Runs a stage; damage that stops it does not stop those that follow.
    fn stage(&mut self, what: &str, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.control.check()?;
        match run(self) {
            Ok(()) => {}
            Err(error) if stops(&error) => return Err(error),
            Err(error) => self.unreadable(what, &error),
        }
        self.tell();
        Ok(())
    }
}

/// Is this no damage, but the end of the check?
fn stops(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Cancelled | ErrorKind::Closed | ErrorKind::Busy
    )
}

/// Checks everything.
pub(super) fn check<C: CatalogContent>(
    store: &CatalogStore<C>,
    control: &Control,
    found: &mut Found<'_>,
) -> Result<Checked> {
    let database = store.database();
    let mut early = Vec::new();
    let pages = pages::check(database, control, &mut |finding| early.push(finding))?;
    database.read(|db| {
        let mut inspection = Inspection {
            db,
            format: database.format(),
            sums: database.sums().are_on(),
            control,
            checked: Checked {
                pages,
                ..Checked::default()
            },
            findings: early,
            found: &mut |finding, path| found(finding, path),
        };
        let it = &mut inspection;
        it.stage("the database", pages::structure)?;
        it.stage("the sums of rows", sums::rows)?;
        it.stage("the sums of folders", sums::missing)?;
        it.stage("nodes", rows::nodes)?;
        it.stage("names", rows::names)?;
        it.stage("attributes", rows::leftovers)?;
        it.stage("folders", folders::check)?;
        it.stage("counts of links", counts::links)?;
        it.stage("counts of contents", counts::references)?;
        it.stage("counters", counts::counters)?;
        it.stage("contents", |it| store.content().check(it))?;
        Ok(inspection.checked)
    })
}
