//! What an encrypted store promises beyond the others: nothing in clear, and no change of a blob that passes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fs_core::conformance::{Fresh, Suite};
use fs_core::maintenance::DamageKind;
use fs_core::{At, Backend, Capabilities, Control, ErrorKind, FileStorage, OpenOptions, VPath};
use proptest::prelude::*;

use super::name::BlobName;
use super::open::make_with;
use super::records::{RECORD_BYTES, RecordFile, StoreKey};
use super::*;
use crate::catalog::{Key, Secret};
use crate::seal::SealKey;

const PASSWORD: &str = "correct horse";

/// Derived once: it takes most of the time of a test.
static KEY: LazyLock<Key> = LazyLock::new(|| Key::create(PASSWORD));

fn make(path: &Path) {
    make_with(path, Some(KEY.clone())).unwrap();
}

fn open(path: &Path) -> FileStorage<IndexedBackend> {
    let options = StoreOptions::new().durability(Durability::OnSync);
    FileStorage::new(options.open_existing(path, Secret::Key(&KEY)).unwrap())
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    make(&path);
    (dir, path)
}

fn kind<T>(result: fs_core::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// All files of a store.
fn files(path: &Path) -> Vec<PathBuf> {
    let in_folder = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    in_folder(path.to_owned())
        .chain(in_folder(path.join(BLOBS)))
        .filter(|path| path.is_file())
        .collect()
}

fn blobs(path: &Path) -> Vec<PathBuf> {
    let mut blobs = files(path);
    blobs.retain(|file| file.parent() == Some(&path.join(BLOBS)));
    blobs
}

#[test]
fn it_passes_the_suite() {
    Suite::new("encrypted store", || {
        let (dir, path) = folder();
        let options = StoreOptions::new().durability(Durability::OnSync);
        let store = options.open_existing(&path, Secret::Key(&KEY)).unwrap();
        Fresh::new(store).keeping(dir)
    })
    .assert();
}

#[test]
fn it_opens_with_its_password_alone_and_another_one_is_given_without_touching_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    assert_eq!(
        kind(IndexedBackend::create_encrypted(&path, "")),
        ErrorKind::InvalidInput
    );
    let fs = FileStorage::new(IndexedBackend::create_encrypted(&path, PASSWORD).unwrap());
    fs.write("/a", vec![1; 100_000]).unwrap();
    let root = VPath::root();
    assert!(
        fs.backend()
            .capabilities(At::path(&root))
            .contains(Capabilities::ENCRYPTED)
    );
    assert!(fs.backend().is_encrypted());
    fs.backend().close().unwrap();
    let read_all = || -> Vec<Vec<u8>> {
        let blobs = blobs(&path).into_iter();
        blobs.map(|file| std::fs::read(file).unwrap()).collect()
    };
    let before = read_all();
    assert_eq!(kind(IndexedBackend::open(&path)), ErrorKind::PasswordNeeded);
    assert_eq!(
        kind(IndexedBackend::open_encrypted(&path, "wrong")),
        ErrorKind::WrongPassword
    );
    let fs = FileStorage::new(IndexedBackend::open_encrypted(&path, PASSWORD).unwrap());
    let maintenance = fs.backend().extensions().maintenance.unwrap();
    assert!(maintenance.info().unwrap().cipher.is_some());
    maintenance.change_password(PASSWORD, "new").unwrap();
    assert_eq!(fs.read("/a").unwrap(), vec![1; 100_000]);
    let copy = dir.path().join("copy");
    maintenance.backup(&copy, &Control::new()).unwrap();
    fs.backend().close().unwrap();
    assert!(read_all() == before);
    for path in [&path, &copy] {
        assert_eq!(
            kind(IndexedBackend::open_encrypted(path, PASSWORD)),
            ErrorKind::WrongPassword
        );
        let fs = FileStorage::new(IndexedBackend::open_encrypted(path, "new").unwrap());
        assert_eq!(fs.read("/a").unwrap(), vec![1; 100_000]);
        fs.backend().close().unwrap();
    }
}

