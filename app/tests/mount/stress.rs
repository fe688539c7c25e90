//! Many threads on few names at once (after the `fsstress` of SGI): nothing hangs, nothing is lost that was not removed, and what is left adds up.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::op::Rng;
use crate::world::{Kind, World, can_mount};
use crate::{repeat, seed};

const THREADS: u64 = 6;

/// What may happen when others work on the same names; anything else is a mistake.
const EXPECTED: [i32; 7] = [
    libc::ENOENT,
    libc::EEXIST,
    libc::ENOTDIR,
    libc::EISDIR,
    libc::ENOTEMPTY,
    libc::EINVAL,
    libc::ELOOP,
];

fn path(rng: &mut Rng, root: &Path) -> PathBuf {
    let mut path = root.to_owned();
    for _ in 0..=rng.below(3) {
        path.push(["a", "b", "c", "d"][rng.below(4) as usize]);
    }
    path
}

fn step(rng: &mut Rng, root: &Path) -> std::io::Result<()> {
    let (a, b) = (path(rng, root), path(rng, root));
    match rng.below(14) {
        0..=2 => fs::create_dir(a),
        3 | 4 => fs::write(a, vec![rng.next() as u8; rng.below(70_000) as usize]),
        5 => fs::remove_file(a),
        6 => fs::remove_dir(a),
        7 | 8 => fs::rename(a, b),
        9 => fs::hard_link(a, b),
        10 => symlink("a", a),
        11 => {
            let file = fs::File::options().read(true).write(true).open(a)?;
            file.write_all_at(b"in the middle", rng.below(100_000))?;
            file.set_len(rng.below(100_000))?;
            file.sync_data()
        }
        12 => fs::read(a).map(drop),
        _ => {
            for entry in fs::read_dir(a)? {
                entry?.metadata()?;
            }
            Ok(())
        }
    }
}

fn work(seed: u64, root: &Path, steps: u64) {
    let mut rng = Rng(seed);
    for _ in 0..steps {
        if let Err(error) = step(&mut rng, root) {
            let expected = error.raw_os_error().is_some_and(|n| EXPECTED.contains(&n));
            // A hard link to a folder is refused with EPERM.
            let refused = error.raw_os_error() == Some(libc::EPERM);
            assert!(expected || refused, "seed {seed}: {error}");
        }
    }
}

/// Each file is found under as many names as it counts, and each folder holds as many folders as it says.
fn check(root: &Path, counts_folders: bool) {
    let mut names: HashMap<u64, (u64, u64)> = HashMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut inside = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                inside += 1;
                folders.push(path);
                continue;
            }
            names
                .entry(metadata.ino())
                .or_insert((0, metadata.nlink()))
                .0 += 1;
            if metadata.is_file() {
                let read = fs::read(&path).unwrap().len() as u64;
                assert_eq!(read, metadata.len(), "{}", path.display());
            }
        }
        if counts_folders {
            let links = fs::metadata(&folder).unwrap().nlink();
            assert_eq!(links, 2 + inside, "{}", folder.display());
        }
    }
    for (ino, (found, links)) in names {
        assert_eq!(found, links, "names of {ino}");
    }
}

fn run(kind: Kind, rounds: u64, steps: u64) {
    if !can_mount() {
        return;
    }
    let world = World::new(kind);
    repeat(rounds, |round| {
        let root = world.fresh();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (seed, root) = (seed() + round * THREADS + thread, &root);
                scope.spawn(move || work(seed, root, steps));
            }
        });
        check(&root, kind.counts_folders());
        fs::remove_dir_all(&root).unwrap();
    });
    world.unmount();
}

#[test]
fn memory() {
    run(Kind::Memory, 2, 1500);
}

#[test]
fn vault() {
    run(Kind::Vault, 1, 800);
}

#[test]
fn encrypted_vault() {
    run(Kind::Encrypted, 1, 200);
}

#[test]
fn store() {
    run(Kind::Store, 1, 800);
}

#[test]
fn overlay() {
    run(Kind::Overlay, 2, 500);
}

#[test]
fn host() {
    run(Kind::Host, 1, 1000);
}
