//! Threads that hold the filesystems and do everything that may wait. The only place of the window that touches a filesystem.
//!
//! The logic sends a [`Request`] (never waiting) and gets [`Event`]s (bounded, so that a flood waits in the workers). Every filesystem has threads
//! of its own; what belongs to none (files of the session, the desktop) has threads as well.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is where filesystems are touched"
)]

mod activate;
mod arrange;
mod care;
mod changes;
mod desktop;
mod dispatch;
mod files;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod folder_mounts;
mod folders;
mod follow;
mod fonts;
pub mod guard;
mod inhibit;
mod links;
mod list;
pub mod message;
mod mounts;
mod names;
mod open;
mod operations;
mod outbox;
mod pool;
mod portal;
mod preview;
mod properties;
pub mod rescue;
mod sample;
mod save;
mod search;
pub mod seen;
mod snapshots;
mod sort_key;
mod stack;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use fs_core::Backend;
use fs_core::ops::FsRef;

pub use activate::shown_at;
pub use files::{Folders, Saved};
pub use inhibit::Hold;
pub use message::{Event, FolderOrder, FollowRequest, ListRequest, Request, SearchRequest};
use mounts::Mounts;
use operations::Operations;
pub use outbox::Waker;
use outbox::{Flight, InFlight, Outbox};
use pool::Pool;
use seen::Seen;
use watch::Watchers;

use crate::state::{Generation, TabId};

/// Events wait in the workers when the window is this far behind.
const EVENTS: usize = 256;
/// Threads of one filesystem: a listing that hangs leaves room for the next question.
const FS_THREADS: usize = 6;
/// Threads for everything else.
const HOUSE_THREADS: usize = 8;

/// The background, seen from the logic.
pub struct Background {
    mounts: Arc<Mounts>,
    pools: HashMap<FsRef, Pool>,
    house: Pool,
    /// Writes files in the order they were asked to be written.
    writer: Pool,
    /// Talks to the engine, in order.
    operator: Pool,
    operations: Operations,
    outbox: Outbox,
    inbox: Receiver<Event>,
    in_flight: InFlight,
    watchers: Watchers,
    folders: Arc<Folders>,
    seen: Seen,
    #[cfg(all(feature = "mount", target_os = "linux"))]
    folder_mounts: folder_mounts::FolderMounts,
    uses_portal: bool,
    session: inhibit::Wish,
}

impl Background {
    /// Threads start when there is work. `folders`: where settings and session are kept; `uses_portal`: file dialogs are those of the desktop.
    pub fn new(folders: Folders, waker: Waker, uses_portal: bool) -> Self {
        let (events, inbox) = bounded(EVENTS);
        let mut this = Self {
            mounts: Arc::default(),
            pools: HashMap::new(),
            house: Pool::new("house", HOUSE_THREADS),
            writer: Pool::new("writer", 1),
            operator: Pool::new("operator", 1),
            operations: Operations::default(),
            outbox: Outbox::new(events, waker),
            inbox,
            in_flight: InFlight::default(),
            watchers: Watchers::default(),
            seen: Seen::of(&folders.state),
            folders: Arc::new(folders),
            #[cfg(all(feature = "mount", target_os = "linux"))]
            folder_mounts: Default::default(),
            uses_portal,
            session: Default::default(),
        };
        this.start_operations();
        this
    }

    fn start_operations(&mut self) {
        let (operations, mounts) = (self.operations.clone(), self.mounts.clone());
        let (journal, outbox) = (self.folders.state.join("journal"), self.outbox.clone());
        self.operate(move || operations.start(mounts, &journal, &outbox));
    }

    /// Looks for fonts that have the characters received, as long as there can be some.
    pub fn find_fonts(&self, missing: crossbeam_channel::Receiver<char>) {
        let outbox = self.outbox.clone();
        start_thread("fonts", move || fonts::find(&missing, &outbox));
    }

    /// Tells what the desktop says of colours and motion, as long as it says something: `Event::Appearance`.
    pub fn follow_appearance(&self) {
        let outbox = self.outbox.clone();
        start_thread("appearance", move || portal::follow_appearance(&outbox));
    }

    /// Lets [`Self::keep_session`] reach the desktop.
    pub fn follow_session(&self) {
        let wish = self.session.clone();
        start_thread("session", move || inhibit::follow(&wish));
    }

    /// Asks the desktop not to end the session, or to sleep, for a reason; `None`: it may.
    pub fn keep_session(&self, hold: Option<Hold>) {
        self.session.set(hold);
    }

    /// The next event, if there is one.
    pub fn event(&self) -> Option<Event> {
        self.inbox.try_recv().ok()
    }

    /// Tabs whose folder changed since the last call.
    pub fn take_changed(&self) -> BTreeSet<TabId> {
        self.watchers.take_changed()
    }

    /// Anything may be other than what was found for a tab: its filesystem was changed in a way that is not told by name.
    pub fn all_changed(&self, tab: TabId) {
        self.watchers.all_changed(tab);
    }

