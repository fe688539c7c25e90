//! One file, opened by one program at a time, left as it was when it is not a vault.

use super::*;

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
    let holder = format!("process {} on ", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");
    drop(other);
    assert!(SqliteBackend::open(&place.path).is_ok());
}

#[test]
fn a_vault_that_another_program_writes_can_be_read() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    fs.write("/x", "1").unwrap();
    close(fs);
    let look = VaultOptions::new().read_only(true);
    let other = std::fs::File::open(&place.path).unwrap();
    other.lock().unwrap();
    let fs = FileStorage::new(look.open(&place.path).unwrap());
    assert_eq!(fs.read("/x").unwrap(), b"1");
    // What it writes meanwhile is seen.
    crate::catalog::tamper(&place.path, "UPDATE node SET mode = 420 WHERE ino > 1");
    assert_eq!(fs.metadata("/x").unwrap().mode, 0o644);
    assert_eq!(fs.write("/x", "2").unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(kind(look.open(&place.path)), ErrorKind::InUse);
    close(fs);
    drop(other);
    // Without anybody else, readers share the lock, and whoever wants to write waits for them.
    let fs = FileStorage::new(look.open(&place.path).unwrap());
    let other = std::fs::File::open(&place.path).unwrap();
    assert!(other.try_lock_shared().is_ok());
    other.unlock().unwrap();
    assert!(other.try_lock().is_err());
    close(fs);
    let missing = place.path.with_file_name("missing.db");
    let create = look.create_missing(true);
    assert_eq!(kind(create.open(&missing)), ErrorKind::NotFound);
    assert!(!missing.exists());
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

/// The threads of the pool may live on for a moment, but hold nothing of the vault.
#[test]
fn a_closed_vault_has_no_open_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    close(FileStorage::new(SqliteBackend::create(&path).unwrap()));
    for _ in 0..30 {
        close(FileStorage::new(SqliteBackend::open(&path).unwrap()));
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let left = open
            .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
            .filter(|target| target.starts_with(dir.path()))
            .collect::<Vec<_>>();
        assert_eq!(left, Vec::<std::path::PathBuf>::new());
    }
}

/// What a process that is being started has until its program begins.
#[test]
fn a_copy_of_the_descriptor_does_not_keep_a_closed_vault_locked() {
    let place = place();
    let vault = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    let copies: Vec<_> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| {
            let fd = fd.unwrap();
            let number: i32 = fd.file_name().to_str()?.parse().ok()?;
            (std::fs::read_link(fd.path()).ok()? == place.path).then_some(number)
        })
        .map(|number| {
            #[expect(unsafe_code, reason = "the descriptor is open as long as the vault")]
            let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
            fd.try_clone_to_owned().unwrap()
        })
        .collect();
    assert!(!copies.is_empty());
    close(vault);
    close(FileStorage::new(SqliteBackend::open(&place.path).unwrap()));
    drop(copies);
}
