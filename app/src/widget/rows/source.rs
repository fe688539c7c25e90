//! What goes into a list and what comes out of it.

use std::borrow::Cow;
use std::ops::Range;

use egui::{Color32, Pos2};

use crate::theme::Icon;

/// Where the rows of a list come from. Asked only for visible rows.
pub trait RowSource {
    /// How many rows.
    fn len(&self) -> usize;

    /// Are there none?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stays the same when rows move: a hash of the entry's name, never the row's number.
    fn key(&self, row: usize) -> u64;

    /// Name and icon.
    fn row(&self, row: usize) -> Row<'_>;

    /// Appends the text of another column (never 0, the name) to `text`.
    fn cell(&self, row: usize, column: usize, text: &mut String);

    /// Is it selected?
    fn is_selected(&self, row: usize) -> bool;
}

/// The beginning of a row.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its name, for display.
    pub name: Cow<'a, str>,
    /// Its icon.
    pub icon: Icon,
    /// Colour of the icon; `None`: muted.
    pub icon_color: Option<Color32>,
    /// What stands in the corner of the icon: of a link.
    pub badge: Option<Icon>,
    /// Cut to the clipboard, or hidden.
    pub dimmed: bool,
    /// Deleted in this layer.
    pub struck: bool,
}

/// What a drop right now would go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropHint {
    /// Nothing here.
    #[default]
    None,
    /// A folder in the list.
    Row(usize),
    /// The folder that is listed.
    All,
}

/// How a row joins the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It alone; it becomes the anchor of ranges.
    Only,
    /// In when it was out, out when it was in; it becomes the anchor of ranges.
    Toggle,
    /// All from the anchor to it, and nothing else.
    Range,
    /// All from the anchor to it, beside what is selected.
    AddRange,
}

/// A moment in the life of a rubber band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandPhase {
    /// It begins: remember the selection.
    Begin,
    /// It covers other rows than before.
    Change,
    /// The button was released.
    End,
    /// Escape: the remembered selection comes back.
    Cancel,
}

/// What the user did in a list.
#[derive(Clone, Debug, PartialEq)]
pub enum RowsEvent {
    /// A row was pressed, or reached by keyboard; the cursor moves to it.
    Select {
        /// Which.
        row: usize,
        /// How it joins the selection.
        how: How,
    },
    /// Only the cursor moves.
    Cursor(usize),
    /// A click beside all rows.
    SelectNone,
    /// A rubber band; with `how` it replaces (`Only`), toggles (`Toggle`) or adds to (`AddRange`) what was selected.
    Band {
        /// What happened.
        phase: BandPhase,
        /// The rows it covers.
        rows: Range<usize>,
        /// What it does with them.
        how: How,
    },
    /// Double click, or middle click for a new tab.
    Activate {
        /// Which.
        row: usize,
        /// In a new tab?
        new_tab: bool,
    },
    /// A context menu is wanted; `None`: of the folder itself.
    Menu {
        /// Of which row, which is selected by now.
        row: Option<usize>,
        /// Where.
        at: Pos2,
    },
    /// The selection is being dragged by this row.
    Drag {
        /// Which.
        row: usize,
    },
    /// A header was clicked.
    Sort(usize),
    /// Text was typed.
    Typed(String),
}
