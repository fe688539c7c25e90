//! What a vault promises beyond the rules every filesystem keeps (those are in the conformance suite).

use std::path::{Path, PathBuf};

use fs_core::{ErrorKind, FileStorage};

use super::*;

const PASSWORD: &str = "it's \"x\"; -- 密码\u{0}é";

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a vault.db");
    Place { _dir: dir, path }
}

fn kind(result: Result<SqliteBackend>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// Every file beside the vault, with its bytes.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

fn close(fs: FileStorage<SqliteBackend>) {
    fs_core::Backend::close(fs.backend()).unwrap();
}

#[test]
fn what_was_written_is_there_after_reopening_and_a_closed_vault_is_one_file() {
    let place = place();
    for round in 0..3 {
        let fs = FileStorage::new(SqliteBackend::open(&place.path).unwrap());
        fs.create_dir_all("/a/b").unwrap();
        fs.write(format!("/a/b/{round}"), vec![round; 200_000])
            .unwrap();
        for earlier in 0..=round {
            assert_eq!(
                fs.read(format!("/a/b/{earlier}")).unwrap(),
                vec![earlier; 200_000]
            );
        }
        close(fs);
        assert_eq!(files(&place.path).len(), 1, "no -wal, no -shm, no lock");
    }
}

#[test]
fn dropping_closes_too() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    fs.write("/x", "1").unwrap();
    drop(fs);
    assert_eq!(files(&place.path).len(), 1);
    let fs = FileStorage::new(SqliteBackend::open(&place.path).unwrap());
    assert_eq!(fs.read("/x").unwrap(), b"1");
}

#[test]
fn an_encrypted_vault_opens_with_its_password_alone() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&place.path, PASSWORD).unwrap());
    fs.write("/secret", "treasure").unwrap();
    close(fs);
    let before = files(&place.path);
    for wrong in ["", "x", "it's", " ", &PASSWORD[1..], "a' OR 1; --"] {
        assert_eq!(
            kind(SqliteBackend::open_encrypted(&place.path, wrong)),
            ErrorKind::WrongPassword,
            "{wrong:?}"
        );
    }
    assert_eq!(
        kind(SqliteBackend::open(&place.path)),
        ErrorKind::PasswordNeeded
    );
    assert_eq!(files(&place.path), before, "nothing is changed");
    let fs = FileStorage::new(SqliteBackend::open_encrypted(&place.path, PASSWORD).unwrap());
    assert_eq!(fs.read("/secret").unwrap(), b"treasure");
}

#[test]
fn a_wrong_password_is_told_at_once_after_a_crash_too() {
    let (place, crashed) = (place(), place());
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&place.path, "right").unwrap());
    // So much that the file grows, and the log holds its first page.
    fs.write("/x", "kept".repeat(100_000)).unwrap();
    // What a killed process leaves: the database and its log.
    for (path, bytes) in files(&place.path) {
        let name = path.file_name().unwrap();
        if !name.to_str().unwrap().ends_with("-shm") {
            std::fs::write(crashed.path.with_file_name(name), bytes).unwrap();
        }
    }
    let before = files(&crashed.path);
    assert_eq!(before.len(), 2);
    assert_eq!(
        kind(SqliteBackend::open_encrypted(&crashed.path, "wrong")),
        ErrorKind::WrongPassword
    );
    assert_eq!(files(&crashed.path), before);
    // Even when the crash tore the first page.
    let mut torn = std::fs::read(&crashed.path).unwrap();
    torn[5000..9000].fill(0);
    std::fs::write(&crashed.path, torn).unwrap();
    assert_eq!(
        kind(SqliteBackend::open_encrypted(&crashed.path, "wrong")),
        ErrorKind::WrongPassword
    );
    let again = FileStorage::new(SqliteBackend::open_encrypted(&crashed.path, "right").unwrap());
    assert_eq!(again.read("/x").unwrap(), b"kept".repeat(100_000));
}

#[test]
fn sqlcipher_tools_open_a_compatible_vault_with_the_password_alone() {
    let place = place();
    // SQL text can't hold the NUL of the other tests.
    let password = PASSWORD.replace('\0', "");
    let options = VaultOptions::new()
        .password(&password)
        .pages(CipherPages::Compatible);
    let fs = FileStorage::new(options.create(&place.path).unwrap());
    fs.write("/x", vec![7; 10_000]).unwrap();
    close(fs);
    let stock = rusqlite::Connection::open(&place.path).unwrap();
    stock.pragma_update(None, "key", &password).unwrap();
    let names: Vec<String> = stock
        .prepare("SELECT name FROM dentry")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(names, ["x"]);
    drop(stock);
    let fs = FileStorage::new(SqliteBackend::open_encrypted(&place.path, &password).unwrap());
    assert_eq!(fs.read("/x").unwrap(), vec![7; 10_000]);
}

