//! Files of 4 TiB that hold a few bytes.

use fs_backends::sqlite::Durability;
use fs_core::{At, ErrorKind, OpenOptions, VPath};
use lamina_tests::vessel::{PASSWORDS, Vessel};

const SIZE: u64 = 4 << 40;
/// Of what vaults take as well.
const COPIED: u64 = 64 << 30;
/// What all of it may take on the disk.
const ALLOCATED: u64 = 8 << 20;

fn stretched(vessel: Vessel) {
    let folder = lamina_tests::folder();
    vessel.make(folder.path()).unwrap();
    let open = vessel.open(folder.path(), PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    let path = VPath::new("/d0/sparse").unwrap();
    let how = OpenOptions {
        create: true,
        ..OpenOptions::read_write()
    };
    let file = open.backend.open(At::path(&path), &how).unwrap();
    if let Err(error) = file.set_len(SIZE) {
        assert_eq!(
            error.kind(),
            ErrorKind::FileTooLarge,
            "{vessel:?}: {error:?}"
        );
        assert_eq!(file.metadata().unwrap().size, 0, "{vessel:?}");
        return;
    }
    for at in [0, SIZE / 2 + 5, SIZE - 3] {
        file.write_at(b"end", at).unwrap();
    }
    let mut bytes = [1; 9];
    assert_eq!(file.read_at(&mut bytes, SIZE / 2 + 2).unwrap(), 9);
    assert_eq!(&bytes, b"\0\0\0end\0\0\0", "{vessel:?}");
    assert_eq!(file.read_at(&mut bytes, SIZE - 4).unwrap(), 4);
    assert_eq!(&bytes[..4], b"\0end", "{vessel:?}");
    let found = file.metadata().unwrap();
    assert_eq!(found.size, SIZE, "{vessel:?}");
    assert!(found.allocated < ALLOCATED, "{vessel:?}: {found:?}");
    // From run to run, not byte for byte.
    let mut at = 0;
    let mut runs = 0;
    while let Some((start, end)) = file.next_data(at).unwrap() {
        assert!(end > start && start >= at, "{vessel:?}: {start}..{end}");
        at = end;
        runs += 1;
    }
    assert!(runs <= 4, "{vessel:?}: {runs} runs");
    file.punch_hole(0, SIZE).unwrap();
    assert_eq!(file.metadata().unwrap().size, SIZE, "{vessel:?}");
    assert_eq!(file.read_at(&mut bytes, SIZE - 4).unwrap(), 4);
    assert_eq!(bytes[..4], [0; 4], "{vessel:?}");
    // What is not closed whole leaves nothing to be read to its end.
    open.storage().remove_file("/d0/sparse").unwrap();
    drop(file);
    open.backend.close().unwrap();
}

#[test]
fn of_every_kind_of_filesystem() {
    for vessel in Vessel::ALL {
        stretched(vessel);
    }
}

/// A copy takes what is there, and no time for what is not.
#[test]
fn copied_in_a_vault_and_in_memory() {
    for vessel in [Vessel::Plain, Vessel::Encrypted, Vessel::Memory] {
        let folder = lamina_tests::folder();
        vessel.make(folder.path()).unwrap();
        let open = vessel.open(folder.path(), PASSWORDS[0], Durability::OnSync);
        let open = open.unwrap();
        let fs = open.storage();
        fs.write("/d0/f", b"start").unwrap();
        fs.truncate("/d0/f", COPIED).unwrap();
        fs.copy("/d0/f", "/d1/g").unwrap();
        assert_eq!(fs.metadata("/d1/g").unwrap().size, COPIED, "{vessel:?}");
        assert_eq!(
            fs.read_range("/d1/g", 3, 4).unwrap(),
            b"rt\0\0",
            "{vessel:?}"
        );
        open.settle().unwrap();
        lamina_tests::audit::is_sound(&*open.backend, "sparse");
        open.backend.close().unwrap();
        drop(open);
        let open = vessel.open(folder.path(), PASSWORDS[0], Durability::OnSync);
        let size = open.unwrap().storage().metadata("/d0/f").unwrap().size;
        assert_eq!(size, COPIED, "{vessel:?}");
    }
}
