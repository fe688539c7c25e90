//! One bit of a closed vault or store flips. Whatever is read afterwards is what was written, or an error that says it is damaged.
//!
//! `LAMINA_FLIPS=n` makes more of them, `LAMINA_SEED=n` others.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod encrypted;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use fs_backends::indexed::IndexedBackend;
use fs_backends::sqlite::SqliteBackend;
use fs_core::extensions::Wanted;
use fs_core::{
    At, Backend, Control, Error, ErrorKind, FileKind, FileStorage, Metadata, Permissions, SetAttr,
    SetTime, Time, VPath, Want,
};

const FLIPS: usize = 1000;
const FILES: usize = 100;

/// Random numbers of [SplitMix64](https://prng.di.unimi.it/splitmix64.c).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Everything that can be asked about one path.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    metadata: Metadata,
    names: Vec<OsString>,
    content: Vec<u8>,
    target: PathBuf,
    xattrs: Vec<(OsString, Vec<u8>)>,
}

/// What was asked, and what was answered.
#[derive(Default)]
struct View {
    nodes: BTreeMap<VPath, Seen>,
    trash: Vec<OsString>,
}

fn fill(backend: &dyn Backend) {
    let fs = FileStorage::new(backend);
    for folder in ["/a", "/a/b", "/a/b/c", "/many", "/empty", "/deep/x/y/z"] {
        fs.create_dir_all(folder).unwrap();
    }
    // Long names, so that they need several pages.
    for number in 0..FILES {
        let name = format!("/many/{number:03}{}", "-".repeat(200));
        fs.write(&name, format!("content of {number}")).unwrap();
    }
    fs.write(
        "/a/one",
        (0..300_000).map(|at| (at % 251) as u8).collect::<Vec<u8>>(),
    )
    .unwrap();
    fs.write("/a/b/two", "two").unwrap();
    fs.hard_link("/a/one", "/a/b/c/same").unwrap();
    fs.copy("/a/one", "/copy").unwrap();
    fs.symlink("a/one", "/link").unwrap();
    for number in 0..20 {
        fs.set_xattr("/a", format!("user.attribute {number}"), &[number; 40])
            .unwrap();
    }
    fs.set_permissions("/a/b/two", Permissions::from_mode(0o4640))
        .unwrap();
    let attr = SetAttr {
        mtime: Some(SetTime::To(Time::from_nanos(1_234_567_890_123_456_789))),
        ..SetAttr::default()
    };
    fs.set_attr("/a/b", &attr).unwrap();
    for name in ["/thrown away", "/also thrown away"] {
        fs.write(name, vec![3; 1000]).unwrap();
        let trash = backend.extensions().trash.unwrap();
        trash.discard(&VPath::new(name).unwrap()).unwrap();
    }
}

fn names(
    backend: &dyn Backend,
    path: &VPath,
) -> Result<Vec<(OsString, FileKind, Metadata)>, Error> {
    let listing = backend.list(At::path(path), &Want::metadata())?;
    let batch = fs_core::listing::collect(listing)?;
    Ok(batch
        .iter()
        .map(|entry| {
            let metadata = entry.metadata.cloned().unwrap();
            (entry.name.to_owned(), entry.kind, metadata)
        })
        .collect())
}

fn see(fs: &FileStorage<&dyn Backend>, path: &VPath) -> Result<Seen, Error> {
    let at = path.as_path();
    let metadata = fs.symlink_metadata(at)?;
    let mut seen = Seen {
        names: Vec::new(),
        content: Vec::new(),
        target: PathBuf::new(),
        xattrs: Vec::new(),
        metadata,
    };
    match seen.metadata.kind {
        FileKind::Directory => {
            for (name, kind, metadata) in names(fs.backend(), path)? {
                assert_eq!(kind, metadata.kind);
                seen.names.push(name);
            }
        }
        FileKind::Symlink => seen.target = fs.read_link(at)?,
        _ => seen.content = fs.read(at)?,
    }
    if seen.metadata.kind != FileKind::Symlink {
        for name in fs.list_xattrs(at)? {
            let value = fs.get_xattr(at, &name)?;
            seen.xattrs.push((name, value));
        }
    }
    Ok(seen)
}

