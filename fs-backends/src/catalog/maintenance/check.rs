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
    /// Contents up to this number were looked at, before a damaged one spoiled the reader.
    pub(crate) looked_at: i64,
    goes_on: bool,
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

    /// What was just noted may have spoiled the reader: whoever returns this error is asked to go on behind content `id`, with another one.
    pub(crate) fn go_on_behind(&mut self, id: i64, error: Error) -> Error {
        self.looked_at = id;
        self.goes_on = true;
        error
    }

    fn tell(&mut self) {
        let findings = for_each_user(self.db, std::mem::take(&mut self.findings));
        self.checked.damages += findings.len() as u64;
        let paths = paths(self.db, &findings);
        for (finding, path) in findings.into_iter().zip(paths) {
            (self.found)(finding, path);
        }
    }

    /// Runs a stage. Damage that ends it is noted, and no reason not to go on with those that follow.
    fn stage(&mut self, (what, run): &Stage<'_>) -> Result<()> {
        self.control.check()?;
        let ended = run(self);
        match &ended {
            Ok(()) => self.tell(),
            Err(error) if stops(error) || self.goes_on => {}
            Err(error) => self.unreadable(what, error),
        }
        ended
    }
}

/// What is looked at, and how.
type Stage<'a> = (&'a str, &'a dyn Fn(&mut Inspection<'_>) -> Result<()>);

/// Is this no damage, but the end of the check?
pub(crate) fn stops(error: &Error) -> bool {
    let stops = [ErrorKind::Cancelled, ErrorKind::Closed, ErrorKind::Busy];
    error.is_from_host() || stops.contains(&error.kind())
}

/// Checks everything.
pub(super) fn check<C: CatalogContent>(
    store: &CatalogStore<C>,
    control: &Control,
    found: &mut Found<'_>,
) -> Result<Checked> {
    let database = store.database();
    let mut untold = Vec::new();
    let pages = pages::check(database, control, &mut |finding| untold.push(finding))?;
    let mut checked = Checked {
        pages,
        ..Checked::default()
    };
    let contents = |it: &mut Inspection<'_>| store.content().check(it);
    let stages: [Stage<'_>; 11] = [
        ("the database", &pages::structure),
        ("the sums of rows", &sums::rows),
        ("the sums of folders", &sums::missing),
        ("nodes", &rows::nodes),
        ("names", &rows::names),
        ("attributes", &rows::leftovers),
        ("folders", &folders::check),
        ("counts of links", &counts::links),
        ("counts of contents", &counts::references),
        ("counters", &counts::counters),
        ("contents", &contents),
    ];
    // SQLite does not get past pages that are known to be damaged.
    let skipped = usize::from(!untold.is_empty());
    let mut left = stages.get(skipped..).unwrap_or_default();
    let mut looked_at = i64::MIN;
    loop {
        let mut began = false;
        let ended = database.read(|db| {
            began = true;
            let mut inspection = Inspection {
                db,
                format: database.format(),
                sums: database.sums().are_on(),
                control,
                checked,
                looked_at,
                goes_on: false,
                findings: std::mem::take(&mut untold),
                found: &mut |finding, path| found(finding, path),
            };
            let it = &mut inspection;
            // What a reader before could not tell of.
            it.tell();
            let mut ended = Ok(());
            while let (Some((stage, others)), true) = (left.split_first(), ended.is_ok()) {
                ended = it.stage(stage);
                if !it.goes_on {
                    left = others;
                }
            }
            (checked, looked_at) = (inspection.checked, inspection.looked_at);
            untold = inspection.findings;
            ended
        });
        match ended {
            Ok(()) => return Ok(checked),
            // Whoever met damage may read nothing any more; the others are looked at by another reader.
            Err(error) if stops(&error) || !began => return Err(error),
            Err(_) => {}
        }
    }
}
