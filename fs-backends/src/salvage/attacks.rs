//! Vaults and stores made to harm by somebody who knows the format, and the password: nothing hangs, nothing is mixed up, nothing leads outside.

use std::collections::BTreeSet;
use std::path::Path;

use fs_core::{At, Backend, Control, ErrorKind, FileKind, FileStorage, Name, VPath, Want, listing};

use super::{Report, Salvage};
use crate::catalog::tamper_with;
use crate::location::Kind;
use crate::{IndexedBackend, SqliteBackend, StdFsBackend};

const PASSWORD: &str = "known to the attacker";
/// More than there is: whoever walks on walks in a circle.
const STEPS_MAX: usize = 2000;

/// What the attacker does to the rows, by name.
const ATTACKS: &[(&str, &str)] = &[
    (
        "a folder inside itself",
        "UPDATE dentry SET ino = (SELECT ino FROM dentry WHERE name = 'a') WHERE name = 'b'",
    ),
    (
        "two folders inside each other, out of reach",
        "UPDATE dentry SET parent = (SELECT ino FROM dentry WHERE name = 'b') WHERE name = 'a'",
    ),
    (
        "the root inside itself",
        "UPDATE dentry SET ino = 1 WHERE name = 'a'",
    ),
    (
        "a folder that is its own parent",
        "UPDATE node SET parent = ino WHERE kind = 2",
    ),
    (
        "a folder with two places",
        "INSERT INTO dentry (parent, name, ino, kind) SELECT 1, 'again', ino, 2 FROM dentry WHERE name = 'b'",
    ),
    (
        "the same folder a thousand times",
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000) INSERT INTO dentry (parent, name, ino, kind) SELECT (SELECT ino FROM dentry WHERE name = 'a'), 'x' || i, (SELECT ino FROM dentry WHERE name = 'a'), 2 FROM c",
    ),
    (
        "a name with a slash",
        "UPDATE dentry SET name = '../../outside' WHERE name = 'file'",
    ),
    (
        "a name that leads up",
        "UPDATE dentry SET name = '..' WHERE name = 'file'",
    ),
    (
        "an absolute name",
        "UPDATE dentry SET name = '/outside' WHERE name = 'file'",
    ),
    ("no name", "UPDATE dentry SET name = '' WHERE name = 'file'"),
    (
        "a name with a NUL",
        "UPDATE dentry SET name = 'a' || char(0) || 'b' WHERE name = 'file'",
    ),
    (
        "a name of a million letters",
        "UPDATE dentry SET name = hex(zeroblob(500000)) WHERE name = 'file'",
    ),
    (
        "a text that is no UTF-8",
        "UPDATE dentry SET name = CAST(x'ff2f' AS TEXT) WHERE name = 'file'",
    ),
    (
        "a name twice, as text and as blob",
        "INSERT INTO dentry (parent, name, ino, kind) SELECT parent, CAST('file' AS BLOB), 1, 2 FROM dentry WHERE name = 'file'",
    ),
    (
        "a negative size",
        "UPDATE node SET size = -1 WHERE kind = 1",
    ),
    (
        "the largest size there is",
        "UPDATE node SET size = 9223372036854775807 WHERE kind = 1",
    ),
    (
        "a size beyond the content",
        "UPDATE node SET size = 1 << 50 WHERE kind = 1",
    ),
    (
        "an unknown kind",
        "UPDATE node SET kind = 99 WHERE kind = 1",
    ),
    (
        "a file that says it is a folder",
        "UPDATE node SET kind = 2 WHERE kind = 1",
    ),
    (
        "a folder that says it is a file",
        "UPDATE node SET kind = 1, content = 1 WHERE ino = (SELECT ino FROM dentry WHERE name = 'a')",
    ),
    (
        "a link with a target of a megabyte",
        "UPDATE node SET target = hex(zeroblob(500000)) WHERE kind = 3",
    ),
    (
        "a link without a target",
        "UPDATE node SET target = NULL WHERE kind = 3",
    ),
    (
        "a file with a target",
        "UPDATE node SET target = '/etc/passwd' WHERE kind = 1",
    ),
    (
        "a mode with unknown bits",
        "UPDATE node SET mode = 1 << 31 WHERE kind = 1",
    ),
    (
        "a content that does not exist",
        "UPDATE node SET content = 4711 WHERE kind = 1",
    ),
    (
        "a content with the largest number",
        "UPDATE node SET content = 9223372036854775807 WHERE kind = 1",
    ),
    (
        "a negative content",
        "UPDATE node SET content = -1 WHERE kind = 1",
    ),
    (
        "one content for all files",
        "UPDATE node SET content = (SELECT min(content) FROM node WHERE content > 0) WHERE kind = 1",
    ),
    (
        "contents that count wrong",
        "UPDATE content SET refs = -5, stored = -5",
    ),
    ("no contents", "DELETE FROM content"),
    ("no nodes", "DELETE FROM node"),
    ("no root", "DELETE FROM node WHERE ino = 1"),
    (
        "a root that is a file",
        "UPDATE node SET kind = 1 WHERE ino = 1",
    ),
    (
        "a name for nothing",
        "UPDATE dentry SET ino = 4711 WHERE name = 'file'",
    ),
    (
        "a negative node",
        "UPDATE dentry SET ino = -1 WHERE name = 'file'",
    ),
    (
        "an item of the trash that is the root",
        "INSERT INTO trash (id, ino, original, deleted) VALUES (77, 1, '/../../x', 0)",
    ),
    ("a nameless root", "INSERT INTO nameless (ino) VALUES (1)"),
    (
        "an attribute of a megabyte",
        "INSERT INTO xattr (ino, name, value) VALUES (1, 'user.x', zeroblob(1000000))",
    ),
    (
        "numbers given out again",
        "UPDATE meta SET value = 1 WHERE key IN ('next_ino', 'next_content')",
    ),
    (
        "impossible numbers",
        "UPDATE meta SET value = -9223372036854775808 WHERE key IN ('next_ino', 'next_content')",
    ),
];

