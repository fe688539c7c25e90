//! What a store promises beyond the rules every filesystem keeps (those are in the conformance suite).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_core::{At, Backend as _, Control, ErrorKind, FileStorage, OpenOptions, VPath};

use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a store");
    (dir, path)
}

fn open(path: &Path) -> FileStorage<IndexedBackend> {
    FileStorage::new(IndexedBackend::open(path).unwrap())
}

fn close(fs: FileStorage<IndexedBackend>) {
    fs.backend().close().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn tamper(path: &Path, sql: &str) {
    crate::catalog::tamper(&path.join(INDEX), sql);
}

/// Waits for the background to do its work.
fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("never happened: {what}");
}

#[test]
fn content_lies_in_private_blobs_named_as_the_guide_says() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.create_dir("/documents").unwrap();
    fs.write("/documents/report.pdf", "%PDF").unwrap();
    fs.symlink("report.pdf", "/documents/link").unwrap();
    close(fs);
    assert_eq!(names(&path), ["blobs", "index.db"]);
    let blobs = names(&path.join(BLOBS));
    assert_eq!(blobs.len(), 1);
    assert!(name::BlobName::parse(&blobs[0]).is_ok(), "{blobs:?}");
    let blob = path.join(BLOBS).join(&blobs[0]);
    assert_eq!(std::fs::read(&blob).unwrap(), b"%PDF");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (
            mode(&path.join(BLOBS)),
            mode(&blob),
            mode(&path.join(INDEX))
        ),
        (0o700, 0o600, 0o600)
    );
    let fs = open(&path);
    assert_eq!(fs.read("/documents/link").unwrap(), b"%PDF");
}

#[test]
fn only_a_store_or_an_empty_folder_is_opened() {
    let (dir, path) = folder();
    let refused = |expected| {
        assert_eq!(IndexedBackend::open(&path).err().unwrap().kind(), expected);
        assert_eq!(
            IndexedBackend::create(&path).err().unwrap().kind(),
            ErrorKind::AlreadyExists
        );
    };
    std::fs::write(&path, "a file").unwrap();
    refused(ErrorKind::UnknownFormat);
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("photo.jpg"), "x").unwrap();
    refused(ErrorKind::UnknownFormat);
    assert_eq!(names(&path), ["photo.jpg"]);
    std::fs::write(path.join(INDEX), "no index").unwrap();
    refused(ErrorKind::UnknownFormat);
    std::fs::remove_file(path.join(INDEX)).unwrap();
    drop(crate::SqliteBackend::create(path.join(INDEX)).unwrap());
    refused(ErrorKind::UnknownFormat);
    assert_eq!(names(dir.path()), ["a store"]);
    let empty = dir.path().join("empty");
    std::fs::create_dir_all(empty.join(BLOBS)).unwrap();
    close(open(&empty));
    let missing_parent = IndexedBackend::open(dir.path().join("no/such"))
        .err()
        .unwrap();
    assert_eq!(missing_parent.kind(), ErrorKind::NotFound);
}

/// What is written in place and closed with the store at once has its checksum all the same.
#[test]
fn a_store_that_is_closed_at_once_can_be_proved() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/x", "").unwrap();
    let at = VPath::new("/x").unwrap();
    let file = fs
        .backend()
        .open(At::path(&at), &OpenOptions::read_write())
        .unwrap();
    file.write_at(&[7; 500_000], 0).unwrap();
    drop(file);
    fs.write("/y", vec![1; 300_000]).unwrap();
    fs.remove_file("/y").unwrap();
    close(fs);
    let blobs = names(&path.join(BLOBS));
    assert!(
        matches!(blobs.as_slice(), [one] if one.ends_with(".bin")),
        "{blobs:?}"
    );
    let fs = open(&path);
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    let checked = maintenance
        .check(&Control::new(), &mut |damage| panic!("{damage}"))
        .unwrap();
    assert_eq!((checked.content_bytes, checked.unproved), (500_000, 0));
}

