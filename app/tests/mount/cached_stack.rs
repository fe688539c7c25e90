//! What the kernel keeps of layers, each of which others change as well: what is seen in the folder is what the layers together are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_backends::MemoryBackend;
use fs_core::listing::collect;
use fs_core::middleware::{Op, Overlay, Trace};
use fs_core::{
    At, Backend, Change, Name, NewKind, NewNode, OpenOptions, RenameMode, Result, SetAttr, VPath,
    Want,
};
use lamina::mount::{Mounted, Options, mount};

use crate::lifecycle::until;
use crate::op::Rng;
use crate::world::can_mount;
use crate::{repeat, seed};

type Layers = Overlay<Arc<MemoryBackend>, Arc<MemoryBackend>>;

/// Two layers in memory, mounted together.
struct Stack {
    base: Arc<MemoryBackend>,
    upper: Arc<MemoryBackend>,
    both: Arc<Layers>,
    looks: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
    _mounted: Mounted,
}

fn path(text: &str) -> VPath {
    VPath::new(format!("/{text}")).unwrap()
}

fn write(backend: &dyn Backend, text: &str, content: &str) -> Result<()> {
    let how = OpenOptions {
        create: true,
        truncate: true,
        mode: 0o644,
        ..OpenOptions::read_write()
    };
    let file = backend.open(At::path(&path(text)), &how)?;
    file.write_at(content.as_bytes(), 0)
}

