//! A tree with everything in it, and the comparison of what was saved of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_backends::location::Kind;
use fs_backends::salvage::{Report, Salvage, State};
use fs_backends::{IndexedBackend, MemoryBackend, SqliteBackend};
use fs_core::{Backend, Control, FileStorage, Result, SetAttr, VPath};

pub const PASSWORD: &str = "open sesame";

/// Random numbers of [SplitMix64](https://prng.di.unimi.it/splitmix64.c).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }
}

/// The bytes of file `number`.
pub fn content(number: usize) -> Vec<u8> {
    let length = [0, 17, 5000, 70_000, 300_000][number % 5];
    let mut random = Random(number as u64);
    (0..length).map(|_| random.below(256) as u8).collect()
}

pub const FILES: usize = 30;

/// Fills a filesystem: folders, files of all lengths, links of both kinds, attributes, a file with a hole, something in the trash.
pub fn fill(backend: &dyn Backend) {
    let fs = FileStorage::new(backend);
    for folder in 0..6 {
        fs.create_dir_all(format!("/folder {folder}/deeper"))
            .unwrap();
    }
    for number in 0..FILES {
        let path = path_of(number);
        fs.write(&path, content(number)).unwrap();
    }
    fs.hard_link(path_of(3), "/same as 3").unwrap();
    fs.symlink("folder 0", "/link").unwrap();
    fs.set_xattr("/folder 1", "user.colour", b"green").unwrap();
    fs.write("/with a hole", b"start").unwrap();
    fs.set_attr("/with a hole", &SetAttr::size(500_000))
        .unwrap();
    fs.write("/thrown away", content(2)).unwrap();
    let trash = backend.extensions().trash.unwrap();
    trash.discard(&VPath::new("/thrown away").unwrap()).unwrap();
    // What is removed must not come back.
    fs.write("/removed", b"must not come back").unwrap();
    fs.remove_file("/removed").unwrap();
}

pub fn path_of(number: usize) -> String {
    match number % 3 {
        0 => format!("/folder {}/file {number}", number % 6),
        1 => format!("/folder {}/deeper/file {number}", number % 6),
        _ => format!("/file {number}"),
    }
}

/// Everything that is in a folder of the host: files with their bytes, and the rest without.
pub fn saved(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    // A place for what nothing leads to is only made when there is something.
    if !root.exists() {
        return found;
    }
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let bytes = metadata.is_file().then(|| std::fs::read(&path).unwrap());
            if metadata.is_dir() {
                left.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
        }
    }
    found
}

/// Saves to a folder of the host.
pub fn salvage(kind: Kind, path: &Path, password: Option<&str>, to: &Path) -> Result<Report> {
    let control = Control::new();
    let salvage = Salvage::open_as(kind, path, password, &control)?;
    let host = fs_backends::StdFsBackend::new();
    let mut told = 0;
    let report = salvage.save_to(&host, &VPath::new(to).unwrap(), &control, &mut |_| {
        told += 1
    })?;
    assert_eq!(told, report.items.len());
    Ok(report)
}