/// A copy that is made to be changed would have a checksum of its own, and damage would pass for what was written.
#[test]
fn damage_is_not_copied_to_where_it_counts_as_written() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/x", vec![7; 500_000]).unwrap();
    close(fs);
    let blob = path.join(BLOBS).join(&names(&path.join(BLOBS))[0]);
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let fs = open(&path);
    let at = VPath::new("/x").unwrap();
    let refused = fs
        .backend()
        .open(At::path(&at), &OpenOptions::read_write())
        .and_then(|file| file.write_at(b"more", 500_000));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Corrupted);
    close(fs);
    let fs = open(&path);
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    let mut found = Vec::new();
    maintenance
        .check(&Control::new(), &mut |damage| found.push(damage.kind))
        .unwrap();
    assert_eq!(found, [fs_core::maintenance::DamageKind::ContentChanged]);
}

#[test]
fn a_second_opening_is_refused() {
    let (_dir, path) = folder();
    let fs = open(&path);
    assert_eq!(
        IndexedBackend::open(&path).err().unwrap().kind(),
        ErrorKind::InUse
    );
    close(fs);
    assert!(IndexedBackend::open(&path).is_ok());
}

/// Every way to point a blob name elsewhere is refused before or when the file is opened.
#[test]
fn a_tampered_blob_name_leads_nowhere() {
    let valid = "a1b2c3d4-0000-4000-8000-000000000000-1704067200.bin";
    for (name, plant) in [
        ("../../secret", None),
        ("/etc/passwd", None),
        ("../index.db", None),
        ("x/../../secret.bin", None),
        (valid, Some("link")),
        (valid, Some("hard link")),
        (valid, Some("fifo")),
        (valid, Some("folder")),
        (valid, None),
    ] {
        let (dir, path) = folder();
        let fs = open(&path);
        fs.write("/x", "mine").unwrap();
        close(fs);
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "mine").unwrap();
        let planted = path.join(BLOBS).join(valid);
        match plant {
            Some("link") => std::os::unix::fs::symlink(&secret, planted).unwrap(),
            Some("hard link") => std::fs::hard_link(&secret, planted).unwrap(),
            Some("fifo") => rustix::fs::mknodat(
                rustix::fs::CWD,
                &planted,
                rustix::fs::FileType::Fifo,
                0o600.into(),
                0,
            )
            .unwrap(),
            Some(_) => std::fs::create_dir(planted).unwrap(),
            None => {}
        }
        tamper(&path, &format!("UPDATE blob SET name = '{name}'"));
        let fs = open(&path);
        assert_eq!(
            fs.read("/x").unwrap_err().kind(),
            ErrorKind::Corrupted,
            "{name} {plant:?}"
        );
        assert_eq!(std::fs::read(&secret).unwrap(), b"mine");
    }
}

#[test]
fn a_missing_short_or_changed_blob_is_damage() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("missing", |blob| std::fs::remove_file(blob).unwrap()),
        ("short", |blob| {
            std::fs::write(blob, vec![5; 99_999]).unwrap()
        }),
        ("long", |blob| {
            std::fs::write(blob, vec![5; 100_001]).unwrap()
        }),
        ("changed", |blob| {
            let mut bytes = vec![5; 100_000];
            bytes[77_777] ^= 1;
            std::fs::write(blob, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let (_dir, path) = folder();
        let fs = open(&path);
        fs.write("/x", vec![5; 100_000]).unwrap();
        let blob = path.join(BLOBS).join(&names(&path.join(BLOBS))[0]);
        close(fs);
        damage(&blob);
        let fs = open(&path);
        assert_eq!(
            fs.read("/x").unwrap_err().kind(),
            ErrorKind::Corrupted,
            "{what}"
        );
    }
}

#[test]
fn a_copy_shares_its_blob_and_diverges_when_written() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/a", vec![1; 300_000]).unwrap();
    fs.copy("/a", "/b").unwrap();
    assert_eq!(names(&path.join(BLOBS)).len(), 1);
    fs.append("/b", "more").unwrap();
    assert_eq!(names(&path.join(BLOBS)).len(), 2);
    assert_eq!(fs.read("/a").unwrap(), vec![1; 300_000]);
    assert_eq!(fs.read("/b").unwrap().len(), 300_004);
    fs.remove_file("/a").unwrap();
    until("the blob of a removed file goes", || {
        names(&path.join(BLOBS)).len() == 1
    });
    assert_eq!(fs.read("/b").unwrap()[..300_000], vec![1; 300_000]);
}

