//! Sharing a commit: what each operation of a group sees of the others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fs_core::{Error, ErrorKind};

use super::*;
use crate::catalog::connect::Role;
use crate::catalog::horizon::Horizon;
use crate::catalog::log;
use crate::catalog::{Format, NewDatabase, create};

struct Fixture {
    writer: Writer,
    connector: Connector,
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
    let connector = Connector {
        path,
        cipher: None,
        immutable: false,
        checkpoint_by_hand: false,
        old: None,
    };
    let connection = connector.connect(Role::Writer).unwrap();
    let counters = Arc::new(Counters::load(&connection, crate::catalog::schema::VERSION).unwrap());
    Fixture {
        writer: Writer::new(
            Arc::new(RwLock::new(connector.clone())),
            connection,
            counters,
        ),
        connector,
        _dir: dir,
    }
}

fn put(db: &Connection, key: usize) -> Result<()> {
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?1, 1)",
        [key.to_string()],
    )
    .map(drop)
    .map_err(|error| from_sql(error, "test"))
}

fn keys(writer: &Writer) -> i64 {
    writer
        .run(Sync::Committed, |db| {
            Ok(db
                .query_row(
                    "SELECT count(*) FROM meta WHERE value = 1 AND key < 'a'",
                    [],
                    |row| row.get(0),
                )
                .unwrap())
        })
        .unwrap()
}

/// Eight threads share commits; every third operation fails, every seventh panics, and only those are undone.
#[test]
fn a_failing_operation_does_not_touch_those_it_shares_a_commit_with() {
    let fixture = fixture();
    let writer = &fixture.writer;
    let expected = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn(move || {
                    let mut kept = 0;
                    for i in 0..60 {
                        let operation = |db: &Connection| {
                            put(db, thread * 1000 + i)?;
                            assert!(i % 7 != 0, "on purpose");
                            if i % 3 == 0 {
                                Err(Error::new(ErrorKind::NotFound, "test"))
                            } else {
                                Ok(())
                            }
                        };
                        match catch_unwind(AssertUnwindSafe(|| {
                            writer.run(Sync::Durable, operation)
                        })) {
                            Ok(Ok(())) => kept += 1,
                            Ok(Err(error)) => assert_eq!(error.kind(), ErrorKind::NotFound),
                            Err(_) => assert_eq!(i % 7, 0),
                        }
                    }
                    kept
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum::<i64>()
    });
    assert_eq!(
        expected,
        8 * (0..60).filter(|i| i % 7 != 0 && i % 3 != 0).count() as i64
    );
    assert_eq!(keys(writer), expected);
}

/// Somebody meets damage, in such a transaction, while `key` is being put: what a damaged page of an encrypted database does, whose connection fails from
/// then on. Answers how the other fared.
fn beside_damage(writer: &Writer, company: Company, key: usize) -> Result<()> {
    let meets_damage = |db: &Connection| -> Result<()> {
        db.execute_batch("ROLLBACK").unwrap();
        Err(Error::new(ErrorKind::Corrupted, "test"))
    };
    std::thread::scope(|scope| {
        let (began, begun) = std::sync::mpsc::channel();
        let other = scope.spawn(move || {
            writer.run(Sync::Committed, |db| {
                began.send(()).unwrap();
                // Somebody waits to join.
                while !writer.is_busy() {
                    std::thread::yield_now();
                }
                put(db, key)
            })
        });
        begun.recv().unwrap();
        let met = writer.run_in(Sync::Committed, company, meets_damage);
        assert_eq!(met.unwrap_err().kind(), ErrorKind::Corrupted);
        other.join().unwrap()
    })
}

#[test]
fn what_runs_apart_takes_nothing_with_it_that_others_began() {
    let fixture = fixture();
    let writer = &fixture.writer;
    beside_damage(writer, Company::OfItsOwn, 1).unwrap();
    writer.run(Sync::Committed, |db| put(db, 2)).unwrap();
    assert_eq!(keys(writer), 2);
}

