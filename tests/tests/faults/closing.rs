//! A filesystem is closed while many threads work on it: each call is done or answers that it is closed, none waits forever, and what was acknowledged is
//! there. Programs that are started meanwhile keep no lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use fs_backends::sqlite::Durability;
use fs_core::ErrorKind;
use lamina_tests::audit::{files, is_clean};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::fault;
use lamina_tests::random::Random;
use lamina_tests::script::{Files, put, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

const THREADS: usize = 6;
const ROUNDS: u64 = 6;
const SEED: u64 = 9;

fn bytes(thread: usize, number: usize) -> Vec<u8> {
    format!("{thread} {number}\n")
        .into_bytes()
        .repeat(1 + number % 700)
}

/// `task`: vessel, folder, durability. A process of its own: what hangs is silent, and found by whoever waits.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let durability = match task[2].as_str() {
        "each" => Durability::EachCall,
        _ => Durability::OnSync,
    };
    let mut random = Random(SEED);
    // Of each thread the last file it wrote, and the one it was about to write.
    let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        let open = vessel.open(&folder, PASSWORDS[0], durability).unwrap();
        check(&files(&open.storage()).unwrap(), &kept);
        let next = Mutex::new(kept.clone());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (open, next) = (&open, &next);
                scope.spawn(move || {
                    let fs = open.storage();
                    let name = format!("/d{}/f{thread}", thread % 4);
                    let first = next.lock().unwrap().get(&thread).copied().unwrap_or(0);
                    for number in first + 1.. {
                        match put(&fs, &name, &bytes(thread, number)) {
                            Ok(()) => {
                                next.lock().unwrap().insert(thread, number);
                            }
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
                                break;
                            }
                        }
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..10 {
                    let started = std::process::Command::new("true").status();
                    assert!(started.unwrap().success());
                }
            });
            std::thread::sleep(Duration::from_micros(random.below(100_000)));
            open.backend.close().unwrap();
        });
        kept = next.into_inner().unwrap();
        tell(format_args!("round {round}: {kept:?}"));
    }
    let open = vessel.open(&folder, PASSWORDS[0], durability).unwrap();
    check(&files(&open.storage()).unwrap(), &kept);
    is_clean(&*open.backend, "closed many times");
    open.backend.close().unwrap();
    tell(format_args!("done {}", kept.values().sum::<usize>()));
}

/// What was told is there, or the write after it, which was told to have failed as a whole and may have been done.
fn check(now: &Files, kept: &BTreeMap<usize, usize>) {
    for thread in 0..THREADS {
        let found = now.get(&format!("/d{}/f{thread}", thread % 4));
        let last = kept.get(&thread).copied().unwrap_or(0);
        let is = |number| found == Some(&bytes(thread, number));
        assert!(
            is(last) || is(last + 1) || (last == 0 && found.is_none()),
            "thread {thread} wrote {last}: {:?}",
            sizes(now)
        );
    }
}

/// What a durable file is, and what it is changed to without waiting for the disk.
const DURABLE: &str = "durable";
const CHANGED: &str = "changed, and then not made durable";

/// `task`: vessel, folder. Its blobs can't be made durable.
pub fn unsynced(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::OnSync)
        .unwrap();
    for name in ["/d0/f", "/d1/f"] {
        put(&open.storage(), name, CHANGED.as_bytes()).unwrap();
    }
    let told = open.backend.close().unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Io, "{told:?}");
    tell(format_args!("told"));
}

/// Closed, the index must not be surer of the blobs than the disk is: a power cut would take the new bytes and the old ones.
fn closed_unsynced(vessel: Vessel) {
    if let Err(why) = fault::can_tamper() {
        return lamina_tests::left_out("system calls that fail", &why);
    }
    let folder = lamina_tests::folder();
    let folder = folder.path();
    vessel.make(folder).unwrap();
    let name = format!("{vessel:?}");
    let open = vessel.open(folder, PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    put(&open.storage(), "/d0/f", DURABLE.as_bytes()).unwrap();
    open.backend.close().unwrap();
    let blobs = vessel.place(folder).join("blobs");
    let names = || -> BTreeSet<PathBuf> {
        let entries = std::fs::read_dir(&blobs).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let before = names();
    let wrapper = fault::without_sync_of(&blobs);
    let task = ["unsynced", &name, folder.to_str().unwrap()];
    let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&name);
    assert!(ended.last("told").is_some(), "{name}: {}", ended.errors);
    // The power cut.
    let lost: Vec<_> = names().difference(&before).cloned().collect();
    assert_eq!(lost.len(), 2);
    for blob in lost {
        let blob = std::fs::File::options().write(true).open(blob).unwrap();
        blob.set_len(0).unwrap();
    }
    let open = vessel.open(folder, PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    let now = files(&open.storage()).unwrap();
    assert_eq!(now, Files::from([("/d0/f".to_owned(), DURABLE.into())]));
    is_clean(&*open.backend, &name);
    open.backend.close().unwrap();
}

#[test]
fn a_store_whose_blobs_are_not_durable() {
    closed_unsynced(Vessel::Store);
}

#[test]
fn an_encrypted_store_whose_blobs_are_not_durable() {
    closed_unsynced(Vessel::EncryptedStore);
}

fn closed(vessel: Vessel, durability: &str) {
    let folder = lamina_tests::folder();
    vessel.make(folder.path()).unwrap();
    let name = format!("{vessel:?}");
    let task = [
        "closing",
        &name,
        folder.path().to_str().unwrap(),
        durability,
    ];
    let ended = Worker::start(&mut child::command(&[], &task)).end(&name);
    assert!(ended.status.success(), "{name}: {}", ended.errors);
    println!("{name}, {durability}: {:?}", ended.last("done").unwrap());
}

macro_rules! closed {
    ($($test:ident: $vessel:ident $durability:literal;)*) => {
        $(#[test] fn $test() { closed(Vessel::$vessel, $durability); })*
    };
}

closed! {
    a_plain_vault_at_work: Plain "sync";
    a_plain_vault_that_waits_for_the_disk: Plain "each";
    an_encrypted_vault_at_work: Encrypted "sync";
    a_store_at_work: Store "sync";
    a_store_that_waits_for_the_disk: Store "each";
    an_encrypted_store_at_work: EncryptedStore "sync";
}
