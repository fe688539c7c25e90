//! Rules that need more than one call: files without names, running programs, mappings, locks, limits, offsets of folders.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use fs_backends::MemoryBackend;
use lamina::mount::{Options, mount};
use rustix::fs::{FallocateFlags, FlockOperation, Mode, SeekFrom};
use rustix::io::Errno;

use crate::world::{Kind, World, can_mount, copy_program, skipped};

/// Who makes a call.
#[derive(Clone, Copy, Debug)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped("only root can act for others");
    }
    root
}

/// Runs `f` with this thread's user and groups changed; the other threads (the server's among them) stay who they are.
#[expect(unsafe_code, reason = "libc changes all threads, the system calls one")]
pub fn as_user<T>(user: User, f: impl FnOnce() -> T) -> T {
    let set = |uid: u32, gid: u32| {
        // SAFETY: these take numbers and a null pointer for an empty list; on failure nothing is changed.
        let done = unsafe {
            [
                libc::syscall(libc::SYS_setresuid, uid, 0, 0),
                libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()),
                libc::syscall(libc::SYS_setresgid, gid, gid, 0),
                libc::syscall(libc::SYS_setresuid, uid, uid, 0),
            ]
        };
        assert_eq!(done, [0; 4], "{}", std::io::Error::last_os_error());
    };
    set(user.uid, user.gid);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    // Root again in any case: nobody else may end the server.
    set(0, 0);
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn everywhere(test: impl Fn(&Path)) {
    if !can_mount() {
        return;
    }
    for kind in Kind::ALL {
        eprintln!("on {kind:?}");
        let world = World::new(kind);
        let root = world.fresh();
        test(&root);
    }
}

fn read_write(path: &Path) -> fs::File {
    let mut how = fs::File::options();
    how.read(true).write(true).create(true);
    how.open(path).unwrap()
}

#[test]
fn a_file_without_a_name_lives_as_long_as_it_is_open() {
    everywhere(|root| {
        let path = root.join("gone");
        let mut file = read_write(&path);
        file.write_all(b"before").unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(file.metadata().unwrap().nlink(), 0);
        file.write_all(b" and after").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "before and after");
        file.set_len(3).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o640))
            .unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777), (3, 0o640));
        assert!(!path.exists());
    });
}

#[test]
fn a_file_replaced_by_rename_stays_readable_to_who_has_it_open() {
    everywhere(|root| {
        let (old, new) = (root.join("old"), root.join("new"));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        let open = fs::File::open(&old).unwrap();
        fs::rename(&new, &old).unwrap();
        let mut bytes = [0; 3];
        open.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"old");
        assert_eq!(fs::read(&old).unwrap(), b"new");
    });
}

#[test]
fn a_removed_folder_that_is_still_open_is_empty() {
    everywhere(|root| {
        let path = root.join("folder");
        fs::create_dir(&path).unwrap();
        let open = fs::File::open(&path).unwrap();
        let mut listing = rustix::fs::Dir::read_from(&open).unwrap();
        fs::remove_dir(&path).unwrap();
        assert_eq!(open.metadata().unwrap().nlink(), 0);
        let names = std::iter::from_fn(|| listing.read().transpose().unwrap());
        let left = names
            .filter(|e| ![c".", c".."].contains(&e.file_name()))
            .count();
        assert_eq!(left, 0);
        let inside = rustix::fs::mkdirat(&open, "x", Mode::from_raw_mode(0o755));
        assert_eq!(inside, Err(Errno::NOENT));
    });
}

#[test]
fn hard_links_are_one_file() {
    everywhere(|root| {
        let (a, b) = (root.join("a"), root.join("b"));
        fs::write(&a, "first").unwrap();
        fs::hard_link(&a, &b).unwrap();
        let (of_a, of_b) = (fs::metadata(&a).unwrap(), fs::metadata(&b).unwrap());
        assert_eq!((of_a.ino(), of_a.nlink()), (of_b.ino(), 2));
        fs::write(&b, "second").unwrap();
        assert_eq!(fs::read(&a).unwrap(), b"second");
        fs::remove_file(&a).unwrap();
        assert_eq!(fs::metadata(&b).unwrap().nlink(), 1);
        fs::set_permissions(&b, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::metadata(&b).unwrap().mode() & 0o777, 0o600);
    });
}

#[test]
fn a_running_program_is_not_written_to() {
    everywhere(|root| {
        let program = root.join("sleep");
        copy_program(Path::new("/bin/sleep"), &program);
        let mut running = Command::new(&program)
            .arg("100")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let refused = fs::File::options().write(true).open(&program).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ETXTBSY));
        fs::remove_file(&program).unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
    });
}

#[test]
fn programs_written_here_run() {
    everywhere(|root| {
        let (text, script) = (root.join("text"), root.join("script"));
        fs::write(&text, "#!/bin/sh\necho it runs\n").unwrap();
        copy_program(&text, &script);
        let said = Command::new(&script).output().unwrap();
        assert_eq!(said.stdout, b"it runs\n");
    });
}

