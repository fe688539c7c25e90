//! Reads that fail: an error of the device is told as one, at once, by whatever reads; never as damage, and what is sound is read again afterwards.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_backends::sqlite::Durability;
use fs_core::{Control, Error, ErrorKind};
use lamina_tests::audit::{files, is_clean};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::fault::{self, Effect};
use lamina_tests::random::setting;
use lamina_tests::script::put;
use lamina_tests::vessel::{Open, PASSWORDS, Vessel};

/// Files in it, and bytes of each: enough that a database has inner pages.
const FILES: usize = 12;
const FILE: usize = 60_000;
/// Nothing here waits for a disk to heal.
const PATIENCE: Duration = Duration::from_secs(20);

fn bytes(number: usize) -> Vec<u8> {
    format!("{number:09}\n").into_bytes().repeat(FILE / 10)
}

fn name(number: usize) -> String {
    format!("/d{}/f{number}", number % 4)
}

/// The device, and nothing else.
fn is_told(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Io, "{what}: {error:?}");
    tell(format_args!("failed {what}: {error}"));
}

/// Everything once; what can be read is right.
fn read(open: &Open) {
    let fs = open.storage();
    for number in 0..FILES {
        match fs.read(name(number)) {
            Ok(found) => assert!(found == bytes(number), "{number}: wrong bytes"),
            Err(error) => is_told(&error, "reading"),
        }
        match fs.read_dir(format!("/d{}", number % 4)) {
            Ok(names) => names.for_each(|name| match name {
                Ok(_) => {}
                Err(error) => is_told(&error, "listing"),
            }),
            Err(error) => is_told(&error, "listing"),
        }
    }
}

fn check(open: &Open) {
    let maintenance = open.checked.extensions().maintenance.unwrap();
    let mut found = Vec::new();
    let checked = maintenance.check(&Control::new(), &mut |damage| found.push(damage));
    assert!(found.is_empty(), "{found:?}");
    if let Err(error) = checked {
        is_told(&error, "checking");
    }
}

fn write(open: &Open, number: usize) {
    let fs = open.storage();
    for result in [
        put(&fs, &name(number), &bytes(number)),
        fs.rename(name(0), "/d0/other"),
        fs.rename("/d0/other", name(0)),
    ] {
        match result {
            // What was not renamed is not there to be renamed back.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => is_told(&error, "writing"),
            Ok(()) => {}
        }
    }
}

/// `task`: vessel, folder, "look" or "open", "once" or "always".
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let started = Instant::now();
    let looks = task[2] == "look";
    let open = match looks {
        true => vessel.look(&folder, PASSWORDS[0]),
        false => vessel.open(&folder, PASSWORDS[0], Durability::OnSync),
    };
    let open = match open {
        Ok(open) => open,
        Err(error) => return is_told(&error, "opening"),
    };
    read(&open);
    check(&open);
    if !looks {
        write(&open, FILES);
    }
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    if task[3] == "once" {
        // It may have failed in what follows.
        let fs = open.storage();
        let mut failures = 0;
        for number in 1..FILES {
            while let Err(error) = fs.read(name(number)) {
                is_told(&error, "reading again");
                failures += 1;
                assert!(failures < 2, "it failed more often than the device");
            }
        }
    }
    if let Err(error) = open.backend.close() {
        is_told(&error, "closing");
    }
    tell(format_args!("done"));
}

/// Every file below `folder`.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => all_files(&path),
            false => vec![path],
        })
        .collect()
}

fn unreadable(vessel: Vessel) {
    if let Err(why) = fault::can_tamper() {
        return lamina_tests::left_out("reads that fail", &why);
    }
    let made = lamina_tests::folder();
    vessel.make(made.path()).unwrap();
    let open = vessel.open(made.path(), PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    for number in 0..FILES {
        put(&open.storage(), &name(number), &bytes(number)).unwrap();
    }
    open.backend.close().unwrap();
    let stride = setting("LAMINA_FAULT_STRIDE", 10) as usize;
    let mut failed = 0;
    for (how, effect) in [
        ("once", Effect::Once("EIO")),
        ("always", Effect::FromHere("EIO")),
    ] {
        for mode in ["look", "open"] {
            for nth in (1..).step_by(stride) {
                let what = format!("{vessel:?}, {mode}, {nth} {how}");
                assert!(nth < 2000, "{what}: it never ends");
                let folder = lamina_tests::folder();
                let (from, to) = (vessel.place(made.path()), folder.path());
                fault::run(&["cp", "-a", from.to_str().unwrap(), to.to_str().unwrap()]);
                let mut wrapper = fault::at_call("pread64", nth, effect);
                for file in all_files(to) {
                    wrapper.extend(["-P".to_owned(), file.to_str().unwrap().to_owned()]);
                }
                let name = format!("{vessel:?}");
                let task = ["reading", &name, to.to_str().unwrap(), mode, how];
                let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
                assert!(ended.status.success(), "{what}: {}", ended.errors);
                assert!(!ended.errors.contains("ERROR"), "{what}: {}", ended.errors);
                let open = vessel.open(to, PASSWORDS[0], Durability::OnSync).unwrap();
                let now = files(&open.storage()).unwrap();
                for number in 1..FILES {
                    let found = now.get(&self::name(number));
                    assert!(found == Some(&bytes(number)), "{what}: {number} is lost");
                }
                is_clean(&*open.backend, &what);
                open.backend.close().unwrap();
                if ended.last("failed").is_none() && nth > 20 {
                    break;
                }
                failed += usize::from(ended.last("failed").is_some());
            }
        }
    }
    assert!(failed > 0, "{vessel:?}: no read failed");
    println!("{vessel:?}: {failed} were told");
}

#[test]
fn a_plain_vault_that_cannot_be_read() {
    unreadable(Vessel::Plain);
}

#[test]
fn an_encrypted_vault_that_cannot_be_read() {
    unreadable(Vessel::Encrypted);
}

#[test]
fn a_store_that_cannot_be_read() {
    unreadable(Vessel::Store);
}

#[test]
fn an_encrypted_store_that_cannot_be_read() {
    unreadable(Vessel::EncryptedStore);
}
