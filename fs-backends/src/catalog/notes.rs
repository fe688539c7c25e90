//! Notes: named runs of bytes beside the tree, a row for each piece that was appended.

use fs_core::Result;
use fs_core::extensions::Notes;
use rusqlite::Connection;

use super::database::Database;
use super::error::{corrupted, from_sql};
use super::sums;

impl Notes for Database {
    fn append(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        self.write_note(durable, |db| {
            let sql = |error| from_sql(error, "write note");
            let piece: i64 = db
                .prepare_cached("SELECT coalesce(max(piece), 0) + 1 FROM note WHERE name = ?1")
                .and_then(|mut select| select.query_row([name], |row| row.get(0)))
                .map_err(sql)?;
            let sum = self.sums().store(|| sums::note(name, piece, bytes));
            db.prepare_cached("INSERT INTO note (name, piece, data, sum) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut insert| insert.execute((name, piece, bytes, sum)))
                .map(drop)
                .map_err(sql)
        })
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if !self.has_notes() {
            return Ok(None);
        }
        let sql = |error| from_sql(error, "read note");
        self.read(|db| {
            let mut select = db
                .prepare_cached("SELECT data, piece, sum FROM note WHERE name = ?1 ORDER BY piece")
                .map_err(sql)?;
            let mut rows = select.query([name]).map_err(sql)?;
            let mut all: Option<Vec<u8>> = None;
            let mut pieces = 0;
            while let Some(row) = rows.next().map_err(sql)? {
                let data = row.get_ref(0).and_then(|data| Ok(data.as_blob()?));
                let data = data.map_err(sql)?;
                let piece: i64 = row.get(1).map_err(sql)?;
                let what = || format!("piece {piece} of note {name:?}");
                let sum = row.get(2).map_err(sql)?;
                self.sums()
                    .check(sum, || sums::note(name, piece, data), what)?;
                pieces += 1;
                if self.sums().are_on() && piece != pieces {
                    let detail = format!("piece {pieces} of note {name:?} is missing");
                    return Err(corrupted("read note", detail));
                }
                all.get_or_insert_default().extend_from_slice(data);
            }
            Ok(all)
        })
    }

    fn list(&self) -> Result<Vec<(String, u64)>> {
        if !self.has_notes() {
            return Ok(Vec::new());
        }
        let sql = |error| from_sql(error, "list notes");
        self.read(|db| {
            let mut select = db
                .prepare_cached(
                    "SELECT name, sum(length(data)) FROM note GROUP BY name ORDER BY name",
                )
                .map_err(sql)?;
            let rows = select.query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0).cast_unsigned()))
            });
            rows.and_then(Iterator::collect).map_err(sql)
        })
    }

    fn remove(&self, name: &str) -> Result<()> {
        if !self.has_notes() {
            return Ok(());
        }
        self.write_note(false, |db| {
            db.prepare_cached("DELETE FROM note WHERE name = ?1")
                .and_then(|mut delete| delete.execute([name]))
                .map(drop)
                .map_err(|error| from_sql(error, "remove note"))
        })
    }
}