#[test]
fn locks_hold_between_descriptors() {
    everywhere(|root| {
        let path = root.join("locked");
        let (first, second) = (read_write(&path), read_write(&path));
        rustix::fs::flock(&first, FlockOperation::LockExclusive).unwrap();
        let taken = rustix::fs::flock(&second, FlockOperation::NonBlockingLockExclusive);
        assert_eq!(taken, Err(Errno::WOULDBLOCK));
        drop(first);
        rustix::fs::flock(&second, FlockOperation::NonBlockingLockExclusive).unwrap();
    });
}

#[test]
fn appends_of_many_writers_all_arrive() {
    everywhere(|root| {
        let path = root.join("log");
        std::thread::scope(|scope| {
            for writer in 0..4u8 {
                let path = &path;
                scope.spawn(move || {
                    let mut how = fs::File::options();
                    let mut file = how.append(true).create(true).open(path).unwrap();
                    for _ in 0..50 {
                        file.write_all(&[b'a' + writer; 100]).unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 4 * 50 * 100);
        for line in bytes.chunks(100) {
            assert!(line.iter().all(|b| b == &line[0]), "a torn write");
        }
    });
}

#[test]
fn appending_begins_and_ends_with_the_flag_of_the_descriptor() {
    use rustix::fs::{OFlags, fcntl_setfl};
    everywhere(|root| {
        let path = root.join("file");
        let mut how = fs::File::options();
        let mut file = how.append(true).create(true).open(&path).unwrap();
        file.write_all(b"abcdef").unwrap();
        fcntl_setfl(&file, OFlags::empty()).unwrap();
        file.write_all_at(b"XY", 1).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"aXYdef");
        fcntl_setfl(&file, OFlags::APPEND).unwrap();
        file.rewind().unwrap();
        file.write_all(b"gh").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"aXYdefgh");
    });
}

#[test]
fn holes_stay_holes() {
    everywhere(|root| {
        let file = read_write(&root.join("sparse"));
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"data", 32 << 20).unwrap();
        file.sync_all().unwrap();
        let stored = file.metadata().unwrap().blocks() * 512;
        assert!(stored < 1 << 20, "{stored} bytes for four");
        let data = rustix::fs::seek(&file, SeekFrom::Data(0)).unwrap();
        assert!((16 << 20..=32 << 20).contains(&data), "{data}");
        let hole = rustix::fs::seek(&file, SeekFrom::Hole(data)).unwrap();
        assert!((32 << 20) < hole && hole < 48 << 20, "{hole}");
        let past = rustix::fs::seek(&file, SeekFrom::Data(64 << 20));
        assert_eq!(past, Err(Errno::NXIO));
        let unknown = FallocateFlags::COLLAPSE_RANGE;
        let refused = rustix::fs::fallocate(&file, unknown, 0, 4096);
        assert_eq!(refused, Err(Errno::OPNOTSUPP));
    });
}

#[test]
fn offsets_in_a_folder_stay_while_entries_go() {
    everywhere(|root| {
        for number in 0..2000 {
            fs::write(root.join(format!("file {number:04}")), "").unwrap();
        }
        // Removing what was listed while listing must not skip what was not listed yet.
        let mut seen = Vec::new();
        for entry in fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            fs::remove_file(entry.path()).unwrap();
            seen.push(entry.file_name());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 2000);
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    });
}

#[test]
fn going_back_to_the_start_of_a_folder_lists_anew() {
    everywhere(|root| {
        let open = fs::File::open(root).unwrap();
        let mut listing = rustix::fs::Dir::read_from(&open).unwrap();
        let mut count = || {
            listing.rewind();
            std::iter::from_fn(|| listing.read().transpose().unwrap()).count()
        };
        assert_eq!(count(), 2);
        fs::write(root.join("new"), "").unwrap();
        assert_eq!(count(), 3);
        fs::remove_file(root.join("new")).unwrap();
        assert_eq!(count(), 2);
    });
}

#[test]
fn inode_numbers_of_listings_are_those_of_stat() {
    everywhere(|root| {
        fs::create_dir(root.join("folder")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        let open = fs::File::open(root).unwrap();
        for entry in rustix::fs::Dir::read_from(&open).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != c".." {
                let path = root.join(entry.file_name().to_str().unwrap());
                assert_eq!(entry.ino(), fs::metadata(&path).unwrap().ino(), "{path:?}");
            }
        }
    });
}

#[test]
fn names_are_bytes_of_any_kind_up_to_255() {
    use std::os::unix::ffi::OsStrExt as _;
    everywhere(|root| {
        let longest = [b'\xff'; 255];
        for name in [
            &b"not utf8 \xfe\xff"[..],
            b" ",
            b"-",
            b"new\nline",
            &longest,
        ] {
            let path = root.join(std::ffi::OsStr::from_bytes(name));
            fs::write(&path, "x").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"x");
        }
        assert_eq!(fs::read_dir(root).unwrap().count(), 5);
    });
}

