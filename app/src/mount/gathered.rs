//! Writes that wait a moment: what programs write in small pieces reaches the backend in large ones, with the attributes they give the file behind them,
//! in one step.
//!
//! What waits is brought to the backend before anybody is told anything of the file but what was written (its attributes, its content through another
//! request), before names change, when it is closed or made durable, and in any case after a few milliseconds. An error then is told to everybody who has the
//! file open for writing: once by the next write, and, whatever a write said, once by `fsync` or `close` (as the kernel does since 4.13, `errseq_t`). The
//! kernel forgets what it keeps of the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fs_core::{Error, ErrorKind, File, Metadata, SetAttr, SetTime, Time};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::attributes::{Answer, Failure};
use super::caches::{Changes, for_kernel};
use super::durable::Activity;
use super::inodes::Inode;

/// So much of a file waits at most.
const WAITING_MAX_BYTES: usize = 1 << 20;

/// What is written in pieces of this size does not wait.
const LARGE_BYTES: usize = WAITING_MAX_BYTES / 2;

/// Where a backend may find a file too large, it says so at once.
const FAR_BYTES: u64 = 1 << 40;

/// After this time at the latest it is in the backend, where others see it.
const LATEST: Duration = Duration::from_millis(20);

/// What waits of one file, and what became of what waited before.
#[derive(Default)]
pub struct Slot(Mutex<State>);

impl Slot {
    /// Does nothing wait?
    pub fn is_empty(&self) -> bool {
        self.0.lock().gathered.is_none()
    }

    /// For who opens the file now: what fails from here on is to be told.
    pub fn heard(&self) -> Heard {
        let failures = self.0.lock().failures;
        Heard {
            by_writing: AtomicU64::new(failures),
            by_ending: AtomicU64::new(failures),
        }
    }
}

#[derive(Default)]
struct State {
    gathered: Option<Gathered>,
    /// How often something could not be stored.
    failures: u64,
    /// Why, the last time.
    failed: Option<Failure>,
}

impl State {
    /// Tells what failed since it was `heard` last.
    fn tell(&self, heard: &AtomicU64) -> Answer<()> {
        let before = heard.swap(self.failures, Ordering::AcqRel);
        let failed = self.failed.filter(|_| before != self.failures);
        failed.map_or(Ok(()), Err)
    }
}

/// Of which failures of its file an open file was told. An error that a write was answered may have been about bytes of an earlier write that succeeded
/// (the kernel even makes a short count of it), so it takes nothing from `fsync` and `close`.
pub struct Heard {
    by_writing: AtomicU64,
    by_ending: AtomicU64,
}

struct Gathered {
    file: Arc<dyn File>,
    /// `None`: at the end.
    offset: Option<u64>,
    bytes: Vec<u8>,
    /// Set after it was written.
    attr: SetAttr,
    /// What the backend had when it was asked last.
    before: Option<Metadata>,
    written: Time,
}

impl Gathered {
    fn continues(&self, file: &Arc<dyn File>, offset: Option<u64>, len: usize) -> bool {
        let here = self.offset.map(|offset| offset + self.bytes.len() as u64);
        Arc::ptr_eq(&self.file, file)
            && here == offset
            && self.attr == SetAttr::default()
            && self.bytes.len() + len <= WAITING_MAX_BYTES
    }

    /// What `before`, as the backend has it, will be.
    fn shown(&self, before: Metadata) -> Metadata {
        let len = self.bytes.len() as u64;
        let size = match self.offset {
            Some(offset) => before.size.max(offset.saturating_add(len)),
            None => before.size.saturating_add(len),
        };
        let time = |set: Option<SetTime>, otherwise| match set {
            Some(SetTime::To(time)) => time,
            _ => otherwise,
        };
        Metadata {
            size,
            mode: self.attr.mode.unwrap_or(before.mode),
            uid: self.attr.uid.unwrap_or(before.uid),
            gid: self.attr.gid.unwrap_or(before.gid),
            mtime: time(self.attr.mtime, self.written),
            atime: time(self.attr.atime, before.atime),
            ctime: Time::now(),
            ..before
        }
    }