/// Attacks on the rows of blobs.
const ON_BLOBS: &[(&str, &str)] = &[
    (
        "a blob outside",
        "UPDATE blob SET name = '../../../etc/passwd' WHERE content = (SELECT max(content) FROM blob)",
    ),
    (
        "an absolute blob",
        "UPDATE blob SET name = '/etc/passwd' WHERE content = (SELECT max(content) FROM blob)",
    ),
    (
        "a blob of two contents",
        "UPDATE blob SET content = content + 1000 WHERE content = (SELECT max(content) FROM blob)",
    ),
    (
        "a dangling blob",
        "UPDATE blob SET name = 'a1b2c3d4-0000-4000-8000-000000000000-1.bin' WHERE content = (SELECT max(content) FROM blob)",
    ),
    ("a blob of a negative size", "UPDATE blob SET size = -1"),
    (
        "a blob of the largest size",
        "UPDATE blob SET size = 9223372036854775807",
    ),
    ("a blob without a hash", "UPDATE blob SET hash = NULL"),
    ("a hash of another length", "UPDATE blob SET hash = x'00'"),
    (
        "blocks of another blob",
        "UPDATE blob SET blocks = zeroblob(80000)",
    ),
    (
        "a dead blob that leads outside",
        "INSERT INTO dead_blob (name) VALUES ('../../../outside')",
    ),
];

fn fill(backend: &dyn Backend) {
    let fs = FileStorage::new(backend);
    fs.create_dir_all("/a/b/c").unwrap();
    fs.write("/a/file", vec![1; 50_000]).unwrap();
    fs.write("/a/b/other", vec![2; 100_000]).unwrap();
    fs.symlink("a/file", "/link").unwrap();
    backend.close().unwrap();
}

/// Walks the whole tree and reads everything; answers how many folders there were.
fn walk(backend: &dyn Backend, what: &str) -> usize {
    let fs = FileStorage::new(backend);
    let mut left = vec![VPath::root()];
    let (mut folders, mut steps) = (0, 0);
    let mut buffer = vec![0; 1 << 16];
    while let Some(path) = left.pop() {
        steps += 1;
        assert!(steps < STEPS_MAX, "{what}: it never ends");
        let listed = backend
            .list(At::path(&path), &Want::names())
            .and_then(listing::collect);
        let Ok(listed) = listed else { continue };
        folders += 1;
        for entry in listed.iter() {
            let below = path.join(&Name::new(entry.name).unwrap());
            match entry.kind {
                FileKind::Directory => left.push(below),
                FileKind::File => {
                    let Ok(file) = backend.open(At::path(&below), &fs_core::OpenOptions::read())
                    else {
                        continue;
                    };
                    // A file that says it is endless is only begun.
                    let Ok(read) = file.read_at(&mut buffer, 0) else {
                        continue;
                    };
                    let bytes: BTreeSet<u8> = buffer[..read].iter().copied().collect();
                    assert!(
                        bytes.len() <= 1 || bytes.contains(&0),
                        "{what}: {below:?} holds bytes of two files"
                    );
                }
                _ => drop(fs.read_link(below.as_path())),
            }
        }
    }
    folders
}

