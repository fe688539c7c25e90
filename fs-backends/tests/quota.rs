//! A quota holds: what is taken is what is there, and a call for which there is no room changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use fs_backends::{MemoryBackend, VRootFsBackend};
use fs_core::conformance::{Fresh, Suite};
use fs_core::middleware::Usage;
use fs_core::{
    At, Backend, Change, ErrorKind, File, FileStorage, NewNode, OpenOptions, Quota, QuotaLimits,
    RenameMode, SetAttr, Staged, VPath,
};
use proptest::prelude::*;

const WIDE: QuotaLimits = QuotaLimits {
    total_bytes: Some(1 << 40),
    file_bytes: None,
    nodes: Some(1_000_000),
};

#[test]
fn memory_with_a_quota_passes_the_suite() {
    Suite::new("quota of memory", || {
        Fresh::new(Quota::new(MemoryBackend::new(), QuotaLimits::default()).unwrap())
    })
    .assert();
}

#[test]
fn a_sandbox_with_a_quota_passes_the_suite() {
    Suite::new("quota of sandbox", || {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = VRootFsBackend::new(dir.path()).unwrap();
        Fresh::new(Quota::new(sandbox, QuotaLimits::default()).unwrap()).keeping(dir)
    })
    .self_resolving()
    .on_host()
    .assert();
}

fn limited(total_bytes: u64) -> FileStorage<Quota<MemoryBackend>> {
    let limits = QuotaLimits {
        total_bytes: Some(total_bytes),
        ..QuotaLimits::default()
    };
    FileStorage::new(Quota::new(MemoryBackend::new(), limits).unwrap())
}

fn vpath(path: &str) -> VPath {
    VPath::new(path).unwrap()
}

/// Bytes and nodes below the root, counted anew.
fn recount(backend: &MemoryBackend) -> Usage {
    let again = Quota::new(backend.clone(), QuotaLimits::default());
    again.unwrap().usage()
}

#[test]
fn what_does_not_fit_leaves_the_old_content() {
    let fs = limited(10);
    fs.write("/f", b"12345678").unwrap();
    let refused: [(&str, fs_core::Result<()>); 5] = [
        ("write", fs.write("/f", b"12345678901")),
        ("append", fs.append("/f", b"901")),
        ("extend", fs.truncate("/f", 11)),
        ("copy", fs.copy("/f", "/g").map(drop)),
        ("new", fs.write("/g", b"123")),
    ];
    for (name, result) in refused {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NoSpace, "{name}");
    }
    assert_eq!(fs.read("/f").unwrap(), b"12345678");
    assert_eq!(fs.backend().usage(), recount(fs.backend().inner()));
    fs.write("/g", b"12").unwrap();
    fs.remove_file("/f").unwrap();
    fs.write("/h", b"12345678").unwrap();
}

#[test]
fn one_file_and_the_number_of_nodes_have_limits_too() {
    let limits = QuotaLimits {
        total_bytes: None,
        file_bytes: Some(4),
        nodes: Some(2),
    };
    let fs = FileStorage::new(Quota::new(MemoryBackend::new(), limits).unwrap());
    fs.write("/f", b"1234").unwrap();
    let kind = |result: fs_core::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(fs.write("/f", b"12345")), ErrorKind::FileTooLarge);
    assert_eq!(kind(fs.append("/f", b"5")), ErrorKind::FileTooLarge);
    fs.create_dir("/d").unwrap();
    assert_eq!(kind(fs.create_dir("/e")), ErrorKind::NoSpace);
    assert_eq!(kind(fs.write("/g", b"")), ErrorKind::NoSpace);
    assert_eq!(kind(fs.symlink("f", "/l")), ErrorKind::NoSpace);
    fs.hard_link("/f", "/d/f").unwrap();
    fs.remove_file("/f").unwrap();
    assert_eq!(kind(fs.write("/g", b"")), ErrorKind::NoSpace);
    fs.remove_file("/d/f").unwrap();
    fs.write("/g", b"").unwrap();
}

#[test]
fn a_file_without_a_name_counts_until_its_last_handle_goes() {
    let fs = limited(10);
    fs.write("/f", b"1234567890").unwrap();
    let path = vpath("/f");
    let open = || fs.backend().open(At::path(&path), &OpenOptions::read());
    let (one, two) = (open().unwrap(), open().unwrap());
    fs.remove_file("/f").unwrap();
    drop(one);
    assert_eq!(fs.write("/g", b"1").unwrap_err().kind(), ErrorKind::NoSpace);
    drop(two);
    fs.write("/g", b"1234567890").unwrap();
}

