//! Names, numbers, limits: what snapshots promise one by one.

use super::*;

fn kind<T>(result: fs_core::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn names_are_checked_and_numbers_never_used_again() {
    let fs = MemoryBackend::new();
    for name in ["", " ", "a/b", "a:b", "a\nb", &"x".repeat(101)] {
        assert_eq!(kind(fs.take(name)), ErrorKind::InvalidInput, "{name:?}");
    }
    let first = fs.take("first").unwrap();
    assert_eq!(kind(fs.take("first")), ErrorKind::AlreadyExists);
    assert_eq!(fs.find("first").unwrap(), first);
    Snapshots::delete(&fs, first.id).unwrap();
    assert_eq!(kind(fs.find("first")), ErrorKind::NotFound);
    assert_eq!(kind(Snapshots::delete(&fs, first.id)), ErrorKind::NotFound);
    assert_eq!(kind(Snapshots::restore(&fs, first.id)), ErrorKind::NotFound);
    assert_eq!(kind(Snapshots::open(&fs, first.id)), ErrorKind::NotFound);
    let again = fs.take("first").unwrap();
    assert!(again.id > first.id);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.mem");
    Snapshots::delete(&fs, again.id).unwrap();
    fs.save_to(&file).unwrap();
    let loaded = MemoryBackend::load_from(&file).unwrap();
    assert!(loaded.take("first").unwrap().id > again.id);
}

#[test]
fn restoring_can_be_taken_back_and_keeps_no_moment_twice() {
    let fs = Arc::new(MemoryBackend::new());
    let storage = FileStorage::new(Arc::clone(&fs));
    storage.write("/a", "one").unwrap();
    let one = fs.take("one").unwrap();
    storage.write("/a", "two").unwrap();
    let open = storage
        .backend()
        .open(At::path(&VPath::new("/a").unwrap()), &OpenOptions::read());
    let before = Snapshots::restore(&*fs, one.id).unwrap();
    assert_eq!(before.name, "before restoring one");
    assert_eq!(storage.read("/a").unwrap(), b"one");
    let mut bytes = [0; 3];
    open.unwrap().read_at(&mut bytes, 0).unwrap();
    assert_eq!(
        &bytes, b"two",
        "who has it open goes on reading what was there"
    );
    // Nothing changed since: what is there now is the snapshot itself.
    assert_eq!(Snapshots::restore(&*fs, before.id).unwrap(), one);
    assert_eq!(storage.read("/a").unwrap(), b"two");
    assert_eq!(Snapshots::restore(&*fs, one.id).unwrap(), before);
    assert_eq!(Snapshots::list(&*fs).unwrap().len(), 2);
}

#[test]
fn a_snapshot_can_only_be_read() {
    let fs = MemoryBackend::new();
    let storage = FileStorage::new(fs.clone());
    drop(storage);
    let taken = fs.take("one").unwrap();
    let snapshot = FileStorage::new(Snapshots::open(&fs, taken.id).unwrap());
    assert_eq!(kind(snapshot.write("/a", "x")), ErrorKind::ReadOnly);
    assert!(snapshot.backend().extensions().snapshots.is_none());
}

#[test]
fn what_only_snapshots_hold_counts_against_the_limit() {
    const CHUNK: usize = CHUNK_BYTES;
    let fs = Arc::new(MemoryBackend::with_limit(4 * CHUNK as u64));
    let storage = FileStorage::new(Arc::clone(&fs));
    let room = || {
        storage
            .backend()
            .extensions()
            .space
            .unwrap()
            .space(At::path(&VPath::root()))
            .unwrap()
    };
    storage.write("/a", vec![1; 2 * CHUNK]).unwrap();
    let taken = fs.take("one").unwrap();
    assert_eq!(
        room().available_bytes,
        Some(2 * CHUNK as u64),
        "a snapshot takes nothing"
    );
    storage.write("/a", vec![2; CHUNK]).unwrap();
    assert_eq!(room().available_bytes, Some(CHUNK as u64));
    // Written over and over in place, the chunk is no longer shared and takes no more.
    let path = VPath::new("/a").unwrap();
    let file = Backend::open(&*fs, At::path(&path), &OpenOptions::read_write()).unwrap();
    for byte in 0..100 {
        file.write_at(&[byte; 100], 0).unwrap();
    }
    storage.write("/b", vec![3; CHUNK]).unwrap();
    assert_eq!(kind(storage.write("/c", b"x")), ErrorKind::NoSpace);
    assert_eq!(kind(storage.append("/b", b"x")), ErrorKind::NoSpace);
    assert_eq!(
        storage.read("/b").unwrap(),
        vec![3; CHUNK],
        "the old content is intact"
    );
    assert!(!storage.exists("/c").unwrap());
    // Both are gone from the tree, but a snapshot has one of them.
    storage.remove_file("/b").unwrap();
    storage.write("/b", vec![4; CHUNK]).unwrap();
    Snapshots::delete(&*fs, taken.id).unwrap();
    storage.write("/c", vec![5; 2 * CHUNK]).unwrap();
    assert_eq!(kind(storage.append("/c", b"x")), ErrorKind::NoSpace);
}

#[test]
fn what_is_shared_is_passed_over() {
    // Counted by what a comparison looks at: it asks whether it was cancelled before each step.
    let fs = Arc::new(MemoryBackend::new());
    let storage = FileStorage::new(Arc::clone(&fs));
    let looks = |files: usize| {
        for file in 0..files {
            storage.create_dir_all(format!("/{}", file % 100)).unwrap();
            storage
                .write(format!("/{}/{file}", file % 100), [1])
                .unwrap();
        }
        let taken = fs.take(&format!("with {files}")).unwrap();
        storage.write("/7/7", [2]).unwrap();
        storage.write("/7/new", [2]).unwrap();
        let from = fs.store().settled_image();
        let was = fs.moment(Moment::Snapshot(taken.id)).unwrap();
        let nodes = was.nodes.nodes.diff(&from.nodes.nodes).count();
        let contents = was.contents.diff(&from.contents).count();
        let changes = fs.diff(Moment::Snapshot(taken.id), Moment::Now, &Control::new());
        assert_eq!(changes.unwrap().len(), 2);
        (nodes, contents)
    };
    let (few_nodes, few_contents) = looks(500);
    let (many_nodes, many_contents) = looks(20_000);
    assert!(
        few_nodes <= 200 && many_nodes <= 200,
        "{few_nodes} {many_nodes}"
    );
    assert!(
        few_contents <= 4 && many_contents <= 4,
        "{few_contents} {many_contents}"
    );
}
