//! Whether the log beside a damaged database is its own.

use std::collections::HashMap;

use fs_core::maintenance::{Damage, DamageKind};

use super::btree::TreePage;
use super::damage;
use super::pages::Pages;
use super::row::{self, MetaValue, Row};

/// Leaves a log out that belongs to another database, or to an older copy of this one; answers the finding.
pub(super) fn leave_out(pages: &mut Pages) -> Option<Damage> {
    if pages.has_foreign_log() {
        pages.drop_log();
    } else {
        let with = pages.log_pages().into_iter().filter_map(|number| {
            let identity = Identity::on(&pages.read(number)?, number, pages.usable())?;
            Some((number, identity))
        });
        let with: Vec<(u32, Identity)> = with.collect();
        let log = pages.drop_log();
        let is_foreign = with.iter().any(|(number, logged)| {
            let page = pages.read(*number);
            let filed = page.and_then(|page| Identity::on(&page, *number, pages.usable()));
            filed.is_some_and(|filed| filed.uuid != logged.uuid || filed.barrier > logged.barrier)
        });
        if !is_foreign {
            pages.set_log(log);
            return None;
        }
    }
    let detail =
        "the log beside the database belongs to another one, or to an older copy; it is left out";
    Some(damage(DamageKind::Database, detail))
}

/// What a page with the database's description of itself says it is.
struct Identity {
    uuid: MetaValue,
    barrier: i64,
}

impl Identity {
    fn on(page: &[u8], number: u32, usable: usize) -> Option<Self> {
        let tree = TreePage::parse(page, number, usable)?;
        let mut found = HashMap::new();
        for cell in &tree.cells {
            if let Ok(Some(Row::Meta(key, value))) =
                row::row(tree.kind, cell.rowid, cell.local(), false)
            {
                found.insert(key, value);
            }
        }
        match found.remove("barrier") {
            Some(MetaValue::Number(barrier)) => Some(Self {
                uuid: found.remove("uuid")?,
                barrier,
            }),
            _ => None,
        }
    }
}