#[test]
fn a_sealed_blob_never_changes_and_writing_seals_a_new_one() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/x", "first").unwrap();
    let blobs = path.join(BLOBS);
    let first = names(&blobs);
    let reader = fs.open_read("/x").unwrap();
    fs.append("/x", " second").unwrap();
    until("sealed, and the old one gone or still read", || {
        names(&blobs).iter().all(|name| name.ends_with(".bin"))
    });
    assert_ne!(names(&blobs), first);
    drop(reader);
    close(fs);
    assert_eq!(open(&path).read("/x").unwrap(), b"first second");
}

/// A kill between any two steps leaves orphans at worst.
#[test]
fn leftovers_of_a_crash_are_removed_after_a_grace_period() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/x", "kept").unwrap();
    close(fs);
    let blobs = path.join(BLOBS);
    let kept = names(&blobs);
    let now = fs_core::Time::now().parts().0;
    let old = "a1b2c3d4-0000-4000-8000-000000000000-1704067200.bin";
    let old_part = "b1b2c3d4-0000-4000-8000-000000000000-1704067200.part";
    let young = format!("c1b2c3d4-0000-4000-8000-000000000000-{now}.bin");
    let foreign = "notes.txt";
    for name in [old, old_part, &young, foreign] {
        std::fs::write(blobs.join(name), "x").unwrap();
    }
    for name in [old, old_part] {
        let file = std::fs::File::options()
            .write(true)
            .open(blobs.join(name))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let mut expected = [kept.clone(), vec![young, foreign.to_owned()]].concat();
    expected.sort();
    let fs = open(&path);
    until("old orphans go", || names(&blobs) == expected);
    assert_eq!(fs.read("/x").unwrap(), b"kept");
}

#[test]
fn a_blob_renamed_but_not_yet_marked_sealed_is_found() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/x", "kept").unwrap();
    close(fs);
    tamper(&path, "UPDATE blob SET sealed = 0, hash = NULL");
    let fs = open(&path);
    assert_eq!(fs.read("/x").unwrap(), b"kept");
}

#[test]
fn an_aborted_stage_leaves_no_blob() {
    let (_dir, path) = folder();
    let fs = open(&path);
    let at = fs_core::VPath::new("/x").unwrap();
    let mut staged = fs
        .backend()
        .stage(At::path(&at), &fs_core::NewNode::file())
        .unwrap();
    staged.file().unwrap().write_at(b"never", 0).unwrap();
    assert_eq!(names(&path.join(BLOBS)).len(), 1);
    drop(staged);
    assert!(names(&path.join(BLOBS)).is_empty());
}

#[test]
fn a_copy_of_a_store_that_is_only_read_ends_at_a_blob_that_is_lost() {
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/f", "one").unwrap();
    fs.write("/g", "two").unwrap();
    close(fs);
    let copy = path.with_file_name("copy");
    let copied = || {
        let look = StoreOptions::new().read_only(true).open(&path).unwrap();
        let maintenance = look.extensions().maintenance.unwrap();
        let done = maintenance.backup(&copy, &Control::new());
        look.close().unwrap();
        done
    };
    copied().unwrap();
    let fs = open(&copy);
    assert_eq!(fs.read("/g").unwrap(), b"two");
    close(fs);
    std::fs::remove_dir_all(&copy).unwrap();
    // No later moment does without it.
    let lost = names(&path.join(BLOBS)).swap_remove(0);
    std::fs::remove_file(path.join(BLOBS).join(&lost)).unwrap();
    let error = copied().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
    assert_eq!(names(path.parent().unwrap()), ["a store"]);
}