/// Bytes of all notes; they are no one's content.
pub(super) fn bytes(database: &Database, db: &Connection) -> rusqlite::Result<i64> {
    if !database.has_notes() {
        return Ok(0);
    }
    db.prepare_cached("SELECT coalesce(sum(length(data)), 0) FROM note")?
        .query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{IndexedBackend, SqliteBackend};
    use fs_core::{At, Backend, Capabilities, Extensions, FileStorage, Result, VPath, Want};

    type Open = fn(&Path) -> Result<Box<dyn Backend>>;

    const KINDS: [(&str, Open); 3] = [
        ("plain vault", |folder| {
            Ok(Box::new(SqliteBackend::open(folder.join("v.db"))?))
        }),
        ("encrypted vault", |folder| {
            let path = folder.join("v.db");
            Ok(Box::new(match path.exists() {
                true => SqliteBackend::open_encrypted(path, "pw")?,
                false => SqliteBackend::create_encrypted(path, "pw")?,
            }))
        }),
        ("store", |folder| {
            Ok(Box::new(IndexedBackend::open(folder.join("s"))?))
        }),
    ];

    fn names(backend: &dyn Backend) -> usize {
        let root = VPath::root();
        let listing = backend.list(At::path(&root), &Want::names()).unwrap();
        fs_core::listing::collect(listing).unwrap().len()
    }

    fn used(backend: &dyn Backend) -> (u64, Option<u64>) {
        let root = VPath::root();
        let space = backend.extensions().space.unwrap();
        let space = space.space(At::path(&root)).unwrap();
        (space.used_bytes, space.used_inodes)
    }

    #[test]
    fn notes_survive_and_are_seen_by_nobody_else() {
        for (kind, open) in KINDS {
            let folder = tempfile::tempdir().unwrap();
            let fs = open(folder.path()).unwrap();
            let before = used(&*fs);
            let notes = |fs: &'_ dyn Backend, f: &dyn Fn(Extensions<'_>)| f(fs.extensions());
            let big = vec![b'x'; 300_000];
            notes(&*fs, &|own| {
                let notes = own.notes.unwrap();
                assert_eq!(notes.read("a").unwrap(), None, "{kind}");
                notes.append("a", b"first ", false).unwrap();
                notes.append("b", &big, true).unwrap();
                notes.append("a", b"second", true).unwrap();
            });
            assert_eq!(names(&*fs), 0, "{kind}: in the tree");
            let after = used(&*fs);
            assert_eq!(after.1, before.1, "{kind}: counted as nodes");
            assert!(
                after.0 < before.0 + 150_000,
                "{kind}: counted as content: {before:?} {after:?}"
            );
            fs.close().unwrap();
            drop(fs);
            let fs = open(folder.path()).unwrap();
            notes(&*fs, &|own| {
                let notes = own.notes.unwrap();
                let list = notes.list().unwrap();
                assert_eq!(
                    list,
                    [("a".to_owned(), 12), ("b".to_owned(), 300_000)],
                    "{kind}"
                );
                assert_eq!(notes.read("a").unwrap().unwrap(), b"first second", "{kind}");
                notes.remove("a").unwrap();
                notes.remove("a").unwrap();
                assert_eq!(notes.read("a").unwrap(), None, "{kind}");
                assert_eq!(notes.read("b").unwrap().unwrap(), big, "{kind}");
                notes.remove("b").unwrap();
                assert!(notes.list().unwrap().is_empty(), "{kind}");
            });
            assert!(
                used(&*fs).0 < before.0 + 150_000,
                "{kind}: room is given back"
            );
        }
    }

    #[test]
    fn only_an_encrypted_vault_says_so() {
        for (kind, open) in KINDS {
            let folder = tempfile::tempdir().unwrap();
            let fs = open(folder.path()).unwrap();
            let root = VPath::root();
            let says = fs
                .capabilities(At::path(&root))
                .contains(Capabilities::ENCRYPTED);
            assert_eq!(says, kind == "encrypted vault", "{kind}");
        }
    }

    #[test]
    fn what_can_only_be_read_keeps_no_notes() {
        let folder = tempfile::tempdir().unwrap();
        let fs = SqliteBackend::open(folder.path().join("v.db")).unwrap();
        let notes = fs_core::middleware::ReadOnly::new(&fs)
            .extensions()
            .notes
            .is_some();
        assert!(!notes);
    }

    /// A folder of a vault, and a layer over something, have notes of their own.
    #[test]
    fn what_is_made_of_a_vault_keeps_its_notes_apart() {
        let folder = tempfile::tempdir().unwrap();
        let fs = FileStorage::new(SqliteBackend::open(folder.path().join("v.db")).unwrap());
        fs.create_dir("/inner").unwrap();
        let vault = std::sync::Arc::new(fs.into_backend());
        let inner = VPath::new("/inner").unwrap();
        let subtree = fs_core::middleware::Subtree::new(vault.clone(), &inner).unwrap();
        fn add(backend: &dyn Backend, text: &str) {
            let notes = backend.extensions().notes.unwrap();
            notes.append("n", text.as_bytes(), false).unwrap();
        }
        fn all(backend: &dyn Backend) -> Vec<u8> {
            let notes = backend.extensions().notes.unwrap();
            notes.read("n").unwrap().unwrap_or_default()
        }
        add(&*vault, "vault");
        add(&subtree, "folder");
        assert_eq!(
            (all(&*vault), all(&subtree)),
            (b"vault".to_vec(), b"folder".to_vec())
        );
        let listed = subtree.extensions().notes.unwrap().list().unwrap();
        assert_eq!(listed, [("n".to_owned(), 6)]);
        let base = crate::MemoryBackend::new();
        let overlay = fs_core::Overlay::new(base, vault.clone());
        add(&overlay, "overlay");
        assert_eq!(
            (all(&*vault), all(&overlay)),
            (b"vault".to_vec(), b"overlay".to_vec())
        );
        let secret = SqliteBackend::create_encrypted(folder.path().join("e.db"), "pw").unwrap();
        let exposed = fs_core::Overlay::new(secret, vault);
        assert!(
            exposed.extensions().notes.is_none(),
            "names of the base in clear"
        );
    }
}
