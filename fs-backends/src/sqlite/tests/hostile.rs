//! Files made to harm: tables that are not those of the format, cut and foreign files, passwords that are none.

use super::*;

/// What somebody does to the tables of a vault, each a file that must not be opened.
const SCHEMAS: &[&str] = &[
    "CREATE TRIGGER t AFTER INSERT ON node BEGIN DELETE FROM dentry; END",
    "CREATE TRIGGER t BEFORE UPDATE ON node BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER t BEFORE DELETE ON chunk BEGIN SELECT RAISE(ABORT, 'no'); END",
    "CREATE TRIGGER node AFTER INSERT ON dentry BEGIN DELETE FROM node; END",
    "CREATE VIEW v AS SELECT 1",
    "ALTER TABLE dentry RENAME TO hidden; CREATE VIEW dentry AS SELECT * FROM hidden",
    "ALTER TABLE node RENAME TO hidden; CREATE VIEW node AS SELECT * FROM hidden; CREATE TRIGGER t INSTEAD OF INSERT ON node BEGIN DELETE FROM hidden; END",
    "DROP TABLE xattr; CREATE VIEW xattr AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS ino, 'a' AS name, x'' AS value, 0 AS sum FROM c",
    "DROP TABLE xattr",
    "DROP TABLE note",
    "DROP TABLE chunk",
    "DROP INDEX content_unnamed",
    "ALTER TABLE node ADD COLUMN extra ANY",
    "ALTER TABLE node ADD COLUMN extra ANY GENERATED ALWAYS AS (size) VIRTUAL",
    "ALTER TABLE dentry ADD COLUMN extra ANY GENERATED ALWAYS AS (hex(zeroblob(1000000))) VIRTUAL",
    "ALTER TABLE node RENAME COLUMN size TO length",
    "ALTER TABLE node DROP COLUMN target",
    "CREATE TABLE extra (x)",
    "CREATE TABLE sqlite (x)",
    "CREATE TABLE \"node \" (x)",
    "CREATE TABLE Node2 (x ANY PRIMARY KEY) STRICT, WITHOUT ROWID",
    "CREATE INDEX extra ON dentry (ino)",
    "CREATE UNIQUE INDEX extra ON node (kind, ino)",
    "CREATE INDEX extra ON node (size) WHERE size > 0",
    "CREATE INDEX extra ON node (abs(size))",
    "CREATE VIRTUAL TABLE extra USING fts5(x)",
    "CREATE VIRTUAL TABLE extra USING rtree(id, a, b)",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER PRIMARY KEY, sum INTEGER NOT NULL DEFAULT 0)",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER PRIMARY KEY, sum INTEGER NOT NULL DEFAULT (abs(-9223372036854775808))) STRICT",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER PRIMARY KEY CHECK (ino > 5), sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER PRIMARY KEY REFERENCES node (ino) ON DELETE CASCADE, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "DROP TABLE nameless; CREATE TABLE nameless (INO INTEGER PRIMARY KEY, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "DROP TABLE nameless; CREATE TABLE nameless (ino INTEGER PRIMARY KEY AUTOINCREMENT, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "ANALYZE",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE nameless (ino INTEGER PRIMARY KEY, sum INTEGER NOT NULL DEFAULT 0)' WHERE name = 'nameless'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET type = 'view', rootpage = 0, sql = 'CREATE VIEW nameless AS SELECT 1 AS ino, 0 AS sum' WHERE name = 'nameless'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'node') WHERE name = 'nameless'",
    "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT type, name || '2', tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'nameless'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || ' /* ' || hex(zeroblob(20000000)) || ' */' WHERE name = 'nameless'",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'node'",
];

#[test]
fn tables_that_are_not_those_of_the_format_are_refused_and_never_run() {
    let place = place();
    close(FileStorage::new(
        SqliteBackend::create(&place.path).unwrap(),
    ));
    let sound = std::fs::read(&place.path).unwrap();
    let mut made = 0;
    for sql in SCHEMAS {
        std::fs::write(&place.path, &sound).unwrap();
        let db = rusqlite::Connection::open(&place.path).unwrap();
        // Not every build has every virtual table.
        let done = db.execute_batch(sql);
        if sql.contains("VIRTUAL TABLE") && done.is_err() {
            continue;
        }
        done.unwrap();
        db.close().unwrap();
        made += 1;
        let before = files(&place.path);
        match SqliteBackend::open(&place.path) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupted, "{sql}: {error}"),
            // The text is that of the format, and what it points to is not: the rows tell.
            Ok(vault) => {
                assert!(sql.contains("rootpage = (SELECT"), "{sql}: was opened");
                drop(vault);
                continue;
            }
        }
        assert_eq!(files(&place.path), before, "{sql}: a file was changed");
    }
    assert!(made >= 30, "{made}");
}

