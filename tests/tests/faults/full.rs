//! A disk that is really full.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_backends::sqlite::Durability;
use fs_core::{At, Backend, ErrorKind, NewNode, OpenOptions, RenameMode, VPath};
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::fault;
use lamina_tests::script::put;
use lamina_tests::vessel::{Open, PASSWORDS, Vessel};

/// Bytes of a file that fills it.
const FILE: usize = 100_000;

pub fn bytes(number: usize) -> Vec<u8> {
    format!("{number:09}\n").into_bytes().repeat(FILE / 10)
}

pub fn name(number: usize) -> String {
    format!("/d{}/f{number}", number % 4)
}

/// Everything on the disk, and in the log of a database.
pub fn usage(folder: &Path) -> (u64, u64) {
    let (mut all, mut logs) = (0, 0);
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                all += metadata.len();
                if entry.file_name().to_str().unwrap().ends_with("-wal") {
                    logs += metadata.len();
                }
            }
        }
    }
    (all, logs)
}

/// Files until none fits; how many do.
pub fn fill(open: &Open, first: usize) -> usize {
    let fs = open.storage();
    for number in first.. {
        let written = put(&fs, &name(number), &bytes(number));
        match written.and_then(|()| open.settle()) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
                assert!(!error.operation().is_empty());
                return number;
            }
        }
    }
    unreachable!("it has no end")
}

/// `task`: vessel, folder, size in KiB, "each" or "sync". In a mount namespace of its own.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let size_kib: u64 = task[2].parse().unwrap();
    let durability = match task[3].as_str() {
        "each" => Durability::EachCall,
        _ => Durability::OnSync,
    };
    fault::mount_small(&folder, size_kib);
    vessel.make(&folder).unwrap();
    let open = vessel.open(&folder, PASSWORDS[0], durability).unwrap();
    let fs = open.storage();
    let mut kept: Vec<usize> = Vec::new();
    // Memory itself is not full: what could not be saved is there all the same.
    let holds = |open: &Open, kept: &[usize], round: usize| {
        let now = files(&open.storage()).unwrap();
        for number in kept {
            assert!(
                now.get(&name(*number)) == Some(&bytes(*number)),
                "round {round}: {number} of {kept:?} is lost or torn: {:?}",
                lamina_tests::script::sizes(&now)
            );
        }
        if vessel != Vessel::Memory {
            assert_eq!(now.len(), kept.len(), "round {round}: half a file is there");
        }
    };
    let mut next = 0;
    for round in 1..=4 {
        let first = next;
        next = fill(&open, first);
        assert!(round > 1 || next > 4, "{next} files fill it");
        kept.extend(first..next);
        holds(&open, &kept, round);
        // An old file keeps its content when the new one does not fit.
        if vessel != Vessel::Memory {
            let large = vec![7; size_kib as usize * 1024];
            let error = put(&fs, &name(kept[0]), &large).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
            holds(&open, &kept, round);
        } else {
            fs.remove_file(name(next)).unwrap();
        }
        // Removing needs no room, and makes some.
        for _ in 0..4 {
            let number = kept.remove(0);
            fs.remove_file(name(number))
                .unwrap_or_else(|error| panic!("round {round}: removing: {error:?}"));
        }
        open.settle()
            .unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        holds(&open, &kept, round);
        next += 1;
        // What was removed is given back to who needs it.
        put(&fs, &name(next), &bytes(next))
            .and_then(|()| open.settle())
            .unwrap_or_else(|error| panic!("round {round}: writing after removing: {error:?}"));
        kept.push(next);
        next += 1;
        let (all, log) = usage(&folder);
        tell(format_args!(
            "round {round}: {} files, {all} bytes, log {log}",
            kept.len()
        ));
    }
    open.backend.sync(fs_core::Scope::All).unwrap();
    open.backend.close().unwrap();
    let open = vessel.open(&folder, PASSWORDS[0], durability).unwrap();
    is_sound(&*open.backend, "reopened");
    holds(&open, &kept, 5);
    is_clean(&*open.backend, "reopened");
    open.backend.close().unwrap();
    tell(format_args!("done"));
}