#[test]
fn nothing_is_on_the_disk_in_clear() {
    let (_dir, path) = folder();
    let fs = open(&path);
    let marker = b"marker-in-clear-".repeat(5000);
    fs.create_dir("/marker-in-clear-folder").unwrap();
    fs.write("/marker-in-clear-folder/marker-in-clear-file", &marker)
        .unwrap();
    fs.symlink("marker-in-clear-target", "/link").unwrap();
    fs.set_xattr("/link-not", "user.x", b"").unwrap_err();
    fs.set_xattr(
        "/marker-in-clear-folder",
        "user.marker-in-clear",
        b"marker-in-clear",
    )
    .unwrap();
    let path_of = VPath::new("/marker-in-clear-folder/marker-in-clear-file").unwrap();
    let handle = fs
        .backend()
        .open(At::path(&path_of), &OpenOptions::read_write())
        .unwrap();
    handle.write_at(b"marker-in-clear", 70_001).unwrap();
    // While it is open, as a kill would leave it, and after it was closed.
    let look = || {
        for file in files(&path) {
            let bytes = std::fs::read(&file).unwrap();
            let clear = bytes.windows(15).any(|window| window == b"marker-in-clear");
            assert!(!clear, "{}", file.display());
        }
    };
    look();
    drop(handle);
    fs.backend().sync(fs_core::Scope::All).unwrap();
    look();
    fs.backend().close().unwrap();
    look();
}

/// Somebody who only reads takes nothing for torn that another program is just writing, sees what came since, and changes nothing.
#[test]
fn reading_beside_a_writer_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blob");
    let (name, key) = (BlobName::new(), StoreKey::new(&SealKey::from([7; 32])));
    let file = || {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .unwrap()
    };
    let writer = RecordFile::create(file(), &name, &key);
    let content: Vec<u8> = (0..200_000u32).map(|at| (at / 5) as u8).collect();
    writer.write_at(&content[..100_000], 0).unwrap();
    // The last record as a writer has it half way.
    let whole = std::fs::metadata(&path).unwrap().len();
    let reader = RecordFile::open_beside(File::open(&path).unwrap(), &name, &key).unwrap();
    let read = |from: usize, to: usize| {
        let mut bytes = vec![0; to - from];
        reader.read_at(&mut bytes, from as u64).unwrap();
        bytes
    };
    assert!(read(0, 100_000) == content[..100_000]);
    writer.write_at(&content[100_000..], 100_000).unwrap();
    writer.write_at(b"changed", 50_000).unwrap();
    assert!(read(90_000, 200_000) == content[90_000..]);
    assert_eq!(read(50_000, 50_007), b"changed");
    assert_eq!(
        reader.next_data(199_000).map(|(start, _)| start),
        Some(199_000)
    );
    // A record that is torn just now is in the spare slot.
    let slot = (50_000 / RECORD_BYTES) as u64;
    let at = 20_480 + slot * record_slot() as u64;
    file().write_all_at(&[0xff; 100], at + 200).unwrap();
    assert_eq!(read(50_000, 50_007), b"changed");
    let after = std::fs::metadata(&path).unwrap().len();
    assert!(after > whole);
    // One that is cut short counts as it was known, for who may write; who only reads cuts nothing.
    file().set_len(after - 10).unwrap();
    drop(RecordFile::open_beside(File::open(&path).unwrap(), &name, &key).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), after - 10);
}

fn record_slot() -> usize {
    RECORD_BYTES + 32
}

