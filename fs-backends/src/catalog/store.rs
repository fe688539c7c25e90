//! A catalog and a content, joined to the store a virtual filesystem works on.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fs_core::extensions::{Notes, Space};
use fs_core::maintenance::{Maintenance, Reclaimed};
use fs_core::path::NAME_MAX_BYTES;
use fs_core::{Capabilities, Control, Result};
use rusqlite::Connection;

use super::database::Database;
use super::error::from_sql;
use super::keeper::Keeper;
use super::maintenance::Inspection;
use super::notes;
use super::read::CatalogRead;
use super::write::CatalogWrite;
use super::writer::Outside;
use crate::virtual_fs::{ContentId, ContentStore, Inode, NodeRead, NodeStore, NodeWrite};

/// A content store whose references live in a catalog.
pub trait CatalogContent: ContentStore {
    /// Brings the bytes of `content` into the transaction open on `db`, with `named` more references. The mark comes back to
    /// [`CatalogContent::committed`]; `None`: nothing is open of it, or there is nothing to do, and nothing was done.
    fn flush(&self, db: &Connection, content: ContentId, named: i64) -> Result<Option<u64>>;

    /// The transaction in which [`CatalogContent::flush`] gave out `mark` is committed.
    fn committed(&self, content: ContentId, mark: u64);

    /// Completes a little of what nobody writes any more, so that its bytes can be proved; `true`: there is more.
    fn finish_some(&self) -> Result<bool> {
        Ok(false)
    }

    /// Removes a little of what nobody names any more; `true`: there is more.
    fn reclaim_some(&self) -> Result<bool>;

    /// Does a little of what waits until nobody writes; `true`: there is more.
    fn reap_some(&self) -> Result<bool> {
        Ok(self.finish_some()? || self.reclaim_some()?)
    }

    /// Bytes kept outside the database, without those about to be removed.
    fn outside_bytes(&self, db: &Connection) -> Result<u64>;

    /// Makes bytes kept outside the database durable.
    fn sync_outside(&self) -> Result<()>;

    /// The smallest number of a content that no transaction has named yet. `None`: all bytes are in the database.
    fn first_new(&self) -> Option<u64>;

    /// Files kept outside the database that it names, and their bytes.
    fn outside_counts(&self) -> Result<OutsideCounts>;

    /// Reads all contents and notes what is damaged.
    fn check(&self, it: &mut Inspection<'_>) -> Result<()>;

    /// Copies the database and everything outside it to the host path `to`, as of one moment.
    fn backup(&self, to: &Path, control: &Control) -> Result<()>;

    /// Removes files outside the database that nothing names and that are older than `grace_seconds`.
    fn collect(&self, grace_seconds: u64, control: &Control) -> Result<Reclaimed>;
}

/// What is kept outside a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutsideCounts {
    /// Files.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whoever closes waits no longer for what is removed; the next opening goes on.
const RECLAIMING: Duration = Duration::from_secs(2);

/// Nodes in a database, bytes in `C`.
pub struct CatalogStore<C: CatalogContent> {
    keeper: Keeper,
    database: Arc<Database>,
    content: Arc<C>,
}

/// What the writer needs of content; the content knows the writer too.
struct OutsideOf<C>(Weak<C>);

impl<C: CatalogContent> Outside for OutsideOf<C> {
    fn sync(&self) -> Result<()> {
        let content = self.0.upgrade();
        content.map_or(Ok(()), |content| content.sync_outside())
    }

    fn first_new(&self) -> Option<u64> {
        self.0.upgrade()?.first_new()
    }
}

impl<C: CatalogContent> CatalogStore<C> {
    /// Joins the two and begins to look after them in the background.
    pub(crate) fn new(database: Arc<Database>, content: Arc<C>) -> Result<Self> {
        database.set_outside(OutsideOf(Arc::downgrade(&content)));
        let keeper = Keeper::start(database.clone(), content.clone())?;
        Ok(Self {
            keeper,
            database,
            content,
        })
    }

    /// Does what waited for a quiet moment that did not come; what fails is tried again at the next opening.
    fn finish(&self) {
        while self.content.finish_some().unwrap_or(false) {}
        let started = Instant::now();
        while started.elapsed() < RECLAIMING && self.content.reclaim_some().unwrap_or(false) {}
    }

