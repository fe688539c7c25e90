//! With a password: nothing shows, no change passes.

use super::*;

fn sealed_bytes(fs: &MemoryBackend, password: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = SealedWriter::new(&mut bytes, &PasswordKey::cheap(password)).unwrap();
    encode::write(&fs.store().to_save().0, &mut out).unwrap();
    out.finish().unwrap();
    bytes
}

fn load_sealed(bytes: &[u8], password: Option<&str>) -> Result<MemoryBackend> {
    let (mut sealed, _) = SealedReader::new(bytes, password)?;
    MemoryBackend::loaded(decode::read(&mut sealed)?)
}

#[test]
fn an_encrypted_file_opens_with_its_password_and_tells_nothing() {
    let fs = sample();
    let folder = tempfile::tempdir().unwrap();
    let (file, clear) = (folder.path().join("x.mem"), folder.path().join("clear.mem"));
    fs.save_to(&clear).unwrap();
    fs.set_password(Some("secret")).unwrap();
    assert!(fs.is_modified(), "what is on the disk is in clear");
    let can = |fs: &MemoryBackend| fs.capabilities(At::path(&VPath::root()));
    assert!(can(&fs).contains(fs_core::Capabilities::ENCRYPTED));
    fs.save_to(&file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    for text in [
        &b"sparse"[..],
        b"anywhere",
        b"user.empty",
        &[3; 32],
        b"LMEM",
        b"NODE",
    ] {
        assert!(!contains(text), "{text:?}");
    }
    let kind = |result: Result<MemoryBackend>| result.map(drop).unwrap_err().kind();
    let load = MemoryBackend::load_encrypted;
    assert_eq!(
        kind(MemoryBackend::load_from(&file)),
        ErrorKind::PasswordNeeded
    );
    assert_eq!(kind(load(&file, "Secret")), ErrorKind::WrongPassword);
    assert_eq!(kind(load(&clear, "secret")), ErrorKind::InvalidInput);
    assert_eq!(
        fs.set_password(Some("")).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let loaded = load(&file, "secret").unwrap();
    assert!(see(&loaded) == see(&fs));
    assert!(loaded.is_encrypted() && loaded.has_password("secret") && !loaded.is_modified());
    // It stays encrypted, with another key each time.
    let other = folder.path().join("other.mem");
    loaded.save_to(&other).unwrap();
    let again = std::fs::read(&other).unwrap();
    assert!(is_sealed(&again) && again[..64] != bytes[..64]);
    // What is shown of it is as secret.
    let taken = fs_core::snapshots::Snapshots::take(&fs, "one").unwrap();
    let shown = fs_core::snapshots::Snapshots::open(&fs, taken.id).unwrap();
    let shown = shown.capabilities(At::path(&VPath::root()));
    assert!(shown.contains(fs_core::Capabilities::ENCRYPTED));
}

#[test]
fn no_change_of_an_encrypted_file_passes() {
    const RECORD: usize = 64 * 1024 + 16;
    let bytes = sealed_bytes(&sample(), "secret");
    let header = 80;
    assert!(load_sealed(&bytes, Some("secret")).is_ok());
    assert!(bytes.len() > header + 2 * RECORD, "more than two records");
    let kind = |bytes: &[u8]| {
        load_sealed(bytes, Some("secret"))
            .map(drop)
            .unwrap_err()
            .kind()
    };
    for at in (0..128).chain((128..bytes.len()).step_by(1009)) {
        // Rounds that are many take their time; they are tried below.
        if (12..16).contains(&at) {
            continue;
        }
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let expected = match at {
            0..8 => ErrorKind::UnknownFormat,
            // Version 0 there never was.
            8 => ErrorKind::Corrupted,
            9..12 => ErrorKind::NewerFormat,
            12..80 => ErrorKind::WrongPassword,
            _ => ErrorKind::Corrupted,
        };
        assert_eq!(kind(&damaged), expected, "bit flipped at {at}");
        assert_eq!(kind(&bytes[..at]), ErrorKind::Corrupted, "cut at {at}");
    }
    let records: Vec<&[u8]> = bytes[header..].chunks(RECORD).collect();
    let file = |order: &[usize]| {
        let parts = order.iter().map(|at| records[*at]);
        [&bytes[..header]]
            .into_iter()
            .chain(parts)
            .collect::<Vec<_>>()
            .concat()
    };
    let last = records.len() - 1;
    let mut order: Vec<usize> = (0..=last).collect();
    assert!(load_sealed(&file(&order), Some("secret")).is_ok());
    order.swap(0, 1);
    assert_eq!(kind(&file(&order)), ErrorKind::Corrupted, "swapped");
    for cut in 0..=last {
        let order: Vec<usize> = (0..cut).collect();
        assert_eq!(
            kind(&file(&order)),
            ErrorKind::Corrupted,
            "without records {cut} to {last}"
        );
    }
    let without_one: Vec<usize> = (1..=last).collect();
    assert_eq!(
        kind(&file(&without_one)),
        ErrorKind::Corrupted,
        "without the first"
    );
    let mut twice: Vec<usize> = (0..=last).collect();
    twice.insert(0, 0);
    assert_eq!(kind(&file(&twice)), ErrorKind::Corrupted, "one twice");
    assert_eq!(
        kind(&[&bytes[..], b"x"].concat()),
        ErrorKind::Corrupted,
        "longer"
    );
    // Records of another file with the same password.
    let other = sealed_bytes(&sample(), "secret");
    let mixed = [&bytes[..header + RECORD], &other[header + RECORD..]].concat();
    assert_eq!(kind(&mixed), ErrorKind::Corrupted, "of another file");
    for rounds in [0, u32::MAX] {
        let mut forged = bytes.clone();
        forged[12..16].copy_from_slice(&rounds.to_le_bytes());
        assert_eq!(kind(&forged), ErrorKind::Corrupted, "{rounds} rounds");
    }
}

#[test]
fn contents_at_the_borders_of_records_come_back() {
    for length in [0usize, 1, 65_535, 65_536, 65_537, 131_072] {
        let plain = vec![7; length];
        let mut bytes = Vec::new();
        let key = PasswordKey::cheap("x");
        let mut out = SealedWriter::new(&mut bytes, &key).unwrap();
        out.write_all(&plain).unwrap();
        out.finish().unwrap();
        let (mut reader, _) = SealedReader::new(&bytes[..], Some("x")).unwrap();
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
        assert!(read == plain, "{length}");
    }
}

/// What `fuzz/README.md` calls `sealed_memory`: its key is derived at once.
#[test]
#[ignore = "writes into the tree"]
fn write_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/sealed_memory");
    std::fs::create_dir_all(&corpus).unwrap();
    let empty = MemoryBackend::new();
    for (name, fs) in [("everything", sample()), ("nothing", empty)] {
        let bytes = sealed_bytes(&fs, "open sesame");
        std::fs::write(corpus.join(name), bytes).unwrap();
    }
}
