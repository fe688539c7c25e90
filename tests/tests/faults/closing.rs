//! A filesystem is closed while many threads work on it: each call is done or answers that it is closed, none waits forever, and what was acknowledged is
//! there. Programs that are started meanwhile keep no lock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use fs_backends::sqlite::Durability;
use fs_core::ErrorKind;
use lamina_tests::audit::{files, is_clean};
use lamina_tests::child::{self, Worker, tell};
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