#[test]
fn a_file_that_is_cut_is_an_error_or_what_it_was() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    fs.write("/x", vec![7; 400_000]).unwrap();
    fs.write("/y", "small").unwrap();
    close(fs);
    let whole = std::fs::read(&place.path).unwrap();
    let page = 16_384;
    let half = whole.len() / 2;
    for length in [
        0,
        1,
        15,
        16,
        100,
        page - 1,
        page,
        page + 1,
        2 * page,
        half,
        whole.len() - page,
        whole.len() - 1,
    ] {
        std::fs::write(&place.path, &whole[..length]).unwrap();
        match SqliteBackend::open(&place.path) {
            Err(error) => {
                let kinds = [
                    ErrorKind::Corrupted,
                    ErrorKind::UnknownFormat,
                    ErrorKind::PasswordNeeded,
                ];
                assert!(kinds.contains(&error.kind()), "{length}: {error}");
            }
            Ok(vault) => {
                let fs = FileStorage::new(vault);
                for (path, content) in [("/x", vec![7; 400_000]), ("/y", b"small".to_vec())] {
                    match fs.read(path) {
                        Ok(read) => assert!(read == content, "{length}: {path}"),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Corrupted, "{length}: {error}");
                        }
                    }
                }
            }
        }
    }
}

/// What a kill leaves beside the vault, and what becomes of it.
#[test]
fn a_log_that_is_cut_or_gone_loses_what_was_in_it_and_nothing_else() {
    let (source, target) = (place(), place());
    let fs = FileStorage::new(SqliteBackend::create(&source.path).unwrap());
    fs.write("/old", "kept").unwrap();
    close(fs);
    let fs = FileStorage::new(SqliteBackend::open(&source.path).unwrap());
    fs.write("/new", "perhaps").unwrap();
    let log_of = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        PathBuf::from(name)
    };
    // As the disk has it while the vault is open.
    let database = std::fs::read(&source.path).unwrap();
    let log = std::fs::read(log_of(&source.path)).unwrap();
    close(fs);
    let cut = |length: usize| Some(log[..length].to_vec());
    let mut flipped = log.clone();
    let last = flipped.len() - 20_000;
    flipped[last] ^= 1;
    for (what, log, new) in [
        ("whole", Some(log.clone()), Some(true)),
        ("gone", None, Some(false)),
        ("empty", cut(0), Some(false)),
        ("a byte", cut(1), Some(false)),
        ("its header", cut(32), Some(false)),
        ("half", cut(log.len() / 2), None),
        ("a byte less", cut(log.len() - 1), None),
        ("a bit changed", Some(flipped), None),
    ] {
        std::fs::write(&target.path, &database).unwrap();
        match log {
            Some(log) => std::fs::write(log_of(&target.path), log).unwrap(),
            None => std::fs::remove_file(log_of(&target.path)).unwrap_or_default(),
        }
        let fs = FileStorage::new(SqliteBackend::open(&target.path).unwrap());
        assert_eq!(fs.read("/old").unwrap(), b"kept", "{what}");
        let found = fs.read("/new");
        match new {
            Some(true) => assert_eq!(found.unwrap(), b"perhaps", "{what}"),
            Some(false) => {
                assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound, "{what}");
            }
            // All of a transaction or nothing of it.
            None => assert!(found.is_err() || found.unwrap() == b"perhaps", "{what}"),
        }
        close(fs);
    }
}