/// `task`: vessel, folder. In a mount namespace of its own: files that fit one by one arrive together, as many as fit.
pub fn batch(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    fault::mount_small(&folder, 4096);
    vessel.make(&folder).unwrap();
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::EachCall)
        .unwrap();
    let content = |number: usize| bytes(number).repeat(5);
    let all: Vec<_> = (0..16)
        .map(|number| (name(number), content(number)))
        .collect();
    let results = put_all(&open.backend, &all);
    let mut kept = Vec::new();
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(()) => kept.push(number),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NoSpace, "{number}: {error:?}"),
        }
    }
    tell(format_args!("arrived: {kept:?}"));
    assert!((1..16).contains(&kept.len()), "{kept:?} arrived");
    let holds = |open: &Open| {
        let now = files(&open.storage()).unwrap();
        assert_eq!(now.len(), kept.len(), "{:?}", now.keys());
        for number in &kept {
            assert!(
                now.get(&name(*number)) == Some(&content(*number)),
                "{number}"
            );
        }
    };
    holds(&open);
    open.backend.close().unwrap();
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::EachCall)
        .unwrap();
    holds(&open);
    is_clean(&*open.backend, "reopened");
    open.backend.close().unwrap();
    tell(format_args!("done"));
}

/// `task`: vessel, folder. In a mount namespace of its own: a file that fills a sixth of the disk is written again and again, in its place and anew.
pub fn overwrite(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    fault::mount_small(&folder, 12 << 10);
    vessel.make(&folder).unwrap();
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::OnSync)
        .unwrap();
    let fs = open.storage();
    let content = |round: usize| bytes(round).repeat(20);
    for round in 0..40 {
        let path = VPath::new(name(0)).unwrap();
        let written = match round % 2 {
            0 => put(&fs, &name(0), &content(round)),
            _ => open
                .backend
                .open(At::path(&path), &OpenOptions::read_write())
                .and_then(|file| {
                    file.set_len(0)?;
                    let pieces = content(round);
                    let mut at = 0;
                    pieces.chunks(128 << 10).try_for_each(|piece| {
                        file.write_at(piece, at)?;
                        at += piece.len() as u64;
                        Ok(())
                    })
                }),
        };
        written.unwrap_or_else(|error| panic!("round {round}: {error:?}, {:?}", usage(&folder)));
        assert!(fs.read(name(0)).unwrap() == content(round), "round {round}");
    }
    tell(format_args!("{:?} bytes", usage(&folder)));
    open.backend.close().unwrap();
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::OnSync)
        .unwrap();
    is_clean(&*open.backend, "reopened");
    open.backend.close().unwrap();
    tell(format_args!("done"));
}

/// `task`: vessel, folder. In a mount namespace of its own: it is closed, and somebody else takes the last byte of its disk.
pub fn closed(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    fault::mount_small(&folder, 4096);
    vessel.make(&folder).unwrap();
    let open = |how| vessel.open(&folder, PASSWORDS[0], how);
    let first = open(Durability::OnSync).unwrap();
    put(&first.storage(), &name(0), &bytes(0)).unwrap();
    first.backend.close().unwrap();
    let others = folder.join("of somebody else");
    let mut file = std::fs::File::create(&others).unwrap();
    for piece in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![1; piece]).is_ok() {}
    }
    drop(file);
    for durability in [Durability::OnSync, Durability::EachCall] {
        let error = open(durability).err().expect("there is no room for a log");
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
        assert!(error.to_string().contains("make some"), "{error}");
    }
    let look = vessel.look(&folder, PASSWORDS[0]).unwrap();
    assert!(look.storage().read(name(0)).unwrap() == bytes(0));
    look.backend.close().unwrap();
    std::fs::remove_file(&others).unwrap();
    let open = open(Durability::OnSync).unwrap();
    open.storage().remove_file(name(0)).unwrap();
    is_clean(&*open.backend, "opened again");
    open.backend.close().unwrap();
    tell(format_args!("done"));
}

