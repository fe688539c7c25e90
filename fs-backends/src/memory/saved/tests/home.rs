//! Two programs and one saved file.

use std::os::unix::fs::MetadataExt as _;

use super::*;

fn with_file(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("x.mem");
    let fs = MemoryBackend::new();
    write(&fs, text);
    fs.save_to(&path).unwrap();
    path
}

fn write(fs: &MemoryBackend, text: &str) {
    fs_core::FileStorage::new(fs).write("/a", text).unwrap();
}

fn read(path: &Path) -> String {
    let fs = MemoryBackend::load_from(path).unwrap();
    fs_core::FileStorage::new(fs).read_to_string("/a").unwrap()
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn a_file_is_open_for_changes_once_also_after_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_file(folder.path(), "first");
    let one = MemoryBackend::open_saved(&path, None).unwrap();
    let refused = MemoryBackend::open_saved(&path, None)
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InUse);
    let holder = format!("process {} on ", std::process::id());
    assert!(refused.to_string().contains(&holder), "{refused}");
    // Another name for it is no way around, and reading is always possible.
    let link = folder.path().join("link.mem");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(
        kind(MemoryBackend::open_saved(&link, None)),
        ErrorKind::InUse
    );
    assert_eq!(read(&link), "first");
    // Saving puts another file in its place: that is held from the first moment.
    write(&one, "second");
    one.save_to(&path).unwrap();
    assert_eq!(
        kind(MemoryBackend::open_saved(&path, None)),
        ErrorKind::InUse
    );
    let other = MemoryBackend::new();
    assert_eq!(kind(other.save_to(&path)), ErrorKind::InUse);
    assert_eq!(kind(other.save_over(&path)), ErrorKind::InUse);
    one.close().unwrap();
    assert_eq!(read(&path), "second");
    MemoryBackend::open_saved(&path, None).unwrap();
}

#[test]
fn what_another_program_wrote_is_not_written_over_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.mem");
    std::fs::rename(with_file(folder.path(), "theirs"), &other).unwrap();
    let path = with_file(folder.path(), "mine");
    let fs = MemoryBackend::open_saved(&path, None).unwrap();
    write(&fs, "changed");
    // As a program that copies files does: another file has the name.
    std::fs::rename(&other, &path).unwrap();
    let refused = fs.save_to(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert!(refused.to_string().contains("another program changed it"));
    assert_eq!(read(&path), "theirs");
    assert!(fs.is_modified());
    // Elsewhere it is saved, and from then on kept there.
    let elsewhere = folder.path().join("elsewhere.mem");
    fs.save_to(&elsewhere).unwrap();
    assert!(fs.is_kept_in(&elsewhere) && !fs.is_kept_in(&path));
    // Changed in place, too.
    let mut bytes = std::fs::read(&elsewhere).unwrap();
    bytes.push(0);
    std::fs::write(&elsewhere, bytes).unwrap();
    write(&fs, "changed again");
    assert_eq!(kind(fs.save_to(&elsewhere)), ErrorKind::AlreadyExists);
    fs.save_over(&elsewhere).unwrap();
    assert_eq!(read(&elsewhere), "changed again");
    // What is gone is nobody's.
    std::fs::remove_file(&elsewhere).unwrap();
    write(&fs, "last");
    fs.save_to(&elsewhere).unwrap();
    assert_eq!(read(&elsewhere), "last");
}

#[test]
fn a_file_of_another_program_is_saved_over_only_if_nobody_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_file(folder.path(), "theirs");
    let theirs = MemoryBackend::open_saved(&path, None).unwrap();
    let mine = MemoryBackend::new();
    write(&mine, "mine");
    let own = folder.path().join("own.mem");
    mine.save_to(&own).unwrap();
    assert_eq!(kind(mine.save_over(&path)), ErrorKind::InUse);
    assert!(mine.is_kept_in(&own), "a save that failed changes nothing");
    theirs.close().unwrap();
    mine.save_over(&path).unwrap();
    assert!(mine.is_kept_in(&path));
    // The file it was kept in before is free.
    MemoryBackend::open_saved(&own, None).unwrap();
}

#[test]
fn of_programs_that_save_to_one_file_at_once_one_is_refused_or_both_are_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mem");
    for round in 0..30 {
        std::fs::remove_file(&path).unwrap_or_default();
        if round % 2 == 0 {
            with_file(folder.path(), "old");
        }
        let start = std::sync::Barrier::new(2);
        let save = |text: &str| {
            let fs = MemoryBackend::new();
            write(&fs, text);
            start.wait();
            let saved = fs.save_to(&path);
            // Held until both have tried.
            start.wait();
            saved.map(|()| text.to_owned())
        };
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| save("one"));
            (save("two"), one.join().unwrap())
        });
        let winners: Vec<String> = [one, two].into_iter().filter_map(Result::ok).collect();
        assert_eq!(winners, [read(&path)], "round {round}");
    }
}

/// The file is another one after each save; to whom it belongs, and what was noted on it, stays.
#[test]
fn a_save_keeps_owner_permissions_and_extended_attributes() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let folder = tempfile::tempdir().unwrap();
    let path = with_file(folder.path(), "first");
    // Only root may give it to somebody else.
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&path, Some(1000), Some(1001)).unwrap();
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    let has_xattrs = rustix::fs::setxattr(&path, "user.tag", b"value", flags).is_ok();
    let before = std::fs::metadata(&path).unwrap();
    let fs = MemoryBackend::open_saved(&path, None).unwrap();
    write(&fs, "second");
    fs.save_to(&path).unwrap();
    let after = std::fs::metadata(&path).unwrap();
    assert_ne!(after.ino(), before.ino());
    let told = |it: &std::fs::Metadata| (it.uid(), it.gid(), it.mode());
    assert_eq!(told(&after), told(&before));
    assert!(!root || after.uid() == 1000);
    if has_xattrs {
        let mut value = [0; 10];
        let length = rustix::fs::getxattr(&path, "user.tag", &mut value).unwrap();
        assert_eq!(&value[..length], b"value");
    }
}

#[test]
fn where_a_sync_saves_it_saves_what_changed_and_never_over_what_another_program_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_file(folder.path(), "first");
    let fs = MemoryBackend::open_saved(&path, None).unwrap();
    let at = VPath::new("/a").unwrap();
    let how = OpenOptions::read_write();
    let file = fs.open(At::path(&at), &how).unwrap();
    let write = |text: &str| {
        file.write_at(text.as_bytes(), 0).unwrap();
    };
    write("other");
    fs.sync(fs_core::Scope::All).unwrap();
    assert_eq!(read(&path), "first", "nobody asked for it");
    fs.save_on_sync();
    file.sync(true).unwrap();
    assert_eq!(read(&path), "other");
    assert!(!fs.is_modified());
    let saved = std::fs::metadata(&path).unwrap();
    file.sync(false).unwrap();
    let later = std::fs::metadata(&path).unwrap();
    assert_eq!(saved.ino(), later.ino(), "nothing changed");
    write("third");
    fs.sync(fs_core::Scope::All).unwrap();
    assert_eq!(read(&path), "third");
    write("mine!");
    std::fs::write(&path, "theirs").unwrap();
    assert_eq!(kind(file.sync(false)), ErrorKind::Io);
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
}
