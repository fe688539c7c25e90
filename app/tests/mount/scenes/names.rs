//! Names and paths: long ones, chains of links, the flags of `open(2)` and `renameat2(2)`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};

use super::bytes::{create, open};
use super::{Log, Scene};

pub const SCENES: &[(&str, Scene)] = &[
    ("chains of links", chains),
    ("long", long),
    ("opening", opening),
    ("renaming", renaming),
    ("replacing what is open", replacing),
    ("whiteouts", whiteouts),
    ("deep", deep),
];

fn chains(root: &Path, log: &mut Log) {
    fs::write(root.join("0"), "content").unwrap();
    for number in 1..=42 {
        symlink(format!("{}", number - 1), root.join(number.to_string())).unwrap();
    }
    for number in [1, 39, 40, 41, 42] {
        let path = root.join(number.to_string());
        log.call(&number.to_string(), open(&path, OFlags::RDONLY));
        log.call("itself", rustix::fs::lstat(&path));
    }
    symlink("a", root.join("b")).unwrap();
    symlink("b", root.join("a")).unwrap();
    for name in ["a", "a/x", "a/"] {
        let path = root.join(name);
        log.call(name, rustix::fs::stat(&path));
        log.call(name, rustix::fs::lstat(&path));
        log.call(name, open(&path, OFlags::RDWR | OFlags::CREATE));
        log.call(name, rustix::fs::chmod(&path, Mode::from_raw_mode(0o700)));
        log.call(name, rustix::fs::mkdir(&path, Mode::from_raw_mode(0o700)));
        log.call(name, rustix::fs::unlink(&path));
    }
}

fn long(root: &Path, log: &mut Log) {
    for len in [254, 255, 256] {
        let path = root.join("n".repeat(len));
        log.call("file", open(&path, OFlags::RDWR | OFlags::CREATE));
        log.call("stat", rustix::fs::stat(&path));
        log.call(
            "rename",
            rustix::fs::rename(&path, root.join("m".repeat(len))),
        );
        log.call("link", rustix::fs::link(root.join("m".repeat(len)), &path));
        log.call("unlink", rustix::fs::unlink(&path));
        log.call(
            "folder",
            rustix::fs::mkdir(&path, Mode::from_raw_mode(0o700)),
        );
        log.call("rmdir", rustix::fs::rmdir(&path));
        log.call("link", rustix::fs::symlink("x", &path));
    }
    // 255 bytes are the limit, not characters.
    for name in ["ä".repeat(127), "ä".repeat(128)] {
        log.call(
            "umlauts",
            open(&root.join(name), OFlags::RDWR | OFlags::CREATE),
        );
    }
    for len in [1, 1_000, 4_094, 4_095, 4_096] {
        let path = root.join(format!("link {len}"));
        log.call("target", rustix::fs::symlink("t".repeat(len), &path));
        log.say(
            "read",
            fs::read_link(&path).map(|t| t.as_os_str().len()).ok(),
        );
        let size = fs::symlink_metadata(&path).map(|m| m.size()).ok();
        log.say("size", size);
    }
    log.call("no target", rustix::fs::symlink("", root.join("none")));
    // By a path of exactly the most bytes, relative to the folder.
    let folder = open(root, OFlags::DIRECTORY | OFlags::RDONLY).unwrap();
    for len in [4_094, 4_095, 4_096] {
        let path = format!("{}x", "./".repeat(len / 2));
        let path = &path[path.len() - len..];
        let path = path.trim_start_matches('/');
        log.call("path", rustix::fs::statat(&folder, path, AtFlags::empty()));
    }
}

fn opening(root: &Path, log: &mut Log) {
    fs::write(root.join("file"), "content").unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    symlink("file", root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("folder", root.join("to-folder")).unwrap();
    let (create, new) = (OFlags::CREATE, OFlags::CREATE | OFlags::EXCL);
    for name in [
        "file",
        "folder",
        "link",
        "dangling",
        "to-folder",
        "missing",
        "file/",
        "missing/",
        "folder/.",
    ] {
        for (how, flags) in [
            ("without following", OFlags::RDONLY | OFlags::NOFOLLOW),
            ("only a folder", OFlags::RDONLY | OFlags::DIRECTORY),
            (
                "only a folder, not following",
                OFlags::DIRECTORY | OFlags::NOFOLLOW,
            ),
            ("name only", OFlags::PATH),
            ("name only, not following", OFlags::PATH | OFlags::NOFOLLOW),
            ("new", OFlags::RDWR | new),
            ("new, not following", OFlags::RDWR | new | OFlags::NOFOLLOW),
            (
                "made, not following",
                OFlags::RDWR | create | OFlags::NOFOLLOW,
            ),
            ("made", OFlags::RDWR | create),
            ("cutting", OFlags::RDWR | OFlags::TRUNC),
        ] {
            let kind = open(&root.join(name), flags).map(|file| {
                let metadata = file.metadata().unwrap();
                (
                    metadata.file_type(),
                    metadata.is_dir() || metadata.len() == 0,
                )
            });
            log.say(&format!("{name}, {how}"), kind);
            fs::write(root.join("file"), "content").unwrap();
            fs::remove_file(root.join("nowhere")).ok();
            fs::remove_file(root.join("missing")).ok();
        }
    }
}

fn renaming(root: &Path, log: &mut Log) {
    let names = ["file", "same", "folder", "empty", "full", "link", "missing"];
    let build = |at: &Path| {
        fs::create_dir(at).unwrap();
        fs::write(at.join("file"), "1").unwrap();
        fs::hard_link(at.join("file"), at.join("same")).unwrap();
        for folder in ["folder", "empty", "full", "full/sub"] {
            fs::create_dir(at.join(folder)).unwrap();
        }
        symlink("file", at.join("link")).unwrap();
    };
    let mut number = 0;
    for flags in [
        RenameFlags::empty(),
        RenameFlags::NOREPLACE,
        RenameFlags::EXCHANGE,
        RenameFlags::NOREPLACE | RenameFlags::EXCHANGE,
        RenameFlags::WHITEOUT | RenameFlags::EXCHANGE,
        RenameFlags::from_bits_retain(1 << 20),
    ] {
        for from in names {
            for to in names.into_iter().chain(["full/sub/below", "full/."]) {
                let at = root.join(number.to_string());
                number += 1;
                build(&at);
                let done = rustix::fs::renameat_with(CWD, at.join(from), CWD, at.join(to), flags);
                let mut left: Vec<_> = walk(&at);
                left.sort();
                log.say(&format!("{from} to {to} {flags:?}"), (done, left));
                fs::remove_dir_all(&at).unwrap();
            }
        }
    }
}

/// What is below: path, kind, links of files.
fn walk(root: &Path) -> Vec<(PathBuf, char, u64)> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if metadata.is_dir() {
                found.push((name, 'd', 0));
                pending.push(path);
            } else {
                let kind = if metadata.is_symlink() { 'l' } else { 'f' };
                found.push((name, kind, metadata.nlink()));
            }
        }
    }
    found
}