fn read(backend: &dyn Backend, at: &VPath) -> Result<Vec<u8>> {
    let file = backend.open(At::path(at), &OpenOptions::read())?;
    let mut bytes = vec![0; 1 << 16];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn rename(backend: &dyn Backend, from: &str, to: &str) -> Result<()> {
    backend.change(&Change::Rename {
        from: At::path(&path(from)),
        to: At::path(&path(to)),
        mode: RenameMode::Replace,
    })
}

impl Stack {
    fn new(exclusive: bool) -> Self {
        let (base, upper) = (
            Arc::new(MemoryBackend::new()),
            Arc::new(MemoryBackend::new()),
        );
        for dir in ["d", "d/e", "d/e/f"] {
            let made = base.change(&Change::Create(At::path(&path(dir)), &NewNode::directory()));
            made.unwrap();
        }
        for file in ["a", "d/a", "d/b", "d/e/a", "d/e/f/a"] {
            write(&base, file, &format!("base {file}")).unwrap();
        }
        let (from, to) = (path("d/b"), path("d/e/b"));
        let link = Change::Link {
            from: At::path(&from),
            to: At::path(&to),
        };
        base.change(&link).unwrap();
        let both = Arc::new(Overlay::new(Arc::clone(&base), Arc::clone(&upper)));
        let (looks, reads) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counted = (Arc::clone(&looks), Arc::clone(&reads));
        let traced = Trace::new(Arc::clone(&both), move |event| match event.op {
            Op::Stat => _ = counted.0.fetch_add(1, Ordering::AcqRel),
            Op::Read => _ = counted.1.fetch_add(1, Ordering::AcqRel),
            _ => {}
        });
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            exclusive,
            ..Options::default()
        };
        let mounted = mount(Arc::new(traced), dir.path(), &options).unwrap();
        Self {
            base,
            upper,
            both,
            looks,
            reads,
            dir,
            _mounted: mounted,
        }
    }

    fn path(&self, text: &str) -> std::path::PathBuf {
        self.dir.path().join(text)
    }

    /// What the folder shows that is not what the layers are.
    fn difference(&self) -> Option<String> {
        difference(&*self.both, &VPath::root(), self.dir.path())
    }

    #[track_caller]
    fn agrees(&self, after: &str) {
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while let Some(difference) = self.difference() {
            assert!(
                std::time::Instant::now() < limit,
                "after {after}: {difference}"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

fn difference(backend: &dyn Backend, at: &VPath, seen: &Path) -> Option<String> {
    let say = |what: String| Some(format!("{}: {what}", at.as_path().display()));
    let there = match backend.stat(At::path(at)) {
        Ok(there) => there,
        Err(error) => return say(error.to_string()),
    };
    let shown = match fs::symlink_metadata(seen) {
        Ok(shown) => shown,
        Err(error) => return say(format!("{error}, but it is there")),
    };
    let of_kernel = (
        shown.mode() & 0o7777,
        shown.nlink(),
        shown.size(),
        shown.mtime() * 1_000_000_000 + shown.mtime_nsec(),
        shown.ctime() * 1_000_000_000 + shown.ctime_nsec(),
    );
    let of_backend = (
        there.mode & 0o7777,
        there.nlink,
        there.size,
        there.mtime.nanos(),
        there.ctime.nanos(),
    );
    if shown.is_dir() != there.is_dir() || of_kernel != of_backend {
        return say(format!("{of_kernel:?} is shown, {of_backend:?} is there"));
    }
    if !there.is_dir() {
        let (shown, there) = (fs::read(seen).ok(), read(backend, at).ok());
        return match shown == there {
            true => None,
            false => say(format!("{shown:?} is shown, {there:?} is there")),
        };
    }
    let listed = backend.list(At::path(at), &Want::names());
    let Ok(batch) = listed.and_then(collect) else {
        return say("it can't be listed".to_owned());
    };
    let mut names: Vec<_> = batch.iter().map(|entry| entry.name.to_owned()).collect();
    let mut shown: Vec<_> = match fs::read_dir(seen) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .collect(),
        Err(error) => return say(error.to_string()),
    };
    names.sort();
    shown.sort();
    if names != shown {
        return say(format!("{shown:?} are shown, {names:?} are there"));
    }
    names.iter().find_map(|name| {
        difference(
            backend,
            &at.join(&Name::new(name).unwrap()),
            &seen.join(name),
        )
    })
}

#[test]
fn the_kernel_keeps_what_no_layer_changes() {
    if !can_mount() {
        return;
    }
    let stack = Stack::new(true);
    stack.agrees("nothing");
    let looks = stack.looks.load(Ordering::Acquire);
    let reads = stack.reads.load(Ordering::Acquire);
    for _ in 0..100 {
        fs::symlink_metadata(stack.path("d/e/f/a")).unwrap();
        assert!(!stack.path("nothing").exists());
    }
    let asked = stack.looks.load(Ordering::Acquire) - looks;
    assert!(asked < 10, "asked {asked} times");
    for _ in 0..100 {
        assert_eq!(fs::read(stack.path("d/a")).unwrap(), b"base d/a");
    }
    assert_eq!(stack.reads.load(Ordering::Acquire), reads, "read again");
}

/// Copying a file up changes its folders, too, of which the kernel asked nothing.
#[test]
fn what_a_change_copies_up_is_seen_to_have_changed() {
    if !can_mount() {
        return;
    }
    for exclusive in [true, false] {
        let stack = Stack::new(exclusive);
        let steps: [(&str, &dyn Fn() -> std::io::Result<()>); 8] = [
            ("write", &|| fs::write(stack.path("d/e/f/a"), "more")),
            ("chmod", &|| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                fs::set_permissions(stack.path("d/e/b"), mode)
            }),
            ("unlink", &|| fs::remove_file(stack.path("d/e/a"))),
            ("rename", &|| {
                fs::rename(stack.path("d/e"), stack.path("moved"))
            }),
            ("rename back", &|| {
                fs::rename(stack.path("moved"), stack.path("d/e"))
            }),
            ("append", &|| {
                use std::io::Write as _;
                let mut file = fs::File::options().append(true).open(stack.path("a"))?;
                file.write_all(b"!")
            }),
            ("rmdir", &|| fs::remove_dir_all(stack.path("d/e"))),
            ("mkdir", &|| fs::create_dir(stack.path("d/e"))),
        ];
        stack.agrees("nothing");
        let open = fs::File::open(stack.path("d/e/f/a")).unwrap();
        for (what, step) in steps {
            step().unwrap();
            stack.agrees(what);
        }
        drop(open);
    }
}

/// The base's file shows again while its copy lies elsewhere: the layers give both one identity, and still each is itself.
#[test]
fn a_file_and_its_moved_copy_are_two() {
    if !can_mount() {
        return;
    }
    let stack = Stack::new(false);
    fs::write(stack.path("d/a"), "copied").unwrap();
    fs::rename(stack.path("d/a"), stack.path("moved")).unwrap();
    stack.agrees("rename");
    let deletions = stack.both.extensions().deletions.unwrap();
    deletions.reveal(&path("d/a")).unwrap();
    stack.agrees("reveal");
    assert_eq!(fs::read(stack.path("d/a")).unwrap(), b"base d/a");
    assert_eq!(fs::read(stack.path("moved")).unwrap(), b"copied");
    fs::write(stack.path("moved"), "changed").unwrap();
    stack.agrees("a change of the copy");
    fs::rename(stack.path("d/e"), stack.path("e")).unwrap();
    deletions.reveal(&path("d/e")).unwrap();
    fs::remove_file(stack.path("e/f/a")).unwrap();
    stack.agrees("the same with a folder");
    assert_eq!(fs::read(stack.path("d/e/f/a")).unwrap(), b"base d/e/f/a");
}

/// Who makes a change.
#[derive(Clone, Copy, Debug)]
enum Who {
    Program,
    Tab,
    Upper,
    Base,
}

const NAMES: [&str; 14] = [
    "a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/b", "d/e/f", "d/e/f/a", "e", "e/a", "f",
    "f/a",
];

fn by_program(stack: &Stack, what: u64, a: &str, b: &str, text: &str) {
    let (a, b) = (stack.path(a), stack.path(b));
    _ = match what {
        0 | 1 => fs::write(&a, text),
        2 => fs::remove_file(&a),
        3 | 4 => fs::rename(&a, &b),
        5 => fs::create_dir(&a),
        6 => fs::remove_dir(&a),
        7 => fs::hard_link(&a, &b),
        _ => {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700 + text.len() as u32 % 8);
            fs::set_permissions(&a, mode)
        }
    };
}

fn by_backend(backend: &dyn Backend, what: u64, a: &str, b: &str, text: &str) {
    let (from, to) = (path(a), path(b));
    let (at, other) = (At::path(&from), At::path(&to));
    _ = match what {
        0 | 1 => write(backend, a, text),
        2 => backend.change(&Change::Unlink(at)),
        3 | 4 => rename(backend, a, b),
        5 => backend.change(&Change::Create(
            at,
            &NewNode {
                kind: NewKind::Directory,
                ..NewNode::directory()
            },
        )),
        6 => backend.change(&Change::Rmdir(at)),
        7 => backend.change(&Change::Link {
            from: at,
            to: other,
        }),
        _ => backend.change(&Change::SetAttr(
            at,
            &SetAttr::mode(0o700 + text.len() as u32 % 8),
        )),
    };
}

/// Programs, a tab, and others at each layer make one change after another; after each all is as the layers are.
#[test]
fn whoever_changes_a_layer_is_seen() {
    if !can_mount() {
        return;
    }
    repeat(6, |round| {
        let seed = seed() + round;
        let mut rng = Rng(seed);
        let stack = Stack::new(false);
        let mut open = Vec::new();
        let mut history = Vec::new();
        for step in 0..120 {
            let who = match rng.below(8) {
                0..=2 => Who::Program,
                3..=4 => Who::Tab,
                5..=6 => Who::Upper,
                _ => Who::Base,
            };
            let what = rng.below(9);
            let (a, b) = (rng.one_of(&NAMES), rng.one_of(&NAMES));
            let text = format!("{step}").repeat(1 + rng.index(4));
            history.push(format!("{who:?} {what} {a} {b} {text}"));
            match who {
                Who::Program => by_program(&stack, what, a, b, &text),
                Who::Tab => by_backend(&*stack.both, what, a, b, &text),
                Who::Upper => by_backend(&*stack.upper, what, a, b, &text),
                Who::Base => by_backend(&*stack.base, what, a, b, &text),
            }
            // The kernel holds on to nodes, and keeps what it knows of them.
            open.extend(fs::File::open(stack.path(a)));
            if open.len() > 5 {
                open.remove(0);
            }
            let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while let Some(difference) = stack.difference() {
                assert!(
                    std::time::Instant::now() < limit,
                    "LAMINA_MOUNT_SEED={seed}: {difference}\n{}",
                    history.join("\n")
                );
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    });
}

/// All at once; at the end all is as the layers are.
#[test]
fn a_storm_on_all_layers_leaves_nothing_old() {
    if !can_mount() {
        return;
    }
    let stack = Stack::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let stack = &stack;
            scope.spawn(move || {
                let mut rng = Rng(seed() * 10 + thread);
                for step in 0..300 {
                    let what = rng.below(9);
                    let (a, b) = (rng.one_of(&NAMES), rng.one_of(&NAMES));
                    let text = format!("{thread} {step}").repeat(1 + rng.index(4));
                    match thread {
                        0 => by_program(stack, what, a, b, &text),
                        1 => by_backend(&*stack.both, what, a, b, &text),
                        2 => by_backend(&*stack.upper, what, a, b, &text),
                        _ => {
                            _ = fs::read(stack.path(a));
                            _ = fs::symlink_metadata(stack.path(b));
                        }
                    }
                }
            });
        }
    });
    stack.agrees("the storm");
    until("it stays so", || stack.difference().is_none());
}

#[test]
fn what_is_written_after_the_first_of_two_names_went_is_seen_under_the_second() {
    use std::os::unix::fs::FileExt as _;
    if !can_mount() {
        return;
    }
    let stack = Stack::new(true);
    let place = |name: &str| stack.path(name);
    fs::write(place("first"), "").unwrap();
    fs::hard_link(place("first"), place("second")).unwrap();
    let file = fs::File::options()
        .write(true)
        .open(place("first"))
        .unwrap();
    assert!(fs::File::create_new(place("first")).is_err());
    fs::remove_file(place("first")).unwrap();
    fs::create_dir(place("first")).unwrap();
    // The kernel keeps this.
    assert_eq!(fs::read(place("second")).unwrap(), b"");
    file.write_all_at(&[7; 5000], 19).unwrap();
    assert_eq!(fs::metadata(place("second")).unwrap().len(), 5019);
    assert_eq!(fs::read(place("second")).unwrap().len(), 5019);
    let (second, open) = (fs::metadata(place("second")).unwrap(), file.metadata());
    assert_eq!(second.ino(), open.unwrap().ino());
}