#[test]
fn every_change_of_a_blob_is_an_error_that_names_it() {
    const BASE: usize = 20_480;
    let slot = record_slot();
    // Larger than what is hashed when it is opened.
    let content: Vec<u8> = (0..5u32 << 20).map(|at| (at / 7) as u8).collect();
    let (_dir, path) = folder();
    let fs = open(&path);
    fs.write("/a", &content).unwrap();
    fs.write("/other", &content[1..]).unwrap();
    fs.backend().close().unwrap();
    let [one, two] = blobs(&path).try_into().unwrap();
    let (good, other) = (std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let swapped = {
        let mut bytes = good.clone();
        let (a, b) = bytes.split_at_mut(BASE + slot);
        a[BASE..].swap_with_slice(&mut b[..slot]);
        bytes
    };
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let len = good.len();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a bit of a nonce", with(&|b| b[BASE] ^= 1)),
        ("a bit of a length", with(&|b| b[BASE + 12] ^= 1)),
        ("a bit of the content", with(&|b| b[BASE + 5000] ^= 8)),
        ("a bit of a tag", with(&|b| b[BASE + slot - 1] ^= 128)),
        (
            "a bit in the middle",
            with(&|b| b[BASE + 40 * slot + 99] ^= 1),
        ),
        ("records swapped", swapped),
        (
            "a record emptied",
            with(&|b| b[BASE + slot..BASE + 2 * slot].fill(0)),
        ),
        (
            "a record twice",
            with(&|b| b.copy_within(BASE..BASE + slot, BASE + slot)),
        ),
        (
            "a record of another blob",
            with(&|b| b[BASE..BASE + slot].copy_from_slice(&other[BASE..BASE + slot])),
        ),
        ("another blob", other.clone()),
        ("without its end", with(&|b| b.truncate(len - 1))),
        ("without its map", with(&|b| b.truncate(len - 80))),
        ("half of it", with(&|b| b.truncate(len / 2))),
        ("nothing of it", Vec::new()),
        ("a bit of the map", with(&|b| b[len - 40] ^= 1)),
        ("a bit of the place of the map", with(&|b| b[len - 8] ^= 1)),
        ("longer", with(&|b| b.push(0))),
    ];
    for (what, bytes) in cases {
        std::fs::write(&one, bytes).unwrap();
        let fs = open(&path);
        let damaged: Vec<_> = ["/a", "/other"]
            .into_iter()
            .filter_map(|file| fs.read(file).err())
            .collect();
        assert_eq!(damaged.len(), 1, "{what}: {damaged:?}");
        assert_eq!(damaged[0].kind(), ErrorKind::Corrupted, "{what}");
        let name = one.file_stem().unwrap().to_str().unwrap();
        let told = damaged[0].detail().unwrap_or_default().contains(name);
        assert!(
            told && damaged[0].path().is_some(),
            "{what}: {:?}",
            damaged[0]
        );
        let mut found = Vec::new();
        let maintenance = fs.backend().extensions().maintenance.unwrap();
        maintenance
            .check(&Control::new(), &mut |damage| found.push(damage))
            .unwrap();
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        let kinds = [
            DamageKind::ContentChanged,
            DamageKind::BlobLength,
            DamageKind::BlobFile,
        ];
        assert!(kinds.contains(&found[0].kind), "{what}: {found:?}");
        fs.backend().close().unwrap();
    }
    std::fs::write(&one, good).unwrap();
    let fs = open(&path);
    assert!(
        fs.read("/a").unwrap().len() + fs.read("/other").unwrap().len() == 2 * content.len() - 1
    );
    fs.backend().close().unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, u8, usize),
    Truncate(u64),
    Punch(u64, u64),
    /// The program is killed and the blob opened again.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = RECORD_BYTES as u64;
    let offset = move || {
        (0u64..5, -3i64..4).prop_map(move |(at, by)| (at * record).saturating_add_signed(by))
    };
    let len = prop_oneof![1usize..9, RECORD_BYTES - 2..RECORD_BYTES * 3];
    prop::collection::vec(
        prop_oneof![
            5 => (offset(), 1u8.., len).prop_map(|(at, byte, len)| Step::Write(at, byte, len)),
            1 => offset().prop_map(Step::Truncate),
            2 => (offset(), 1..record * 3).prop_map(|(at, len)| Step::Punch(at, len)),
            1 => Just(Step::Reopen),
        ],
        1..16,
    )
}

/// A blob file by itself.
struct Lone {
    _dir: tempfile::TempDir,
    path: PathBuf,
    name: BlobName,
    key: StoreKey,
}

impl Lone {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            path: dir.path().join("blob"),
            _dir: dir,
            name: BlobName::new(),
            key: StoreKey::new(&SealKey::from([3; 32])),
        }
    }

    fn file(&self) -> File {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .unwrap()
    }

    fn create(&self) -> RecordFile {
        RecordFile::create(self.file(), &self.name, &self.key)
    }

    fn reopen(&self, known_bytes: u64) -> fs_core::Result<RecordFile> {
        RecordFile::open_unsealed(self.file(), &self.name, &self.key, known_bytes)
    }
}

