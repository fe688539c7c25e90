//! Damaged and hostile files: an error that says so, never wrong bytes, never a panic.

use super::*;

#[test]
fn a_newer_or_altered_schema_is_refused() {
    for (sql, expected) in [
        ("PRAGMA user_version = 4", ErrorKind::NewerFormat),
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
