//! Vaults with overwritten, missing and swapped pages.

use std::path::{Path, PathBuf};

use fs_backends::SqliteBackend;
use fs_backends::location::Kind;
use fs_backends::salvage::{Report, Salvage};
use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Control, ErrorKind, VPath};

use super::support::*;

const PAGE: usize = 16_384;

struct Place {
    dir: tempfile::TempDir,
    password: Option<&'static str>,
    sound: Vec<u8>,
}

impl Place {
    fn new(password: Option<&'static str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.db");
        vault(&path, password);
        let sound = std::fs::read(path).unwrap();
        Self {
            dir,
            password,
            sound,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("v.db")
    }

    fn pages(&self) -> usize {
        self.sound.len() / PAGE
    }

    /// Damages the vault and saves what is left; answers how many files are whole.
    fn after(&self, what: &str, damage: impl FnOnce(&mut Vec<u8>)) -> (usize, Report) {
        let mut bytes = self.sound.clone();
        damage(&mut bytes);
        std::fs::write(self.path(), &bytes).unwrap();
        let to = self.dir.path().join("saved");
        std::fs::remove_dir_all(&to).unwrap_or_default();
        let report = salvage(Kind::Vault, &self.path(), self.password, &to).unwrap();
        let whole = assert_honest(&to, &report, what);
        assert_eq!(
            std::fs::read(self.path()).unwrap(),
            bytes,
            "{what}: it was changed"
        );
        (whole, report)
    }

    fn damages(&self) -> Vec<Damage> {
        let mut found = Vec::new();
        let control = Control::new();
        Salvage::open_as(Kind::Vault, &self.path(), self.password, &control)
            .unwrap()
            .check(&control, &mut |damage| found.push(damage))
            .unwrap();
        found
    }

    fn opens(&self) -> Result<(), ErrorKind> {
        let opened = match self.password {
            Some(password) => SqliteBackend::open_encrypted(self.path(), password),
            None => SqliteBackend::open(self.path()),
        };
        opened.map(drop).map_err(|error| error.kind())
    }
}

fn noise(page: &mut [u8], seed: u64) {
    let mut random = Random(seed);
    page.fill_with(|| random.below(256) as u8);
}

#[test]
fn a_whole_vault_is_saved_whole() {
    for password in [None, Some(PASSWORD)] {
        let place = Place::new(password);
        assert_whole(Kind::Vault, &place.path(), password);
        assert_eq!(place.damages(), []);
    }
}

#[test]
fn vaults_of_older_formats_are_saved_whole() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut seen = 0;
    for format in ["v1", "v2", "v3"] {
        let from = golden.join(format).join("plain.db");
        if !from.exists() {
            continue;
        }
        seen += 1;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.db");
        std::fs::copy(from, &path).unwrap();
        let to = dir.path().join("saved");
        let report = salvage(Kind::Vault, &path, None, &to).unwrap();
        assert!(
            report.is_whole() && report.files > 0,
            "{format}: {report:?}"
        );
    }
    assert!(seen > 0);
}

#[test]
fn how_an_older_vault_cut_its_files_is_seen_where_it_is_not_told() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3/plain.db");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.db");
    std::fs::copy(golden, &path).unwrap();
    let files = |name: &str| {
        let to = dir.path().join(name);
        salvage(Kind::Vault, &path, None, &to).unwrap();
        saved(&to.join("files"))
    };
    let told = files("told");
    let db = rusqlite::Connection::open(&path).unwrap();
    let gone = db.execute("DELETE FROM meta WHERE key = 'chunk_bytes'", []);
    assert_eq!(gone.unwrap(), 1);
    drop(db);
    assert_eq!(files("not told"), told);
}

#[test]
fn a_vault_without_its_first_page_keeps_every_file() {
    for password in [None, Some(PASSWORD)] {
        let place = Place::new(password);
        let (whole, _) = place.after("no first page", |bytes| {
            // The salt is what the key of an encrypted one is made with.
            noise(&mut bytes[16..PAGE], 7);
        });
        assert!(place.opens().is_err());
        assert_eq!(whole, NAMED, "{password:?}");
        let damages = place.damages();
        assert!(
            damages
                .iter()
                .any(|damage| damage.kind == DamageKind::Database)
        );
        assert!(
            damages
                .iter()
                .any(|damage| damage.detail.contains("page 1 ")),
            "{damages:?}"
        );
    }
    let place = Place::new(None);
    let (whole, _) = place.after("zeros", |bytes| bytes[..PAGE].fill(0));
    assert_eq!(whole, NAMED);
    assert!(place.opens().is_err());
}

