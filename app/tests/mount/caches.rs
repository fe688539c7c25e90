//! What the kernel keeps, and that it hears of what others change. The filesystem is in this process, as it is when a window mounts it.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fs_backends::MemoryBackend;
use fs_core::middleware::{Op, Trace};
use fs_core::{At, Backend, Change, NewNode, OpenOptions, RenameMode, SetAttr, VPath};
use lamina::mount::{Mounted, Options, mount};

use crate::lifecycle::until;
use crate::world::can_mount;

/// A filesystem in memory that others change too, mounted.
struct Shared {
    backend: Arc<MemoryBackend>,
    looks: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
    _mounted: Mounted,
}

impl Shared {
    fn new() -> Self {
        let backend = Arc::new(MemoryBackend::new());
        let (looks, reads) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counted = (Arc::clone(&looks), Arc::clone(&reads));
        let traced = Trace::new(Arc::clone(&backend), move |event| match event.op {
            Op::Stat => _ = counted.0.fetch_add(1, Ordering::AcqRel),
            Op::Read => _ = counted.1.fetch_add(1, Ordering::AcqRel),
            _ => {}
        });
        let dir = tempfile::tempdir().unwrap();
        let mounted = mount(Arc::new(traced), dir.path(), &Options::default()).unwrap();
        Self {
            backend,
            looks,
            reads,
            dir,
            _mounted: mounted,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a tab of the window does.
    fn change(&self, change: &Change<'_>) {
        self.backend.change(change).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        let place = at(name);
        let how = OpenOptions {
            create: true,
            truncate: true,
            mode: 0o644,
            ..OpenOptions::read_write()
        };
        let file = self.backend.open(At::path(&place), &how).unwrap();
        file.write_at(text.as_bytes(), 0).unwrap();
    }
}

fn at(name: &str) -> VPath {
    VPath::root().join(&fs_core::Name::new(name).unwrap())
}

#[test]
fn content_attributes_and_names_that_others_change_are_seen() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    let path = shared.path("file");
    assert!(!path.exists());
    shared.write("file", "first");
    until("it is there", || path.exists());
    let open = fs::File::open(&path).unwrap();
    for text in ["first", "other", "longer than before", ""] {
        shared.write("file", text);
        until("the text by name", || {
            fs::read_to_string(&path).unwrap() == text
        });
        let mut bytes = [0; 32];
        let read = open.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[..read], text.as_bytes(), "by descriptor");
        assert_eq!(open.metadata().unwrap().len(), text.len() as u64);
    }
    let (file, other) = (at("file"), at("other"));
    shared.change(&Change::SetAttr(At::path(&file), &SetAttr::mode(0o600)));
    until("its mode", || {
        open.metadata().unwrap().mode() & 0o777 == 0o600
    });
    shared.change(&Change::Rename {
        from: At::path(&file),
        to: At::path(&other),
        mode: RenameMode::Replace,
    });
    until("its name", || {
        !path.exists() && shared.path("other").exists()
    });
    shared.change(&Change::Link {
        from: At::path(&other),
        to: At::path(&file),
    });
    until("its second name", || open.metadata().unwrap().nlink() == 2);
    shared.change(&Change::Unlink(At::path(&file)));
    shared.change(&Change::Unlink(At::path(&other)));
    until("it has none", || open.metadata().unwrap().nlink() == 0);
    assert!(!path.exists() && !shared.path("other").exists());
    shared.change(&Change::Create(At::path(&file), &NewNode::directory()));
    until("another with its name", || path.is_dir());
}

#[test]
fn a_mapping_shows_what_others_write() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    shared.write("file", "before");
    let file = fs::File::open(shared.path("file")).unwrap();
    #[expect(unsafe_code, reason = "rustix has mappings behind a feature")]
    // SAFETY: a new mapping to read of a file with more than one byte.
    let map = unsafe {
        let (access, kind) = (libc::PROT_READ, libc::MAP_SHARED);
        libc::mmap(std::ptr::null_mut(), 6, access, kind, file.as_raw_fd(), 0)
    };
    assert_ne!(map, libc::MAP_FAILED);
    let first = || {
        #[expect(unsafe_code, reason = "others change what is read")]
        // SAFETY: the mapping lives until the process ends.
        unsafe {
            map.cast::<u8>().read_volatile()
        }
    };
    assert_eq!(first(), b'b');
    // Cutting it would take the page away from below the mapping.
    let how = OpenOptions::read_write();
    let other = shared.backend.open(At::path(&at("file")), &how).unwrap();
    other.write_at(b"after!", 0).unwrap();
    until("the new text", || first() == b'a');
}

/// Writes a page past the kernel's pages, as `io_submit(2)` does for databases and virtual machines, and waits for the end.
fn write_asynchronously(file: &fs::File, page: &[u8; 4096]) {
    /// `struct iocb` of `linux/aio_abi.h`.
    #[repr(C)]
    #[derive(Default)]
    struct Request {
        data: u64,
        key: u32,
        flags: u32,
        operation: u16,
        priority: i16,
        file: u32,
        buffer: u64,
        len: u64,
        offset: i64,
        reserved: u64,
        more_flags: u32,
        event: u32,
    }
    const WRITE: u16 = 1;
    let mut request = Request {
        operation: WRITE,
        file: u32::try_from(file.as_raw_fd()).unwrap(),
        buffer: page.as_ptr() as u64,
        len: 4096,
        ..Request::default()
    };
    let (mut context, mut requests, mut event) = (0u64, [&raw mut request], [0i64; 4]);
    #[expect(unsafe_code, reason = "no crate here knows these calls")]
    // SAFETY: everything lives until the write has ended, which is waited for.
    let done = unsafe {
        [
            libc::syscall(libc::SYS_io_setup, 1, &raw mut context),
            libc::syscall(libc::SYS_io_submit, context, 1, requests.as_mut_ptr()),
            libc::syscall(libc::SYS_io_getevents, context, 1, 1, event.as_mut_ptr(), 0),
            libc::syscall(libc::SYS_io_destroy, context),
        ]
    };
    assert_eq!((done, event[2]), ([0, 1, 1, 0], 4096));
}

