//! What a program leaves that is killed while it makes a vault, a store, a copy or a saved file: nothing that stays, nothing that is in the way.
//!
//! The child is this test itself, started again with a variable that says what to do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fs_backends::{FileStorage, IndexedBackend, MemoryBackend, SqliteBackend};
use fs_core::{Backend, Control};

const VARIABLE: &str = "LAMINA_LEFTOVERS";
/// Kills until one comes while something is being made.
const TRIES: u64 = 400;

/// What the child does, over and over.
fn work(what: &str, dir: &Path) {
    let gone = |path: &Path| match path.is_dir() {
        true => std::fs::remove_dir_all(path).unwrap_or_default(),
        false => std::fs::remove_file(path).unwrap_or_default(),
    };
    let back_up = |backend: &dyn Backend, to: &Path| {
        let maintenance = backend.extensions().maintenance.unwrap();
        maintenance.backup(to, &Control::new()).unwrap();
    };
    match what {
        "vault" => loop {
            drop(SqliteBackend::create(dir.join("new")).unwrap());
            gone(&dir.join("new"));
        },
        "store" => loop {
            drop(IndexedBackend::create(dir.join("new")).unwrap());
            gone(&dir.join("new"));
        },
        "copy of a vault" => {
            let vault = SqliteBackend::open(dir.join("v.db")).unwrap();
            loop {
                back_up(&vault, &dir.join("new"));
                gone(&dir.join("new"));
            }
        }
        "copy of a store" => {
            let store = IndexedBackend::open(dir.join("s")).unwrap();
            loop {
                back_up(&store, &dir.join("new"));
                gone(&dir.join("new"));
            }
        }
        "saved file" => {
            let memory = MemoryBackend::new();
            FileStorage::new(&memory)
                .write("/x", vec![3; 8 << 20])
                .unwrap();
            loop {
                memory.save_to(dir.join("new")).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn child() {
    let Ok(what) = std::env::var(VARIABLE) else {
        return;
    };
    let (what, dir) = what.split_once('|').unwrap();
    work(what, Path::new(dir));
}

/// An archive may hold what looks like a leftover of ours, with a link in it.
#[test]
fn a_planted_leftover_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (home, pack) = (dir.path().join("home"), dir.path().join("pack"));
    let planted = pack.join(".lamina-0123456789abcdef0123456789abcdef.new");
    let linked = pack.join(".lamina-00000000000000000000000000000000.new");
    std::fs::create_dir_all(&planted).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("diary"), "precious").unwrap();
    std::fs::write(planted.join("leftover"), "").unwrap();
    std::os::unix::fs::symlink("../../home", planted.join("blobs")).unwrap();
    std::os::unix::fs::symlink("../home", &linked).unwrap();
    drop(SqliteBackend::create(pack.join("v.db")).unwrap());
    assert_eq!(std::fs::read(home.join("diary")).unwrap(), b"precious");
    assert!(linked.is_symlink() && planted.join("blobs").is_symlink());
    // What is really a folder of a store that was never finished goes.
    std::fs::remove_file(planted.join("blobs")).unwrap();
    std::fs::create_dir(planted.join("blobs")).unwrap();
    std::fs::write(planted.join("blobs/one.part"), "").unwrap();
    drop(SqliteBackend::create(pack.join("w.db")).unwrap());
    assert!(!planted.exists());
}

fn start(what: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(VARIABLE, format!("{what}|{}", dir.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Everything below a folder whose name is a temporary one.
fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // A folder may go while a child is at work.
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(".lamina-") || name.ends_with(".tmp") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        }
    }
    found
}

/// Kills children that are making something, until one has left it.
fn kill_in_the_middle(what: &str, dir: &Path) -> Vec<PathBuf> {
    for round in 0..TRIES {
        let mut child = start(what, dir);
        while leftovers(dir).is_empty() {
            assert_eq!(child.try_wait().unwrap(), None, "{what}: it ended");
        }
        // Sooner or later after it began.
        std::thread::sleep(Duration::from_micros(round * 177 % 4_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = leftovers(dir);
        if !left.is_empty() {
            return left;
        }
        let new = dir.join("new");
        match new.is_dir() {
            true => std::fs::remove_dir_all(new).unwrap(),
            false => std::fs::remove_file(new).unwrap_or_default(),
        }
    }
    panic!("{what}: {TRIES} kills, none in the middle");
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let vault = SqliteBackend::create(dir.path().join("v.db")).unwrap();
    let store = IndexedBackend::create(dir.path().join("s")).unwrap();
    for backend in [&vault as &dyn Backend, &store] {
        let fs = FileStorage::new(backend);
        fs.write("/x", vec![7; 6 << 20]).unwrap();
        backend.close().unwrap();
    }
    dir
}

#[test]
fn a_vault_killed_while_it_was_made_leaves_nothing_to_the_next() {
    let dir = folder();
    kill_in_the_middle("vault", dir.path());
    drop(SqliteBackend::create(dir.path().join("another")).unwrap());
    assert_eq!(leftovers(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_store_killed_while_it_was_made_is_made_again_in_the_same_place() {
    let dir = folder();
    kill_in_the_middle("store", dir.path());
    let new = dir.path().join("new");
    // Where the index came into being it is a store; where not, one is made there.
    let store = FileStorage::new(IndexedBackend::open(&new).unwrap());
    store.write("/x", "works").unwrap();
    store.backend().close().unwrap();
    assert_eq!(leftovers(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn copies_killed_in_the_middle_go_when_their_original_is_opened() {
    let dir = folder();
    kill_in_the_middle("copy of a vault", dir.path());
    drop(SqliteBackend::open(dir.path().join("v.db")).unwrap());
    assert_eq!(leftovers(dir.path()), [] as [PathBuf; 0]);
    let left = kill_in_the_middle("copy of a store", dir.path());
    assert!(left.iter().any(|path| path.is_dir()));
    // Another copy to the same place takes it away too.
    let store = IndexedBackend::open(dir.path().join("s")).unwrap();
    let maintenance = store.extensions().maintenance.unwrap();
    let to = dir.path().join("copy");
    maintenance.backup(&to, &Control::new()).unwrap();
    assert_eq!(leftovers(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_saved_file_killed_in_the_middle_leaves_nothing_to_the_next_saving() {
    let dir = folder();
    kill_in_the_middle("saved file", dir.path());
    MemoryBackend::new()
        .save_to(dir.path().join("other.mem"))
        .unwrap();
    assert_eq!(leftovers(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn what_somebody_is_making_just_now_and_what_is_not_ours_stays() {
    let dir = folder();
    let id = "0123456789abcdef0123456789abcdef";
    let alive = dir.path().join(format!(".lamina-{id}.new"));
    let held = std::fs::File::create(&alive).unwrap();
    held.lock().unwrap();
    let others = [
        format!(".lamina-{id}.new.txt"),
        ".lamina-short.new".to_owned(),
        ".lamina-0123456789ABCDEF0123456789ABCDEF.new".to_owned(),
        ".7b5c1bbc-9a0f-4d8e-8b6e-0f1f1f1f1f1f.tmp".to_owned(),
    ];
    for name in &others {
        std::fs::write(dir.path().join(name), "somebody's").unwrap();
    }
    let link = dir
        .path()
        .join(".lamina-fedcba9876543210fedcba9876543210.new");
    let kept = dir.path().join("kept");
    std::fs::write(&kept, "kept").unwrap();
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    drop(SqliteBackend::open(dir.path().join("v.db")).unwrap());
    assert!(alive.exists() && link.is_symlink() && kept.exists());
    for name in &others {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    // Not only closed: a program that another test starts just now may have a copy.
    held.unlock().unwrap();
    drop(SqliteBackend::open(dir.path().join("v.db")).unwrap());
    assert!(!alive.exists());
}
