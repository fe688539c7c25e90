//! Each kind of damage is found, named and, where that is possible, put right.

use std::path::{Path, PathBuf};

use fs_core::maintenance::{Checked, Damage, DamageKind};
use fs_core::{Backend, Control, ErrorKind, FileStorage, VPath};

use crate::{IndexedBackend, SqliteBackend};

mod upkeep;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A bit of everything a filesystem can hold.
fn fill<B: Backend + 'static>(fs: &FileStorage<B>) {
    fs.create_dir_all("/a/b/c").unwrap();
    fs.write("/a/one", vec![1; 200_000]).unwrap();
    fs.write("/a/b/two", "two").unwrap();
    fs.hard_link("/a/one", "/a/b/c/same").unwrap();
    fs.copy("/a/one", "/copy").unwrap();
    fs.symlink("a/one", "/link").unwrap();
    fs.set_xattr("/a", "user.colour", b"red").unwrap();
    fs.write("/thrown away", vec![3; 100_000]).unwrap();
    let trash = fs.backend().extensions().trash.unwrap();
    trash.discard(&VPath::new("/thrown away").unwrap()).unwrap();
}

fn check(backend: &dyn Backend) -> (Vec<Damage>, Checked) {
    let mut found = Vec::new();
    let maintenance = backend.extensions().maintenance.unwrap();
    let checked = maintenance
        .check(&Control::new(), &mut |damage| found.push(damage))
        .unwrap();
    assert_eq!(checked.damages, found.len() as u64);
    (found, checked)
}

fn repair(backend: &dyn Backend, plan: &[Damage]) -> u64 {
    let maintenance = backend.extensions().maintenance.unwrap();
    maintenance.repair(plan, &Control::new()).unwrap()
}

fn tamper(path: &Path, sql: &str) {
    crate::catalog::tamper(path, sql);
}

fn vault(place: &Place) -> PathBuf {
    let path = place.path("v.db");
    let fs = FileStorage::new(SqliteBackend::create(&path).unwrap());
    fill(&fs);
    fs.backend().close().unwrap();
    path
}

fn store(place: &Place) -> PathBuf {
    let path = place.path("s");
    let fs = FileStorage::new(IndexedBackend::create(&path).unwrap());
    fill(&fs);
    fs.write("/big", vec![9; 5 << 20]).unwrap();
    fs.backend().close().unwrap();
    path
}

#[test]
fn what_is_sound_is_found_sound_and_counted() {
    let place = Place::new();
    let vault = SqliteBackend::open(vault(&place)).unwrap();
    let (found, checked) = check(&vault);
    assert_eq!(found, []);
    assert_eq!((checked.nodes, checked.content_bytes), (9, 300_003));
    let info = vault.extensions().maintenance.unwrap().info().unwrap();
    assert_eq!((info.kind, info.format, info.cipher), ("vault", 3, None));
    let counts = info.counts;
    assert_eq!((counts.files, counts.folders, counts.symlinks), (4, 4, 1));
    assert_eq!((counts.names, counts.xattrs, counts.trash), (8, 1, 1));
    assert_eq!(info.sizes.content_bytes, 500_003);
    assert_eq!(info.sizes.stored_bytes, 300_003);
    // Each session that writes makes it a newer one.
    FileStorage::new(&vault).write("/new", "x").unwrap();
    let path = vault.path().to_owned();
    vault.close().unwrap();
    let vault = SqliteBackend::open(path).unwrap();
    let later = vault.extensions().maintenance.unwrap().info().unwrap();
    assert!(later.generation > info.generation);
    let store = IndexedBackend::open(store(&place)).unwrap();
    let (found, checked) = check(&store);
    assert_eq!(found, []);
    assert_eq!(checked.content_bytes, 300_003 + (5 << 20));
    let info = store.extensions().maintenance.unwrap().info().unwrap();
    assert_eq!((info.kind, info.counts.blobs), ("store", 4));
    assert_eq!(info.sizes.blob_bytes, 300_003 + (5 << 20));
}