#[test]
fn who_opens_on_a_full_disk_is_told_what_to_do() {
    for vessel in [
        Vessel::Plain,
        Vessel::Encrypted,
        Vessel::Store,
        Vessel::EncryptedStore,
    ] {
        in_private_mounts("full-closed", vessel);
    }
}

#[test]
fn overwriting_without_a_pause_does_not_fill_a_disk() {
    for vessel in [
        Vessel::Plain,
        Vessel::Encrypted,
        Vessel::Store,
        Vessel::EncryptedStore,
    ] {
        in_private_mounts("full-overwrite", vessel);
    }
}

/// Runs `task` with a folder of its own.
pub fn in_private_mounts(task: &str, vessel: Vessel) {
    let wrapper = match fault::private_mounts() {
        Ok(wrapper) => wrapper,
        Err(why) => return lamina_tests::left_out("full disks", &why),
    };
    let folder = lamina_tests::folder();
    let name = format!("{vessel:?}");
    let task = [task, &name, folder.path().to_str().unwrap()];
    let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&name);
    assert!(ended.status.success(), "{name}: {}", ended.errors);
    if let Some(why) = ended.last("without") {
        return lamina_tests::left_out("a disk with small blocks", why);
    }
    assert!(ended.last("done").is_some(), "{name}: {:?}", ended.heard);
    println!("{name}: {:#?}", ended.heard);
}

/// Stages all of it, and lets it appear in one step.
fn put_all(backend: &Arc<dyn Backend>, files: &[(String, Vec<u8>)]) -> Vec<fs_core::Result<()>> {
    let mut staged = Vec::new();
    for (path, bytes) in files {
        let path = VPath::new(path).unwrap();
        let mut draft = backend
            .stage(At::path(&path), &NewNode::file())
            .unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
        let file = draft.file().expect("a file has content");
        file.write_at(bytes, 0).unwrap();
        staged.push((draft, RenameMode::NoReplace));
    }
    let results = backend.commit_all(staged);
    results.into_iter().map(|result| result.map(drop)).collect()
}

#[test]
fn of_a_batch_that_is_too_large_arrives_what_fits() {
    for vessel in [Vessel::Plain, Vessel::Encrypted] {
        in_private_mounts("full-batch", vessel);
    }
}

fn filled(vessel: Vessel, size_kib: u64, durability: &str) {
    let wrapper = match fault::private_mounts() {
        Ok(wrapper) => wrapper,
        Err(why) => return lamina_tests::left_out("full disks", &why),
    };
    let folder = lamina_tests::folder();
    let what = format!("{vessel:?} on {size_kib} KiB, {durability}");
    let (name, size) = (format!("{vessel:?}"), size_kib.to_string());
    let task = [
        "full",
        &name,
        folder.path().to_str().unwrap(),
        &size,
        durability,
    ];
    let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
    assert!(ended.status.success(), "{what}: {}", ended.errors);
    assert!(ended.last("done").is_some(), "{what}: {:?}", ended.heard);
    println!("{what}: {:#?}", ended.heard);
}

macro_rules! filled {
    ($($test:ident: $vessel:ident $size_kib:literal $durability:literal;)*) => {
        $(#[test] fn $test() { filled(Vessel::$vessel, $size_kib, $durability); })*
    };
}

filled! {
    a_plain_vault_on_2_mib: Plain 2048 "each";
    a_plain_vault_on_16_mib: Plain 16384 "sync";
    an_encrypted_vault_on_2_mib: Encrypted 2048 "each";
    an_encrypted_vault_on_16_mib: Encrypted 16384 "sync";
    a_store_on_2_mib: Store 2048 "each";
    a_store_on_16_mib: Store 16384 "sync";
    saved_memory_on_4_mib: Memory 4096 "each";
    a_host_folder_on_2_mib: Host 2048 "each";
}