#[test]
fn a_vault_without_its_first_page_asks_for_a_password_only_if_it_has_one() {
    for (password, wanted) in [
        (None, ErrorKind::Corrupted),
        (Some(PASSWORD), ErrorKind::PasswordNeeded),
    ] {
        let place = Place::new(password);
        for seed in 0..8 {
            let mut bytes = place.sound.clone();
            noise(&mut bytes[..PAGE], seed);
            std::fs::write(place.path(), bytes).unwrap();
            let error = SqliteBackend::open(place.path()).err().unwrap();
            assert_eq!(error.kind(), wanted, "seed {seed}");
        }
    }
}

#[test]
fn any_page_of_a_plain_vault_may_be_noise_and_only_what_was_on_it_is_missing() {
    let place = Place::new(None);
    for page in 0..place.pages() {
        let what = format!("page {}", page + 1);
        let (whole, report) = place.after(&what, |bytes| {
            noise(&mut bytes[page * PAGE..][..PAGE], page as u64);
        });
        // A page of nodes or of names holds those of many small files. Whatever is missing is told.
        assert!(whole == NAMED || !report.is_whole(), "{what}: {report:?}");
    }
}

/// Bytes of files that lost the record of what they are have no name any more, but are there.
#[test]
fn bytes_outlive_the_records_of_their_files() {
    for password in [None, Some(PASSWORD)] {
        let place = Place::new(password);
        let mut outlived = 0;
        for page in 1..place.pages().min(if password.is_some() { 6 } else { 25 }) {
            let what = format!("page {}, {password:?}", page + 1);
            let (_, report) = place.after(&what, |bytes| {
                noise(&mut bytes[page * PAGE..][..PAGE], page as u64);
            });
            let to = place.dir.path().join("saved");
            let named = saved(&to.join("files"));
            let unnamed: Vec<Vec<u8>> =
                saved(&to.join("unnamed")).into_values().flatten().collect();
            for number in (0..FILES).filter(|number| number % 5 != 0) {
                let path = path_of(number);
                let is_named = named.keys().any(|name| {
                    let name = name.to_str().unwrap();
                    name.strip_prefix(&path[1..])
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                });
                let from = VPath::new(&path).unwrap();
                let told = report
                    .items
                    .iter()
                    .any(|item| item.from == from && item.size_bytes.is_some());
                let has_bytes = unnamed.contains(&content(number));
                assert!(
                    is_named || told || has_bytes,
                    "{what}: nothing of {path} is left"
                );
                outlived += usize::from(!is_named && !told);
            }
        }
        assert!(outlived > 0, "{password:?}: no page of records was hit");
    }
}

#[test]
fn some_pages_of_an_encrypted_vault_may_be_noise() {
    let place = Place::new(Some(PASSWORD));
    let mut random = Random(11);
    for round in 0..8 {
        let page = 1 + random.below(place.pages() - 1);
        let what = format!("round {round}, page {}", page + 1);
        let (whole, report) = place.after(&what, |bytes| {
            noise(&mut bytes[page * PAGE..][..PAGE], page as u64);
        });
        assert!(whole > 0 || report.files > 0, "{what}: {report:?}");
    }
}

#[test]
fn a_page_put_in_the_place_of_another_is_never_taken_for_it() {
    let place = Place::new(None);
    let mut random = Random(3);
    for round in 0..40 {
        let (from, to) = (random.below(place.pages()), random.below(place.pages()));
        place.after(&format!("round {round}: {from} over {to}"), |bytes| {
            let page = bytes[from * PAGE..][..PAGE].to_vec();
            bytes[to * PAGE..][..PAGE].copy_from_slice(&page);
        });
    }
}