fn replacing(root: &Path, log: &mut Log) {
    let (old, new) = (root.join("old"), root.join("new"));
    fs::write(&old, "old").unwrap();
    fs::write(&new, "newer").unwrap();
    let (held, moved) = (
        open(&old, OFlags::RDWR).unwrap(),
        open(&new, OFlags::RDWR).unwrap(),
    );
    log.call("replace", rustix::fs::rename(&new, &old));
    let facts = |file: &fs::File| {
        let metadata = file.metadata().unwrap();
        (metadata.len(), metadata.nlink())
    };
    log.say("replaced", facts(&held));
    log.say("moved", facts(&moved));
    log.say("write", rustix::io::pwrite(&held, b"nobody sees it", 0));
    log.say("content", fs::read_to_string(&old).unwrap());
    log.call(
        "no name again",
        rustix::fs::linkat(&held, "", CWD, &new, AtFlags::EMPTY_PATH),
    );
    fs::create_dir(root.join("a")).unwrap();
    fs::create_dir(root.join("b")).unwrap();
    let (a, b) = (
        open(&root.join("a"), OFlags::DIRECTORY).unwrap(),
        open(&root.join("b"), OFlags::DIRECTORY).unwrap(),
    );
    log.call(
        "folder over folder",
        rustix::fs::rename(root.join("a"), root.join("b")),
    );
    log.call(
        "in what is gone",
        rustix::fs::mkdirat(&b, "x", Mode::from_raw_mode(0o700)),
    );
    log.call(
        "in what moved",
        rustix::fs::mkdirat(&a, "x", Mode::from_raw_mode(0o700)),
    );
    log.say("there", root.join("b/x").is_dir());
    log.call("above", rustix::fs::statat(&a, "..", AtFlags::empty()));
    log.call(
        "above what is gone",
        rustix::fs::statat(&b, "..", AtFlags::empty()),
    );
}

fn whiteouts(root: &Path, log: &mut Log) {
    fs::write(root.join("file"), "1").unwrap();
    fs::write(root.join("old"), "2").unwrap();
    let whiteout = |from: &str, to: &str| {
        rustix::fs::renameat_with(
            CWD,
            root.join(from),
            CWD,
            root.join(to),
            RenameFlags::WHITEOUT,
        )
    };
    // A mounted stack keeps whiteouts for itself, as overlayfs does.
    match whiteout("file", "moved") {
        Ok(()) => {
            let left = fs::symlink_metadata(root.join("file")).unwrap();
            log.say("left", (left.mode() & 0o170_000 == 0o020_000, left.rdev()));
            log.call("over another", whiteout("moved", "old"));
            log.say("content", fs::read(root.join("old")).unwrap());
        }
        Err(rustix::io::Errno::INVAL) => {
            log.say("left", (true, 0));
            log.call("over another", Ok(()));
            log.say("content", b"1");
        }
        Err(errno) => log.say("refused", errno),
    }
}

fn deep(root: &Path, log: &mut Log) {
    // Deeper than any path may be long.
    let name = "d".repeat(200);
    let mut at = open(root, OFlags::DIRECTORY).unwrap();
    for _ in 0..40 {
        rustix::fs::mkdirat(&at, &name, Mode::from_raw_mode(0o700)).unwrap();
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        at = rustix::fs::openat(&at, &name, flags, Mode::empty())
            .unwrap()
            .into();
    }
    let file = OFlags::RDWR | OFlags::CREATE;
    log.call(
        "file",
        rustix::fs::openat(&at, "file", file, Mode::from_raw_mode(0o600)),
    );
    log.call(
        "by name",
        rustix::fs::stat(root.join([name.as_str(); 40].join("/"))),
    );
    log.call("stat", rustix::fs::statat(&at, "file", AtFlags::empty()));
    log.call(
        "remove",
        fs::remove_dir_all(root.join(&name))
            .map_err(|e| rustix::io::Errno::from_io_error(&e).unwrap()),
    );
    log.call("gone", rustix::fs::statat(&at, "file", AtFlags::empty()));
    drop(create(&root.join("left")));
    log.say(
        "root",
        fs::read_dir(root)
            .unwrap()
            .map(|e| e.unwrap().file_name().as_bytes().len())
            .collect::<Vec<_>>(),
    );
}
