//! Change events of everything, by identity: what both layers tell, in the numbers of the overlay.
//!
//! A layer knows its own numbers only. Which nodes of the upper go by the number of the base's node they were copied from is noted whenever such a number
//! is given out, as long as anybody listens. What a copy-up does to the copied node and its directory no layer can tell: the overlay does itself.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use super::core::Core;
use super::identity::Ids;
use super::names::{self, Kept};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{TreeEvent, TreeSink, Watch};
use crate::metadata::{FileId, Metadata};
use crate::path::{Name, VPath};

/// Who hears of everything, and what it takes to translate for them.
#[derive(Default)]
pub(super) struct Told {
    next: AtomicU64,
    sinks: RwLock<Vec<(u64, TreeSink)>>,
    listened: AtomicBool,
    /// Nodes of the upper that go by the number of a node of the base; as many as were given out since somebody listens.
    copies: Mutex<HashMap<FileId, FileId>>,
    /// Directories of the base that show in one of the upper that goes by a number of its own.
    merged: Mutex<HashMap<FileId, FileId>>,
}

impl Told {
    fn tell(&self, event: &TreeEvent) {
        if self.is_listened() {
            for (_, sink) in self.sinks.read().iter() {
                sink(event.clone());
            }
        }
    }

    fn is_listened(&self) -> bool {
        self.listened.load(Ordering::Acquire)
    }

    /// A change that somebody asked for changed this node as well.
    pub fn aside(&self, id: FileId) {
        self.tell(&TreeEvent::Aside(id));
    }

    /// The node `upper` is known as `number`. Another node may have been until now.
    pub fn note_copy(&self, upper: FileId, number: FileId) {
        if self.is_listened() && self.copies.lock().insert(upper, number) != Some(number) {
            self.aside(number);
        }
    }

    fn number_of_upper(&self, ids: &Ids, id: FileId) -> FileId {
        if ids.is_upper_root(id) {
            return ids.root();
        }
        let copied = self.copies.lock().get(&id).copied();
        copied.unwrap_or_else(|| ids.upper(id))
    }
}

/// Ends a watch when it is dropped.
struct Guard {
    told: Arc<Told>,
    id: u64,
    _layers: [Box<dyn Any + Send>; 2],
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut sinks = self.told.sinks.write();
        sinks.retain(|(id, _)| *id != self.id);
        if sinks.is_empty() {
            self.told.listened.store(false, Ordering::Release);
            self.told.copies.lock().clear();
            self.told.merged.lock().clear();
        }
    }
}

impl Core {
    /// `Unsupported` where a layer does not tell of everything.
    pub(super) fn watch_all(self: &Arc<Self>, sink: TreeSink) -> Result<Box<dyn Any + Send>> {
        // What events are translated with must be known before the first one.
        self.ids()?;
        self.marks_are_files()?;
        let unsupported = || Error::new(ErrorKind::Unsupported, "watch");
        let of_layer = |watch: Option<&dyn Watch>, translate: Translate| {
            let (core, sink) = (Arc::downgrade(self), sink.clone());
            watch
                .ok_or_else(unsupported)?
                .watch_all(Arc::new(move |event| {
                    if let Some(core) = Weak::upgrade(&core) {
                        translate(&core, event, &sink);
                    }
                }))
        };
        let layers = [
            of_layer(self.base.extensions().watch, Core::of_base)?,
            of_layer(self.upper.backend().extensions().watch, Core::of_upper)?,
        ];
        let id = self.told.next.fetch_add(1, Ordering::Relaxed);
        let mut sinks = self.told.sinks.write();
        sinks.push((id, sink));
        self.told.listened.store(true, Ordering::Release);
        drop(sinks);
        Ok(Box::new(Guard {
            told: self.told.clone(),
            id,
            _layers: layers,
        }))
    }

    fn of_base(&self, event: TreeEvent, sink: &TreeSink) {
        let Ok(ids) = self.ids() else {
            return;
        };
        match event {
            TreeEvent::Node(id) => sink(TreeEvent::Node(ids.base(id))),
            TreeEvent::Aside(id) => sink(TreeEvent::Aside(ids.base(id))),
            TreeEvent::Entry(dir, name) => {
                self.dirs.forget_named(&name);
                let shown = self.told.merged.lock().get(&dir).copied();
                if let Some(shown) = shown {
                    sink(TreeEvent::Entry(shown, name.clone()));
                }
                sink(TreeEvent::Entry(ids.base(dir), name));
            }
            TreeEvent::All => {
                self.dirs.forget_all();
                sink(TreeEvent::All);
            }
        }
    }

    fn of_upper(&self, event: TreeEvent, sink: &TreeSink) {
        let Ok(ids) = self.ids() else {
            return;
        };
        let number = |id| self.told.number_of_upper(ids, id);
        match event {
            TreeEvent::Node(id) => sink(TreeEvent::Node(number(id))),
            TreeEvent::Aside(id) => sink(TreeEvent::Aside(number(id))),
            TreeEvent::Entry(dir, kept) => match self.user_name(kept) {
                Some(name) => {
                    self.dirs.forget_named(&name);
                    sink(TreeEvent::Entry(number(dir), name));
                }
                None => {
                    self.dirs.forget_all();
                    sink(TreeEvent::All);
                }
            },
            TreeEvent::All => {
                self.dirs.forget_all();
                sink(TreeEvent::All);
            }
        }
    }

    /// What a user calls the name `kept` of the upper; `None`: it means more than one name.
    fn user_name(&self, kept: Name) -> Option<Name> {
        match self.marks_are_files() {
            Ok(false) => Some(kept),
            Ok(true) => match names::read(kept.as_os_str()) {
                Kept::Entry(name) | Kept::Gone(name) => Some(name),
                Kept::Opaque | Kept::Own => None,
            },
            Err(_) => None,
        }
    }

    /// The base's directory `base` shows in the one with this number.
    pub(super) fn note_merged(&self, base: Option<&Metadata>, number: FileId) -> Result<()> {
        if let Some(base) = base.filter(|_| self.told.is_listened())
            && self.ids()?.base(base.id) != number
        {
            self.told.merged.lock().insert(base.id, number);
        }
        Ok(())
    }

    /// `source` of the base, in `dir`, is the node `copy` of the upper now. The caller holds the lock.
    pub(super) fn tell_copied(&self, dir: &VPath, source: &Metadata, copy: FileId) -> Result<()> {
        if !self.told.is_listened() {
            return Ok(());
        }
        let ids = self.ids()?;
        let number = ids.base(source.id);
        if Ids::keeps(source) {
            self.told.note_copy(copy, number);
        } else {
            self.told.aside(ids.upper(copy));
        }
        self.told.aside(number);
        self.tell_aside(dir)
    }

    /// The node at `path` changed aside. The caller holds the lock.
    pub(super) fn tell_aside(&self, path: &VPath) -> Result<()> {
        if self.told.is_listened() {
            let id = self.describe(path, &self.look(path)?)?.id;
            self.told.aside(id);
        }
        Ok(())
    }
}

/// Tells a sink what a layer's event means here.
type Translate = fn(&Core, TreeEvent, &TreeSink);
