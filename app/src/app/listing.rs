//! Cursor, selection and scroll of a list, and what a new view does to them.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::App;
use crate::background::Request;
use crate::command::ListCommand;
use crate::state::rel_path::file_name_of;
use crate::state::{Arrival, Column, Cursor, Load, RelPath, Selection, Tab, TabId, View};
use crate::widget::rows::{BandPhase, How, RowsState};

/// Letters typed within this time belong together.
pub(crate) const TYPED_TOGETHER: Duration = Duration::from_secs(1);

impl App {
    /// Carries out a command on a list.
    pub(super) fn run_list(&mut self, id: TabId, command: ListCommand) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        match command {
            ListCommand::Select(row, how) => select_row(tab, row, how),
            ListCommand::Cursor(row) => {
                put_cursor(tab, row);
                tab.arrival = Arrival::Keep;
            }
            ListCommand::Band { phase, rows, how } => {
                let base = match phase {
                    BandPhase::Begin => tab.selection.clone(),
                    _ => self.drafts.band.take().unwrap_or_default(),
                };
                if phase == BandPhase::Cancel {
                    select(tab, base);
                } else {
                    band(tab, rows, how, &base);
                    self.drafts.band = (phase != BandPhase::End).then_some(base);
                }
            }
            ListCommand::SelectAll => select(tab, Selection::all()),
            ListCommand::SelectNone => select(tab, Selection::none()),
            ListCommand::Invert => {
                let mut selection = tab.selection.clone();
                selection.invert();
                select(tab, selection);
            }
            ListCommand::Typed(text) => {
                let before = self.drafts.typed.take();
                let before =
                    before.filter(|(when, tab, _)| *tab == id && when.elapsed() < TYPED_TOGETHER);
                let prefix = before.map(|(.., before)| before).unwrap_or_default() + &text;
                // A space alone is a key, not the start of a name.
                if !prefix.trim().is_empty() {
                    if let Some(row) = type_ahead(tab, &prefix) {
                        select_row(tab, row, How::Only);
                        self.drafts.rows(id).reveal(row);
                    }
                    self.drafts.typed = Some((Instant::now(), id, prefix));
                }
            }
            ListCommand::Sort(column) => {
                let turn = tab.arrange.column == column;
                // Newest and largest first is what one looks for.
                let natural = matches!(column, Column::Size | Column::Modified);
                tab.arrange.descending = if turn {
                    !tab.arrange.descending
                } else {
                    natural
                };
                tab.arrange.column = column;
                // Only what was found has a folder; lists that are opened later have not.
                if column != Column::Folder {
                    self.state.settings.sort_column = tab.arrange.column;
                    self.state.settings.sort_descending = tab.arrange.descending;
                }
                self.rearrange(id);
            }
            ListCommand::Filter(filter) => {
                tab.arrange.filter = filter;
                self.rearrange(id);
            }
            ListCommand::Search(text) => self.look_for(id, text),
            ListCommand::EndSearch => self.end_search(id),
            ListCommand::Rename(name) => {
                tab.rename = Some(name);
                self.begin_rename(id);
            }
            ListCommand::CancelRename => tab.rename = None,
        }
    }

    /// Sorts and filters again what was listed.
    pub(super) fn rearrange(&mut self, id: TabId) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let Some(fs) = tab.fs().cloned() else {
            return;
        };
        let searching = tab.search.as_ref().is_some_and(|search| search.busy);
        if !matches!(tab.load, Load::Ready) || tab.view.streaming || searching {
            // What is still coming has to come in the new order.
            self.list(id, true);
            return;
        }
        let (generation, _) = tab.supersede();
        let request = Request::Arrange {
            tab: id,
            generation,
            view: tab.view.clone(),
            arrange: tab.arrange.clone(),
            fs,
        };
        self.background.send(request);
    }

    /// Fills the field of the entry that is being renamed, once it is in the list.
    pub(super) fn begin_rename(&mut self, id: TabId) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let Some(name) = tab.rename.clone() else {
            return;
        };
        let hint = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
        match tab.view.row_of(name.as_os_str(), hint) {
            Some(row) => {
                let kind = tab.view.row(row).map(|entry| entry.kind);
                self.drafts.rows(id).reveal(row);
                self.drafts.begin_rename(id, &name, kind);
            }
            // Someone else removed or renamed it.
            None if !tab.view.streaming => tab.rename = None,
            None => {}
        }
    }
}

