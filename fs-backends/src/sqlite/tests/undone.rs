//! A change whose transaction fails leaves the file as it was: also for whoever reads on, and for the next change that succeeds.

use fs_core::{At, Backend as _, File, NewNode, OpenOptions, RenameMode, VPath};
use rusqlite::limits::Limit;

use super::*;

const LENGTH: usize = 3 << 20;

/// Lets every transaction fail that changes a node, as on a disk without room; or (`false`) none any more.
fn refuse_all(fs: &FileStorage<SqliteBackend>, refuse: bool) {
    let longest_row = if refuse { 40 } else { 64 << 20 };
    let database = fs.backend().store().database();
    database
        .write(|db| {
            db.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest_row)
                .unwrap();
            Ok(())
        })
        .unwrap();
}

fn open(fs: &FileStorage<SqliteBackend>, path: &str) -> Box<dyn File> {
    let path = VPath::new(path).unwrap();
    let how = OpenOptions::read_write();
    fs.backend().open(At::path(&path), &how).unwrap()
}

fn content(seed: u8) -> Vec<u8> {
    let bytes = (0..LENGTH).map(|at| (at / 100) as u8 ^ seed);
    bytes.collect()
}

#[test]
fn what_could_not_be_committed_changes_no_byte() {
    type Change = fn(&dyn File) -> Result<()>;
    let changes: [(&str, Change); 7] = [
        ("cut", |file| file.set_len(100)),
        ("cut between pieces", |file| file.set_len(1 << 20)),
        ("punch", |file| file.punch_hole(100, LENGTH as u64 - 200)),
        ("overwrite", |file| file.write_at(&[9; 5000], 7).map(drop)),
        ("append", |file| {
            file.write_at(&[9; 5000], LENGTH as u64).map(drop)
        }),
        ("write past the end", |file| {
            file.write_at(b"far", LENGTH as u64 + 70_000).map(drop)
        }),
        // More than stays in memory.
        ("overwrite all", |file| {
            file.write_at(&vec![9; 20 << 20], 0).map(drop)
        }),
    ];
    for password in [None, Some(PASSWORD)] {
        let place = place();
        let options = match password {
            Some(password) => VaultOptions::new().password(password),
            None => VaultOptions::new(),
        };
        let mut fs = FileStorage::new(options.create(&place.path).unwrap());
        for (name, change) in changes {
            let mut expected = content(name.len() as u8);
            fs.write("/file", &expected).unwrap();
            let file = open(&fs, "/file");
            let before = file.metadata().unwrap();
            refuse_all(&fs, true);
            for _ in 0..2 {
                change(&*file).unwrap_err();
                assert!(fs.read("/file").unwrap() == expected, "{name}: read on");
            }
            refuse_all(&fs, false);
            let after = file.metadata().unwrap();
            assert_eq!(
                (before.size, before.allocated),
                (after.size, after.allocated)
            );
            // A gap that was written to in vain reads as zeros.
            file.write_at(b"x", LENGTH as u64 + 10_000).unwrap();
            expected.resize(LENGTH + 10_000, 0);
            expected.push(b'x');
            assert!(fs.read("/file").unwrap() == expected, "{name}: changed");
            drop(file);
            close(fs);
            fs = FileStorage::new(options.open(&place.path).unwrap());
            assert!(fs.read("/file").unwrap() == expected, "{name}: reopened");
        }
        close(fs);
    }
}

/// Bytes that go to the database on their own, because too many wait, go before the write that is too much.
#[test]
fn a_staged_file_keeps_what_was_written_before_the_write_that_failed() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    let path = VPath::new("/new").unwrap();
    let mut staged = fs
        .backend()
        .stage(At::path(&path), &NewNode::file())
        .unwrap();
    let file = staged.file().unwrap();
    let half = vec![1; 6 << 20];
    file.write_at(&half, 0).unwrap();
    refuse_all(&fs, true);
    file.write_at(&[2; 6 << 20], 5 << 20).unwrap_err();
    refuse_all(&fs, false);
    staged.commit(RenameMode::NoReplace).unwrap();
    assert!(fs.read("/new").unwrap() == half);
}