/// What is done to a vault, what is found, where, and whether it can be put right.
#[test]
fn each_broken_promise_of_the_format_is_named_and_put_right() {
    use DamageKind as K;
    let one = "(SELECT ino FROM dentry WHERE name = 'one')";
    let b = "(SELECT ino FROM dentry WHERE name = 'b')";
    let cases: &[(&str, K, Option<&str>, bool)] = &[
        (
            &format!("UPDATE node SET nlink = 7 WHERE ino = {one}"),
            K::LinkCount,
            Some("/a/b/c/same"),
            true,
        ),
        (
            "UPDATE node SET nlink = 9 WHERE ino = 1",
            K::LinkCount,
            Some("/"),
            true,
        ),
        (
            "DELETE FROM dentry WHERE name = 'two'",
            K::Unreachable,
            None,
            true,
        ),
        (
            "DELETE FROM dentry WHERE name = 'b'",
            K::Unreachable,
            None,
            true,
        ),
        (
            "DELETE FROM node WHERE kind = 3",
            K::DanglingName,
            Some("/link"),
            true,
        ),
        (
            "UPDATE dentry SET kind = 2 WHERE name = 'two'",
            K::Record,
            Some("/a/b/two"),
            true,
        ),
        (
            "UPDATE dentry SET name = 'x/y' WHERE name = 'two'",
            K::Name,
            Some("/a/b"),
            true,
        ),
        (
            &format!("UPDATE node SET parent = 1 WHERE ino = {b}"),
            K::FolderPlace,
            Some("/a/b"),
            true,
        ),
        (
            &format!("INSERT INTO dentry (parent, name, ino, kind) VALUES (1, 'again', {b}, 2)"),
            K::FolderPlace,
            Some("/again"),
            true,
        ),
        (
            "UPDATE dentry SET parent = (SELECT ino FROM dentry WHERE name = 'c') WHERE name = 'a'; UPDATE node SET parent = (SELECT ino FROM dentry WHERE name = 'c') WHERE ino = (SELECT ino FROM dentry WHERE name = 'a')",
            K::Cycle,
            None,
            true,
        ),
        (
            "UPDATE content SET refs = refs + 1 WHERE id = 1",
            K::ContentCount,
            None,
            true,
        ),
        (
            "UPDATE content SET stored = 5 WHERE id = 1",
            K::ContentCount,
            None,
            true,
        ),
        (
            "INSERT INTO chunk VALUES (999 << 24, 0, x'00')",
            K::Leftover,
            None,
            true,
        ),
        (
            "INSERT INTO xattr (ino, name, value) VALUES (999, 'user.x', x'00')",
            K::Leftover,
            None,
            true,
        ),
        (
            "INSERT INTO nameless (ino) VALUES (999)",
            K::Leftover,
            None,
            true,
        ),
        (
            "UPDATE meta SET value = 2 WHERE key = 'next_ino'",
            K::Counter,
            None,
            true,
        ),
        (
            "DELETE FROM meta WHERE key = 'trash'",
            K::Record,
            None,
            true,
        ),
        (
            "UPDATE chunk SET data = zeroblob(length(data)) WHERE id >> 24 = 1",
            K::ContentChanged,
            Some("/a/b/c/same"),
            false,
        ),
        (
            "UPDATE node SET size = -1 WHERE kind = 3",
            K::Record,
            Some("/link"),
            false,
        ),
        (
            "DELETE FROM content WHERE id = 2; DELETE FROM chunk WHERE id >> 24 = 2",
            K::ContentMissing,
            Some("/a/b/two"),
            false,
        ),
    ];
    for (sql, kind, path, repairable) in cases {
        let place = Place::new();
        let file = vault(&place);
        tamper(&file, sql);
        let fs = SqliteBackend::open(&file).unwrap();
        let (found, _) = check(&fs);
        let named = found
            .iter()
            .find(|damage| damage.kind == *kind)
            .unwrap_or_else(|| panic!("{sql}: {found:?}"));
        let shown = named.path.as_ref().map(|path| path.display().into_owned());
        if path.is_some() {
            assert_eq!(shown.as_deref(), *path, "{sql}: {found:?}");
        }
        if *kind == K::ContentChanged {
            // Every file that shares the damaged bytes is named.
            assert_eq!(found.len(), 2, "{found:?}");
        }
        assert_eq!(named.repair.is_some(), *repairable, "{sql}: {found:?}");
        // Nothing is done unasked, and only what was shown.
        assert_eq!(repair(&fs, &[]), 0);
        assert_eq!(check(&fs).0, found);
        if *repairable {
            let mut plan = found;
            for _ in 0..3 {
                repair(&fs, &plan);
                plan = check(&fs).0;
            }
            assert_eq!(plan, [], "{sql}");
        }
        fs.close().unwrap();
    }
}

#[test]
fn what_nothing_led_to_is_found_again_in_lost_and_found() {
    let place = Place::new();
    let file = vault(&place);
    tamper(&file, "DELETE FROM dentry WHERE name IN ('b', 'link')");
    let fs = FileStorage::new(SqliteBackend::open(&file).unwrap());
    let plan = check(fs.backend()).0;
    repair(fs.backend(), &plan);
    assert_eq!(check(fs.backend()).0, []);
    let mut read = Vec::new();
    for name in fs.read_dir("/lost+found").unwrap() {
        let name = name.unwrap().file_name().to_str().unwrap().to_owned();
        if let Ok(bytes) = fs.read(format!("/lost+found/{name}/two")) {
            read.push(bytes);
        }
    }
    assert_eq!(read, [b"two"]);
    // Numbers go on after those that were given out.
    fs.write("/new", "x").unwrap();
    assert_eq!(check(fs.backend()).0, []);
}