#[test]
fn the_trash_counts_until_it_is_purged() {
    let fs = limited(10);
    fs.create_dir("/d").unwrap();
    fs.write("/d/f", b"1234567890").unwrap();
    let trash = fs.backend().extensions().trash.unwrap();
    let id = trash.discard(&vpath("/d")).unwrap();
    assert_eq!(fs.write("/g", b"1").unwrap_err().kind(), ErrorKind::NoSpace);
    trash
        .restore(&id, &vpath("/d"), RenameMode::NoReplace)
        .unwrap();
    assert_eq!(fs.backend().usage(), recount(fs.backend().inner()));
    let id = trash.discard(&vpath("/d")).unwrap();
    trash.purge(&id).unwrap();
    assert_eq!(fs.backend().usage(), Usage::default());
}

#[test]
fn threads_that_fill_it_together_stay_within_it() {
    let fs = limited(100_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let fs = &fs;
            scope.spawn(move || {
                for round in 0..200 {
                    let path = format!("/{thread}-{}", round % 7);
                    let written = match round % 5 {
                        4 => fs.remove_file(&path),
                        3 => fs.append("/shared", [7; 900]),
                        _ => fs.write(&path, vec![7; 1000 * (round % 13)]),
                    };
                    if let Err(error) = written {
                        let kind = error.kind();
                        assert!(
                            matches!(kind, ErrorKind::NoSpace | ErrorKind::NotFound),
                            "{error}"
                        );
                    }
                    assert!(fs.backend().usage().bytes <= 100_000);
                }
            });
        }
    });
    assert_eq!(fs.backend().usage(), recount(fs.backend().inner()));
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, usize),
    Append(usize, usize),
    Resize(usize, u64),
    ResizeByPath(usize, u64),
    Truncate(usize),
    MakeDir(usize),
    Symlink(usize),
    Link(usize, usize),
    Rename(usize, usize, u8),
    Remove(usize),
    Open(usize),
    WriteOpen(usize, u64, usize),
    Close(usize),
    Stage(usize, usize),
    StageCopy(usize, usize),
    Commit(u8),
    CommitAll,
    Abort,
    Discard(usize),
    Restore(usize),
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0usize..6;
    let len = || 0usize..40;
    let size = || 0u64..40;
    prop_oneof![
        4 => (at(), len()).prop_map(|(a, len)| Step::Write(a, len)),
        2 => (at(), len()).prop_map(|(a, len)| Step::Append(a, len)),
        1 => (at(), size()).prop_map(|(a, size)| Step::Resize(a, size)),
        1 => (at(), size()).prop_map(|(a, size)| Step::ResizeByPath(a, size)),
        1 => at().prop_map(Step::Truncate),
        2 => at().prop_map(Step::MakeDir),
        1 => at().prop_map(Step::Symlink),
        2 => (at(), at()).prop_map(|(a, b)| Step::Link(a, b)),
        3 => (at(), at(), 0u8..4).prop_map(|(a, b, mode)| Step::Rename(a, b, mode)),
        3 => at().prop_map(Step::Remove),
        2 => at().prop_map(Step::Open),
        2 => (at(), size(), len()).prop_map(|(a, at, len)| Step::WriteOpen(a, at, len)),
        1 => at().prop_map(Step::Close),
        3 => (at(), len()).prop_map(|(a, len)| Step::Stage(a, len)),
        2 => (at(), at()).prop_map(|(a, b)| Step::StageCopy(a, b)),
        3 => (0u8..4).prop_map(Step::Commit),
        1 => Just(Step::CommitAll),
        1 => Just(Step::Abort),
        1 => at().prop_map(Step::Discard),
        1 => at().prop_map(Step::Restore),
        1 => Just(Step::Purge),
    ]
}

/// Three names in the root, and three in the folder that the first of them may be.
fn place(number: usize) -> VPath {
    match number {
        0..3 => vpath(&format!("/{number}")),
        _ => vpath(&format!("/0/{}", number % 3)),
    }
}

fn mode(number: u8) -> RenameMode {
    match number {
        0 => RenameMode::Replace,
        1 => RenameMode::NoReplace,
        2 => RenameMode::Exchange,
        _ => RenameMode::LeaveWhiteout,
    }
}

/// What random steps hold on to.
#[derive(Default)]
struct Held {
    open: Vec<Box<dyn File>>,
    staged: Vec<Box<dyn Staged>>,
}