#[test]
fn damage_takes_what_others_began_once_at_most() {
    let fixture = fixture();
    let writer = &fixture.writer;
    let taken = beside_damage(writer, Company::Any, 1);
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Corrupted);
    for key in 2..10 {
        beside_damage(writer, Company::Any, key).unwrap();
    }
    assert_eq!(keys(writer), 8);
}

/// Whoever waits for the disk begins a transaction of their own: one that is made durable after its COMMIT could stand, and all in it be told that it failed.
#[test]
fn who_waits_for_the_disk_joins_nobody_who_does_not() {
    let fixture = fixture();
    let writer = &fixture.writer;
    writer.run(Sync::Durable, |db| put(db, 0)).unwrap();
    // What a second COMMIT would change is not there.
    let without = |db: &Connection| {
        db.execute("DELETE FROM meta WHERE key = 'barrier'", [])
            .unwrap();
        put(db, 1)
    };
    let (told, durable) = std::thread::scope(|scope| {
        let (began, begun) = std::sync::mpsc::channel();
        let other = scope.spawn(move || {
            writer.run(Sync::Committed, |db| {
                began.send(()).unwrap();
                while !writer.is_busy() {
                    std::thread::yield_now();
                }
                without(db)
            })
        });
        begun.recv().unwrap();
        let durable = writer.run(Sync::Durable, |db| put(db, 2));
        (other.join().unwrap(), durable)
    });
    let look = fixture.connector.connect(Role::Reader).unwrap();
    for (key, told) in [("1", told), ("2", durable)] {
        let stands: bool = look
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?1)",
                [key],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(stands, told.is_ok(), "{key}: {told:?}");
    }
    assert!(!writer.state.lock().unsynced);
}

#[test]
fn a_full_disk_undoes_the_operation_and_the_next_one_works() {
    let fixture = fixture();
    let writer = &fixture.writer;
    writer.run(Sync::Durable, |db| put(db, 1)).unwrap();
    writer
        .exclusively(|db| {
            db.execute_batch("PRAGMA max_page_count = 60").unwrap();
            Ok(())
        })
        .unwrap();
    let full = writer.run(Sync::Durable, |db| {
        put(db, 2)?;
        db.execute(
            "INSERT INTO chunk (id, sum, data) VALUES (1, 0, zeroblob(5000000))",
            [],
        )
        .map(drop)
        .map_err(|error| from_sql(error, "test"))
    });
    assert_eq!(full.unwrap_err().kind(), ErrorKind::NoSpace);
    writer.run(Sync::Durable, |db| put(db, 3)).unwrap();
    assert_eq!(keys(writer), 2);
}

