//! Names: the rename table, pins of directories, races for a name.

use fs_core::listing::collect;
use fs_core::{At, Backend, Change, ErrorKind, NewNode, OpenOptions, RenameMode, VPath, Want};

use super::{create, open, path, read, rename, save, used, write};
use crate::MemoryBackend;

#[test]
fn a_directory_pinned_by_its_identity_survives_renames_and_hides_swapped_links() {
    let fs = MemoryBackend::new();
    create(&fs, "/d", &NewNode::directory());
    let pin = fs.pin(At::path(&path("/d"))).unwrap();
    rename(&fs, "/d", "/e", RenameMode::Replace).unwrap();
    create(&fs, "/d", &NewNode::symlink("/elsewhere"));
    let inside = path("/f");
    fs.change(&Change::Create(At::in_dir(&pin, &inside), &NewNode::file()))
        .unwrap();
    assert!(fs.stat(At::path(&path("/e/f"))).is_ok());
    let through = fs.stat(At::path(&path("/d/f"))).unwrap_err();
    assert_eq!(
        through.kind(),
        ErrorKind::NotADirectory,
        "links are not followed"
    );
    fs.change(&Change::Unlink(At::path(&path("/e/f")))).unwrap();
    fs.change(&Change::Rmdir(At::path(&path("/e")))).unwrap();
    let create = Change::Create(At::in_dir(&pin, &inside), &NewNode::file());
    assert_eq!(fs.change(&create).unwrap_err().kind(), ErrorKind::NotFound);
    let other = MemoryBackend::new();
    assert_eq!(
        other.stat(At::in_dir(&pin, &inside)).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn the_rename_table_is_the_one_of_rename_2() {
    use RenameMode::{Exchange, NoReplace, Replace};
    let cases = [
        ("/file", "/file2", Replace, Ok(())),
        ("/file", "/file2", NoReplace, Err(ErrorKind::AlreadyExists)),
        ("/file", "/file", Replace, Ok(())),
        ("/file", "/file", NoReplace, Err(ErrorKind::AlreadyExists)),
        ("/file", "/link", Replace, Ok(())),
        ("/file", "/empty", Replace, Err(ErrorKind::IsADirectory)),
        ("/empty", "/file", Replace, Err(ErrorKind::NotADirectory)),
        ("/full", "/empty", Replace, Ok(())),
        (
            "/empty",
            "/full",
            Replace,
            Err(ErrorKind::DirectoryNotEmpty),
        ),
        ("/full", "/full/sub/x", Replace, Err(ErrorKind::IntoItself)),
        ("/full", "/full/sub", Replace, Err(ErrorKind::IntoItself)),
        (
            "/full/sub",
            "/full",
            Replace,
            Err(ErrorKind::DirectoryNotEmpty),
        ),
        ("/full/sub", "/full", Exchange, Err(ErrorKind::IntoItself)),
        ("/file", "/full", Exchange, Ok(())),
        ("/file", "/none", Exchange, Err(ErrorKind::NotFound)),
        ("/none", "/x", Replace, Err(ErrorKind::NotFound)),
        ("/file", "/none/x", Replace, Err(ErrorKind::NotFound)),
        ("/file", "/file2/x", Replace, Err(ErrorKind::NotADirectory)),
        ("/", "/x", Replace, Err(ErrorKind::IsRoot)),
        ("/file", "/", Replace, Err(ErrorKind::IsRoot)),
    ];
    for (from, to, mode, expected) in cases {
        let fs = MemoryBackend::new();
        create(&fs, "/empty", &NewNode::directory());
        create(&fs, "/full", &NewNode::directory());
        create(&fs, "/full/sub", &NewNode::directory());
        create(&fs, "/link", &NewNode::symlink("file"));
        write(&fs, "/file", b"1");
        write(&fs, "/file2", b"2");
        let links = |fs: &MemoryBackend| {
            // nlink of a directory is 2 + its subdirectories, everywhere.
            for dir in ["/", "/full", "/empty", "/full/sub", "/file"] {
                let at = path(dir);
                let Ok(batch) = fs.list(At::path(&at), &Want::names()).and_then(collect) else {
                    continue;
                };
                let subdirs = batch
                    .iter()
                    .filter(|e| e.kind == fs_core::FileKind::Directory)
                    .count();
                assert_eq!(
                    fs.stat(At::path(&at)).unwrap().nlink,
                    2 + subdirs as u64,
                    "{from} {to} {dir}"
                );
            }
        };
        assert_eq!(
            rename(&fs, from, to, mode),
            expected,
            "{from} -> {to} {mode:?}"
        );
        links(&fs);
    }
}

#[test]
fn a_whiteout_is_left_in_the_place_of_the_source() {
    let fs = MemoryBackend::new();
    write(&fs, "/a", b"1");
    rename(&fs, "/a", "/b", RenameMode::LeaveWhiteout).unwrap();
    let left = fs.stat(At::path(&path("/a"))).unwrap();
    assert_eq!((left.kind, left.rdev), (fs_core::FileKind::CharDevice, 0));
    assert_eq!(read(&fs, "/b"), b"1");
}

#[test]
fn racing_creates_renames_and_writers_keep_the_tree_whole() {
    let fs = MemoryBackend::new();
    create(&fs, "/a", &NewNode::directory());
    create(&fs, "/b", &NewNode::directory());
    write(&fs, "/log", b"");
    write(&fs, "/swap", b"0");
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let fs = &fs;
            scope.spawn(move || {
                for round in 0..200 {
                    // Opposite moves may never make a circle.
                    let (from, to) = if thread % 2 == 0 {
                        ("/a", "/b/a")
                    } else {
                        ("/b", "/a/b")
                    };
                    rename(fs, from, to, RenameMode::Replace).ok();
                    rename(fs, to, from, RenameMode::Replace).ok();
                    open(fs, "/log").append(&[thread; 3]).unwrap();
                    if thread == 0 {
                        save(fs, "/swap", &[round; 70_000]);
                    } else {
                        let bytes = read(fs, "/swap");
                        assert!(
                            bytes.iter().all(|byte| *byte == bytes[0]),
                            "old or new, never both"
                        );
                    }
                }
            });
        }
    });
    assert_eq!(read(&fs, "/log").len(), 4 * 200 * 3);
    let space = fs
        .extensions()
        .space
        .unwrap()
        .space(At::path(&VPath::root()))
        .unwrap();
    assert_eq!(
        (space.used_inodes, space.used_bytes),
        (Some(5), 2400 + 70_000)
    );
}

#[test]
fn a_name_removed_while_its_file_is_created_leaves_the_creator_a_file() {
    let fs = MemoryBackend::new();
    let at = path("/f");
    std::thread::scope(|scope| {
        let create = || {
            for _ in 0..2000 {
                let how = OpenOptions {
                    create: true,
                    ..OpenOptions::read_write()
                };
                let file = fs.open(At::path(&at), &how).unwrap();
                file.write_at(b"bytes", 0).unwrap();
                assert_eq!(file.metadata().unwrap().size, 5);
            }
        };
        scope.spawn(create);
        scope.spawn(create);
        scope.spawn(|| {
            for _ in 0..4000 {
                fs.change(&Change::Unlink(At::path(&at))).ok();
            }
        });
    });
    fs.change(&Change::Unlink(At::path(&at))).ok();
    assert_eq!(used(&fs), 0);
}