fn apply(
    fs: &FileStorage<Quota<MemoryBackend>>,
    held: &mut Held,
    step: &Step,
) -> fs_core::Result<()> {
    let backend = fs.backend();
    let trash = backend.extensions().trash.unwrap();
    match *step {
        Step::Write(a, len) => fs.write(place(a).as_path(), vec![1; len]),
        Step::Append(a, len) => fs.append(place(a).as_path(), vec![2; len]),
        Step::Resize(a, size) => fs.truncate(place(a).as_path(), size),
        Step::ResizeByPath(a, size) => {
            backend.change(&Change::SetAttr(At::path(&place(a)), &SetAttr::size(size)))
        }
        Step::Truncate(a) => {
            let how = OpenOptions {
                truncate: true,
                create: true,
                ..OpenOptions::read_write()
            };
            backend.open(At::path(&place(a)), &how).map(drop)
        }
        Step::MakeDir(a) => fs.create_dir(place(a).as_path()),
        Step::Symlink(a) => fs.symlink("1", place(a).as_path()),
        Step::Link(a, b) => fs.hard_link(place(a).as_path(), place(b).as_path()),
        Step::Rename(a, b, number) => backend.change(&Change::Rename {
            from: At::path(&place(a)),
            to: At::path(&place(b)),
            mode: mode(number),
        }),
        Step::Remove(a) => backend
            .change(&Change::Unlink(At::path(&place(a))))
            .or_else(|_| backend.change(&Change::Rmdir(At::path(&place(a))))),
        Step::Open(a) => {
            let file = backend.open(At::path(&place(a)), &OpenOptions::read_write())?;
            held.open.push(file);
            Ok(())
        }
        Step::WriteOpen(a, offset, len) => match held.open.get(a) {
            Some(file) => file.write_at(&vec![3; len], offset),
            None => Ok(()),
        },
        Step::Close(a) => {
            if a < held.open.len() {
                held.open.swap_remove(a);
            }
            Ok(())
        }
        Step::Stage(a, len) => {
            let mut staged = backend.stage(At::path(&place(a)), &NewNode::file())?;
            staged.file().unwrap().write_at(&vec![4; len], 0)?;
            held.staged.push(staged);
            Ok(())
        }
        Step::StageCopy(a, b) => {
            let mut staged = backend.stage(At::path(&place(a)), &NewNode::file())?;
            staged.fill_from(At::path(&place(b)), &fs_core::Control::new())?;
            held.staged.push(staged);
            Ok(())
        }
        Step::Commit(number) => match held.staged.pop() {
            Some(staged) => staged.commit(mode(number)).map(drop),
            None => Ok(()),
        },
        Step::CommitAll => {
            let all = held
                .staged
                .drain(..)
                .map(|staged| (staged, RenameMode::Replace));
            let results = backend.commit_all(all.collect());
            results.into_iter().try_for_each(|result| result.map(drop))
        }
        Step::Abort => {
            held.staged.pop();
            Ok(())
        }
        Step::Discard(a) => trash.discard(&place(a)).map(drop),
        Step::Restore(a) => match trash.items()?.first() {
            Some(item) => trash.restore(&item.id, &place(a), RenameMode::NoReplace),
            None => Ok(()),
        },
        Step::Purge => match trash.items()?.last() {
            Some(item) => trash.purge(&item.id),
            None => Ok(()),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_happens_the_books_are_right(steps in prop::collection::vec(step(), 1..60)) {
        let fs = limited(100);
        let mut held = Held::default();
        for step in &steps {
            let taken = fs.backend().usage();
            let result = apply(&fs, &mut held, step);
            prop_assert!(fs.backend().usage().bytes <= 100, "{step:?} broke the limit");
            if let Err(error) = &result && error.kind() == ErrorKind::NoSpace {
                let now = fs.backend().usage();
                match step {
                    // A batch may have committed other items, and a staged node that is dropped frees its room.
                    Step::CommitAll | Step::Commit(_) => {}
                    // Makes the file first, as O_APPEND | O_CREAT does.
                    Step::Append(..) => prop_assert_eq!(now.bytes, taken.bytes),
                    _ => prop_assert_eq!(now, taken, "{:?} changed something", step),
                }
            }
        }
        drop(held);
        let trash = fs.backend().extensions().trash.unwrap();
        for item in trash.items().unwrap() {
            trash.purge(&item.id).unwrap();
        }
        prop_assert_eq!(fs.backend().usage(), recount(fs.backend().inner()));
    }
}

#[test]
fn space_tells_the_smaller_of_both_rooms() {
    let outer = QuotaLimits {
        total_bytes: Some(50),
        ..QuotaLimits::default()
    };
    let inner = Quota::new(MemoryBackend::new(), WIDE).unwrap();
    let fs = FileStorage::new(Quota::new(inner, outer).unwrap());
    fs.write("/f", b"1234567890").unwrap();
    let root = VPath::root();
    let space = fs.backend().extensions().space.unwrap();
    let space = space.space(At::path(&root)).unwrap();
    assert_eq!(
        (space.total_bytes, space.available_bytes, space.used_bytes),
        (Some(50), Some(40), 10)
    );
}
