//! A tab: one place in one filesystem, and everything needed to come back to it as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::ops::{FsRef, Place};
use fs_core::{Error, FileId};

use super::{Generation, RelPath, Search, Selection, TabId, View};

/// One tab.
#[derive(Debug)]
pub struct Tab {
    /// Its id.
    pub id: TabId,
    /// Where it is; `None` is the Welcome tab.
    pub place: Option<Place>,
    /// What it shows.
    pub view: View,
    /// The folder that is shown, once it is known; tells whether two tabs share a device.
    pub folder: Option<FileId>,
    /// Whether the view is what it should be.
    pub load: Load,
    /// The answer it waits for, and the way to make the worker stop.
    pub wanted: Generation,
    /// Set to stop the running listing.
    pub cancel: Arc<AtomicBool>,
    /// The row the keyboard acts on; separate from the selection.
    pub cursor: Option<Cursor>,
    /// Where a Shift-selection started.
    pub anchor: Option<RelPath>,
    /// What is selected.
    pub selection: Selection,
    /// What is selected, in numbers.
    pub selected: Selected,
    /// What was selected when this program began to take it away: once it is gone its neighbour is selected.
    pub leaving: Option<Selection>,
    /// Order, hidden files and filter.
    pub arrange: Arrange,
    /// What is looked for below the folder; the rows are what was found then.
    pub search: Option<Search>,
    /// Places before and after this one.
    pub back: Vec<Visit>,
    /// See `back`.
    pub forward: Vec<Visit>,
    /// What to do with cursor and selection when the next view arrives.
    pub arrival: Arrival,
    /// The entry being renamed.
    pub rename: Option<RelPath>,
}

/// Whether the view is what it should be.
#[derive(Clone, Debug)]
pub enum Load {
    /// No rows yet.
    Loading,
    /// There are rows, perhaps with more to come.
    Ready,
    /// It could not be listed.
    Failed(Error),
    /// The user stopped it.
    Stopped,
}

/// The row with the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its entry.
    pub name: RelPath,
    /// Where it is in the view.
    pub row: usize,
}

/// How many entries are selected and what they weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Entries.
    pub count: usize,
    /// Folders among them.
    pub folders: usize,
    /// Bytes of the files among them.
    pub bytes: u64,
    /// Entries that a layer deleted; not counted above.
    pub deleted: usize,
}

/// In which order which entries are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrange {
    /// The column that decides.
    pub column: Column,
    /// Largest first.
    pub descending: bool,
    /// Folders stand before everything else.
    pub folders_first: bool,
    /// Names with a leading dot are shown.
    pub show_hidden: bool,
    /// What a layer deleted is listed too.
    pub show_deleted: bool,
    /// Only names that contain this, whatever the case; empty: all.
    pub filter: String,
}

impl Default for Arrange {
    fn default() -> Self {
        Self {
            column: Column::Name,
            descending: false,
            folders_first: true,
            show_hidden: false,
            show_deleted: false,
            filter: String::new(),
        }
    }
}

/// A column of the list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Column {
    /// Name.
    Name,
    /// Size in bytes.
    Size,
    /// The folder it was found in.
    Folder,
    /// Last change.
    Modified,
    /// Kind of file.
    Kind,
    /// The layer a stack shows it from.
    Layer,
}

/// A place with what was to be seen there.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The place.
    pub place: Option<Place>,
    /// The cursor.
    pub cursor: Option<RelPath>,
    /// The selection.
    pub selection: Selection,
    /// The first row in sight, with the part of it that is scrolled away.
    pub position: f64,
    /// What was looked for there.
    pub search: Option<Search>,
}

/// What happens to cursor, selection and scroll when a view arrives.
#[derive(Clone, Debug, Default)]
pub enum Arrival {
    /// They stay with their names; a cursor whose entry is gone goes to its neighbour.
    #[default]
    Keep,
    /// A new folder: the first row gets the cursor, nothing is selected.
    Fresh,
    /// As it was.
    Restore {
        /// The cursor.
        cursor: Option<RelPath>,
        /// The first row in sight.
        position: f64,
    },
    /// This entry gets the cursor, is selected (and perhaps renamed) and comes into sight, once it is there.
    Reveal {
        /// The entry.
        name: RelPath,
        /// Start renaming it.
        rename: bool,
    },
}