/// A whole filesystem in which nothing is wrong.
fn view(backend: &dyn Backend) -> View {
    let fs = FileStorage::new(backend);
    let mut view = View::default();
    let mut left = vec![VPath::root()];
    while let Some(path) = left.pop() {
        let seen = see(&fs, &path).unwrap();
        for name in &seen.names {
            left.push(path.join(&fs_core::Name::new(name).unwrap()));
        }
        view.nodes.insert(path, seen);
    }
    view.trash = trash(backend).unwrap();
    view
}

fn trash(backend: &dyn Backend) -> Result<Vec<OsString>, Error> {
    let items = backend.extensions().trash.unwrap().items()?;
    let original = |item: &fs_core::extensions::TrashItem| item.original.as_os_str().to_owned();
    Ok(items.iter().map(original).collect())
}

/// All paths by a search.
fn all_paths(backend: &dyn Backend) -> Result<BTreeSet<VPath>, Error> {
    let mut paths = BTreeSet::from([VPath::root()]);
    let all = Wanted {
        contains: b"",
        fits: &|_, _| true,
    };
    let mut found = |path, _| {
        paths.insert(path);
        Ok(())
    };
    let search = backend.extensions().search.unwrap();
    search.search(&VPath::root(), &all, &Control::new(), &mut found)?;
    Ok(paths)
}

/// Asks about everything there was; answers how many questions met damage.
fn compare(backend: &dyn Backend, before: &View, what: &str) -> usize {
    let fs = FileStorage::new(backend);
    let mut damaged = 0;
    let mut failed = |error: Error, asked: &str| {
        assert_eq!(
            error.kind(),
            ErrorKind::Corrupted,
            "{what}: {asked}: {error}"
        );
        damaged += 1;
    };
    // A search is asked first or last: who is first finds out whether names are missing.
    let search_first = what.len().is_multiple_of(2);
    let search = |failed: &mut dyn FnMut(Error, &str)| match all_paths(backend) {
        Ok(paths) => assert!(paths.iter().eq(before.nodes.keys()), "{what}: the search"),
        Err(error) => failed(error, "the search"),
    };
    if search_first {
        search(&mut failed);
    }
    for (path, known) in &before.nodes {
        match see(&fs, path) {
            Ok(seen) => assert!(
                seen == *known,
                "{what}: {path:?} is not what was written: {:?}",
                seen.metadata
            ),
            Err(error) => failed(error, &path.display()),
        }
        if known.metadata.kind != FileKind::Directory {
            continue;
        }
        match names(backend, path) {
            Ok(listed) => {
                for (name, _, metadata) in listed {
                    let below = path.join(&fs_core::Name::new(&name).unwrap());
                    let known = &before.nodes.get(&below).map(|seen| &seen.metadata);
                    assert_eq!(*known, Some(&metadata), "{what}: {below:?} in a listing");
                }
            }
            Err(error) => failed(error, "list"),
        }
        let nobody = path.join(&fs_core::Name::new("nobody has this name").unwrap());
        let error = fs.symlink_metadata(nobody.as_path()).unwrap_err();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {}
            _ => failed(error, "a name that nobody has"),
        }
    }
    if !search_first {
        search(&mut failed);
    }
    match trash(backend) {
        Ok(items) => assert_eq!(items, before.trash, "{what}: the trash"),
        Err(error) => failed(error, "the trash"),
    }
    damaged
}

/// Checks, and compares what is found with what a reader met.
fn check(backend: &dyn Backend, met: usize, what: &str) -> bool {
    let mut found = Vec::new();
    let maintenance = backend.extensions().maintenance.unwrap();
    maintenance
        .check(&Control::new(), &mut |damage| found.push(damage))
        .unwrap();
    assert!(
        met == 0 || !found.is_empty(),
        "{what}: damage was met, and none found"
    );
    !found.is_empty()
}

/// Opens what is kept in a folder.
type Open = dyn Fn(&Path) -> Result<Box<dyn Backend>, Error>;

/// How often a flip kept the filesystem from being opened, was met by a reader, was found by a check only, or hit nothing.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    met: usize,
    found: usize,
    nothing: usize,
}

