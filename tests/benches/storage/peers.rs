//! What the filesystems are measured beside: plain SQLite tables, and the `vfs` crate's filesystem in memory.

use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, params};
use vfs::FileSystem as _;

use super::Result;
use super::data::{GROUP, Tree};

/// One table with a path and a blob for each file: the least SQLite can do. Blobs lie in a table by number: in an index of paths each would need a page
/// of its own.
pub struct RawSqlite(Connection);

impl RawSqlite {
    pub fn create(path: &Path) -> Result<Self> {
        let db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA cache_size = -65536;
             CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT UNIQUE, mode INT, size INT, mtime INT, data BLOB);",
        )?;
        Ok(Self(db))
    }

    /// All files in groups as large as ours, and the log moved into the file.
    pub fn import(&mut self, tree: &Tree) -> Result {
        self.0.pragma_update(None, "synchronous", "NORMAL")?;
        self.0.pragma_update(None, "wal_autocheckpoint", 4096)?;
        for group in tree.files.chunks(GROUP) {
            let change = self.0.transaction()?;
            for leaf in group {
                let bytes = tree.bytes(leaf);
                change
                    .prepare_cached("INSERT INTO file VALUES (NULL, ?1, 420, ?2, 0, ?3)")?
                    .execute(params![leaf.path.display(), bytes.len() as i64, bytes])?;
            }
            change.commit()?;
        }
        self.0
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Reads and compares all files in one transaction.
    pub fn read_back(&mut self, tree: &Tree) -> Result {
        let moment = self.0.transaction()?;
        for leaf in &tree.files {
            let same = moment
                .prepare_cached("SELECT data FROM file WHERE path = ?1")?
                .query_row([leaf.path.display()], |row| {
                    Ok(row.get_ref(0)?.as_blob()? == tree.bytes(leaf))
                })?;
            if !same {
                return Err(format!("{:?} is not what was written", leaf.path).into());
            }
        }
        Ok(())
    }
}

/// `vfs::MemoryFS`: a map from whole paths to contents.
#[derive(Default)]
pub struct PathMap(vfs::MemoryFS);

impl PathMap {
    pub fn write(&self, tree: &Tree) -> Result {
        use std::io::Write as _;
        for folder in &tree.folders {
            self.0.create_dir(&folder.display())?;
        }
        for leaf in &tree.files {
            let mut file = self.0.create_file(&leaf.path.display())?;
            file.write_all(tree.bytes(leaf))?;
        }
        Ok(())
    }

    pub fn read_back(&self, tree: &Tree) -> Result {
        let mut read = Vec::new();
        for leaf in &tree.files {
            read.clear();
            self.0
                .open_file(&leaf.path.display())?
                .read_to_end(&mut read)?;
            if read != tree.bytes(leaf) {
                return Err(format!("{:?} is not what was written", leaf.path).into());
            }
        }
        Ok(())
    }

    pub fn create_dir(&self, path: &str) -> Result {
        Ok(self.0.create_dir(path)?)
    }

    pub fn create_empty(&self, path: &str) -> Result {
        drop(self.0.create_file(path)?);
        Ok(())
    }

    pub fn stat(&self, path: &str) -> Result<u64> {
        Ok(self.0.metadata(path)?.len)
    }

    /// Names and metadata, sorted; answers how many.
    pub fn list(&self, folder: &str) -> Result<usize> {
        let mut names: Vec<String> = self.0.read_dir(folder)?.collect();
        names.sort_unstable();
        let mut path = String::new();
        for name in &names {
            path.clear();
            path.push_str(folder);
            path.push('/');
            path.push_str(name);
            std::hint::black_box(self.0.metadata(&path)?);
        }
        Ok(names.len())
    }
}