fn read_all(blob: &RecordFile, length: usize) -> Vec<u8> {
    let mut bytes = vec![1; length];
    blob.read_at(&mut bytes, 0).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_blob_behaves_as_a_plain_vector(steps in steps()) {
        let lone = Lone::new();
        let (mut blob, mut model) = (lone.create(), Vec::new());
        for step in &steps {
            match step {
                Step::Write(at, byte, len) => {
                    blob.write_at(&vec![*byte; *len], *at).unwrap();
                    let end = *at as usize + len;
                    model.resize(model.len().max(end), 0);
                    model[*at as usize..end].fill(*byte);
                }
                Step::Truncate(len) => {
                    blob.truncate(*len).unwrap();
                    model.truncate(*len as usize);
                }
                Step::Punch(at, len) => {
                    blob.punch(*at, *len).unwrap();
                    let end = model.len().min((at + len) as usize);
                    if let Some(range) = model.get_mut(*at as usize..end) {
                        range.fill(0);
                    }
                }
                Step::Reopen => blob = lone.reopen(blob.length()).unwrap(),
            }
            prop_assert!(read_all(&blob, model.len() + 9)[..model.len()] == model[..]);
            let (mut at, mut covered) = (0, vec![false; model.len()]);
            while let Some((start, end)) = blob.next_data(at) {
                prop_assert!(start >= at && end > start);
                covered.iter_mut().take(end as usize).skip(start as usize).for_each(|it| *it = true);
                at = end;
            }
            prop_assert!(model.iter().zip(&covered).all(|(byte, covered)| *covered || *byte == 0));
        }
        let length = blob.length();
        blob.complete().unwrap();
        let sealed = RecordFile::open_sealed(lone.file(), &lone.name, &lone.key).unwrap();
        prop_assert_eq!(sealed.length(), length);
        prop_assert!(read_all(&sealed, model.len()) == model);
        // A kill before the index learns of it: it may be written again.
        let again = lone.reopen(length).unwrap();
        again.write_at(&[9], 3).unwrap();
        model.resize(model.len().max(4), 0);
        model[3] = 9;
        prop_assert!(read_all(&again, model.len()) == model);
    }
}

#[test]
fn a_record_torn_by_a_kill_is_put_right_and_one_torn_otherwise_is_an_error() {
    const BASE: u64 = 20_480;
    let lone = Lone::new();
    let blob = lone.create();
    blob.write_at(&[1; 3 * RECORD_BYTES], 0).unwrap();
    blob.write_at(&[2; 100], 5).unwrap();
    drop(blob);
    // Killed while it wrote the record to its place, when the copy was whole.
    let file = lone.file();
    file.write_all_at(&[0xAA; 4096], BASE + 8000).unwrap();
    let known = 3 * RECORD_BYTES as u64;
    let blob = lone.reopen(known).unwrap();
    let bytes = read_all(&blob, 3 * RECORD_BYTES);
    assert!(bytes[5..105] == [2; 100] && bytes[105..].iter().all(|byte| *byte == 1));
    drop(blob);
    // Killed while it wrote the copy: the place is as it was.
    file.write_all_at(&[0xAA; 100], 9000).unwrap();
    let blob = lone.reopen(known).unwrap();
    assert!(read_all(&blob, 3 * RECORD_BYTES) == bytes);
    drop(blob);
    // A record of which there is no copy.
    file.write_all_at(&[0xAA; 100], BASE + record_slot() as u64 + 70)
        .unwrap();
    let blob = lone.reopen(known).unwrap();
    let mut some = [0; 10];
    let told = blob.read_at(&mut some, RECORD_BYTES as u64).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Corrupted);
    blob.read_at(&mut some, 0).unwrap();
    drop(blob);
    // What no commit ever told of, and is half there, is nobody's.
    let length = std::fs::metadata(&lone.path).unwrap().len();
    file.set_len(length - 20).unwrap();
    let blob = lone.reopen(known).unwrap();
    assert_eq!(
        kind(blob.read_at(&mut some, known - 10)),
        ErrorKind::Corrupted
    );
    blob.read_at(&mut some, 0).unwrap();
    drop(blob);
    let blob = lone.reopen(2 * RECORD_BYTES as u64).unwrap();
    assert!(read_all(&blob, RECORD_BYTES) == bytes[..RECORD_BYTES]);
}