/// Whatever has a name of its own under `files` is what was written, byte for byte; whatever is not says so. Answers how many files are there whole.
pub fn assert_honest(to: &Path, report: &Report, what: &str) -> usize {
    let files = to.join("files");
    let mut whole = 0;
    for (path, bytes) in saved(&files) {
        let Some(bytes) = bytes else { continue };
        let name = path.to_str().unwrap();
        assert!(
            !name.contains("removed"),
            "{what}: what was removed is back"
        );
        assert!(!name.ends_with(".unfinished"), "{what}: {name}");
        let marked = |ending: &str| name.strip_suffix(ending);
        if let Some(name) = marked(".damaged").or_else(|| marked(".unproven")) {
            let from = VPath::new(format!("/{name}")).unwrap();
            let item = report.items.iter().find(|item| item.from == from);
            let item = item.unwrap_or_else(|| panic!("{what}: {name} is not told"));
            assert_ne!(item.state, State::Whole);
            // What is not said to be missing is right all the same.
            let expected = expected(name);
            for (at, byte) in bytes.iter().enumerate() {
                let lost = item
                    .lost
                    .iter()
                    .any(|(from, to)| (*from..*to).contains(&(at as u64)));
                let right = match item.state {
                    State::Unproven => true,
                    _ if lost => *byte == 0,
                    _ => expected.get(at) == Some(byte),
                };
                assert!(right, "{what}: byte {at} of {name}");
            }
            continue;
        }
        assert!(
            bytes == expected(name),
            "{what}: {name} is not what was written"
        );
        whole += 1;
    }
    for (path, bytes) in saved(&to.join("unnamed")) {
        // It has no name, but its bytes are some file's.
        if let Some(bytes) = bytes.filter(|_| {
            !path.to_str().unwrap().contains(".unproven")
                && !path.to_str().unwrap().ends_with(".damaged")
        }) {
            let known = (0..FILES).map(content).any(|known| known == bytes)
                // Where nothing tells how long it was, zeros at its end are not known either.
                || expected("with a hole").starts_with(&bytes);
            assert!(known, "{what}: {path:?} holds what nobody wrote");
        }
    }
    whole
}

/// What a file holds.
pub fn expected(path: &str) -> Vec<u8> {
    match path {
        "with a hole" => {
            let mut bytes = b"start".to_vec();
            bytes.resize(500_000, 0);
            bytes
        }
        "same as 3" => content(3),
        path => {
            let number = path.rsplit(' ').next().unwrap();
            content(number.parse().unwrap())
        }
    }
}

/// Files that [`fill`] leaves in the tree, by name.
pub const NAMED: usize = FILES + 2;

/// A filled, closed filesystem of each kind.
pub fn vault(path: &Path, password: Option<&str>) {
    let backend = match password {
        Some(password) => SqliteBackend::create_encrypted(path, password).unwrap(),
        None => SqliteBackend::create(path).unwrap(),
    };
    fill(&backend);
    backend.close().unwrap();
}

pub fn store(path: &Path, password: Option<&str>) {
    let backend = match password {
        Some(password) => IndexedBackend::create_encrypted(path, password).unwrap(),
        None => IndexedBackend::create(path).unwrap(),
    };
    fill(&backend);
    // Blobs are completed when nobody waits; here they are now.
    let maintenance = backend.extensions().maintenance.unwrap();
    maintenance.compact(&Control::new()).unwrap();
    backend.close().unwrap();
}

pub fn memory(path: &Path, password: Option<&str>) {
    let backend = MemoryBackend::new();
    backend.set_password(password).unwrap();
    fill(&backend);
    backend.save_to(path).unwrap();
}

/// What a whole one gives.
pub fn assert_whole(kind: Kind, path: &Path, password: Option<&str>) {
    let before = bytes_of(path);
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("saved");
    let report = salvage(kind, path, password, &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(assert_honest(&to, &report, "whole"), NAMED);
    assert_eq!(report.lost_bytes, 0);
    assert_eq!(
        std::fs::read(to.join("trash/thrown away")).unwrap(),
        content(2)
    );
    let link = std::fs::read_link(to.join("files/link")).unwrap();
    assert_eq!(link, Path::new("folder 0"));
    let unnamed = to.join("unnamed");
    assert!(!unnamed.exists() || saved(&unnamed).is_empty());
    assert_eq!(
        bytes_of(path),
        before,
        "the damaged files are never changed"
    );
    let host = FileStorage::new(fs_backends::StdFsBackend::new());
    let colour = host.get_xattr(to.join("files/folder 1"), "user.colour");
    assert!(matches!(&colour, Ok(value) if value == b"green") || report.not_kept > 0);
}

/// All files of a filesystem.
pub fn bytes_of(path: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    match path.is_dir() {
        true => saved(path),
        false => BTreeMap::from([(PathBuf::new(), Some(std::fs::read(path).unwrap()))]),
    }
}

/// Changes one bit.
pub fn flip(path: &Path, bit: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}
