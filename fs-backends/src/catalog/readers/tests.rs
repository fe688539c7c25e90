//! Reading transactions that are kept, and when they end.

use std::path::PathBuf;

use super::super::database::{Database, Durability, OpenRequest, Secret};
use super::super::keeper::checkpoint;
use super::*;
use crate::catalog::{Format, NewDatabase, create};

struct Fixture {
    database: Database,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    let new = NewDatabase {
        format: Format::Vault,
        cipher: None,
        chunk_bytes: 4096,
        blob_key: None,
    };
    create(&path, &new).unwrap();
    let request = OpenRequest {
        path: &path,
        format: Format::Vault,
        secret: Secret::None,
        durability: Durability::OnSync,
        read_only: false,
        prove: None,
    };
    Fixture {
        database: Database::open(&request).unwrap(),
        path,
        _dir: dir,
    }
}

impl Fixture {
    fn put(&self, key: &str) {
        let sql = "INSERT INTO meta (key, value) VALUES (?1, 1)";
        let put = |db: &Connection| Ok(db.execute(sql, [key]).unwrap());
        self.database.write(put).unwrap();
    }

    /// How many keys there are, and the number of the moment.
    fn count(&self) -> (i64, Option<u64>) {
        let sql = "SELECT count(*) FROM meta WHERE key LIKE 'test %'";
        let count = |db: &Connection| db.query_row(sql, [], |row| row.get(0)).unwrap();
        self.database
            .read_at(|db, moment| Ok((count(db), moment)))
            .unwrap()
    }
}

#[test]
fn a_moment_lasts_until_something_is_written() {
    let fixture = fixture();
    let (none, first) = fixture.count();
    assert_eq!((none, fixture.count()), (0, (0, first)));
    assert!(fixture.database.is_now(first.unwrap()));
    fixture.put("test 1");
    assert!(!fixture.database.is_now(first.unwrap()));
    let (one, second) = fixture.count();
    assert!(one == 1 && second > first, "{second:?} after {first:?}");
    fixture.database.close().unwrap();
    assert!(!fixture.database.is_now(second.unwrap()));
}

#[test]
fn while_something_is_written_no_moment_has_a_number_and_none_is_kept() {
    let fixture = fixture();
    fixture.put("test 1");
    let known = fixture.count().1.unwrap();
    let write = |db: &Connection| {
        let sql = "INSERT INTO meta (key, value) VALUES ('test 2', 1)";
        db.execute(sql, []).unwrap();
        // What is not committed is not seen.
        assert_eq!(fixture.count(), (1, None));
        assert!(!fixture.database.is_now(known));
        Ok(())
    };
    fixture.database.write(write).unwrap();
    assert_eq!(fixture.count().0, 2);
}

#[test]
fn a_kept_moment_does_not_keep_the_log() {
    let fixture = fixture();
    let log = fixture.path.with_extension("db-wal");
    for round in 0..3 {
        fixture.put(&format!("test {round}"));
        // Several at once, so that several readers keep theirs.
        std::thread::scope(|scope| {
            let readers = (0..3).map(|_| scope.spawn(|| fixture.count().0));
            let readers: Vec<_> = readers.collect();
            for reader in readers {
                assert_eq!(reader.join().unwrap(), round + 1);
            }
        });
        assert!(std::fs::metadata(&log).unwrap().len() > 0);
        fixture.database.exclusively(checkpoint).unwrap();
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    }
}

#[test]
fn a_reader_that_panics_leaves_a_reader_for_the_next() {
    let fixture = fixture();
    for _ in 0..10 {
        let panics = || {
            fixture
                .database
                .read(|_| -> Result<()> { panic!("on purpose") })
        };
        let panics = std::panic::AssertUnwindSafe(panics);
        assert!(std::panic::catch_unwind(panics).is_err());
    }
    fixture.put("test 1");
    assert_eq!(fixture.count().0, 1);
}

#[test]
fn who_waits_for_a_reader_while_all_are_closed_is_told() {
    let fixture = fixture();
    fixture.put("test 1");
    let readers = fixture.database.readers.read().clone().unwrap();
    let wait = std::sync::Barrier::new(READERS + 1);
    std::thread::scope(|scope| {
        let at_work: Vec<_> = (0..READERS)
            .map(|_| {
                scope.spawn(|| {
                    fixture.database.read(|_| {
                        wait.wait();
                        wait.wait();
                        Ok(())
                    })
                })
            })
            .collect();
        wait.wait();
        // They have their pool before it is closed, and get their reader after it.
        let late: Vec<_> = (0..2 * READERS)
            .map(|_| scope.spawn(|| readers.begin(&fixture.database.clock).map(drop)))
            .collect();
        let closing = scope.spawn(|| fixture.database.close().unwrap());
        while fixture.database.clock.now().is_some() {
            std::thread::yield_now();
        }
        wait.wait();
        for reader in at_work {
            reader.join().unwrap().unwrap();
        }
        closing.join().unwrap();
        for reader in late {
            match reader.join().unwrap() {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
            }
        }
    });
    let closed = readers.begin(&fixture.database.clock).map(drop);
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::Closed);
}