#[test]
fn no_file_on_disk_holds_plain_text_of_an_encrypted_vault() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&place.path, "p").unwrap());
    let marker = b"MARKER-of-a-known-plaintext";
    fs.create_dir("/NAME-of-a-known-folder").unwrap();
    fs.write("/NAME-of-a-known-folder/x", marker.repeat(5000))
        .unwrap();
    let clean = |files: Vec<(PathBuf, Vec<u8>)>| {
        for (path, bytes) in files {
            for needle in [
                &marker[..],
                b"NAME-of-a-known",
                b"SQLite format 3",
                b"CREATE TABLE",
            ] {
                assert!(memchr::memmem::find(&bytes, needle).is_none(), "{path:?}");
            }
        }
    };
    clean(files(&place.path));
    close(fs);
    clean(files(&place.path));
}

#[test]
fn what_is_no_vault_is_refused_and_left_alone() {
    let place = place();
    let refused = |bytes: Option<&[u8]>, plain: ErrorKind, encrypted: ErrorKind| {
        if let Some(bytes) = bytes {
            std::fs::write(&place.path, bytes).unwrap();
        }
        let before = files(&place.path);
        assert_eq!(kind(SqliteBackend::open(&place.path)), plain);
        assert_eq!(
            kind(SqliteBackend::open_encrypted(&place.path, "x")),
            encrypted
        );
        assert_eq!(
            kind(SqliteBackend::create(&place.path)),
            ErrorKind::AlreadyExists
        );
        assert_eq!(
            kind(SqliteBackend::create_encrypted(&place.path, "x")),
            ErrorKind::AlreadyExists
        );
        assert_eq!(files(&place.path), before);
    };
    refused(
        Some(b""),
        ErrorKind::UnknownFormat,
        ErrorKind::UnknownFormat,
    );
    refused(
        Some(b"hello"),
        ErrorKind::UnknownFormat,
        ErrorKind::UnknownFormat,
    );
    refused(
        Some(&[7; 8192]),
        ErrorKind::PasswordNeeded,
        ErrorKind::WrongPassword,
    );
    std::fs::remove_file(&place.path).unwrap();
    std::fs::create_dir(&place.path).unwrap();
    refused(None, ErrorKind::UnknownFormat, ErrorKind::UnknownFormat);
    std::fs::remove_dir(&place.path).unwrap();
    let other = rusqlite::Connection::open(&place.path).unwrap();
    other
        .execute_batch("CREATE TABLE node (x); PRAGMA journal_mode = DELETE")
        .unwrap();
    drop(other);
    refused(None, ErrorKind::UnknownFormat, ErrorKind::InvalidInput);
    std::fs::remove_file(&place.path).unwrap();
    assert_eq!(
        kind(SqliteBackend::open_encrypted(&place.path, "x")),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(SqliteBackend::create_encrypted(&place.path, "")),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        kind(SqliteBackend::open(place.path.join("missing/x.db"))),
        ErrorKind::NotFound
    );
    assert!(files(&place.path).is_empty());
}

/// Changes a closed vault with plain SQL.
fn tamper(path: &Path, sql: &str) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(sql).unwrap();
    db.close().unwrap();
}

#[test]
fn a_newer_or_altered_schema_is_refused() {
    for (sql, expected) in [
        ("PRAGMA user_version = 2", ErrorKind::NewerFormat),
        ("PRAGMA user_version = 0", ErrorKind::Corrupted),
        ("PRAGMA application_id = 1", ErrorKind::UnknownFormat),
        (
            "CREATE TRIGGER t AFTER INSERT ON node BEGIN DELETE FROM dentry; END",
            ErrorKind::Corrupted,
        ),
        ("CREATE VIEW v AS SELECT 1", ErrorKind::Corrupted),
        ("DROP TABLE xattr", ErrorKind::Corrupted),
        (
            "ALTER TABLE node ADD COLUMN extra ANY",
            ErrorKind::Corrupted,
        ),
        ("DELETE FROM meta WHERE key = 'uuid'", ErrorKind::Corrupted),
        (
            "UPDATE meta SET value = 0 WHERE key = 'chunk_bytes'",
            ErrorKind::Corrupted,
        ),
        (
            "UPDATE meta SET value = 1 << 40 WHERE key = 'chunk_bytes'",
            ErrorKind::Corrupted,
        ),
    ] {
        let place = place();
        close(FileStorage::new(
            SqliteBackend::create(&place.path).unwrap(),
        ));
        tamper(&place.path, sql);
        assert_eq!(kind(SqliteBackend::open(&place.path)), expected, "{sql}");
    }
}