/// As the disk has a vault while it is open: the database and its log.
fn as_killed(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let database = std::fs::read(path).unwrap();
    (database, std::fs::read(beside(path, "-wal")).unwrap())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open(path: &Path, password: Option<&str>) -> fs_core::Result<SqliteBackend> {
    match password {
        Some(password) => SqliteBackend::open_encrypted(path, password),
        None => SqliteBackend::open(path),
    }
}

#[test]
fn the_log_of_another_vault_is_refused_and_nothing_is_mixed() {
    for password in [None, Some("the same for both")] {
        let (one, other) = (place(), place());
        for (place, file) in [(&one, "/one"), (&other, "/other")] {
            let made = match password {
                Some(password) => SqliteBackend::create_encrypted(&place.path, password),
                None => SqliteBackend::create(&place.path),
            };
            let fs = FileStorage::new(made.unwrap());
            fs.write(file, vec![7; 100_000]).unwrap();
            close(fs);
        }
        // However little is in it: a time of a file, or a lot.
        for change in ["time", "files"] {
            let fs = FileStorage::new(open(&other.path, password).unwrap());
            match change {
                "time" => fs
                    .set_permissions("/other", fs_core::Permissions::from_mode(0o600))
                    .unwrap(),
                _ => fs.write("/more", vec![9; 500_000]).unwrap(),
            }
            let (_, foreign) = as_killed(&other.path);
            close(fs);
            let sound = std::fs::read(&one.path).unwrap();
            std::fs::write(beside(&one.path, "-wal"), &foreign).unwrap();
            let error = open(&one.path, password).err().unwrap();
            let kinds = [ErrorKind::Corrupted, ErrorKind::WrongPassword];
            assert!(kinds.contains(&error.kind()), "{change}: {error}");
            assert!(
                error.to_string().contains("log beside it"),
                "{change}: {error}"
            );
            // It was not taken in; what it was beside is whole without it, and can be saved with it there.
            assert_eq!(std::fs::read(&one.path).unwrap(), sound, "{change}");
            let control = fs_core::Control::new();
            let salvage = crate::salvage::Salvage::open_as(
                crate::location::Kind::Vault,
                &one.path,
                password,
                &control,
            )
            .unwrap();
            assert!(
                salvage.damages()[0].detail.contains("log beside"),
                "{change}"
            );
            let report = salvage.check(&control, &mut |_| {}).unwrap();
            assert!(report.is_whole() && report.files == 1, "{report:?}");
            drop(salvage);
            std::fs::remove_file(beside(&one.path, "-wal")).unwrap();
            std::fs::remove_file(beside(&one.path, "-shm")).unwrap_or_default();
            let fs = FileStorage::new(open(&one.path, password).unwrap());
            assert_eq!(fs.read("/one").unwrap(), vec![7; 100_000]);
            close(fs);
        }
    }
}

#[test]
fn the_log_of_an_older_copy_is_refused() {
    for password in [None, Some("a copy has the same key")] {
        let (newer, copy) = (place(), place());
        let made = match password {
            Some(password) => SqliteBackend::create_encrypted(&newer.path, password),
            None => SqliteBackend::create(&newer.path),
        };
        close(FileStorage::new(made.unwrap()));
        std::fs::copy(&newer.path, &copy.path).unwrap();
        let fs = FileStorage::new(open(&copy.path, password).unwrap());
        fs.write("/of the copy", "1").unwrap();
        let (_, log) = as_killed(&copy.path);
        close(fs);
        for round in 0..4 {
            let fs = FileStorage::new(open(&newer.path, password).unwrap());
            fs.write(format!("/{round}"), "newer").unwrap();
            close(fs);
        }
        std::fs::write(beside(&newer.path, "-wal"), log).unwrap();
        let error = open(&newer.path, password).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
        assert!(error.to_string().contains("older than it"), "{error}");
    }
}

#[test]
fn the_shared_memory_of_another_vault_is_made_anew() {
    let (one, other) = (place(), place());
    let fs = FileStorage::new(SqliteBackend::create(&one.path).unwrap());
    fs.write("/one", "1").unwrap();
    let (database, log) = as_killed(&one.path);
    close(fs);
    let fs = FileStorage::new(SqliteBackend::create(&other.path).unwrap());
    fs.write("/other", vec![3; 1 << 20]).unwrap();
    let foreign = std::fs::read(beside(&other.path, "-shm")).unwrap();
    close(fs);
    std::fs::write(&one.path, database).unwrap();
    std::fs::write(beside(&one.path, "-wal"), log).unwrap();
    std::fs::write(beside(&one.path, "-shm"), foreign).unwrap();
    let fs = FileStorage::new(SqliteBackend::open(&one.path).unwrap());
    assert_eq!(fs.read("/one").unwrap(), b"1");
    close(fs);
}

#[test]
fn strange_passwords_open_nothing_and_change_no_file() {
    let place = place();
    // An e with an accent as one character; the same word with two is another password.
    let password = "caf\u{e9}";
    close(FileStorage::new(
        SqliteBackend::create_encrypted(&place.path, password).unwrap(),
    ));
    let before = files(&place.path);
    let long = "x".repeat(1 << 20);
    for wrong in ["", "cafe\u{301}", "\0caf\u{e9}", "\0", "caf", &long] {
        let result = SqliteBackend::open_encrypted(&place.path, wrong);
        assert_eq!(kind(result), ErrorKind::WrongPassword, "{:.9?}", wrong);
    }
    assert_eq!(files(&place.path), before);
    assert!(SqliteBackend::open_encrypted(&place.path, password).is_ok());
}
