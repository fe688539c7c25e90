//! A disk that fails: ext4 on a device whose blocks have nowhere to go. It is a file with holes, on a filesystem that is full.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_backends::sqlite::Durability;
use fs_core::{Error, ErrorKind};
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::disk::Disk;
use lamina_tests::fault;
use lamina_tests::script::put;
use lamina_tests::vessel::{Open, PASSWORDS, Vessel};

/// Room for ext4's own tables and a little more.
const ROOM_KIB: u64 = 40 << 10;
/// Bytes of a file: too many for what the device has blocks for already.
const FILE: usize = 400_000;
/// Files written while the disk is sound, and tries after it began to fail.
const BEFORE: usize = 6;
const TRIES: usize = 12;

fn bytes(number: usize) -> Vec<u8> {
    format!("{number:09}\n").into_bytes().repeat(FILE / 10)
}

fn name(number: usize) -> String {
    format!("/d{}/f{number}", number % 4)
}

/// Takes what is left of the room, so that the device gets no new block.
fn take_the_room(filler: &Path) {
    let mut file = std::fs::File::create(filler).unwrap();
    let mut piece = vec![1; 1 << 20];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}

/// What a broken disk may be called: ext4 hands the error on, or stops writing.
fn is_told(error: &Error) {
    let kinds = [ErrorKind::Io, ErrorKind::NoSpace, ErrorKind::ReadOnly];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert!(!error.operation().is_empty(), "{error:?}");
    tell(format_args!("failed {error}"));
}

/// What was acknowledged is there, with its bytes; of the others all or nothing.
fn holds(open: &Open, kept: &[usize], refused: &[usize], what: &str) {
    let now = files(&open.storage()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    for number in kept {
        let whole = now.get(&name(*number)) == Some(&bytes(*number));
        assert!(whole, "{what}: {number} of {kept:?} is lost or torn");
    }
    for (path, found) in &now {
        let tried = kept.iter().chain(refused);
        let whole = tried
            .filter(|number| name(**number) == *path)
            .any(|number| *found == bytes(*number));
        assert!(whole, "{what}: {path} is half there");
    }
}

/// `task`: vessel, folder. In a mount namespace of its own.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let room = PathBuf::from(&task[1]);
    fault::mount_small(&room, ROOM_KIB);
    let disk = Disk::format(&room, "ext4").and_then(|disk| disk.mount().map(|()| disk));
    let disk = match disk {
        Ok(disk) => disk,
        Err(why) => return tell(format_args!("without {why}")),
    };
    let folder = disk.path().to_owned();
    vessel.make(&folder).unwrap();
    let open = vessel.open(&folder, PASSWORDS[0], Durability::EachCall);
    let open = open.unwrap();
    let mut kept = Vec::new();
    let mut refused = Vec::new();
    let write = |open: &Open, number: usize| {
        let written = put(&open.storage(), &name(number), &bytes(number));
        written.and_then(|()| open.settle())
    };
    for number in 0..BEFORE {
        write(&open, number).unwrap();
        kept.push(number);
    }
    // What ext4 wants to write later, it writes now.
    rustix::fs::sync();
    let filler = room.join("filler");
    take_the_room(&filler);
    for number in BEFORE..BEFORE + TRIES {
        match write(&open, number) {
            Ok(()) => kept.push(number),
            Err(error) => {
                is_told(&error);
                assert!(error.path().is_some(), "{error:?}");
                refused.push(number);
            }
        }
        // In memory it is whole; of what is on the disk as much as was read before.
        if vessel != Vessel::Memory {
            holds(&open, &kept, &refused, "while it fails");
        }
    }
    assert!(!refused.is_empty(), "{TRIES} files of {FILE} bytes fit");
    if let Err(error) = open.backend.close() {
        is_told(&error);
    }
    drop(open);
    std::fs::remove_file(filler).unwrap();
    disk.unmount();
    disk.mount().unwrap();
    let open = vessel.open(&folder, PASSWORDS[0], Durability::EachCall);
    let open = open.unwrap_or_else(|error| panic!("on a sound disk again: {error:?}"));
    is_sound(&*open.backend, "on a sound disk again");
    holds(&open, &kept, &refused, "on a sound disk again");
    let number = BEFORE + TRIES;
    write(&open, number).unwrap();
    kept.push(number);
    holds(&open, &kept, &refused, "written again");
    is_clean(&*open.backend, "on a sound disk again");
    open.backend.close().unwrap();
    drop(open);
    disk.unmount();
    tell(format_args!("done"));
    tell(format_args!(
        "kept {} refused {}",
        kept.len(),
        refused.len()
    ));
}

fn broken(vessel: Vessel) {
    let wrapper = match fault::private_mounts() {
        Ok(wrapper) => wrapper,
        Err(why) => return lamina_tests::left_out("a device that fails", &why),
    };
    let folder = lamina_tests::folder();
    let name = format!("{vessel:?}");
    let task = ["device", &name, folder.path().to_str().unwrap()];
    let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&name);
    assert!(ended.status.success(), "{name}: {}", ended.errors);
    if let Some(why) = ended.last("without") {
        return lamina_tests::left_out("a device that fails", why);
    }
    assert!(ended.last("done").is_some(), "{name}: {:?}", ended.heard);
    println!("{name}: {:#?}", ended.heard);
}

#[test]
fn a_plain_vault_on_a_device_that_fails() {
    broken(Vessel::Plain);
}

#[test]
fn an_encrypted_vault_on_a_device_that_fails() {
    broken(Vessel::Encrypted);
}

#[test]
fn a_store_on_a_device_that_fails() {
    broken(Vessel::Store);
}

#[test]
fn an_encrypted_store_on_a_device_that_fails() {
    broken(Vessel::EncryptedStore);
}

#[test]
fn saved_memory_on_a_device_that_fails() {
    broken(Vessel::Memory);
}