#[test]
fn a_vault_that_was_cut_keeps_what_is_before_the_cut() {
    for password in [None, Some(PASSWORD)] {
        let place = Place::new(password);
        let length = place.sound.len();
        let mut best = 0;
        for cut in [
            length / 4,
            length / 2,
            length / 2 + 5000,
            length - PAGE,
            length - 1,
        ] {
            let (whole, report) =
                place.after(&format!("cut at {cut}"), |bytes| bytes.truncate(cut));
            assert!(!report.is_whole(), "{cut}");
            best = best.max(whole);
        }
        assert!(best > NAMED / 2, "{best}");
    }
}

#[test]
fn bits_that_flip_never_come_back_as_data() {
    let place = Place::new(None);
    let mut random = Random(5);
    for round in 0..150 {
        let bit = random.below(place.sound.len() * 8);
        place.after(&format!("round {round}, bit {bit}"), |bytes| {
            bytes[bit / 8] ^= 1 << (bit % 8)
        });
    }
}

#[test]
fn without_the_password_nothing_is_told() {
    let place = Place::new(Some(PASSWORD));
    let control = Control::new();
    let open = |password| {
        let opened = Salvage::open_as(Kind::Vault, &place.path(), password, &control);
        opened.err().map(|error| error.kind())
    };
    assert_eq!(open(None), Some(ErrorKind::PasswordNeeded));
    assert_eq!(open(Some("wrong")), Some(ErrorKind::WrongPassword));
    std::fs::write(place.path(), b"").unwrap();
    assert_eq!(open(None), Some(ErrorKind::UnknownFormat));
    std::fs::remove_file(place.path()).unwrap();
    assert_eq!(open(None), Some(ErrorKind::NotFound));
}

#[test]
fn an_open_vault_is_not_salvaged_and_a_salvaged_one_not_opened() {
    let place = Place::new(None);
    let control = Control::new();
    let vault = SqliteBackend::open(place.path()).unwrap();
    let salvage = Salvage::open_as(Kind::Vault, &place.path(), None, &control);
    assert_eq!(salvage.err().unwrap().kind(), ErrorKind::InUse);
    drop(vault);
    let salvage = Salvage::open_as(Kind::Vault, &place.path(), None, &control).unwrap();
    assert_eq!(place.opens(), Err(ErrorKind::InUse));
    drop(salvage);
    assert_eq!(place.opens(), Ok(()));
}

#[test]
fn what_a_kill_left_in_the_log_is_saved_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.db");
    vault(&path, None);
    let backend = SqliteBackend::open(&path).unwrap();
    let fs = fs_core::FileStorage::new(&backend);
    fs.write("/file 59", content(59)).unwrap();
    fs.write("/file 61", content(61)).unwrap();
    // As the disk has it after a kill.
    let killed = dir.path().join("killed.db");
    std::fs::copy(&path, &killed).unwrap();
    std::fs::copy(
        dir.path().join("v.db-wal"),
        dir.path().join("killed.db-wal"),
    )
    .unwrap();
    drop(backend);
    let to = dir.path().join("saved");
    let report = salvage(Kind::Vault, &killed, None, &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(assert_honest(&to, &report, "killed"), NAMED + 2);
}

#[test]
fn a_cancelled_salvage_leaves_no_file_that_is_not_finished() {
    let place = Place::new(None);
    let to = place.dir.path().join("saved");
    let control = Control::new();
    let salvage = Salvage::open_as(Kind::Vault, &place.path(), None, &control).unwrap();
    let host = fs_backends::StdFsBackend::new();
    let at = VPath::new(&to).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while control.done_items() < 10 {
                std::thread::yield_now();
            }
            control.cancel();
        });
        let saved = salvage.save_to(&host, &at, &control, &mut |_| {});
        assert!(saved.is_ok_and(|report| report.is_whole()) || control.is_cancelled());
    });
    for (path, bytes) in saved(&to) {
        let name = path.to_str().unwrap();
        assert!(!name.ends_with(".unfinished"), "{name}");
        if let (Some(bytes), Some(name)) = (bytes, name.strip_prefix("files/")) {
            assert!(bytes == expected(name), "{name}");
        }
    }
    // Nothing is written over.
    let again = salvage.save_to(&host, &at, &Control::new(), &mut |_| {});
    assert_eq!(again.err().unwrap().kind(), ErrorKind::AlreadyExists);
}
