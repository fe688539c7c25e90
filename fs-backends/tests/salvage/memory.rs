//! Saved memory filesystems with flipped bits, holes and missing ends.

use std::path::Path;

use fs_backends::location::Kind;
use fs_backends::salvage::Salvage;
use fs_backends::{FileStorage, MemoryBackend};
use fs_core::{Control, ErrorKind};

use super::support::*;

#[test]
fn a_whole_saved_filesystem_is_saved_whole() {
    for password in [None, Some(PASSWORD)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mem");
        memory(&path, password);
        assert_whole(Kind::Memory, &path, password);
    }
}

#[test]
fn whatever_is_damaged_the_other_sections_are_saved() {
    for (password, rounds) in [(None, 60), (Some(PASSWORD), 6)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mem");
        memory(&path, password);
        let sound = std::fs::read(&path).unwrap();
        let mut random = Random(9);
        let mut most = 0;
        for round in 0..rounds {
            let what = format!("{password:?}, round {round}");
            let mut bytes = sound.clone();
            // The header of an encrypted one is what its key is made with.
            let start = if password.is_some() { 80 } else { 0 };
            let at = start + random.below(bytes.len() - start);
            match round % 3 {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes.truncate(at.max(200)),
                _ => {
                    let end = bytes.len().min(at + 5000);
                    bytes[at..end].fill(0);
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let to = dir.path().join(format!("saved {round}"));
            match salvage(Kind::Memory, &path, password, &to) {
                Ok(report) => most = most.max(assert_honest(&to, &report, &what)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::UnknownFormat, "{what}: {error}"),
            }
            std::fs::remove_dir_all(&to).unwrap_or_default();
        }
        assert!(most > NAMED / 2, "{most}");
    }
}

/// A saved filesystem with a snapshot in which `/file 62` was another and `/file 29` still there.
fn with_a_past(path: &Path) {
    let backend = MemoryBackend::new();
    fill(&backend);
    let fs = FileStorage::new(&backend);
    fs.write("/file 62", b"of the past").unwrap();
    let snapshots = fs_core::Backend::extensions(&backend).snapshots.unwrap();
    snapshots.take("past").unwrap();
    fs.write("/file 62", content(62)).unwrap();
    fs.remove_file("/file 29").unwrap();
    fs.write("/file 59", content(59)).unwrap();
    backend.save_to(path).unwrap();
}

#[test]
fn of_one_with_snapshots_each_moment_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.mem");
    with_a_past(&path);
    let to = dir.path().join("saved");
    let report = salvage(Kind::Memory, &path, None, &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.snapshots, 1);
    assert_eq!(assert_honest(&to, &report, "present"), NAMED + 1);
    let past = saved(&to.join("snapshots/past/files"));
    let of_past = |name: &str| past.get(Path::new(name)).cloned().flatten();
    assert_eq!(of_past("file 62").unwrap(), b"of the past");
    assert_eq!(of_past("file 29").unwrap(), content(29));
    assert_eq!(of_past("file 59"), None);
    let control = Control::new();
    let salvage = Salvage::open_as(Kind::Memory, &path, None, &control).unwrap();
    assert_eq!(salvage.damages(), []);
}

/// What is wrong behind the end of a snapshot takes nothing from it.
#[test]
fn a_snapshot_before_the_damage_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.mem");
    with_a_past(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let snap = bytes.windows(4).rposition(|tag| tag == b"SNAP").unwrap();
    bytes.truncate(snap + 200);
    std::fs::write(&path, bytes).unwrap();
    let to = dir.path().join("saved");
    let report = salvage(Kind::Memory, &path, None, &to).unwrap();
    assert!(!report.is_whole());
    let of_past = |detail: &str| detail.starts_with("in the snapshot past: ");
    assert!(
        !report.items.iter().any(|item| of_past(&item.detail)),
        "{report:?}"
    );
    let past = saved(&to.join("snapshots/past/files"));
    for number in 0..FILES {
        let name = path_of(number);
        let bytes = past.get(Path::new(&name[1..])).cloned().flatten();
        assert!(
            bytes.is_some_and(|bytes| bytes == content(number)),
            "{name}"
        );
    }
}