/// Shows `view` instead of what was shown; returns the old one, to be dropped elsewhere.
pub(super) fn arrive(tab: &mut Tab, view: View, rows: &mut RowsState) -> View {
    let streaming = view.streaming;
    let top_row = rows.position().floor();
    let top = tab
        .view
        .row(top_row as usize)
        .and_then(|entry| RelPath::new(entry.name));
    let old = std::mem::replace(&mut tab.view, view);
    tab.load = Load::Ready;
    match tab.arrival.clone() {
        Arrival::Fresh => put_cursor(tab, 0),
        Arrival::Restore { cursor, position } => {
            let row = cursor.and_then(|name| tab.view.row_of(name.as_os_str(), 0));
            put_cursor(tab, row.unwrap_or(0));
            rows.set_position(position);
        }
        Arrival::Reveal { name, rename } => match tab.view.row_of(name.as_os_str(), 0) {
            Some(row) => {
                select_row(tab, row, How::Only);
                rows.reveal(row);
                if rename {
                    tab.rename = Some(name);
                }
            }
            None => keep(tab),
        },
        Arrival::Keep => {
            keep(tab);
            // The same rows stay in sight, whatever came or went above them.
            if let Some(name) = top
                && top_row > 0.0
                && let Some(row) = tab.view.row_of(name.as_os_str(), top_row as usize)
            {
                rows.set_position(row as f64 + rows.position().fract());
            }
        }
    }
    if !streaming {
        tab.arrival = Arrival::Keep;
    }
    let had_selection = !tab.selection.is_none();
    tab.recount();
    let gone = tab.selected.count + tab.selected.deleted == 0;
    if had_selection && gone && !streaming && !tab.view.is_empty() {
        // What was selected is gone: after a deletion of ours its neighbour, which has the cursor now, is selected; a filter only hides. Not when others took it
        // away: the next key would be for what nobody chose.
        let ours = tab.leaving.take().is_some_and(|it| it == tab.selection);
        let neighbour = tab.cursor.as_ref().map(|cursor| cursor.name.clone());
        match neighbour {
            Some(name) if ours && tab.arrange.filter.is_empty() => {
                select(tab, Selection::one(name));
            }
            _ => select(tab, Selection::none()),
        }
    }
    old
}

fn keep(tab: &mut Tab) {
    let row = tab.cursor.as_ref().map_or(0, |cursor| {
        let found = tab.view.row_of(cursor.name.as_os_str(), cursor.row);
        found.unwrap_or(cursor.row.min(tab.view.len().saturating_sub(1)))
    });
    put_cursor(tab, row);
}

fn put_cursor(tab: &mut Tab, row: usize) {
    tab.cursor = name_at(tab, row).map(|name| Cursor { name, row });
}

fn name_at(tab: &Tab, row: usize) -> Option<RelPath> {
    RelPath::new(tab.view.row(row)?.name)
}

/// Puts the cursor on `row` and changes the selection as `how` says.
fn select_row(tab: &mut Tab, row: usize, how: How) {
    let Some(name) = name_at(tab, row) else {
        return;
    };
    let cursor_row = tab.cursor.as_ref().map(|cursor| cursor.row);
    tab.cursor = Some(Cursor {
        name: name.clone(),
        row,
    });
    tab.arrival = Arrival::Keep;
    match how {
        How::Only => {
            tab.anchor = Some(name.clone());
            tab.selection = Selection::one(name);
        }
        How::Toggle => {
            tab.anchor = Some(name.clone());
            tab.selection.toggle(name);
        }
        How::Range | How::AddRange => {
            let anchor = tab.anchor.as_ref();
            let from = anchor
                .and_then(|anchor| tab.view.row_of(anchor.as_os_str(), row))
                .or(cursor_row)
                .unwrap_or(row);
            if how == How::Range {
                tab.selection = Selection::none();
            }
            tab.anchor = name_at(tab, from);
            change_rows(tab, from.min(row)..from.max(row) + 1, |selection, name| {
                selection.set(name, true);
            });
        }
    }
    tab.recount();
}

fn change_rows(tab: &mut Tab, rows: Range<usize>, change: impl Fn(&mut Selection, RelPath)) {
    let mut selection = std::mem::take(&mut tab.selection);
    rows.filter_map(|row| name_at(tab, row))
        .for_each(|name| change(&mut selection, name));
    tab.selection = selection;
}

/// A rubber band over `rows`; `base` is what was selected before it.
fn band(tab: &mut Tab, rows: Range<usize>, how: How, base: &Selection) {
    tab.selection = match how {
        How::Only | How::Range => Selection::none(),
        How::Toggle | How::AddRange => base.clone(),
    };
    change_rows(tab, rows, |selection, name| match how {
        How::Toggle => selection.toggle(name),
        _ => selection.set(name, true),
    });
    tab.arrival = Arrival::Keep;
    tab.recount();
}

fn select(tab: &mut Tab, selection: Selection) {
    tab.selection = selection;
    tab.arrival = Arrival::Keep;
    tab.recount();
}

/// The next row whose name starts with `prefix`, whatever the case. One letter again and again goes through all that start with it.
fn type_ahead(tab: &Tab, prefix: &str) -> Option<usize> {
    let first = prefix.chars().next()?;
    let same_letter = prefix.chars().all(|c| c == first);
    let from = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
    let len = tab.view.len();
    let search = |prefix: &str, skip: usize| {
        (0..len).map(|n| (from + skip + n) % len).find(|row| {
            tab.view.row(*row).is_some_and(|entry| {
                starts_with(&file_name_of(entry.name).to_string_lossy(), prefix)
            })
        })
    };
    let single = prefix.chars().nth(1).is_none();
    search(prefix, usize::from(single))
        .or_else(|| search(first.encode_utf8(&mut [0; 4]), 1).filter(|_| same_letter))
}

fn starts_with(name: &str, prefix: &str) -> bool {
    let mut name = name.chars().flat_map(char::to_lowercase);
    prefix
        .chars()
        .flat_map(char::to_lowercase)
        .all(|c| name.next() == Some(c))
}
