//! Encrypted files: whoever changes them does not know the key, so that what opens is what was written.

use std::path::Path;
use std::sync::LazyLock;

use fs_backends::MemoryBackend;
use fs_backends::indexed::StoreOptions;
use fs_backends::location::Kind;
use fs_backends::salvage::Salvage;
use fs_core::{At, Backend, Control, FileKind, FileStorage, VPath, Want, listing};

use super::catalog::copy;
use super::{Bytes, walk};
use crate::audit;

/// Of everything encrypted that is kept in the tree.
const PASSWORD: &str = "open sesame";
/// Where the header of an encrypted saved filesystem tells how often its key is derived (`FORMAT.md`).
const ROUNDS: std::ops::Range<usize> = 12..16;
const MOST_ROUNDS: u32 = 16;

/// The bytes of an encrypted saved memory filesystem.
///
/// # Panics
/// When a rule is broken.
pub fn sealed_memory(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("x.mem");
    let mut data = data.to_vec();
    // Many rounds take long, and nothing else.
    if let Some(rounds) = data.get_mut(ROUNDS) {
        let told = u32::from_le_bytes(rounds.try_into().unwrap());
        rounds.copy_from_slice(&told.min(MOST_ROUNDS).to_le_bytes());
    }
    std::fs::write(&path, &data).unwrap();
    assert!(MemoryBackend::load_from(&path).is_err());
    if let Ok(loaded) = MemoryBackend::load_encrypted(&path, PASSWORD) {
        let seeds = super::corpus("sealed_memory");
        assert!(seeds.contains(&data), "it was changed, and loads");
        assert!(walk::walk(&loaded).is_empty());
    }
    salvaged(Kind::Memory, &path, PASSWORD);
}

/// An encrypted store with other bytes in its blob files: `data` says which.
///
/// # Panics
/// When a rule is broken.
pub fn sealed_store(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("store");
    copy(&golden("encrypted-store"), &path);
    let mut bytes = Bytes(data);
    let is_salvaged = bytes.byte() % 2 == 1;
    for _ in 0..1 + bytes.byte() % 4 {
        scratch(&path.join("blobs"), &mut bytes);
    }
    if is_salvaged {
        return salvaged(Kind::Store, &path, PASSWORD);
    }
    let store = StoreOptions::new().password(PASSWORD);
    let Ok(store) = store.open(&path) else { return };
    static WRITTEN: LazyLock<Vec<(VPath, Vec<u8>)>> = LazyLock::new(|| {
        let folder = crate::folder();
        let path = folder.path().join("store");
        copy(&golden("encrypted-store"), &path);
        let store = StoreOptions::new().password(PASSWORD).open(&path).unwrap();
        let written = whole_files(&store);
        assert!(!written.is_empty());
        written
    });
    for (path, now) in whole_files(&store) {
        let written = WRITTEN.iter().find(|(name, _)| *name == path);
        let (_, written) = written.expect("there are no more than there were");
        // A blob that was still written to may end earlier after a crash.
        let is_as_written = *written == now || is_cut(written, &now);
        assert!(is_as_written, "{path:?}: {} bytes", now.len());
    }
    // What is still being written a check only counts, and so it may find nothing where reading does.
    walk::walk(&store);
    drop(audit::findings(&store));
    drop(store.close());
}

/// Is `now` what was written up to somewhere, and zeros from there on?
fn is_cut(written: &[u8], now: &[u8]) -> bool {
    let end = now
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |at| at + 1);
    written.get(..end) == now.get(..end)
}

/// Every file in the root that reads without an error.
fn whole_files(store: &dyn Backend) -> Vec<(VPath, Vec<u8>)> {
    let fs = FileStorage::new(store);
    let root = VPath::root();
    let all = store.list(At::path(&root), &Want::metadata());
    let mut files = Vec::new();
    if let Ok(all) = all.and_then(listing::collect) {
        for entry in all.iter().filter(|it| it.kind == FileKind::File) {
            let path = root.join(&fs_core::Name::new(entry.name).unwrap());
            if let Ok(bytes) = fs.read(path.as_os_str()) {
                files.push((path, bytes));
            }
        }
    }
    files
}

/// What can be read of damaged files is read, and is a tree like any other.
pub(super) fn salvaged(kind: Kind, path: &Path, password: &str) {
    let control = Control::new();
    let password = Some(password).filter(|it| !it.is_empty());
    let Ok(salvage) = Salvage::open_as(kind, path, password, &control) else {
        return;
    };
    let to = MemoryBackend::with_limit(64 << 20);
    let at = VPath::new("/saved").unwrap();
    drop(salvage.save_to(&to, &at, &control, &mut |_| {}));
    let errors = walk::walk(&to);
    assert!(errors.is_empty(), "{errors:?}");
}

/// Changes bytes of a blob, cuts it, or puts another in its place.
fn scratch(blobs: &Path, bytes: &mut Bytes<'_>) {
    /// Records, and the slot before the first one: where the format has its edges.
    const EDGES: [usize; 6] = [0, 1, 20_480, 20_480 + 16_416, 16_416, 4096];
    let mut names: Vec<_> = std::fs::read_dir(blobs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let (blob, other) = (
        names[bytes.index(names.len())].clone(),
        names[bytes.index(names.len())].clone(),
    );
    let mut content = std::fs::read(&blob).unwrap();
    let far = usize::from(bytes.byte()) * 251 + usize::from(bytes.byte());
    let edge = EDGES[bytes.index(EDGES.len())];
    let at = match bytes.byte() % 3 {
        0 => edge,
        1 => edge + far,
        _ => content.len().saturating_sub(1 + far % 64),
    } % content.len().max(1);
    match bytes.byte() % 5 {
        0 | 1 => {
            let new = bytes.index(12);
            let new = bytes.take(1 + new);
            for (byte, new) in content[at..].iter_mut().zip(new) {
                *byte ^= new;
            }
        }
        2 => content.truncate(at),
        3 => {
            let piece = std::fs::read(&other).unwrap();
            let piece = piece.get(at..).unwrap_or_default();
            let end = (at + piece.len()).min(content.len());
            content.splice(at..end, piece.iter().copied());
        }
        _ => content.extend(bytes.take(40)),
    }
    std::fs::write(&blob, content).unwrap();
}

fn golden(name: &str) -> std::path::PathBuf {
    crate::project().join("fs-backends/tests/golden").join(name)
}