#[test]
fn a_changed_page_of_an_encrypted_vault_is_named() {
    let place = Place::new();
    let path = place.path("e.db");
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&path, "p").unwrap());
    fill(&fs);
    fs.backend().close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 16384;
    // The last page is content; SQLite would not notice before somebody reads it.
    let mut damaged = whole;
    let at = (pages - 1) * 16384 + 777;
    damaged[at] ^= 4;
    std::fs::write(&path, damaged).unwrap();
    let fs = SqliteBackend::open_encrypted(&path, "p").unwrap();
    let (found, checked) = check(&fs);
    assert_eq!(checked.pages, pages as u64);
    let page = format!("page {pages} of the database is not what was written");
    assert!(
        found
            .iter()
            .any(|damage| damage.kind == DamageKind::Page && damage.detail == page),
        "{found:?}"
    );
}

#[test]
fn a_changed_page_of_an_encrypted_vault_takes_nothing_with_it_but_what_was_on_it() {
    let place = Place::new();
    let path = place.path("e.db");
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&path, "p").unwrap());
    fs.write("/sound", "sound").unwrap();
    fs.write("/torn", [b'x'; 300_000]).unwrap();
    fs.write("/behind", "behind").unwrap();
    fs.backend().close().unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    let at = damaged.len() / 16384 * 2 / 3 * 16384 + 777;
    damaged[at] ^= 4;
    std::fs::write(&path, damaged).unwrap();
    let fs = FileStorage::new(SqliteBackend::open_encrypted(&path, "p").unwrap());
    // As often as there are connections, and once more.
    for _ in 0..6 {
        let error = fs.read("/torn").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        assert_eq!(fs.read("/sound").unwrap(), b"sound");
        assert_eq!(fs.read_dir("/").unwrap().count(), 3);
    }
    let (found, checked) = check(fs.backend());
    assert_eq!(checked.nodes, 4, "all were looked at");
    let damaged: Vec<_> = found
        .iter()
        .map(|damage| (damage.kind, damage.path.clone()))
        .collect();
    let torn = VPath::new("/torn").unwrap();
    let expected = [
        (DamageKind::Page, None),
        (DamageKind::ContentChanged, Some(torn)),
    ];
    assert_eq!(damaged, expected, "{found:?}");
    assert_eq!(checked.content_bytes, 11, "the others were compared");
    assert_eq!(fs.read("/sound").unwrap(), b"sound");
    fs.backend().close().unwrap();
}

#[test]
fn a_damaged_file_of_an_encrypted_vault_can_be_removed_and_the_vault_used_on() {
    let place = Place::new();
    let path = place.path("e.db");
    let fs = FileStorage::new(SqliteBackend::create_encrypted(&path, "p").unwrap());
    fs.write("/torn", [b'x'; 300_000]).unwrap();
    fs.backend().close().unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    let at = damaged.len() / 16384 * 2 / 3 * 16384 + 777;
    damaged[at] ^= 4;
    std::fs::write(&path, damaged).unwrap();
    for round in 0..2 {
        let fs = FileStorage::new(SqliteBackend::open_encrypted(&path, "p").unwrap());
        if round == 0 {
            fs.remove_file("/torn").unwrap();
        }
        for number in 0..5 {
            let name = format!("/{round} {number}");
            fs.write(&name, [b'y'; 50_000]).unwrap();
            assert_eq!(fs.read(&name).unwrap(), [b'y'; 50_000]);
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        fs.backend().sync(fs_core::Scope::All).unwrap();
        fs.backend().close().unwrap();
    }
}

#[test]
fn damaged_blobs_are_named_with_the_file_they_belong_to() {
    type Harm = fn(&Path);
    let cases: [(DamageKind, Harm); 4] = [
        (DamageKind::ContentMissing, |blob| {
            std::fs::remove_file(blob).unwrap();
        }),
        (DamageKind::BlobLength, |blob| {
            std::fs::write(blob, "short").unwrap();
        }),
        // Larger than what is hashed at each opening.
        (DamageKind::ContentChanged, |blob| {
            let mut bytes = std::fs::read(blob).unwrap();
            bytes[4_500_000] ^= 1;
            std::fs::write(blob, bytes).unwrap();
        }),
        (DamageKind::BlobFile, |blob| {
            std::fs::hard_link(blob, blob.with_file_name("second name")).unwrap();
        }),
    ];
    for (kind, harm) in cases {
        let place = Place::new();
        let path = store(&place);
        let blob = std::fs::read_dir(path.join("blobs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|blob| blob.metadata().unwrap().len() == 5 << 20)
            .unwrap();
        harm(&blob);
        let fs = IndexedBackend::open(&path).unwrap();
        let (found, _) = check(&fs);
        let [damage] = &found[..] else {
            panic!("{kind:?}: {found:?}")
        };
        let shown = damage.path.as_ref().map(|path| path.display().into_owned());
        assert_eq!((damage.kind, shown.as_deref()), (kind, Some("/big")));
    }
}