impl Tab {
    /// A tab at `place`, nothing asked for yet.
    pub fn new(place: Option<Place>, arrange: Arrange) -> Self {
        Self {
            id: TabId::fresh(),
            load: if place.is_some() {
                Load::Loading
            } else {
                Load::Ready
            },
            place,
            view: View::default(),
            folder: None,
            wanted: Generation::fresh(),
            cancel: Arc::default(),
            cursor: None,
            anchor: None,
            selection: Selection::none(),
            selected: Selected::default(),
            leaving: None,
            arrange,
            search: None,
            back: Vec::new(),
            forward: Vec::new(),
            arrival: Arrival::Fresh,
            rename: None,
        }
    }

    /// Stops the worker that lists for this tab and makes its answers stale.
    pub fn supersede(&mut self) -> (Generation, Arc<AtomicBool>) {
        self.cancel.store(true, Ordering::Relaxed);
        self.cancel = Arc::default();
        self.wanted = Generation::fresh();
        (self.wanted, self.cancel.clone())
    }

    /// Are its rows what was found below the folder?
    pub fn shows_found(&self) -> bool {
        self.search.as_ref().is_some_and(Search::is_on)
    }

    /// The filesystem it shows.
    pub fn fs(&self) -> Option<&FsRef> {
        self.place.as_ref().map(|place| &place.fs)
    }

    /// What the history keeps of the present; `position`: the first row in sight.
    pub fn visit(&self, position: f64) -> Visit {
        Visit {
            place: self.place.clone(),
            cursor: self.cursor.as_ref().map(|cursor| cursor.name.clone()),
            selection: self.selection.clone(),
            position,
            search: self.search.clone().filter(Search::is_on),
        }
    }

    /// The names a command acts on: the selection in the order shown, or the cursor when nothing is selected. Never what a layer deleted.
    pub fn targets(&self) -> Vec<RelPath> {
        self.chosen(false)
    }

    /// The same of what the top layer deleted; `top`: its number.
    pub fn deleted_targets(&self, top: usize) -> Vec<RelPath> {
        let mut names = self.chosen(true);
        names.retain(|name| {
            let row = self.view.row_of(name.as_os_str(), 0);
            row.is_some_and(|row| self.view.facts(row).deleted_in == Some(top))
        });
        names
    }

    fn chosen(&self, deleted: bool) -> Vec<RelPath> {
        if self.selection.is_none() {
            return self
                .cursor
                .iter()
                .filter(|cursor| {
                    let row = self.view.row_of(cursor.name.as_os_str(), cursor.row);
                    row.is_some_and(|row| self.view.is_deleted(row) == deleted)
                })
                .map(|cursor| cursor.name.clone())
                .collect();
        }
        let is_wanted =
            |row: &usize| deleted == (self.view.counts.deleted > 0 && self.view.is_deleted(*row));
        (0..self.view.len())
            .filter(is_wanted)
            .filter_map(|row| self.view.row(row))
            .filter(|entry| self.selection.contains(entry.name))
            .filter_map(|entry| RelPath::new(entry.name))
            .collect()
    }

    /// Has a command something to act on? Cheaper than [`Self::targets`].
    pub fn has_targets(&self) -> bool {
        if !self.selection.is_none() {
            return self.selected.count > 0;
        }
        self.cursor
            .as_ref()
            .is_some_and(|cursor| !self.view.is_deleted(cursor.row))
    }

    /// Counts the selection anew; to be called when it or the view changes.
    pub fn recount(&mut self) {
        let mut sum = Selected::default();
        if !self.selection.is_none() {
            for row in 0..self.view.len() {
                let Some(entry) = self.view.row(row) else {
                    continue;
                };
                if !self.selection.contains(entry.name) {
                    continue;
                }
                if self.view.is_deleted(row) {
                    sum.deleted += 1;
                    continue;
                }
                sum.count += 1;
                sum.folders += usize::from(entry.kind == fs_core::FileKind::Directory);
                sum.bytes += super::view::countable_bytes(&entry);
            }
        }
        self.selected = sum;
    }
}
