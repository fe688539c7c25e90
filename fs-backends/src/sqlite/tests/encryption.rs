//! Passwords, other SQLCipher tools, and what lies on the disk.

use super::*;

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

#[test]
fn large_reads_are_the_same_wherever_they_begin_and_end() {
    use fs_core::{At, Backend as _, NewNode, OpenOptions, RenameMode, VPath};
    let place = place();
    let fs = SqliteBackend::create_encrypted(&place.path, PASSWORD).unwrap();
    let mut bytes: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    let path = VPath::new("/large").unwrap();
    let at = At::path(&path);
    let mut staged = fs.stage(at, &NewNode::file()).unwrap();
    staged.file().unwrap().write_at(&bytes, 0).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    let file = fs.open(at, &OpenOptions::read_write()).unwrap();
    for hole in [1_000_000..1_400_000, 3_990_000..4_000_000] {
        file.punch_hole(hole.start as u64, hole.len() as u64)
            .unwrap();
        bytes[hole].fill(0);
    }
    // Durable, so that the database alone answers.
    fs.sync(fs_core::Scope::All).unwrap();
    for from in [0, 1, 16_127, 16_128, 900_001, 1_100_000, 3_800_000] {
        for length in [200_000, 262_144, 300_000, 1 << 20, 4_000_000] {
            let mut read = vec![1; length];
            let got = file.read_at(&mut read, from as u64).unwrap();
            let expected = &bytes[from..bytes.len().min(from + length)];
            assert!(read[..got] == *expected, "{length} bytes from {from}");
        }
    }
}
