//! A copy is a copy, a new password is the password, and what is compacted or collected is gone.

use super::*;

#[test]
fn a_backup_is_the_filesystem_of_one_moment_while_others_write() {
    for password in [None, Some("p")] {
        let place = Place::new();
        let open = |path: &Path| match password {
            None => SqliteBackend::open(path).unwrap(),
            Some(password) => SqliteBackend::open_encrypted(path, password).unwrap(),
        };
        let path = place.path("v.db");
        match password {
            None => SqliteBackend::create(&path).unwrap(),
            Some(password) => SqliteBackend::create_encrypted(&path, password).unwrap(),
        };
        let fs = FileStorage::new(open(&path));
        fill(&fs);
        let copy = place.path("copy.db");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..60 {
                    // A pair is there or not there, in any moment.
                    fs.write("/pair", format!("{number}")).unwrap();
                    fs.write(format!("/n{number}"), vec![7; 30_000]).unwrap();
                }
            });
            let maintenance = fs.backend().extensions().maintenance.unwrap();
            maintenance.backup(&copy, &Control::new()).unwrap();
            let again = maintenance.backup(&copy, &Control::new()).unwrap_err();
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
            writer.join().unwrap();
        });
        let names: Vec<_> = std::fs::read_dir(place.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("v.db"))
            .collect();
        assert_eq!(names, ["copy.db"], "nothing else is left");
        let copied = FileStorage::new(open(&copy));
        assert_eq!(check(copied.backend()).0, []);
        assert_eq!(copied.read("/a/one").unwrap(), vec![1; 200_000]);
        let bytes = std::fs::read(&copy).unwrap();
        assert_eq!(bytes.starts_with(b"SQLite format 3"), password.is_none());
    }
}

#[test]
fn a_backup_of_a_store_has_its_blobs_and_shares_none() {
    let place = Place::new();
    let fs = FileStorage::new(IndexedBackend::open(store(&place)).unwrap());
    let copy = place.path("copy");
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    maintenance.backup(&copy, &Control::new()).unwrap();
    fs.remove_dir_all("/a").unwrap();
    fs.write("/big", "small now").unwrap();
    let copied = FileStorage::new(IndexedBackend::open(&copy).unwrap());
    assert_eq!(check(copied.backend()).0, []);
    assert_eq!(copied.read("/big").unwrap(), vec![9; 5 << 20]);
    assert_eq!(copied.read("/a/b/two").unwrap(), b"two");
    copied.write("/a/b/two", "changed").unwrap();
    assert_eq!(check(fs.backend()).0, []);
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let place = Place::new();
    let vault = SqliteBackend::open(vault(&place)).unwrap();
    let store = IndexedBackend::open(store(&place)).unwrap();
    let control = Control::new();
    control.cancel();
    for backend in [&vault as &dyn Backend, &store] {
        let maintenance = backend.extensions().maintenance.unwrap();
        let error = maintenance
            .backup(&place.path("copy"), &control)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let error = maintenance.check(&control, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
    assert!(!place.path("copy").exists());
    for entry in std::fs::read_dir(place.dir.path()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().starts_with(".lamina"), "{name:?}");
    }
}

#[test]
fn a_new_password_replaces_the_old_one_while_the_vault_is_in_use() {
    let place = Place::new();
    let path = place.path("e.db");
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&path, "old").unwrap());
    fill(&fs);
    let reader = fs.open_read("/a/one").unwrap();
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    let kind = |old: &str, new: &str| maintenance.change_password(old, new).unwrap_err().kind();
    assert_eq!(kind("wrong", "new"), ErrorKind::WrongPassword);
    assert_eq!(kind("old", ""), ErrorKind::InvalidInput);
    maintenance.change_password("old", "it's new").unwrap();
    assert_eq!(kind("old", "x"), ErrorKind::WrongPassword);
    // Readers and writers go on.
    drop(reader);
    assert_eq!(fs.read("/a/one").unwrap(), vec![1; 200_000]);
    fs.write("/after", "x").unwrap();
    assert_eq!(check(fs.backend()).0, []);
    fs.backend().close().unwrap();
    let kind = |password| {
        SqliteBackend::open_encrypted(&path, password)
            .err()
            .map(|error| error.kind())
    };
    assert_eq!(kind("old"), Some(ErrorKind::WrongPassword));
    assert_eq!(kind("it's new"), None);
    let fs = FileStorage::new(SqliteBackend::open_encrypted(&path, "it's new").unwrap());
    assert_eq!(fs.read("/after").unwrap(), b"x");
    assert_eq!(check(fs.backend()).0, []);
    let plain = SqliteBackend::open(vault(&place)).unwrap();
    let maintenance = plain.extensions().maintenance.unwrap();
    let refused = maintenance.change_password("", "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[test]
fn compacting_gives_back_what_was_deleted() {
    let place = Place::new();
    let path = vault(&place);
    let fs = FileStorage::new(SqliteBackend::open(&path).unwrap());
    fs.write("/large", vec![5; 20 << 20]).unwrap();
    fs.sync().unwrap();
    fs.remove_file("/large").unwrap();
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    maintenance.compact(&Control::new()).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 2 << 20);
    assert_eq!(maintenance.info().unwrap().sizes.free_bytes, 0);
    assert_eq!(check(fs.backend()).0, []);
    assert_eq!(fs.read("/a/b/two").unwrap(), b"two");
}

#[test]
fn only_old_files_that_nothing_names_are_collected() {
    let place = Place::new();
    let path = store(&place);
    let fs = FileStorage::new(IndexedBackend::open(&path).unwrap());
    let blobs = path.join("blobs");
    let now = fs_core::Time::now().parts().0;
    let names = [
        // Old by name only: a clock may have jumped.
        "a1b2c3d4-0000-4000-8000-000000000000-1704067200.bin".to_owned(),
        format!("c1b2c3d4-0000-4000-8000-000000000000-{now}.bin"),
        "notes.txt".to_owned(),
    ];
    for name in &names {
        std::fs::write(blobs.join(name), vec![0; 10_000]).unwrap();
    }
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    let (found, _) = check(fs.backend());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|damage| damage.kind.is_harmless()));
    let none = maintenance.collect(3600, &Control::new()).unwrap();
    assert_eq!(none.files, 0);
    // One that is being written is never taken for a leftover.
    let at = VPath::new("/staged").unwrap();
    let mut staged = fs
        .backend()
        .stage(fs_core::At::path(&at), &fs_core::NewNode::file())
        .unwrap();
    staged.file().unwrap().write_at(b"kept", 0).unwrap();
    let two = maintenance.collect(0, &Control::new()).unwrap();
    assert_eq!(two.files, 2);
    staged.commit(fs_core::RenameMode::NoReplace).unwrap();
    assert_eq!(fs.read("/staged").unwrap(), b"kept");
    assert!(blobs.join("notes.txt").exists());
    assert_eq!(check(fs.backend()).0, []);
}
