//! The same where all is encrypted: a bit in each page of a vault, and in each record of a store's blobs. Deriving the key takes most of the time.

use super::*;

const PASSWORD: &str = "correct horse";
const PAGE: usize = 16 * 1024;
/// Bytes of a record with all around it, and where the first one lies; before it is a spare slot, which in a complete blob is nothing.
const RECORD: usize = 16 + PAGE + 16;
const FIRST_RECORD: usize = 20_480;

/// Something of every kind, in few pages.
fn fill_a_little(backend: &dyn Backend) {
    let fs = FileStorage::new(backend);
    fs.create_dir_all("/a/b").unwrap();
    for number in 0..20 {
        let name = format!("/a/{number:03}{}", "-".repeat(200));
        fs.write(&name, format!("content of {number}")).unwrap();
    }
    let large: Vec<u8> = (0..30_000_u32).flat_map(u32::to_le_bytes).collect();
    fs.write("/large", &large).unwrap();
    fs.symlink("a", "/link").unwrap();
    fs.set_xattr("/a", "user.attribute", &[7; 40]).unwrap();
    fs.write("/thrown away", vec![3; 1000]).unwrap();
    let trash = backend.extensions().trash.unwrap();
    trash.discard(&VPath::new("/thrown away").unwrap()).unwrap();
}

/// Flips a bit in each piece of the files that are meant; each is found, and no reader gets anything else than what was written.
fn flip_each(
    place: &Path,
    among: fn(&Path) -> bool,
    (first, stride): (usize, usize),
    open: &Open,
) -> usize {
    let mut image = BTreeMap::new();
    read_all(place, Path::new(""), &mut image);
    let backend = open(place).unwrap();
    let before = view(&*backend);
    backend.close().unwrap();
    let mut random = Random(number("LAMINA_SEED", 20_261_122) as u64);
    let mut flips = 0;
    for (name, bytes) in image.iter().filter(|(path, _)| among(path)) {
        for piece in (first..bytes.len()).step_by(stride) {
            let at = piece + random.below(stride.min(bytes.len() - piece));
            let bit = random.below(8);
            let what = format!("bit {bit} of byte {at} of {name:?}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            for (path, bytes) in &image {
                std::fs::write(place.join(path), bytes).unwrap();
            }
            std::fs::write(place.join(name), damaged).unwrap();
            for extra in ["v.db-wal", "v.db-shm", "index.db-wal", "index.db-shm"] {
                std::fs::remove_file(place.join(extra)).unwrap_or_default();
            }
            flips += 1;
            match open(place) {
                Ok(backend) => {
                    let met = compare(&*backend, &before, &what);
                    assert!(check(&*backend, met, &what), "{what}: nothing was found");
                    backend.close().unwrap_or_default();
                }
                Err(error) => {
                    // The first page tells whether the password is right.
                    let kinds = [ErrorKind::Corrupted, ErrorKind::WrongPassword];
                    assert!(kinds.contains(&error.kind()), "{what}: {error}");
                }
            }
        }
    }
    flips
}

#[test]
fn a_bit_in_each_page_of_an_encrypted_vault() {
    let place = place();
    let path = |place: &Path| place.join("v.db");
    let vault = SqliteBackend::create_encrypted(path(place.path()), PASSWORD).unwrap();
    fill_a_little(&vault);
    vault.close().unwrap();
    let open = move |place: &Path| -> Result<Box<dyn Backend>, Error> {
        let opened = SqliteBackend::open_encrypted(path(place), PASSWORD)?;
        Ok(Box::new(opened))
    };
    let flips = flip_each(place.path(), is_database, (0, PAGE), &open);
    assert!(flips > 20, "{flips} pages");
}

#[test]
fn a_bit_in_each_record_of_an_encrypted_store() {
    let place = place();
    let options = fs_backends::indexed::StoreOptions::new().password(PASSWORD);
    let folder = |place: &Path| place.join("store");
    let store = options.create(folder(place.path())).unwrap();
    // Whole records: behind a shorter one nothing is written.
    for records in [1, 3, 9] {
        let content: Vec<u8> = (0..records * PAGE as u32 / 4)
            .flat_map(u32::to_le_bytes)
            .collect();
        let name = format!("/{records}");
        FileStorage::new(&store).write(name, &content).unwrap();
    }
    store.close().unwrap();
    let open = move |place: &Path| -> Result<Box<dyn Backend>, Error> {
        Ok(Box::new(options.open(folder(place))?))
    };
    let flips = flip_each(
        place.path(),
        |path| !is_database(path),
        (FIRST_RECORD, RECORD),
        &open,
    );
    // And the map behind the last of each file.
    assert_eq!(flips, 1 + 3 + 9 + 3);
}