/// Flips bits of the files of `image` that are `among` those meant, one at a time, in a copy at `place`.
fn flip_all(
    place: &Path,
    image: &BTreeMap<PathBuf, Vec<u8>>,
    among: fn(&Path) -> bool,
    flips: usize,
    before: &View,
    open: &Open,
) -> Tally {
    let seed = number("LAMINA_SEED", 20_261_122);
    let mut random = Random(seed as u64);
    let mut tally = Tally::default();
    let files: Vec<_> = image
        .iter()
        .filter(|(path, bytes)| among(path) && !bytes.is_empty())
        .collect();
    let write = |path: &Path, bytes: &[u8]| std::fs::write(place.join(path), bytes).unwrap();
    for (path, bytes) in image {
        write(path, bytes);
    }
    let all: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    for round in 0..flips {
        let mut at = random.below(all);
        let (name, bytes) = files
            .iter()
            .find(|(_, bytes)| {
                let inside = at < bytes.len();
                at -= if inside { 0 } else { bytes.len() };
                inside
            })
            .unwrap();
        let bit = random.below(8);
        let what = format!("seed {seed}, flip {round}: bit {bit} of byte {at} of {name:?}");
        let mut damaged = (*bytes).clone();
        damaged[at] ^= 1 << bit;
        // Opening it changes the database.
        for (path, bytes) in image.iter().filter(|(path, _)| is_database(path)) {
            write(path, bytes);
        }
        write(name, &damaged);
        for extra in ["v.db-wal", "v.db-shm", "index.db-wal", "index.db-shm"] {
            std::fs::remove_file(place.join(extra)).unwrap_or_default();
        }
        match open(place) {
            Ok(backend) => {
                let met = compare(&*backend, before, &what);
                let found = check(&*backend, met, &what);
                match (met, found) {
                    (0, false) => tally.nothing += 1,
                    (0, true) => tally.found += 1,
                    _ => tally.met += 1,
                }
                // Whatever closing says, it must not hang or panic.
                backend.close().unwrap_or_default();
            }
            Err(error) => {
                let kinds = [
                    ErrorKind::Corrupted,
                    ErrorKind::UnknownFormat,
                    ErrorKind::NewerFormat,
                    ErrorKind::PasswordNeeded,
                ];
                assert!(kinds.contains(&error.kind()), "{what}: {error}");
                tally.refused += 1;
            }
        }
        write(name, bytes);
    }
    tally
}

/// In memory, where there is such a place: every opening waits for the disk several times.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "db")
}

fn read_all(folder: &Path, below: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => read_all(folder, &path, into),
            false => drop(into.insert(path.clone(), std::fs::read(folder.join(&path)).unwrap())),
        }
    }
}

#[test]
fn a_bit_of_a_plain_vault_that_flips_never_comes_back_as_data() {
    let place = place();
    let open = |place: &Path| -> Result<Box<dyn Backend>, Error> {
        Ok(Box::new(SqliteBackend::open(place.join("v.db"))?))
    };
    let vault = open(place.path()).unwrap();
    fill(&*vault);
    vault.close().unwrap();
    let mut image = BTreeMap::new();
    read_all(place.path(), Path::new(""), &mut image);
    assert_eq!(image.len(), 1);
    let vault = open(place.path()).unwrap();
    let before = view(&*vault);
    vault.close().unwrap();
    let flips = number("LAMINA_FLIPS", FLIPS);
    let tally = flip_all(place.path(), &image, is_database, flips, &before, &open);
    println!("{tally:?}");
    assert!(tally.met > flips / 4, "{tally:?}");
}

#[test]
fn a_bit_of_a_store_that_flips_never_comes_back_as_data() {
    let place = place();
    let open = |place: &Path| -> Result<Box<dyn Backend>, Error> {
        Ok(Box::new(IndexedBackend::open(place)?))
    };
    let store = open(place.path()).unwrap();
    fill(&*store);
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    FileStorage::new(&*store).write("/large", &large).unwrap();
    store.close().unwrap();
    // All blobs sealed: what is still open for writing has no hash.
    let mut image = BTreeMap::new();
    read_all(place.path(), Path::new(""), &mut image);
    let store = open(place.path()).unwrap();
    let before = view(&*store);
    store.close().unwrap();
    assert!(image.len() > FILES, "{}", image.len());
    // The index is small beside the blobs, and gets as many flips.
    for among in [is_database, |path: &Path| !is_database(path)] {
        let flips = number("LAMINA_FLIPS", FLIPS) / 2;
        let tally = flip_all(place.path(), &image, among, flips, &before, &open);
        println!("{tally:?}");
        // Most of an index is room in pages that are not full.
        assert!(tally.met > flips / 10, "{tally:?}");
    }
}