#[test]
fn attributes_up_to_64_kib_round_trip() {
    use rustix::fs::{XattrFlags, getxattr, getxattr_query, listxattr, setxattr};
    everywhere(|root| {
        let path = root.join("file");
        fs::write(&path, "").unwrap();
        let value: Vec<u8> = (0..60_000u32).map(|n| n as u8).collect();
        for (name, value) in [("user.small", &value[..3]), ("user.empty", &[])] {
            setxattr(&path, name, value, XattrFlags::CREATE).unwrap();
        }
        assert_eq!(getxattr_query(&path, "user.small"), Ok(3));
        assert_eq!(
            getxattr(&path, "user.small", &mut [0; 2]),
            Err(Errno::RANGE)
        );
        let mut names = vec![0; 1000];
        let len = listxattr(&path, &mut names).unwrap();
        let mut names: Vec<&[u8]> = names[..len].split(|b| *b == 0).collect();
        names.sort_unstable();
        assert_eq!(names, [&b""[..], b"user.empty", b"user.small"]);
        let acl = setxattr(
            &path,
            "system.posix_acl_access",
            &[2, 0, 0, 0],
            XattrFlags::empty(),
        );
        assert_eq!(acl, Err(Errno::OPNOTSUPP));
    });
}

#[test]
fn trusted_attributes_are_listed_to_root_only() {
    use rustix::fs::{XattrFlags, listxattr, setxattr};
    if !is_root() {
        return;
    }
    everywhere(|root| {
        let other = User {
            uid: 1001,
            gid: 1001,
        };
        rustix::fs::chmod(root, Mode::from_raw_mode(0o755)).unwrap();
        let path = root.join("file");
        fs::write(&path, "").unwrap();
        for name in ["user.a", "trusted.b"] {
            match setxattr(&path, name, b"value", XattrFlags::empty()) {
                // A folder of the host, in a container.
                Err(Errno::PERM) => return skipped("trusted attributes can't be set here"),
                set => set.unwrap(),
            }
        }
        let names = || {
            let mut names = vec![0; 1000];
            let len = listxattr(&path, &mut names).unwrap();
            names.truncate(len);
            String::from_utf8(names).unwrap()
        };
        let all = names();
        assert!(all.contains("user.a\0") && all.contains("trusted.b\0"));
        assert_eq!(as_user(other, names), "user.a\0");
    });
}

#[test]
fn what_a_write_lets_go_of_is_taken_away() {
    if !is_root() {
        return;
    }
    everywhere(|root| {
        let other = User {
            uid: 1001,
            gid: 1001,
        };
        rustix::fs::chmod(root, Mode::from_raw_mode(0o777)).unwrap();
        let path = root.join("set-id");
        // A file that nobody wrote to yet is one of which the kernel knows least.
        for (content, cut) in [("content", false), ("content", true), ("", false)] {
            fs::remove_file(&path).ok();
            fs::write(&path, content).unwrap();
            rustix::fs::chmod(&path, Mode::from_raw_mode(0o6777)).unwrap();
            let reopened = as_user(other, || {
                let mut how = fs::File::options();
                let file = how.write(true).truncate(cut).open(&path).unwrap();
                if !cut {
                    file.write_all_at(b"other", 0).unwrap();
                }
                file.metadata().unwrap().mode() & 0o7777
            });
            assert_eq!(reopened, 0o777, "by descriptor, cut: {cut}");
            let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
            assert_eq!(mode, 0o777, "cut: {cut}");
        }
    });
}

#[test]
fn root_copies_into_a_file_that_keeps_its_set_id_bits() {
    if !is_root() {
        return;
    }
    everywhere(|root| {
        let (from, to) = (root.join("from"), root.join("to"));
        fs::write(&from, "content").unwrap();
        fs::write(&to, "").unwrap();
        let (source, target) = (fs::File::open(&from).unwrap(), read_write(&to));
        target
            .set_permissions(fs::Permissions::from_mode(0o6755))
            .unwrap();
        let copied = rustix::fs::copy_file_range(&source, None, &target, None, 7);
        assert_eq!(copied, Ok(7));
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o7777, 0o6755);
    });
}

#[test]
fn the_filesystem_says_how_full_it_is() {
    everywhere(|root| {
        let full = rustix::fs::statvfs(root).unwrap();
        assert_eq!(full.f_namemax, 255);
        assert!(full.f_bavail > 0 && full.f_blocks >= full.f_bfree && full.f_bsize > 0);
    });
}

/// Who mounts in the same process (a window) learns how many files are open, and is refused while there are any.
#[test]
fn it_is_not_unmounted_while_a_file_is_open() {
    if !can_mount() {
        return;
    }
    let backend = std::sync::Arc::new(MemoryBackend::new());
    let dir = tempfile::tempdir().unwrap();
    let mounted = mount(backend, dir.path(), &Options::default()).unwrap();
    let path = dir.path().join("file");
    let open = fs::File::create(&path).unwrap();
    assert_eq!(mounted.open_files(), 1);
    assert_eq!(
        mounted.unmount().unwrap_err().kind(),
        fs_core::ErrorKind::Busy
    );
    drop(open);
    mounted.unmount().unwrap();
    assert!(mounted.is_over() && !path.exists());
}