/// Checks, and saves what there is; nothing gets outside of the target.
fn look_after(kind: Kind, path: &Path, password: Option<&str>, dir: &Path, what: &str) -> Report {
    let control = Control::new();
    let to = dir.join("saved");
    let before: BTreeSet<_> = names(dir);
    let salvage = Salvage::open_as(kind, path, password, &control).unwrap();
    salvage.check(&control, &mut |_| {}).unwrap();
    // Endless files are sparse, and too large for some hosts: told, and no reason to stop.
    let report = salvage
        .save_to(
            &StdFsBackend::new(),
            &VPath::new(&to).unwrap(),
            &control,
            &mut |_| {},
        )
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut after = names(dir);
    after.remove(std::ffi::OsStr::new("saved"));
    assert_eq!(after, before, "{what}: something got outside");
    std::fs::remove_dir_all(to).unwrap();
    report
}

fn names(dir: &Path) -> BTreeSet<std::ffi::OsString> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

fn attack(kind: Kind, password: Option<&str>, attacks: &[(&str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let database = match kind {
        Kind::Store => path.join("index.db"),
        _ => path.clone(),
    };
    match (kind, password) {
        (Kind::Store, Some(password)) => {
            fill(&IndexedBackend::create_encrypted(&path, password).unwrap());
        }
        (Kind::Store, None) => fill(&IndexedBackend::create(&path).unwrap()),
        (_, Some(password)) => fill(&SqliteBackend::create_encrypted(&path, password).unwrap()),
        (_, None) => fill(&SqliteBackend::create(&path).unwrap()),
    }
    let sound = std::fs::read(&database).unwrap();
    for (what, sql) in attacks {
        for suffix in ["-wal", "-shm"] {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            std::fs::remove_file(name).unwrap_or_default();
        }
        std::fs::write(&database, &sound).unwrap();
        tamper_with(&database, password, sql);
        look_after(kind, &path, password, dir.path(), what);
        let opened: Result<Box<dyn Backend>, _> = match (kind, password) {
            (Kind::Store, Some(password)) => {
                IndexedBackend::open_encrypted(&path, password).map(|it| Box::new(it) as _)
            }
            (Kind::Store, None) => IndexedBackend::open(&path).map(|it| Box::new(it) as _),
            (_, Some(password)) => {
                SqliteBackend::open_encrypted(&path, password).map(|it| Box::new(it) as _)
            }
            (_, None) => SqliteBackend::open(&path).map(|it| Box::new(it) as _),
        };
        let backend = match opened {
            Ok(backend) => backend,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupted, "{what}: {error}");
                continue;
            }
        };
        let folders = walk(&*backend, what);
        assert!(folders <= 5, "{what}: {folders} folders");
        let maintenance = backend.extensions().maintenance.unwrap();
        maintenance
            .check(&Control::new(), &mut |_| {})
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[test]
fn hostile_rows_of_a_plain_vault_harm_nobody() {
    attack(Kind::Vault, None, ATTACKS);
}

#[test]
fn hostile_rows_of_an_encrypted_vault_harm_nobody() {
    // Each costs several derivations of the key: those that a sum would have told in a plain one.
    let some: Vec<_> = ATTACKS.iter().copied().step_by(4).collect();
    attack(Kind::Vault, Some(PASSWORD), &some);
}

#[test]
fn hostile_rows_of_a_store_harm_nobody() {
    attack(Kind::Store, None, ATTACKS);
    attack(Kind::Store, None, ON_BLOBS);
}

#[test]
fn hostile_rows_of_blobs_of_an_encrypted_store_harm_nobody() {
    let some: Vec<_> = ON_BLOBS.iter().copied().step_by(3).collect();
    attack(Kind::Store, Some(PASSWORD), &some);
}
