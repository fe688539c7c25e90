//! What a store is after a power cut, which leaves any part of what was written since the last sync, and after a kill, which leaves all of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use fs_core::maintenance::DamageKind;
use fs_core::{
    At, Backend as _, Control, ErrorKind, FileStorage, OpenOptions, Result, Scope, VPath,
};

use super::open::make_with;
use super::*;
use crate::catalog::{Key, Secret};
use crate::virtual_fs::NodeStore;

/// Derived once: it takes most of the time of a test.
static KEY: LazyLock<Key> = LazyLock::new(|| Key::create("correct horse"));

struct Store {
    path: PathBuf,
    encrypted: bool,
    _dir: tempfile::TempDir,
}

impl Store {
    fn new(encrypted: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        make_with(&path, encrypted.then(|| KEY.clone())).unwrap();
        Self {
            path,
            encrypted,
            _dir: dir,
        }
    }

    fn secret(&self) -> Secret<'static> {
        match self.encrypted {
            true => Secret::Key(&KEY),
            false => Secret::None,
        }
    }

    /// Opened only to read.
    fn look(&self) -> Result<FileStorage<IndexedBackend>> {
        let options = StoreOptions::new().read_only(true);
        let opened = options.open_existing(&self.path, self.secret())?;
        Ok(FileStorage::new(opened))
    }

    fn open(&self, durability: Durability) -> FileStorage<IndexedBackend> {
        let options = StoreOptions::new().durability(durability);
        let storage = FileStorage::new(options.open_existing(&self.path, self.secret()).unwrap());
        storage.with_durability(match durability {
            Durability::EachCall => fs_core::Durability::EachCall,
            Durability::OnSync => fs_core::Durability::OnSync,
        })
    }

    /// The store, open, with `/kept`, and its blobs.
    fn with_a_durable_file(&self) -> (FileStorage<IndexedBackend>, BTreeSet<PathBuf>) {
        let fs = self.open(Durability::OnSync);
        fs.write("/kept", "old").unwrap();
        fs.backend().sync(Scope::All).unwrap();
        (fs, self.blobs())
    }

    fn blobs(&self) -> BTreeSet<PathBuf> {
        let entries = std::fs::read_dir(self.path.join(BLOBS)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// What a crash at this moment leaves on the disk, if the disk has everything.
    fn image(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        // By another program: closing the file of an open database here would drop the locks of this one.
        let copied = Command::new("cp")
            .arg("-a")
            .args([&self.path, &path])
            .status();
        assert!(copied.unwrap().success());
        Self {
            path,
            encrypted: self.encrypted,
            _dir: dir,
        }
    }

    /// The same without the bytes of these blobs, in one of the ways in which a disk can lack them.
    fn without(&self, names: &[PathBuf], way: &str) -> Self {
        let image = self.image();
        for name in names {
            let blob = image.path.join(BLOBS).join(name.file_name().unwrap());
            let length = std::fs::metadata(&blob).unwrap().len();
            let file = std::fs::File::options().write(true).open(&blob).unwrap();
            match way {
                "no file" => std::fs::remove_file(&blob).unwrap(),
                "no bytes" => file.set_len(0).unwrap(),
                "its end" => file.set_len(length - 1).unwrap(),
                "zeros" => {
                    file.set_len(0).unwrap();
                    file.set_len(length).unwrap();
                }
                way => panic!("{way}"),
            }
        }
        image
    }

    fn is_clean(&self) {
        let fs = self.open(Durability::OnSync);
        let maintenance = fs.backend().extensions().maintenance.unwrap();
        let mut damage = Vec::new();
        let checked = maintenance.check(&Control::new(), &mut |found| damage.push(found));
        checked.unwrap();
        // Blobs that nothing names are swept when they are a day old.
        damage.retain(|found| found.kind != DamageKind::Leftover);
        assert!(damage.is_empty(), "{damage:?}");
        fs.backend().close().unwrap();
    }
}

fn new_since(store: &Store, before: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    store.blobs().difference(before).cloned().collect()
}

fn syncs(fs: &FileStorage<IndexedBackend>) -> impl Drop + '_ {
    NodeStore::content(fs.backend().store())
        .shared()
        .folder
        .hold_syncs()
}

const LONG: [u8; 9000] = [7; 9000];

