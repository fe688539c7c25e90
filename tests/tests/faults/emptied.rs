//! A disk that was full and is emptied again, and one on which there is no byte left for the index of a log.

use std::io::Write as _;
use std::path::PathBuf;

use fs_backends::sqlite::Durability;
use fs_core::ErrorKind;
use lamina_tests::audit::is_sound;
use lamina_tests::child::tell;
use lamina_tests::disk::Disk;
use lamina_tests::fault;
use lamina_tests::script::put;
use lamina_tests::vessel::{PASSWORDS, Vessel};

use super::full::{bytes, fill, in_private_mounts, name, usage};

/// `task`: vessel, folder. In a mount namespace of its own, on a disk with blocks of 1 KiB: it is filled and emptied again while somebody goes on
/// trying, and then somebody else takes the last byte.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let room = PathBuf::from(&task[1]);
    fault::mount_small(&room, 160 << 10);
    let disk = Disk::with_blocks(&room, "ext4", 1024).and_then(|disk| disk.mount().map(|()| disk));
    let disk = match disk {
        Ok(disk) => disk,
        Err(why) => return tell(format_args!("without {why}")),
    };
    let folder = disk.path().to_owned();
    vessel.make(&folder).unwrap();
    let open = || vessel.open(&folder, PASSWORDS[0], Durability::OnSync);
    let first = open().unwrap();
    let fs = first.storage();
    let large = vec![9; 3 << 20];
    let mut count = 0;
    while put(&fs, &format!("/d0/{count}"), &large).is_ok() {
        count += 1;
        assert!(count < 100, "it has no end");
    }
    // And what is left of it.
    let small = fill(&first, 0);
    for number in 0..count {
        fs.remove_file(format!("/d0/{number}")).unwrap();
    }
    for number in 0..small {
        fs.remove_file(name(number)).unwrap();
    }
    let mut tries = 0;
    while let Err(error) = put(&fs, &name(0), &bytes(0).repeat(20)) {
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
        tries += 1;
        assert!(
            tries < 20,
            "what was removed gives no room: {:?}",
            usage(&folder)
        );
    }
    first.backend.close().unwrap();
    drop((fs, first));
    let others = folder.join("of somebody else");
    let mut file = std::fs::File::create(&others).unwrap();
    for piece in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![1; piece]).is_ok() {}
    }
    // With a little room: for the log, but not for all of its index. Each is an error or works, and none ends the process.
    for kib in [0, 1, 2, 3, 4, 8, 16, 24, 32, 40, 64] {
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(kib << 10)).unwrap();
        match open() {
            Ok(open) => {
                let written = put(&open.storage(), &name(1), &bytes(1));
                let told = written.and_then(|()| open.backend.close());
                if let Err(error) = told {
                    assert_eq!(error.kind(), ErrorKind::NoSpace, "{kib}: {error:?}");
                }
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NoSpace, "{kib}: {error:?}"),
        }
    }
    drop(file);
    std::fs::remove_file(&others).unwrap();
    let open = open().unwrap();
    assert!(open.storage().read(name(0)).unwrap() == bytes(0).repeat(20));
    is_sound(&*open.backend, "with room again");
    open.backend.close().unwrap();
    drop(open);
    disk.unmount();
    tell(format_args!("{count} files, {tries} tries"));
    tell(format_args!("done"));
}

#[test]
fn what_is_removed_from_a_full_disk_gives_room_while_somebody_goes_on_trying() {
    for vessel in [
        Vessel::Plain,
        Vessel::Encrypted,
        Vessel::Store,
        Vessel::EncryptedStore,
    ] {
        in_private_mounts("full-emptied", vessel);
    }
}
