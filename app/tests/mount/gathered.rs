//! Small writes wait for more before they reach the filesystem: nobody can tell, but by the time it takes.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::fd::IntoRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use fs_backends::MemoryBackend;
use fs_core::middleware::{Effect, Fault, FaultRule, Op, Quota, QuotaLimits, Trace};
use fs_core::{At, Backend, ErrorKind, Name, OpenOptions, VPath};
use lamina::mount::{Mounted, Options, mount};

use crate::lifecycle::until;
use crate::world::{self, can_mount};

struct Shared {
    backend: Arc<MemoryBackend>,
    writes: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
    _mounted: Mounted,
}

impl Shared {
    fn new() -> Self {
        let backend = Arc::new(MemoryBackend::new());
        let writes = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&writes);
        let traced = Trace::new(Arc::clone(&backend), move |event| {
            if event.op == Op::Write {
                counted.fetch_add(1, Ordering::AcqRel);
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let mounted = mount(Arc::new(traced), dir.path(), &Options::default()).unwrap();
        Self {
            backend,
            writes,
            dir,
            _mounted: mounted,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a tab of the window sees.
    fn inside(&self, name: &str) -> Option<String> {
        let path = VPath::root().join(&Name::new(name).unwrap());
        let how = OpenOptions::read();
        let file = self.backend.open(At::path(&path), &how).ok()?;
        let mut bytes = vec![0; 1 << 20];
        let read = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(read);
        Some(String::from_utf8(bytes).unwrap())
    }
}

/// What `close(2)` answers.
fn close(file: File) -> std::io::Result<()> {
    #[expect(unsafe_code, reason = "dropping a file tells no error")]
    // SAFETY: the descriptor is owned, and used no more.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[test]
fn many_small_writes_are_few_large_ones() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    let mut file = File::create(shared.path("file")).unwrap();
    let mut expected = String::new();
    for number in 0..1000 {
        let line = format!("line {number}\n");
        file.write_all(line.as_bytes()).unwrap();
        expected.push_str(&line);
    }
    close(file).unwrap();
    assert_eq!(shared.inside("file").unwrap(), expected);
    let writes = shared.writes.load(Ordering::Acquire);
    assert!(writes < 1000, "{writes} writes");
}

#[test]
fn what_waits_is_seen_by_whoever_looks() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    let path = shared.path("file");
    let mut file = File::create(&path).unwrap();
    let reader = File::open(&path).unwrap();
    let mut expected = String::new();
    for number in 0..50 {
        file.write_all(b"0123456789").unwrap();
        expected.push_str("0123456789");
        match number % 5 {
            0 => assert_eq!(file.metadata().unwrap().len(), expected.len() as u64),
            1 => assert_eq!(fs::metadata(&path).unwrap().len(), expected.len() as u64),
            2 => assert_eq!(fs::read_to_string(&path).unwrap(), expected),
            3 => {
                let mut bytes = [0; 10];
                reader
                    .read_exact_at(&mut bytes, expected.len() as u64 - 10)
                    .unwrap();
                assert_eq!(&bytes, b"0123456789");
            }
            _ => {
                file.sync_all().unwrap();
                assert_eq!(shared.inside("file").unwrap(), expected);
            }
        }
    }
    file.write_all(b"the end").unwrap();
    expected.push_str("the end");
    until("others see it while it is open", || {
        shared.inside("file").unwrap() == expected
    });
}

/// What was asked of the backend before it was written, and told after, is not how the file is.
#[test]
fn a_folder_that_is_listed_meanwhile_tells_the_size_after_what_waited() {
    if !can_mount() {
        return;
    }
    let backend = Arc::new(MemoryBackend::new());
    let slow = Arc::new(AtomicBool::new(false));
    let is_slow = Arc::clone(&slow);
    let traced = Trace::new(backend, move |event| {
        if event.op == Op::Stat && !event.path.is_root() && is_slow.load(Ordering::Acquire) {
            // Longer than anything waits.
            std::thread::sleep(Duration::from_millis(60));
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        exclusive: true,
        ..Options::default()
    };
    let _mounted = mount(Arc::new(traced), dir.path(), &options).unwrap();
    let path = dir.path().join("file");
    let mut file = File::create(&path).unwrap();
    slow.store(true, Ordering::Release);
    file.write_all(b"some text").unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    slow.store(false, Ordering::Release);
    assert_eq!(fs::metadata(&path).unwrap().len(), 9);
    assert_eq!(fs::read(&path).unwrap(), b"some text");
}

#[test]
fn names_change_after_what_was_written_before() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    for number in 0..50 {
        let text = format!("text {number}");
        let mut file = File::create(shared.path("new")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        fs::rename(shared.path("new"), shared.path("file")).unwrap();
        assert_eq!(shared.inside("file").unwrap(), text);
    }
}

#[test]
fn attributes_are_those_that_were_set_last() {
    if !can_mount() {
        return;
    }
    let shared = Shared::new();
    let path = shared.path("file");
    for (number, close_first) in [(1, true), (2, false), (3, true)] {
        let mut file = File::create(&path).unwrap();
        file.write_all(b"some text").unwrap();
        let time = UNIX_EPOCH + Duration::new(1_000_000_000 + number, 123);
        file.set_modified(time).unwrap();
        let mode = 0o600 + u32::try_from(number).unwrap();
        file.set_permissions(Permissions::from_mode(mode)).unwrap();
        if close_first {
            close(file).unwrap();
        }
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.modified().unwrap(), time);
        assert_eq!(metadata.mode() & 0o7777, mode);
        assert_eq!(metadata.len(), 9);
        let place = VPath::root().join(&Name::new("file").unwrap());
        let inside = shared.backend.stat(At::path(&place)).unwrap();
        assert_eq!(metadata.blocks(), inside.allocated.div_ceil(512));
        let ctime = std::time::SystemTime::from(inside.ctime);
        let ctime = ctime.duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(
            (metadata.ctime(), metadata.ctime_nsec()),
            (
                i64::try_from(ctime.as_secs()).unwrap(),
                i64::from(ctime.subsec_nanos())
            )
        );
    }
    // A write after it sets the time anew.
    let mut file = File::create(&path).unwrap();
    file.write_all(b"some text").unwrap();
    file.set_modified(UNIX_EPOCH).unwrap();
    file.write_all(b", and more").unwrap();
    close(file).unwrap();
    assert_ne!(fs::metadata(&path).unwrap().modified().unwrap(), UNIX_EPOCH);
    assert_eq!(fs::read(&path).unwrap(), b"some text, and more");
}

/// As on a disk that is full: what fits is stored, whoever writes hears of the rest.
#[test]
fn what_has_room_is_stored_and_whoever_writes_hears_of_the_rest() {
    if !can_mount() {
        return;
    }
    type End = fn(File) -> std::io::Result<()>;
    let ends: [(&str, End); 2] = [("close", close), ("fsync", |file| file.sync_all())];
    // Pieces that wait for more, and one that does not.
    let pieces = [
        (60_000, false),
        (1000, false),
        (1000, true),
        (900_000, false),
    ];
    for (name, end) in ends {
        for (piece, append) in pieces {
            let dir = tempfile::tempdir().unwrap();
            let limits = QuotaLimits {
                total_bytes: Some(1_000_000),
                ..QuotaLimits::default()
            };
            let quota = Quota::new(MemoryBackend::new(), limits).unwrap();
            let options = Options {
                exclusive: true,
                ..Options::default()
            };
            let _mounted = mount(Arc::new(quota), dir.path(), &options).unwrap();
            let path = dir.path().join("file");
            let mut how = File::options();
            let how = how.create_new(true).append(append).write(true);
            let mut file = how.open(&path).unwrap();
            file.write_all(&[1; 600_000]).unwrap();
            file.sync_all().unwrap();
            let written = (0..900_000 / piece).try_for_each(|_| file.write_all(&vec![2; piece]));
            file.set_permissions(Permissions::from_mode(0o600)).unwrap();
            let ended = end(file);
            let told = no_space(written) || no_space(ended);
            assert!(told, "{name}, {piece}, {append}");
            let metadata = fs::metadata(&path).unwrap();
            let stored = (metadata.len(), metadata.mode() & 0o777);
            assert_eq!(stored, (1_000_000, 0o600), "{name}, {piece}, {append}");
        }
    }
}

/// Memory whose writes fail while there are faults, mounted.
struct Full {
    backend: Arc<Fault<MemoryBackend>>,
    dir: tempfile::TempDir,
    _mounted: Mounted,
}

impl Full {
    fn new() -> Self {
        let backend = Arc::new(Fault::new(MemoryBackend::new()));
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            exclusive: true,
            ..Options::default()
        };
        let mounted = mount(backend.clone(), dir.path(), &options).unwrap();
        Self {
            backend,
            dir,
            _mounted: mounted,
        }
    }

    fn fill(&self) {
        let faults = self.backend.faults();
        faults.add(FaultRule::on(Op::Write, Effect::Error(ErrorKind::NoSpace)));
    }

    fn make_room(&self) {
        self.backend.faults().clear();
    }

    /// What is stored.
    fn inside(&self, name: &str, len: usize) -> Vec<u8> {
        let path = VPath::root().join(&Name::new(name).unwrap());
        let how = OpenOptions::read();
        let file = self.backend.open(At::path(&path), &how).unwrap();
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(read);
        bytes
    }
}

fn no_space(told: std::io::Result<()>) -> bool {
    told.is_err_and(|error| error.raw_os_error() == Some(libc::ENOSPC))
}

#[test]
fn everybody_who_may_write_is_told_once_what_was_not_stored() {
    if !can_mount() {
        return;
    }
    let full = Full::new();
    let path = full.dir.path().join("file");
    fs::write(&path, "before").unwrap();
    let open = || File::options().write(true).open(&path).unwrap();
    let (writer, second, third) = (open(), open(), open());
    full.fill();
    writer.write_all_at(b"lost", 0).unwrap();
    // Who reads and closes can't do anything about it.
    let reader = File::open(&path).unwrap();
    reader.read_at(&mut [0; 10], 0).unwrap();
    close(reader).unwrap();
    let later = open();
    // What a write is told is no answer to the question whether all was stored.
    assert!(no_space(writer.write_all_at(b"refused", 0)));
    full.make_room();
    writer.write_all_at(b"stored", 0).unwrap();
    assert!(no_space(writer.sync_all()));
    writer.sync_all().unwrap();
    close(writer).unwrap();
    assert!(no_space(second.sync_all()));
    close(second).unwrap();
    assert!(no_space(close(third)));
    later.sync_all().unwrap();
    close(later).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"stored");
}

/// The kernel cuts a large write into pieces at its pages. When the first waits and can't be stored, the second learns of it, and the program is told that
/// the first was written.
#[test]
fn a_write_that_lost_its_first_piece_is_not_durable() {
    if !can_mount() {
        return;
    }
    let full = Full::new();
    let path = full.dir.path().join("file");
    let file = File::create_new(&path).unwrap();
    let data = vec![7; 3_000_000];
    full.fill();
    let written = file.write_at(&data, 100).unwrap_or(0);
    assert!(written < data.len());
    full.make_room();
    file.write_all_at(&data[written..], 100 + written as u64)
        .unwrap();
    let told = file.sync_all();
    let stored = full.inside("file", 4_000_000)[100..] == data;
    assert_eq!(no_space(told), !stored);
    close(file).unwrap();
}

/// The kernel keeps what programs write in its pages. What could not be stored must not be read back from there.
#[test]
fn what_was_not_stored_is_not_read_back() {
    if !can_mount() {
        return;
    }
    for exclusive in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let second = FaultRule::on(Op::Write, Effect::Error(ErrorKind::NoSpace)).from(2);
        let options = Options {
            exclusive,
            ..Options::default()
        };
        let backend = Fault::new(MemoryBackend::new());
        backend.faults().add(second);
        let _mounted = mount(Arc::new(backend), dir.path(), &options).unwrap();
        let path = dir.path().join("file");
        let file = File::create_new(&path).unwrap();
        drop(file);
        let file = File::options().read(true).write(true).open(&path).unwrap();
        file.write_all_at(&[1; 10_000], 0).unwrap();
        file.sync_all().unwrap();
        // Within what is stored, and beyond its end.
        file.write_all_at(&[2; 10_000], 5_000).unwrap();
        let error = file.sync_all().expect_err("it was not stored");
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        until("its size", || file.metadata().unwrap().len() == 10_000);
        until("its content", || {
            let mut bytes = vec![0; 20_000];
            let read = file.read_at(&mut bytes, 0).unwrap();
            bytes[..read] == [1; 10_000]
        });
        assert_eq!(fs::read(&path).unwrap(), [1; 10_000]);
    }
}

/// What `tar` does for each file.
#[test]
fn a_new_file_costs_few_calls() {
    if !can_mount() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let calls = Arc::<parking_lot::Mutex<Vec<Op>>>::default();
    let heard = Arc::clone(&calls);
    let traced = Trace::new(MemoryBackend::new(), move |event| {
        heard.lock().push(event.op);
    });
    let options = Options {
        exclusive: true,
        ..Options::default()
    };
    let _mounted = mount(Arc::new(traced), dir.path(), &options).unwrap();
    calls.lock().clear();
    for number in 0..50 {
        let path = dir.path().join(format!("{number}"));
        let file = File::create_new(path).unwrap();
        file.write_all_at(b"some text", 0).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
        file.set_permissions(Permissions::from_mode(0o640)).unwrap();
        close(file).unwrap();
    }
    let calls = calls.lock();
    let count = |op: Op| calls.iter().filter(|&&other| other == op).count();
    let ops = [Op::Open, Op::Write, Op::Pin, Op::Create, Op::GetXattr];
    assert_eq!(ops.map(count), [50, 50, 50, 0, 0], "{ops:?}");
}

/// The kernel tells a mount nothing of `syncfs`.
#[test]
fn a_source_goes_when_the_mount_has_made_what_arrived_durable() {
    if !can_mount() {
        return;
    }
    let host = tempfile::tempdir().unwrap();
    let source = host.path().join("tree");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "only here").unwrap();
    let in_time = Arc::<AtomicUsize>::default();
    let (counted, file) = (Arc::clone(&in_time), source.join("file"));
    let traced = Trace::new(MemoryBackend::new(), move |event| {
        if matches!(event.op, Op::Sync | Op::FileSync) && file.exists() {
            counted.fetch_add(1, Ordering::AcqRel);
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let mounted = mount(Arc::new(traced), dir.path(), &Options::default()).unwrap();
    let moved = world::lamina()
        .arg("mv")
        .args([source.as_path(), dir.path()])
        .env("XDG_STATE_HOME", host.path())
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    assert!(!source.exists());
    assert_eq!(
        fs::read(dir.path().join("tree/file")).unwrap(),
        b"only here"
    );
    // The file, its folder, and the folder that is in.
    assert!(in_time.load(Ordering::Acquire) >= 3);
    drop(mounted);
}