    /// Brings it to the backend; answers why not all of it.
    fn store(self) -> Option<Error> {
        let written = SetAttr {
            mtime: self.attr.mtime.or(Some(SetTime::To(self.written))),
            ..self.attr
        };
        let (stored, refused) = write_what_fits(&*self.file, self.offset, &self.bytes, &written);
        if stored == 0 && self.attr != SetAttr::default() {
            // Who may read a file does not depend on the room for what it was to say.
            self.file.set_attr(&self.attr).ok();
        }
        refused
    }
}

/// Writes as much from the start of `bytes` as there is room for, and sets `attr`; answers how much, and why not more.
fn write_what_fits(
    file: &dyn File,
    mut offset: Option<u64>,
    bytes: &[u8],
    attr: &SetAttr,
) -> (usize, Option<Error>) {
    let end = || file.metadata().map_or(0, |now| now.size);
    let (mut rest, mut piece_len, mut refused) = (bytes, bytes.len(), None);
    while let Some((piece, later)) = rest.split_at_checked(piece_len.min(rest.len()))
        && !piece.is_empty()
    {
        let end_before = offset.is_none().then(end);
        match file.write_with(piece, offset, attr) {
            Ok(()) => {
                rest = later;
                offset = offset.map(|offset| offset + piece.len() as u64);
            }
            Err(error) => {
                let full = matches!(error.kind(), ErrorKind::NoSpace | ErrorKind::QuotaExceeded);
                refused = Some(error);
                // A layer's file of the host may have taken a part of what was to come at its end: it would be there twice.
                if !full || end_before != offset.is_none().then(end) {
                    break;
                }
                piece_len = piece.len() / 2;
            }
        }
    }
    (
        bytes.len() - rest.len(),
        refused.filter(|_| !rest.is_empty()),
    )
}

/// The files of a mount of which something waits.
pub struct Gathering {
    activity: Arc<Activity>,
    changes: Arc<Changes>,
    waiting: Mutex<Waiting>,
    more: Condvar,
    settling: Mutex<()>,
    /// How often something that waited was brought to the backend.
    stored: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    inodes: Vec<Arc<Inode>>,
    over: bool,
}

impl Gathering {
    /// Nothing waits; what reaches the backend is told to `activity`, and where it does not, the kernel is told through `changes`.
    pub fn new(activity: Arc<Activity>, changes: Arc<Changes>) -> Self {
        Self {
            activity,
            changes,
            waiting: Mutex::default(),
            more: Condvar::new(),
            settling: Mutex::new(()),
            stored: AtomicU64::new(0),
        }
    }

    /// Writes `data` to `file`, the open file of `inode`, at `offset` (`None`: at the end), at once or later; answers how much of it. Tells what
    /// failed that was not `heard` of.
    pub fn write(
        &self,
        inode: &Arc<Inode>,
        (file, heard): (&Arc<dyn File>, &Heard),
        offset: Option<u64>,
        data: &[u8],
    ) -> Answer<usize> {
        let mut state = inode.slot().0.lock();
        if let Some(gathered) = &mut state.gathered {
            if gathered.continues(file, offset, data.len()) {
                gathered.bytes.extend_from_slice(data);
                gathered.written = Time::now();
                return Ok(data.len());
            }
            self.store(inode, &mut state);
        }
        state.tell(&heard.by_writing)?;
        if data.len() >= LARGE_BYTES || offset.is_some_and(|offset| offset >= FAR_BYTES) {
            let (written, refused) =
                for_kernel(|| write_what_fits(&**file, offset, data, &SetAttr::default()));
            self.activity.changed();
            return match refused {
                Some(error) if written == 0 => Err(error.into()),
                _ => Ok(written),
            };
        }
        let mut waiting = self.waiting.lock();
        waiting.inodes.push(Arc::clone(inode));
        if waiting.inodes.len() == 1 {
            self.more.notify_one();
        }
        drop(waiting);
        state.gathered = Some(Gathered {
            file: Arc::clone(file),
            offset,
            bytes: data.to_vec(),
            attr: SetAttr::default(),
            before: None,
            written: Time::now(),
        });
        Ok(data.len())
    }