#[test]
fn what_the_disk_has_not_got_goes_with_all_that_came_after_it() {
    for encrypted in [false, true] {
        let store = Store::new(encrypted);
        let (fs, before) = store.with_a_durable_file();
        let held = syncs(&fs);
        fs.write("/other", "complete").unwrap();
        fs.write("/kept", LONG).unwrap();
        fs.create_dir("/late").unwrap();
        let image = store.image();
        let lost = new_since(&store, &before);
        assert_eq!(lost.len(), 2);
        let cut: Vec<_> = ["no file", "no bytes", "its end", "zeros"]
            .map(|way| (way, store.without(&lost[..1], way)))
            .into();
        drop(held);
        drop(fs);
        // A kill: all that returned is there, also for who only looks.
        let look = image.look().unwrap();
        assert!(look.read("/kept").unwrap() == LONG);
        look.backend().close().unwrap();
        let fs = image.open(Durability::OnSync);
        assert!(fs.read("/kept").unwrap() == LONG);
        assert!(fs.exists("/late").unwrap() && fs.exists("/other").unwrap());
        drop(fs);
        image.is_clean();
        for (way, cut) in cut {
            // Who comes first and only looks gets no zeros for data.
            let error = cut.look().err().expect(way);
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{way}: {error:?}");
            assert!(error.to_string().contains("for changes"), "{error}");
            let fs = cut.open(Durability::OnSync);
            assert_eq!(fs.read("/kept").unwrap(), b"old", "{way}");
            assert!(!fs.exists("/late").unwrap(), "{way}");
            fs.write("/kept", "newer").unwrap();
            fs.backend().close().unwrap();
            assert_eq!(
                cut.open(Durability::OnSync).read("/kept").unwrap(),
                b"newer"
            );
            assert_eq!(cut.look().unwrap().read("/kept").unwrap(), b"newer");
            cut.is_clean();
        }
    }
}

/// Where the log begins anew the horizon of the one before says nothing.
#[test]
fn a_log_that_began_since_goes_whole() {
    let store = Store::new(false);
    let fs = store.open(Durability::OnSync);
    fs.write("/kept", "old").unwrap();
    fs.backend().sync(Scope::All).unwrap();
    // Closing empties the log.
    fs.backend().close().unwrap();
    let fs = store.open(Durability::OnSync);
    let before = store.blobs();
    let held = syncs(&fs);
    fs.write("/kept", "new").unwrap();
    let image = store.without(&new_since(&store, &before), "no file");
    drop(held);
    assert_eq!(
        image.open(Durability::OnSync).read("/kept").unwrap(),
        b"old"
    );
    image.is_clean();
}

#[test]
fn what_was_acknowledged_as_durable_never_goes() {
    for (durability, sync) in [(Durability::EachCall, false), (Durability::OnSync, true)] {
        let store = Store::new(false);
        let fs = store.open(durability);
        fs.write("/kept", "old").unwrap();
        fs.backend().sync(Scope::All).unwrap();
        let before = store.blobs();
        fs.write("/kept", "new").unwrap();
        let new = new_since(&store, &before);
        fs.create_dir("/late").unwrap();
        if sync {
            fs.backend().sync(Scope::All).unwrap();
        }
        // Not a power cut: damage, which is told of where it is.
        let image = store.without(&new, "its end");
        let fs = image.open(Durability::OnSync);
        assert!(fs.exists("/late").unwrap());
        assert_eq!(fs.read("/kept").unwrap_err().kind(), ErrorKind::Corrupted);
    }
}

/// A program that saves without `fsync`: another file, renamed over the first.
#[test]
fn a_file_that_was_still_open_does_not_replace_one_that_was_durable() {
    for encrypted in [false, true] {
        let store = Store::new(encrypted);
        let (fs, before) = store.with_a_durable_file();
        let held = syncs(&fs);
        let handle = new_file(&fs, "/new");
        handle.write_at(&LONG, 0).unwrap();
        fs.rename("/new", "/kept").unwrap();
        let lost = new_since(&store, &before);
        let (whole, cut) = (store.image(), store.without(&lost, "no bytes"));
        drop((held, handle));
        assert!(whole.open(Durability::OnSync).read("/kept").unwrap() == LONG);
        assert_eq!(cut.open(Durability::OnSync).read("/kept").unwrap(), b"old");
        cut.is_clean();
    }
}

fn new_file(fs: &FileStorage<IndexedBackend>, path: &str) -> Box<dyn fs_core::File> {
    let options = OpenOptions::create_new(0o644);
    let path = VPath::new(path).unwrap();
    fs.backend().open(At::path(&path), &options).unwrap()
}

/// Cut off before the smaller size was durable, a power cut would bring back the larger one with zeros.
#[test]
fn bytes_are_cut_off_when_the_smaller_size_is_durable() {
    let store = Store::new(false);
    let fs = store.open(Durability::OnSync);
    let handle = new_file(&fs, "/file");
    handle.write_at(&LONG, 0).unwrap();
    fs.backend().sync(Scope::All).unwrap();
    let log = |store: &Store| {
        std::fs::File::options()
            .write(true)
            .open(store.path.join("index.db-wal"))
    };
    let durable_bytes = log(&store).unwrap().metadata().unwrap().len();
    let held = syncs(&fs);
    let image = std::thread::scope(|scope| {
        let cutter = scope.spawn(|| handle.set_len(10).unwrap());
        while fs.metadata("/file").unwrap().size > 10 {
            std::thread::yield_now();
        }
        // Time for one that does not wait to show it.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let image = store.image();
        drop(held);
        cutter.join().unwrap();
        image
    });
    // What the disk has of the log ends where it was synced.
    log(&image).unwrap().set_len(durable_bytes).unwrap();
    assert!(image.open(Durability::OnSync).read("/file").unwrap() == LONG);
}