#[test]
fn impossible_rows_are_damage_not_a_panic() {
    for sql in [
        "UPDATE node SET kind = 99 WHERE ino > 1",
        "UPDATE node SET size = -1 WHERE ino > 1",
        "UPDATE node SET target = 'x' WHERE ino > 1",
        "UPDATE node SET mode = 123456789 WHERE ino > 1",
        "UPDATE dentry SET name = '..'",
        "UPDATE dentry SET name = 'a/b'",
        "UPDATE dentry SET name = ''",
        "UPDATE dentry SET name = CAST('text' AS BLOB)",
        "UPDATE dentry SET name = CAST(x'ff' AS TEXT)",
        "UPDATE dentry SET ino = 77",
    ] {
        let place = place();
        let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
        fs.write("/x", "1").unwrap();
        close(fs);
        tamper(&place.path, sql);
        let backend = SqliteBackend::open(&place.path).unwrap();
        let root = fs_core::VPath::root();
        let mut batch = fs_core::EntryBatch::default();
        let listed = fs_core::Backend::list(
            &backend,
            fs_core::At::path(&root),
            &fs_core::Want::metadata(),
        )
        .and_then(|mut listing| listing.next(&mut batch));
        assert_eq!(
            listed.map_err(|error| error.kind()),
            Err(ErrorKind::Corrupted),
            "{sql}"
        );
    }
}

#[test]
fn a_flipped_bit_in_a_plain_vault_is_noticed() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs.write("/x", &content).unwrap();
    fs.write("/other", "fine").unwrap();
    close(fs);
    let whole = std::fs::read(&place.path).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noticed = 0;
    for _ in 0..60 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bit = (state >> 16) as usize % (whole.len() * 8);
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&place.path, &damaged).unwrap();
        let Ok(backend) = SqliteBackend::open(&place.path) else {
            continue;
        };
        match FileStorage::new(backend).read("/x") {
            Ok(read) => assert!(read == content, "bit {bit}: wrong bytes without an error"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 20, "most bits are content: {noticed}");
}

#[test]
fn a_second_opening_is_refused_by_name_and_harms_nothing() {
    let place = place();
    let first = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    let link = place.path.with_file_name("second name.db");
    std::fs::hard_link(&place.path, &link).unwrap();
    for path in [&place.path, &link] {
        let error = SqliteBackend::open(path).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    first.write("/x", "1").unwrap();
    close(first);
    std::fs::remove_file(link).unwrap();
    assert!(SqliteBackend::open(&place.path).is_ok());
}

#[test]
fn a_lock_of_another_process_is_respected() {
    let place = place();
    drop(SqliteBackend::create(&place.path).unwrap());
    // A lock belongs to an open file description: one that this crate's registry does not know stands for another process.
    let other = std::fs::File::open(&place.path).unwrap();
    other.lock().unwrap();
    let error = SqliteBackend::open(&place.path).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("another program"), "{error}");
    drop(other);
    assert!(SqliteBackend::open(&place.path).is_ok());
}

#[test]
fn the_files_of_an_open_vault_are_registered_as_live() {
    use std::os::unix::fs::MetadataExt as _;
    let place = place();
    let fs = SqliteBackend::create(&place.path).unwrap();
    let live = |path: &Path| {
        let found = std::fs::metadata(path).unwrap();
        crate::live_files::is_live(found.dev(), found.ino())
    };
    let open = std::fs::read_dir(place.path.parent().unwrap()).unwrap();
    let open: Vec<_> = open.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(open.len(), 3, "{open:?}");
    assert!(open.iter().all(|path| live(path)), "{open:?}");
    drop(fs);
    assert!(!live(&place.path));
}

#[test]
fn a_copy_shares_its_content_until_one_side_is_written() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    fs.write("/a", vec![1; 500_000]).unwrap();
    fs.copy("/a", "/b").unwrap();
    let rows = || -> i64 {
        fs.backend()
            .store()
            .database()
            .read(|db| {
                Ok(db
                    .query_row("SELECT count(*) FROM chunk", [], |row| row.get(0))
                    .unwrap())
            })
            .unwrap()
    };
    assert_eq!(rows(), 8);
    fs.append("/b", "more").unwrap();
    assert_eq!(fs.read("/a").unwrap(), vec![1; 500_000]);
    assert_eq!(fs.metadata("/b").unwrap().size, 500_004);
    assert_eq!(rows(), 16);
}

#[test]
fn auto_vacuum_really_is_incremental() {
    let place = place();
    drop(SqliteBackend::create(&place.path).unwrap());
    let db = rusqlite::Connection::open(&place.path).unwrap();
    let mode: i64 = db
        .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
        .unwrap();
    let journal: String = db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!((mode, journal.as_str()), (2, "wal"));
}

/// Here and not with the others, because the key is derived once for all cases instead of twice for each.
#[test]
fn an_encrypted_vault_passes_the_conformance_suite() {
    use crate::catalog::{Key, Secret};
    use fs_core::conformance::{Fresh, Suite};
    let key = Key::create("password");
    Suite::new("encrypted vault", move || {
        let place = place();
        let options = VaultOptions::new().durability(Durability::OnSync);
        options.make_with(&place.path, Some(&key)).unwrap();
        Fresh::new(
            options
                .open_existing(&place.path, Secret::Key(&key))
                .unwrap(),
        )
        .keeping(place)
    })
    .assert();
}