/// Of what is read while somebody writes past the kernel's pages, the kernel must not keep what was there before.
#[test]
fn what_was_written_past_the_pages_is_seen_by_who_read_meanwhile() {
    if !can_mount() {
        return;
    }
    let backend = Arc::new(MemoryBackend::new());
    // The first write of a descriptor asks for an attribute, when the kernel has sent it.
    let (asks, asked) = crossbeam_channel::bounded(0);
    let (lets, go_on) = crossbeam_channel::bounded::<()>(0);
    let waits = Arc::<AtomicBool>::default();
    let now = Arc::clone(&waits);
    let traced = Trace::new(Arc::clone(&backend), move |event| {
        if event.op == Op::GetXattr && now.swap(false, Ordering::AcqRel) {
            asks.send(()).unwrap();
            go_on.recv().unwrap();
        }
    });
    let place = at("file");
    let how = OpenOptions::create_new(0o644);
    drop(backend.open(At::path(&place), &how).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        exclusive: true,
        ..Options::default()
    };
    let _mounted = mount(Arc::new(traced), dir.path(), &options).unwrap();
    let path = dir.path().join("file");
    // With the first write the kernel asks as well, before it sends it.
    fs::write(&path, [1; 4096]).unwrap();
    waits.store(true, Ordering::Release);
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut how = fs::File::options();
            let file = how.write(true).custom_flags(libc::O_DIRECT).open(&path);
            write_asynchronously(&file.unwrap(), &Page([2; 4096]).0);
        });
        asked.recv().unwrap();
        assert!(fs::read(&path).unwrap() == [1; 4096]);
        lets.send(()).unwrap();
    });
    assert!(fs::read(&path).unwrap() == [2; 4096], "old pages");
}

#[test]
fn the_kernel_asks_no_more_than_it_must() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    shared.write("file", "text");
    let open = fs::File::open(shared.path("file")).unwrap();
    open.metadata().unwrap();
    let before = shared.looks.load(Ordering::Acquire);
    for _ in 0..1000 {
        open.metadata().unwrap();
    }
    assert_eq!(shared.looks.load(Ordering::Acquire), before, "asked again");
    // What programs write themselves stays in the kernel's pages.
    let own = shared.path("own");
    fs::write(&own, vec![7; 100_000]).unwrap();
    let before = shared.reads.load(Ordering::Acquire);
    for _ in 0..10 {
        assert_eq!(fs::read(&own).unwrap(), vec![7; 100_000]);
    }
    let reads = shared.reads.load(Ordering::Acquire) - before;
    assert!(reads <= 1, "read {reads} times");
}

#[test]
fn a_snapshot_that_others_restore_is_seen() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    shared.write("file", "before");
    let snapshot = shared.backend.as_ref().clone();
    shared.write("file", "after it");
    shared.write("new", "");
    let path = shared.path("file");
    until("what it is now", || {
        fs::read_to_string(&path).unwrap() == "after it"
    });
    assert!(shared.path("new").exists());
    shared.backend.restore(&snapshot).unwrap();
    until("the old text", || {
        fs::read(&path).is_ok_and(|t| t == b"before")
    });
    until("the new name is gone", || !shared.path("new").exists());
}

/// Many change the same few files from both sides; at the end both see the same.
#[test]
fn both_sides_agree_after_a_storm() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    let names = ["a", "b", "c", "d"];
    std::thread::scope(|scope| {
        for thread in 0..3usize {
            let shared = &shared;
            scope.spawn(move || {
                for round in 0..400 {
                    let name = names[(thread + round * 7) % 4];
                    let text = format!("{thread} {round}").repeat(1 + round % 5);
                    if thread == 0 {
                        // From outside: any of these may come too late.
                        _ = fs::write(shared.path(name), &text);
                        _ = fs::read(shared.path(name));
                        _ = fs::rename(shared.path(name), shared.path(names[round % 4]));
                    } else if round % 9 == 0 {
                        _ = shared.backend.change(&Change::Unlink(At::path(&at(name))));
                    } else {
                        shared.write(name, &text);
                        _ = fs::metadata(shared.path(name));
                    }
                }
            });
        }
    });
    for name in names {
        let inside = || {
            let file = shared
                .backend
                .open(At::path(&at(name)), &OpenOptions::read())
                .ok()?;
            let mut bytes = vec![0; 1000];
            let read = file.read_at(&mut bytes, 0).unwrap();
            bytes.truncate(read);
            Some(bytes)
        };
        let agree = || fs::read(shared.path(name)).ok() == inside();
        until("both agree", agree);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(agree(), "{name} was right and is not any more");
    }
}
