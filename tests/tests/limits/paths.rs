//! Paths of a million characters.

use fs_backends::location::Location;
use fs_backends::sqlite::Durability;
use fs_core::{Error, ErrorKind, FileStorage, Permissions};
use lamina_tests::vessel::{PASSWORDS, Vessel};

const CHARACTERS: usize = 1_000_000;

/// One name, many names, many names that lead nowhere else, and climbing.
fn paths() -> Vec<String> {
    let long = |unit: &str| unit.repeat(CHARACTERS / unit.len());
    vec![
        format!("/{}", long("n")),
        long("/d0"),
        format!("{}/x", long("/.")),
        // Each step is looked at: the kernel would refuse the twentieth part of it.
        format!("{}/x", "/d0/..".repeat(CHARACTERS / 1000)),
        long("/.."),
        long("/"),
    ]
}

/// What must not be there is not, and what can't be named is refused as such.
fn is_told(error: &Error) {
    let kinds = [
        ErrorKind::NameTooLong,
        ErrorKind::NotFound,
        ErrorKind::NotADirectory,
        ErrorKind::IsADirectory,
        ErrorKind::AlreadyExists,
        ErrorKind::IsRoot,
        ErrorKind::InvalidInput,
        ErrorKind::InvalidPath,
        ErrorKind::IntoItself,
        ErrorKind::DirectoryNotEmpty,
        ErrorKind::NotASymlink,
        ErrorKind::NotPermitted,
        ErrorKind::XattrNotFound,
        ErrorKind::Busy,
    ];
    let (kind, operation) = (error.kind(), error.operation());
    assert!(kinds.contains(&kind), "{operation}: {kind:?}");
}

fn asked(vessel: Vessel) {
    let folder = lamina_tests::folder();
    vessel.make(folder.path()).unwrap();
    let open = vessel.open(folder.path(), PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    let fs = open.storage();
    fs.write("/f", b"kept").unwrap();
    for path in paths() {
        let path = path.as_str();
        let calls = [
            fs.metadata(path).map(drop),
            fs.read(path).map(drop),
            fs.read_dir(path).map(drop),
            fs.write(path, b"x"),
            fs.create_dir(path),
            fs.rename("/f", path).and_then(|()| fs.rename(path, "/f")),
            fs.rename(path, "/g"),
            fs.hard_link("/f", path),
            fs.symlink(path, "/link"),
            fs.symlink("/f", path),
            fs.read_link(path).map(drop),
            fs.set_permissions(path, Permissions::from_mode(0o755)),
            fs.set_xattr("/f", path, b"x"),
            fs.remove_file(path),
        ];
        for done in calls {
            if let Err(error) = done {
                is_told(&error);
            }
        }
        assert_eq!(fs.read("/f").unwrap(), b"kept", "{vessel:?}");
    }
    open.backend.close().unwrap();
}

/// Stores and encrypted vaults find names as plain vaults do.
#[test]
fn of_a_vault() {
    asked(Vessel::Plain);
}

#[test]
fn of_memory() {
    asked(Vessel::Memory);
}

#[test]
fn of_the_host() {
    asked(Vessel::Host);
}

#[test]
fn in_a_location() {
    for path in paths() {
        for text in [
            path.clone(),
            format!("vault:{path}"),
            format!("x.db::{path}"),
        ] {
            if let Ok(location) = Location::parse(&text, "/".as_ref()) {
                drop(location.to_string());
                let opened = location.open(&fs_backends::location::OpenHow::default());
                if let Err(error) = opened.map(|opened| FileStorage::new(opened.backend)) {
                    assert!(!error.operation().is_empty());
                }
            }
        }
    }
}
