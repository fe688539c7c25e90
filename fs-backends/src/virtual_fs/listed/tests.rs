use std::ffi::OsStr;

use fs_core::FileKind;

use super::*;

fn batch(count: usize) -> EntryBatch {
    let mut batch = EntryBatch::new();
    let name = "n".repeat(250);
    (0..count).for_each(|_| batch.push(OsStr::new(&name), FileKind::File, 1, None));
    batch
}

fn put(listed: &Listed, moment: u64, dir: Inode, entries: &EntryBatch) {
    let recording = Recording {
        moment,
        entries: EntryBatch::new(),
    };
    if let Some(recording) = recording.with(Some(moment), entries, 0..entries.len()) {
        recording.finish(listed, dir, false);
    }
}

#[test]
fn memory_has_a_bound() {
    let (listed, quarter) = (Listed::default(), batch(30_000));
    for dir in 0..40 {
        put(&listed, 1, dir, &quarter);
        let known = listed.0.lock();
        assert!(known.bytes <= BYTES_MAX && known.folders.contains_key(&(dir, false)));
        let bytes = known.folders.values().map(|(_, it)| it.size_bytes());
        assert_eq!(known.bytes, bytes.sum::<usize>());
    }
    put(&listed, 1, 50, &batch(200_000));
    assert!(!listed.0.lock().folders.contains_key(&(50, false)));
}

#[test]
fn who_was_slow_does_not_bring_an_old_moment_back() {
    let listed = Listed::default();
    put(&listed, 8, 1, &batch(3));
    put(&listed, 7, 1, &batch(5));
    assert_eq!(listed.0.lock().folders[&(1, false)].1.len(), 3);
}

#[test]
fn a_listing_that_saw_two_moments_is_not_remembered() {
    let entries = batch(3);
    let recording = || Recording {
        moment: 1,
        entries: EntryBatch::new(),
    };
    let half = recording().with(Some(1), &entries, 0..2).unwrap();
    assert!(half.with(Some(2), &entries, 2..3).is_none());
    assert!(recording().with(None, &entries, 0..3).is_none());
}

#[test]
fn nodes_that_look_alike_in_their_low_bits_are_told_apart() {
    let inos: Vec<Inode> = (0..70_000).step_by(3).chain([u64::MAX]).collect();
    let nodes = HashSet::from([
        3,
        4,
        65_536 + 3,
        65_536 * 9 + 6,
        u64::MAX,
        u64::MAX - 65_536,
    ]);
    let both = inos.iter().copied().filter(|ino| nodes.contains(ino));
    let both: HashSet<Inode> = both.collect();
    assert_eq!(both, HashSet::from([3, u64::MAX]));
    assert_eq!(among(&nodes, &inos), both);
}
