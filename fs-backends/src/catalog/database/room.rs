//! Room on the disk of a database, and how more of it is made.

use fs_core::Result;

use super::Database;
use crate::catalog::keeper::{VACUUM_PAGES, checkpoint, free_pages, vacuum_some};
use crate::catalog::writer::Writer;

/// With so much room on the disk nobody who writes gives pages back first.
const ENOUGH_BYTES: u64 = 8 << 20;

impl Database {
    /// Is there room on the disk for so many bytes more, beside what is kept for removals?
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        let Some(writer) = &self.writer else {
            return true;
        };
        if let Some(has_room) = writer.has_room_now(bytes) {
            return has_room;
        }
        // It has to empty the log.
        let tidying = self.clock.tidying();
        self.end_idle();
        let has_room = writer.has_room(bytes);
        drop(tidying);
        has_room
    }

    /// To be called before anything is written: where room is short it removes first, with `reclaim_some`, what waits to be removed until nobody writes,
    /// and gives pages back that are free. Whether that was enough is found out by who writes.
    pub(crate) fn make_room(&self, reclaim_some: impl Fn() -> Result<bool>) {
        if self.short_bytes().is_none() {
            return;
        }
        while reclaim_some().unwrap_or(false) {}
        // What is written goes into the log first, and then into free pages: it needs room in both.
        if self.lacks_room_for_log() && self.log_bytes() > 0 {
            // Failing that, who writes is told.
            self.exclusively(checkpoint).unwrap_or_default();
        }
        while self.lacks_room_for_log() && self.give_back_some().unwrap_or(false) {}
    }

    /// Is there more room inside the database than on the disk, and little there?
    fn lacks_room_for_log(&self) -> bool {
        let Some(on_disk) = self.short_bytes().filter(|free| *free < ENOUGH_BYTES) else {
            return false;
        };
        let pages = self.read(free_pages).unwrap_or(0);
        let inside = pages.saturating_mul(self.page_bytes);
        u64::try_from(inside).is_ok_and(|inside| inside > on_disk)
    }

    /// Gives free pages back to the host, on a full disk in steps the log has room for. `true`: there are more.
    pub(in crate::catalog) fn give_back_some(&self) -> Result<bool> {
        let Some(free) = self.short_bytes() else {
            return self.exclusively(|db| vacuum_some(db, VACUUM_PAGES));
        };
        let page = self.page_bytes.max(512).cast_unsigned();
        // A page that moves is written, and so are those that lead to it.
        let pages = u32::try_from(free / (4 * page)).unwrap_or(u32::MAX);
        self.exclusively(|db| {
            let more = vacuum_some(db, pages.clamp(1, VACUUM_PAGES))?;
            checkpoint(db)?;
            Ok(more)
        })
    }

    /// Bytes free on the disk, where they are few.
    pub(in crate::catalog) fn short_bytes(&self) -> Option<u64> {
        self.writer.as_ref().and_then(Writer::short_bytes)
    }
}
