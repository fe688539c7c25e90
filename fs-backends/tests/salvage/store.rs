//! Stores without their index, and with damaged blobs.

use std::path::{Path, PathBuf};

use fs_backends::location::Kind;
use fs_backends::salvage::{Salvage, State};
use fs_core::Control;
use fs_core::maintenance::DamageKind;

use super::support::*;

/// The blobs of a store, largest first.
fn blobs(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.join("blobs")).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort_by_key(|blob| (u64::MAX - blob.metadata().unwrap().len(), blob.clone()));
    all
}

#[test]
fn a_whole_store_is_saved_whole() {
    for password in [None, Some(PASSWORD)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        store(&path, password);
        assert_whole(Kind::Store, &path, password);
    }
}

#[test]
fn a_store_without_its_index_gives_its_blobs_and_says_that_nothing_proves_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    store(&path, None);
    std::fs::remove_file(path.join("index.db")).unwrap();
    let to = dir.path().join("saved");
    let report = salvage(Kind::Store, &path, None, &to).unwrap();
    assert_eq!(report.unproven as usize, blobs(&path).len());
    let known: Vec<Vec<u8>> = (0..FILES).map(content).collect();
    let mut found = 0;
    for (name, bytes) in saved(&to.join("unnamed")) {
        assert!(
            name.to_str().unwrap().ends_with(".bin.unproven"),
            "{name:?}"
        );
        let bytes = bytes.unwrap();
        found += usize::from(known.contains(&bytes));
    }
    assert!(found >= FILES * 4 / 5 - 1, "{found}");
    let control = Control::new();
    let salvage = Salvage::open_as(Kind::Store, &path, None, &control).unwrap();
    let first = &salvage.damages()[0];
    assert_eq!(first.kind, DamageKind::Database);
    assert!(first.detail.contains("index.db is missing"), "{first}");
}

#[test]
fn a_blob_that_changed_costs_the_block_that_changed() {
    for password in [None, Some(PASSWORD)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        store(&path, password);
        let blob = &blobs(&path)[0];
        let length = blob.metadata().unwrap().len() as usize;
        flip(blob, length * 4);
        let to = dir.path().join("saved");
        let report = salvage(Kind::Store, &path, password, &to).unwrap();
        let whole = assert_honest(&to, &report, "a flip");
        assert!(whole >= NAMED - 2, "{whole}: {report:?}");
        assert_eq!(report.part, 1, "{report:?}");
        assert!((1..=65_536).contains(&report.lost_bytes), "{report:?}");
    }
}

#[test]
fn blobs_that_are_cut_empty_swapped_or_gone_cost_what_was_in_them() {
    for password in [None, Some(PASSWORD)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        store(&path, password);
        let all = blobs(&path);
        let cut = std::fs::read(&all[0]).unwrap();
        std::fs::write(&all[0], &cut[..cut.len() / 2]).unwrap();
        std::fs::write(&all[1], b"").unwrap();
        let (one, other) = (
            std::fs::read(&all[2]).unwrap(),
            std::fs::read(&all[3]).unwrap(),
        );
        std::fs::write(&all[2], other).unwrap();
        std::fs::write(&all[3], one).unwrap();
        std::fs::remove_file(&all[4]).unwrap();
        std::fs::remove_file(&all[5]).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &all[5]).unwrap();
        let to = dir.path().join("saved");
        let report = salvage(Kind::Store, &path, password, &to).unwrap();
        let whole = assert_honest(&to, &report, "blobs");
        assert!(
            (NAMED - 10..NAMED - 4).contains(&whole),
            "{whole}: {report:?}"
        );
        let half = report.items.iter().filter(|item| item.state == State::Part);
        assert!(
            half.count() >= 1,
            "of what was cut the start is there: {report:?}"
        );
    }
}

#[test]
fn an_index_with_damaged_pages_costs_names_and_no_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    store(&path, None);
    let index = path.join("index.db");
    let sound = std::fs::read(&index).unwrap();
    for page in 0..sound.len() / 16_384 {
        let mut bytes = sound.clone();
        bytes[page * 16_384..][..16_384].fill(0xa5);
        std::fs::write(&index, bytes).unwrap();
        let to = dir.path().join(format!("saved {page}"));
        let report = salvage(Kind::Store, &path, None, &to).unwrap();
        assert_honest(&to, &report, &format!("page {}", page + 1));
        // Every content is there, under its name, a number or that of its blob.
        let mut all: Vec<Vec<u8>> = saved(&to).into_values().flatten().collect();
        all.sort();
        for number in 0..FILES {
            let wanted = content(number);
            let there = wanted.is_empty() || all.binary_search(&wanted).is_ok();
            assert!(there, "page {}: file {number} is nowhere", page + 1);
        }
    }
}

#[test]
fn without_the_index_of_an_encrypted_store_its_blobs_are_not_passed_off_as_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    store(&path, Some(PASSWORD));
    std::fs::remove_file(path.join("index.db")).unwrap();
    let control = Control::new();
    let salvage = Salvage::open_as(Kind::Store, &path, None, &control).unwrap();
    let gone = salvage
        .damages()
        .iter()
        .any(|damage| damage.detail.contains("key is gone"));
    assert!(gone, "{:?}", salvage.damages());
    let report = salvage.check(&control, &mut |_| {}).unwrap();
    assert_eq!((report.files, report.unproven), (0, 0));
}