    /// Questions without an answer, and answers nobody has taken.
    pub fn in_flight(&self) -> usize {
        self.in_flight.count() + self.inbox.len()
    }

    /// Where folders to mount at are made when nothing else is chosen; `None`: the system has no such place.
    pub fn runtime_folder(&self) -> Option<&std::path::Path> {
        self.folders.runtime.as_deref()
    }

    #[cfg(all(feature = "mount", target_os = "linux"))]
    fn folder(&mut self, fs: FsRef, id: Generation, order: FolderOrder) {
        let (all, mounts) = (self.folder_mounts.clone(), self.mounts.clone());
        let outbox = self.outbox.clone();
        let teller = folder_mounts::Teller { fs, id, outbox };
        self.house(move || match order {
            FolderOrder::Mount(location, wish) => all.mount(&mounts, &location, &wish, teller),
            FolderOrder::Unmount => all.unmount(&teller),
            FolderOrder::Leave => all.leave(&teller),
        });
    }

    /// Built without FUSE: no menu offers it, and whoever asks all the same is told.
    #[cfg(not(all(feature = "mount", target_os = "linux")))]
    fn folder(&mut self, fs: FsRef, id: Generation, _order: FolderOrder) {
        let outbox = self.outbox.clone();
        let error = fs_core::Error::new(fs_core::ErrorKind::Unsupported, "mount");
        let news = crate::state::folder_mount::FolderNews::Refused(error);
        self.house(move || outbox.send(Event::Folder(fs, id, news)));
    }

    fn list(&mut self, request: ListRequest) {
        let (outbox, watchers) = (self.outbox.clone(), self.watchers.clone());
        self.with_backend(&request.place.fs.clone(), move |backend| match backend {
            Ok(backend) => {
                // First watch, then list: what changes in between is told, not lost.
                watchers.watch(request.tab, &request.place, &*backend, &outbox);
                list::list(&backend, &request, &outbox);
            }
            Err(error) => outbox.send(Event::ListFailed {
                tab: request.tab,
                generation: request.generation,
                error,
            }),
        });
    }

    /// Finds something below the folder of a tab.
    fn find(
        &mut self,
        fs: &FsRef,
        (tab, generation): (TabId, Generation),
        work: impl FnOnce(&dyn Backend, &Watchers, &Outbox) + Send + 'static,
    ) {
        let (outbox, watchers) = (self.outbox.clone(), self.watchers.clone());
        self.with_backend(fs, move |backend| match backend {
            Ok(backend) => work(&*backend, &watchers, &outbox),
            Err(error) => outbox.send(Event::ListFailed {
                tab,
                generation,
                error,
            }),
        });
    }

    fn with_backend(
        &mut self,
        fs: &FsRef,
        work: impl FnOnce(fs_core::Result<Arc<dyn Backend>>) + Send + 'static,
    ) {
        let (mounts, name) = (self.mounts.clone(), fs.clone());
        self.on(fs, move || {
            work(mounts.get(&name).map(|mount| mount.backend))
        });
    }

    fn on(&mut self, fs: &FsRef, work: impl FnOnce() + Send + 'static) {
        let job = tracked(self.in_flight.start(), work);
        self.pools
            .entry(fs.clone())
            .or_insert_with(|| Pool::new(fs.label(), FS_THREADS))
            .run(job);
    }

    fn house(&mut self, work: impl FnOnce() + Send + 'static) {
        let job = tracked(self.in_flight.start(), work);
        self.house.run(job);
    }

    fn operate(&mut self, work: impl FnOnce() + Send + 'static) {
        let job = tracked(self.in_flight.start(), work);
        self.operator.run(job);
    }

    fn write(&mut self, work: impl FnOnce() + Send + 'static) {
        let job = tracked(self.in_flight.start(), work);
        self.writer.run(job);
    }

    /// Closes every filesystem and waits until what is to be written is written. The last call.
    pub fn shut_down(&mut self) {
        self.operations.stop();
        let mounts = self.mounts.drain();
        let (done, finished) = bounded::<()>(0);
        #[cfg(all(feature = "mount", target_os = "linux"))]
        let folder_mounts = self.folder_mounts.clone();
        let seen = self.seen.clone();
        self.write(move || {
            #[cfg(all(feature = "mount", target_os = "linux"))]
            folder_mounts.shut_down();
            for mount in mounts {
                seen.leave(&mount.parts);
                if let Err(error) = mount.backend.close() {
                    tracing::error!("{error}");
                }
            }
            drop(done);
        });
        // A mount that hangs must not keep the window from closing for ever.
        finished
            .recv_timeout(std::time::Duration::from_secs(10))
            .ok();
    }
}

/// A thread that lives as long as it has something to do, beside all questions.
fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    if let Err(error) = thread.spawn(work) {
        tracing::error!("can't start a thread: {error}");
    }
}

fn tracked(flight: Flight, work: impl FnOnce() + Send + 'static) -> pool::Job {
    Box::new(move || {
        work();
        drop(flight);
    })
}