    /// The database.
    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }
}

impl<C: CatalogContent> Drop for CatalogStore<C> {
    fn drop(&mut self) {
        // The database alone could not make durable what it names. Nobody is left to tell; `close` reports.
        self.close().unwrap_or_default();
    }
}

impl<C: CatalogContent> NodeStore for CatalogStore<C> {
    type Content = C;

    fn content(&self) -> &C {
        &self.content
    }

    fn fs_id(&self) -> u64 {
        let (high, low) = self.database.meta().uuid.as_u64_pair();
        high ^ low
    }

    fn capabilities(&self) -> Capabilities {
        let mut all = Capabilities::posix() | Capabilities::SERVER_SIDE_COPY;
        all.set(Capabilities::WRITE, !self.database.is_read_only());
        all.set(Capabilities::ENCRYPTED, self.database.is_encrypted());
        all
    }

    fn new_ino(&self) -> Result<Inode> {
        Ok(self.database.new_ino())
    }

    fn read<T>(&self, f: impl FnOnce(&dyn NodeRead) -> Result<T>) -> Result<T> {
        self.database.read_at(|db, moment| {
            f(&CatalogRead {
                db,
                sums: self.database.sums(),
                untold: None,
                now: moment.map(|moment| (moment, &*self.database)),
            })
        })
    }

    fn is_now(&self, moment: u64) -> bool {
        self.database.is_now(moment)
    }

    fn write<T: Send>(&self, f: impl FnOnce(&mut dyn NodeWrite) -> Result<T> + Send) -> Result<T> {
        self.database.make_room(|| self.content.reclaim_some());
        let (value, flushed) = self.database.write_nodes(|db, changes| {
            let is_wanted = || self.database.is_busy();
            let sums = self.database.sums();
            let mut transaction = CatalogWrite::new(db, &*self.content, sums, &is_wanted, changes);
            let value = f(&mut transaction)?;
            Ok((value, transaction.finish()?))
        })?;
        for (content, mark) in flushed {
            self.content.committed(content, mark);
        }
        Ok(value)
    }

    fn barrier(&self) -> Result<()> {
        self.content.sync_outside()?;
        self.database.barrier()
    }

    fn space(&self) -> Result<Space> {
        let sql = |error| from_sql(error, "space");
        let (used_bytes, nodes) = self.database.read(|db| {
            let number = |select: &str| {
                db.query_row(select, [], |row| row.get::<_, i64>(0))
                    .map_err(sql)
            };
            let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
            // What waits to be removed is no longer used.
            let unnamed = number("SELECT coalesce(sum(stored), 0) FROM content WHERE refs = 0")?;
            let notes = notes::bytes(&self.database, db).map_err(sql)?;
            let inside = pages * self.database.page_bytes() - unnamed - notes;
            let nodes = number("SELECT count(*) FROM node")?;
            let outside = self.content.outside_bytes(db)?;
            Ok((
                inside.max(0).cast_unsigned() + outside,
                nodes.cast_unsigned(),
            ))
        })?;
        let host = rustix::fs::statvfs(self.database.path())
            .map_err(|errno| fs_core::Error::from_io(errno.into(), "space"))?;
        let available = host.f_bavail * host.f_frsize;
        Ok(Space {
            total_bytes: Some(used_bytes + available),
            available_bytes: Some(available),
            used_bytes,
            used_inodes: Some(nodes),
            block_size_bytes: u32::try_from(self.database.page_bytes()).unwrap_or(4096),
            name_max_bytes: NAME_MAX_BYTES as u32,
        })
    }

    fn notes(&self) -> Option<&dyn Notes> {
        (!self.database.is_read_only()).then_some(&*self.database)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        Some(self)
    }

    fn close(&self) -> Result<()> {
        if self.keeper.stop() {
            self.finish();
        }
        let synced = if self.database.is_read_only() {
            Ok(())
        } else {
            self.content.sync_outside()
        };
        match synced {
            Ok(()) => self.database.close(),
            // A checkpoint would make durable what names bytes that are not.
            Err(error) => self.database.leave().and(Err(error)),
        }
    }
}
