//! What the kernel may keep of what it was told, and how it hears of changes that others make.
//!
//! The kernel is told by a thread of its own: who makes a change may hold locks that an answer the kernel waits for needs too. So what others change is
//! seen in the folder a moment after it happened. What the kernel changed itself it knows already.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fs_core::Backend;
use fs_core::extensions::{TreeEvent, TreeSink};
use fuser::{INodeNo, Notifier};
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};

use super::inodes::Inodes;

/// For how long the kernel may answer by itself where it hears of every change.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long it may believe a name where everything may be replaced at once (a snapshot is restored): which names it knows only it can tell.
const SHORT: Duration = Duration::from_secs(1);

/// With more changes waiting than this, everything counts as changed.
const WAITING_MAX: usize = 10_000;

/// What the kernel may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Nothing: others change it, and nobody tells.
    Nothing,
    /// Everything: it is told what others change.
    Told,
    /// Everything: nothing changes but through it.
    Alone,
}

impl Caching {
    /// For how long the kernel may believe that a name stands for a node, or for nothing.
    pub fn names(self) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            Self::Told => SHORT,
            Self::Alone => LONG,
        }
    }

    /// For how long it may believe attributes.
    pub fn attributes(self) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            Self::Told | Self::Alone => LONG,
        }
    }

    /// May it keep content, and that names stand for nothing?
    pub fn keeps(self) -> bool {
        self != Self::Nothing
    }
}

thread_local! {
    /// This thread makes a change for the kernel.
    static FOR_KERNEL: Cell<bool> = const { Cell::new(false) };
}

/// Makes a change the kernel asked for, of which it need not be told.
pub fn for_kernel<T>(change: impl FnOnce() -> T) -> T {
    let before = FOR_KERNEL.replace(true);
    let done = change();
    FOR_KERNEL.set(before);
    done
}

/// What the kernel shall still be told.
#[derive(Default)]
struct Waiting {
    events: HashSet<TreeEvent>,
    /// Numbers of nodes of which the kernel keeps what is not so.
    wrong: HashSet<u64>,
    all: bool,
    over: bool,
}

/// Changes by others, on their way to the kernel.
#[derive(Default)]
pub struct Changes {
    waiting: Mutex<Waiting>,
    more: Condvar,
    answers: RwLock<()>,
}

/// An answer is on its way.
pub type Answering<'a> = RwLockReadGuard<'a, ()>;

impl Changes {
    /// Hears of every change of `backend` from now on, until the guard is dropped; `None` when it can't tell.
    pub fn of(self: &Arc<Self>, backend: &dyn Backend) -> Option<Box<dyn Any + Send>> {
        let changes = Arc::clone(self);
        let sink: TreeSink = Arc::new(move |event| {
            // What was changed aside the kernel does not know of.
            if !FOR_KERNEL.get() || matches!(event, TreeEvent::Aside(_)) {
                changes.add(event);
            }
        });
        backend.extensions().watch?.watch_all(sink).ok()
    }

    /// The kernel keeps something of the node with this number that is not so, and is to forget it.
    pub fn forget(&self, number: u64) {
        self.waiting.lock().wrong.insert(number);
        self.more.notify_one();
    }

    /// An answer with attributes or names begins: before it looks, until the kernel has it. The kernel is not told of a change while it may still get an
    /// answer from before it, which it would keep.
    pub fn answering(&self) -> Answering<'_> {
        self.answers.read()
    }

    fn add(&self, event: TreeEvent) {
        let mut waiting = self.waiting.lock();
        if waiting.all {
            return;
        }
        if event == TreeEvent::All || waiting.events.len() >= WAITING_MAX {
            waiting.all = true;
            waiting.events.clear();
        } else {
            waiting.events.insert(event);
        }
        self.more.notify_one();
    }

    /// The next changes; `None` when there will be no more.
    fn next(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.lock();
        while !(waiting.over || waiting.all)
            && waiting.events.is_empty()
            && waiting.wrong.is_empty()
        {
            self.more.wait(&mut waiting);
        }
        (!waiting.over).then(|| std::mem::take(&mut *waiting))
    }

    fn stop(&self) {
        self.waiting.lock().over = true;
        self.more.notify_one();
    }
}

/// Tells the kernel what others change and what it keeps in error, until it is dropped.
pub struct Teller {
    changes: Arc<Changes>,
    thread: Option<JoinHandle<()>>,
    /// Never looked at; the lock lets threads share the rest.
    _watch: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Teller {
    /// Errors: no thread can be started.
    pub fn start(
        changes: Arc<Changes>,
        watch: Option<Box<dyn Any + Send>>,
        inodes: Arc<Inodes>,
        notifier: Notifier,
    ) -> std::io::Result<Self> {
        let heard = Arc::clone(&changes);
        let thread = std::thread::Builder::new()
            .name("mount-changes".to_owned())
            .spawn(move || {
                while let Some(waiting) = heard.next() {
                    drop(heard.answers.write());
                    let told = tell(&waiting, &inodes, &notifier);
                    if let Err(error) = told {
                        // Unmounted: nobody is left to tell.
                        tracing::debug!("the kernel does not listen any more: {error}");
                        return;
                    }
                }
            })?;
        Ok(Self {
            changes,
            thread: Some(thread),
            _watch: Mutex::new(watch),
        })
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.changes.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that tells the kernel of changes broke");
        }
    }
}

fn tell(waiting: &Waiting, inodes: &Inodes, notifier: &Notifier) -> std::io::Result<()> {
    // From the first byte to the end, and the attributes.
    let forget = |number| notifier.inval_inode(INodeNo(number), 0, 0);
    if waiting.all {
        return inodes.numbers().into_iter().try_for_each(forget);
    }
    waiting.wrong.iter().copied().try_for_each(forget)?;
    for event in &waiting.events {
        match event {
            TreeEvent::Node(id) | TreeEvent::Aside(id) => {
                inodes.numbers_of(id).into_iter().try_for_each(forget)?;
            }
            TreeEvent::Entry(dir, name) => {
                for dir in inodes.numbers_of(dir) {
                    notifier.inval_entry(INodeNo(dir), name.as_os_str())?;
                }
            }
            TreeEvent::All => {}
        }
    }
    Ok(())
}