    /// Sets attributes (not the size) after what waits, if anything does; answers what the file will be then. `look`: what the backend has, which stays so
    /// while something waits when the mount is `alone`. `attr`: what to set, in view of what it is.
    pub fn set_attributes(
        &self,
        inode: &Inode,
        alone: bool,
        look: impl FnOnce() -> Answer<Metadata>,
        attr: impl FnOnce(&Metadata) -> SetAttr,
    ) -> Answer<Option<Metadata>> {
        let mut state = inode.slot().0.lock();
        let Some(gathered) = &mut state.gathered else {
            return Ok(None);
        };
        let before = match gathered.before {
            Some(before) if alone => before,
            _ => look()?,
        };
        gathered.before = Some(before);
        let attr = attr(&gathered.shown(before));
        let now = Time::now();
        let time = |time: SetTime| SetTime::To(time.resolve(now));
        let all = &mut gathered.attr;
        all.mode = attr.mode.or(all.mode);
        all.uid = attr.uid.or(all.uid);
        all.gid = attr.gid.or(all.gid);
        all.mtime = attr.mtime.map(time).or(all.mtime);
        all.atime = attr.atime.map(time).or(all.atime);
        Ok(Some(gathered.shown(before)))
    }

    /// How often something that waited was brought to the backend: what was asked of it before may be out of date when that has changed and nothing of the
    /// file waits any more.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Acquire)
    }

    /// Brings what waits of a file to the backend.
    pub fn settle(&self, inode: &Inode) {
        self.store(inode, &mut inode.slot().0.lock());
    }

    /// As [`Gathering::settle`]; tells who makes it durable or closes it what failed that was not `heard` of.
    pub fn settle_and_tell(&self, inode: &Inode, heard: &Heard) -> Answer<()> {
        let mut state = inode.slot().0.lock();
        self.store(inode, &mut state);
        state.tell(&heard.by_ending)
    }

    /// Brings all that waits to the backend.
    pub fn settle_all(&self) {
        // Who comes meanwhile may not go on before what is being settled is.
        let settling = self.settling.lock();
        let inodes = std::mem::take(&mut self.waiting.lock().inodes);
        for inode in inodes {
            self.settle(&inode);
        }
        drop(settling);
    }

    fn store(&self, inode: &Inode, state: &mut MutexGuard<'_, State>) {
        let Some(gathered) = state.gathered.take() else {
            return;
        };
        let refused = for_kernel(|| gathered.store());
        // Before the lock of the file goes.
        self.stored.fetch_add(1, Ordering::AcqRel);
        self.activity.changed();
        if let Some(error) = refused {
            // It keeps pages and a size that are not stored.
            self.changes.forget(inode.number());
            state.failures += 1;
            state.failed = Some(error.into());
        }
    }
}

/// Brings what waits to the backend in time, until it is dropped, and once more then.
pub struct Settler {
    gathering: Arc<Gathering>,
    thread: Option<JoinHandle<()>>,
}

impl Settler {
    /// Errors: no thread can be started.
    pub fn start(gathering: Arc<Gathering>) -> std::io::Result<Self> {
        let heard = Arc::clone(&gathering);
        let thread = std::thread::Builder::new()
            .name("mount-settle".to_owned())
            .spawn(move || {
                loop {
                    let mut waiting = heard.waiting.lock();
                    while waiting.inodes.is_empty() && !waiting.over {
                        heard.more.wait(&mut waiting);
                    }
                    // The first of it has begun to wait just now.
                    if !waiting.over {
                        heard.more.wait_for(&mut waiting, LATEST);
                    }
                    let over = waiting.over;
                    drop(waiting);
                    heard.settle_all();
                    if over {
                        return;
                    }
                }
            })?;
        Ok(Self {
            gathering,
            thread: Some(thread),
        })
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        self.gathering.waiting.lock().over = true;
        self.gathering.more.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes what waits broke");
        }
    }
}