#[test]
fn a_closed_writer_says_so() {
    let fixture = fixture();
    fixture.writer.close(|_| Ok(())).unwrap();
    let error = fixture
        .writer
        .run(Sync::Durable, |db| put(db, 1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    fixture.writer.close(|_| Ok(())).unwrap();
}

/// What lies beside a database, made durable like this.
struct Beside<F>(F);

/// Blobs, all of them durable already.
struct Blobs;

impl Outside for Blobs {
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn first_new(&self) -> Option<u64> {
        Some(5)
    }
}

#[test]
fn a_horizon_stands_from_the_first_commit_that_is_not_durable_to_the_next_that_is() {
    let fixture = fixture();
    let writer = &fixture.writer;
    writer.set_outside(Box::new(Blobs));
    let look = fixture.connector.connect(Role::Reader).unwrap();
    let horizon = || Horizon::of(&look);
    writer.run(Sync::Durable, |db| put(db, 0)).unwrap();
    assert_eq!(horizon(), None);
    writer.run(Sync::Committed, |db| put(db, 1)).unwrap();
    let first = horizon().unwrap();
    assert!(first.frames > 0 && first.salts != 0 && first.first_content == 5);
    writer.run(Sync::Committed, |db| put(db, 2)).unwrap();
    assert_eq!(horizon(), Some(first));
    writer.barrier().unwrap();
    assert_eq!(horizon(), None);
    writer.run(Sync::Committed, |db| put(db, 3)).unwrap();
    let second = horizon().unwrap();
    assert!(second.salts == first.salts && second.frames > first.frames);
    // It goes into the database with all before it; what comes then is cut off without it.
    writer.exclusively(checkpoint).unwrap();
    assert_eq!(horizon(), Some(second));
    writer.run(Sync::Committed, |db| put(db, 4)).unwrap();
    let third = horizon().unwrap();
    assert!(third != second && third.frames == 0);
    drop(look);
    // Cut off, the database is as it was at that moment.
    let Slot::Open(connection) =
        std::mem::replace(&mut writer.state.lock().connection, Slot::Closed)
    else {
        panic!("closed");
    };
    connection
        .set_db_config(
            rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            true,
        )
        .unwrap();
    drop(connection);
    assert!(log::cut(&fixture.connector.path, &third).unwrap());
    let now = fixture.connector.connect(Role::Writer).unwrap();
    let select = "SELECT count(*) FROM meta WHERE key < 'a'";
    let kept: i64 = now.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!((kept, Horizon::of(&now)), (4, Some(second)));
}

impl<F: Fn() -> Result<()> + Send + std::marker::Sync> Outside for Beside<F> {
    fn sync(&self) -> Result<()> {
        self.0()
    }

    fn first_new(&self) -> Option<u64> {
        None
    }
}

/// A power cut after a durable commit must find everything it names.
#[test]
fn what_lies_outside_is_durable_before_a_durable_commit() {
    let fixture = fixture();
    let writer = &fixture.writer;
    let look = fixture.connector.connect(Role::Reader).unwrap();
    let look = Mutex::new(look);
    let (calls, fails) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counted, failing) = (calls.clone(), fails.clone());
    writer.set_outside(Box::new(Beside(move || {
        let select = "SELECT count(*) FROM meta WHERE value = 1 AND key < 'a'";
        let seen: u32 = look.lock().query_row(select, [], |row| row.get(0)).unwrap();
        assert_eq!(
            seen,
            counted.fetch_add(1, Ordering::Relaxed),
            "committed before"
        );
        match failing.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Io, "sync blobs")),
            false => Ok(()),
        }
    })));
    writer.run(Sync::Durable, |db| put(db, 0)).unwrap();
    writer.run(Sync::Durable, |db| put(db, 1)).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    fails.store(true, Ordering::Relaxed);
    let failed = writer.run(Sync::Durable, |db| put(db, 2)).unwrap_err();
    assert_eq!(failed.operation(), "sync blobs");
    fails.store(false, Ordering::Relaxed);
    calls.store(2, Ordering::Relaxed);
    assert_eq!(keys(writer), 2);
    // What need not be durable waits for nothing.
    writer.run(Sync::Committed, |db| put(db, 3)).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(keys(writer), 3);
}

#[test]
fn a_long_log_is_written_over_and_loses_nothing() {
    let fixture = fixture();
    let writer = &fixture.writer;
    let path = writer.connector.read().path.clone();
    let mut longest = 0;
    for _ in 0..200 {
        let put = |db: &Connection| {
            db.execute(
                "INSERT INTO meta (key, value) VALUES (hex(randomblob(8)), randomblob(60000))",
                [],
            )
            .map(drop)
            .map_err(|error| from_sql(error, "test"))
        };
        writer.run(Sync::Committed, put).unwrap();
        longest = longest.max(log_length(&path));
    }
    // 12 MB went through it. It was never given back, which would have cost more than to write over it.
    assert!(longest < 4 * LOG_MAX_BYTES, "{longest}");
    assert_eq!(log_length(&path), longest);
    // What a kill would leave.
    let copy = fixture._dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(
        fixture._dir.path().join("x.db-wal"),
        fixture._dir.path().join("copy.db-wal"),
    )
    .unwrap();
    let db = Connection::open(&copy).unwrap();
    let (rows, sound): (i64, String) = db
        .query_row(
            "SELECT (SELECT count(*) FROM meta WHERE length(value) = 60000), integrity_check FROM pragma_integrity_check",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((rows, sound.as_str()), (200, "ok"));
    // Nobody writes: the file is given back.
    writer.exclusively(checkpoint).unwrap();
    assert_eq!(log_length(&path), 0);
}
