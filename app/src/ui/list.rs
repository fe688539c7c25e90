//! The rows of a folder, and what the mouse and the keyboard do to them.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use egui::{Align, Ui};
use fs_core::FileKind;
use fs_core::extensions::Origin;
use jiff::Zoned;

use super::{
    Cx, Drafts, context_menu, drag, filter_strip, is_active, rename, search_strip, text, view_state,
};
use crate::command::{Command, ListCommand, OpenIn};
use crate::state::file_type::{self, FileType};
use crate::state::layers::LayerInfo;
use crate::state::layout::{Resize, Sizes};
use crate::state::rel_path::{file_name_of, folder_of};
use crate::state::{Clip, Column, Density, EntryFacts, LinkTarget, PaneId, RelPath, Tab};
use crate::theme::{FsKind, Icon, Tokens, UiTokens as _, metrics};
use crate::widget::rows::{self, How, Row, RowSource, Rows, RowsEvent};

/// The columns of a tab, from left to right; `layered`: of a stack.
fn columns_of(tab: &Tab, layered: bool) -> Vec<Column> {
    let mut columns = vec![Column::Name];
    columns.extend(tab.shows_found().then_some(Column::Folder));
    columns.extend([Column::Size, Column::Modified, Column::Kind]);
    columns.extend(layered.then_some(Column::Layer));
    columns
}

/// Entries of a tab as rows.
struct Entries<'a> {
    tab: &'a Tab,
    clip: Option<&'a Clip>,
    tokens: &'static Tokens,
    folder_hue: egui::Color32,
    layers: Vec<&'a LayerInfo>,
    columns: &'a [Column],
    now: Zoned,
}

impl RowSource for Entries<'_> {
    fn len(&self) -> usize {
        self.tab.view.len()
    }

    fn key(&self, row: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(entry) = self.tab.view.row(row) {
            entry.name.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn row(&self, row: usize) -> Row<'_> {
        let Some(entry) = self.tab.view.row(row) else {
            return Row {
                name: "".into(),
                icon: Icon::File,
                icon_color: None,
                badge: None,
                dimmed: false,
                struck: false,
            };
        };
        let facts = self.tab.view.facts(row);
        let deleted = facts.deleted_in.is_some();
        let name = file_name_of(entry.name);
        let (icon, icon_color, badge) = self.icon(entry.kind, &facts, name);
        let hidden = name.as_encoded_bytes().starts_with(b".");
        Row {
            name: name.to_string_lossy(),
            icon,
            icon_color,
            badge,
            dimmed: hidden || deleted || self.is_cut(entry.name),
            struck: deleted,
        }
    }

    fn cell(&self, row: usize, column: usize, into: &mut String) {
        let Some(entry) = self.tab.view.row(row) else {
            return;
        };
        match self.columns.get(column) {
            Some(Column::Folder) => into.push_str(&folder_of(entry.name).to_string_lossy()),
            Some(Column::Size) if entry.kind == FileKind::File => {
                if let Some(metadata) = entry.metadata {
                    into.push_str(&text::size(metadata.size));
                }
            }
            Some(Column::Modified) => {
                if let Some(metadata) = entry.metadata {
                    text::when(metadata.mtime, &self.now, into);
                }
            }
            Some(Column::Kind) => {
                let target = self.tab.view.facts(row).target;
                into.push_str(&file_type::word_of(
                    entry.kind,
                    target,
                    file_name_of(entry.name),
                ));
            }
            Some(Column::Layer) => into.push_str(&self.layer(row)),
            _ => {}
        }
    }

    fn is_selected(&self, row: usize) -> bool {
        self.tab
            .view
            .row(row)
            .is_some_and(|entry| self.tab.selection.contains(entry.name))
    }
}

impl Entries<'_> {
    /// The icon of an entry, its colour, and what stands in its corner.
    fn icon(
        &self,
        kind: FileKind,
        facts: &EntryFacts,
        name: &std::ffi::OsStr,
    ) -> (Icon, Option<egui::Color32>, Option<Icon>) {
        let of = |kind| icon_of(kind, name, self.tokens, self.folder_hue);
        match facts.target {
            LinkTarget::Nowhere => (Icon::LinkBroken, Some(self.tokens.danger), None),
            LinkTarget::Outside => (Icon::Link, Some(self.tokens.danger), Some(Icon::NotAllowed)),
            LinkTarget::To(end) => {
                let (icon, color) = of(end);
                (icon, color, Some(Icon::Link))
            }
            LinkTarget::Unknown => {
                let (icon, color) = of(kind);
                (icon, color, None)
            }
        }
    }

    /// The layer a row is seen from, and what the top layer did to it.
    fn layer(&self, row: usize) -> Cow<'_, str> {
        let name = |layer: usize| {
            self.layers
                .get(layer)
                .map_or("", |layer| layer.name.as_str())
        };
        let top = self.layers.last().map_or("", |layer| layer.name.as_str());
        let facts = self.tab.view.facts(row);
        if let Some(layer) = facts.deleted_in {
            return format!("deleted in {}", name(layer)).into();
        }
        match facts.origin {
            Some(Origin::Base(layer)) => name(layer).into(),
            Some(Origin::Upper) => format!("{top}, added").into(),
            Some(Origin::Changed) => format!("{top}, changed").into(),
            Some(Origin::Merged) => "Several".into(),
            None => "".into(),
        }
    }

    fn is_cut(&self, name: &std::ffi::OsStr) -> bool {
        let Some((clip, place)) = self
            .clip
            .filter(|clip| clip.cut)
            .zip(self.tab.place.as_ref())
        else {
            return false;
        };
        let Some(here) = RelPath::new(name).map(|way| way.at(place)) else {
            return false;
        };
        clip.items.contains(&here)
    }
}

/// The icon of an entry and its colour; folders have the hue of their filesystem.
pub(super) fn icon_of(
    kind: FileKind,
    name: &std::ffi::OsStr,
    tokens: &Tokens,
    folder_hue: egui::Color32,
) -> (Icon, Option<egui::Color32>) {
    let icon = match file_type::of(kind, name) {
        FileType::Folder => return (Icon::Folder, Some(folder_hue)),
        FileType::Filesystem => {
            let kind = match std::path::Path::new(name)
                .extension()
                .and_then(|e| e.to_str())
            {
                Some("mem") => FsKind::Memory,
                Some("ron") => FsKind::Stack,
                _ => FsKind::Vault,
            };
            return (kind.icon(), Some(tokens.hue(kind)));
        }
        FileType::Link => Icon::Link,
        FileType::Special => Icon::Device,
        FileType::Text => Icon::FileText,
        FileType::Code => Icon::FileCode,
        FileType::Image => Icon::FileImage,
        FileType::Audio => Icon::FileAudio,
        FileType::Video => Icon::FileVideo,
        FileType::Archive => Icon::FileArchive,
        FileType::Document => Icon::FilePdf,
        FileType::Other => Icon::File,
    };
    (icon, None)
}

/// A column as the table of rows wants it.
fn table_column(which: Column, sizes: &Sizes) -> rows::Column {
    let m = metrics();
    let (title, width, align, drop_rank) = match which {
        Column::Name => ("Name", 0.0, Align::Min, 0),
        Column::Folder => ("Folder", m.column_folder, Align::Min, 0),
        Column::Size => ("Size", m.column_size, Align::Max, 0),
        Column::Modified => ("Modified", m.column_modified, Align::Min, 1),
        Column::Kind => ("Kind", m.column_kind, Align::Min, 3),
        Column::Layer => ("Layer", m.column_layer, Align::Min, 2),
    };
    let chosen = sizes.columns.get(&which);
    let width = chosen.map_or(width, |width| width.clamp(m.column_min, m.column_max));
    rows::Column {
        title,
        width,
        align,
        drop_rank,
    }
}

/// The list of a tab.
pub(super) fn list_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId) {
    let m = metrics();
    search_strip::strip_ui(ui, cx, drafts, tab, pane);
    filter_strip::strip_ui(ui, cx, drafts, tab);
    let layers = cx
        .state
        .fs_of(tab)
        .map_or_else(Vec::new, |info| info.shown_layers().collect());
    let shown = columns_of(tab, layers.len() > 1);
    let columns: Vec<_> = shown
        .iter()
        .map(|which| table_column(*which, &cx.state.sizes))
        .collect();
    let kind = cx
        .state
        .fs_of(tab)
        .map_or(FsKind::Host, |info| info.kind.into());
    let entries = Entries {
        tab,
        clip: cx.state.clip.as_ref(),
        tokens: ui.tokens(),
        folder_hue: ui.tokens().hue(kind),
        layers,
        columns: &shown,
        now: Zoned::now(),
    };
    let editing = tab.rename.as_ref().and_then(|name| {
        let hint = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
        tab.view.row_of(name.as_os_str(), hint)
    });
    let sort = shown
        .iter()
        .position(|column| *column == tab.arrange.column);
    let active = is_active(cx.state, pane);
    let name = tab
        .place
        .as_ref()
        .map(crate::state::filesystem::title_of)
        .unwrap_or_default();
    let list = Rows {
        source: &entries,
        columns: &columns,
        sort: sort.map(|column| (column, !tab.arrange.descending)),
        cursor: tab.cursor.as_ref().map(|cursor| cursor.row),
        active,
        drop: drag::hint_for(drafts, tab.id),
        editing,
        row_height: match cx.state.settings.density {
            Density::Compact => m.row_compact,
            Density::Normal => m.row,
            Density::Comfortable => m.row_comfortable,
        },
        name: &name,
    };
    let before = drafts.rows(tab.id).column_widths().to_vec();
    let out = list.show(ui, "list", drafts.rows(tab.id));
    keep_widths(cx, &shown, &before, drafts.rows(tab.id).column_widths());
    if tab.view.is_empty() && !tab.view.streaming {
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(out.body));
        view_state::empty_ui(&mut ui, cx, tab);
    }
    if let Some(rect) = out.editing {
        rename::rename_ui(ui, cx, drafts, tab, rect);
    }
    drag::list_target(ui, cx, drafts, tab, &out);
    for event in out.events {
        on_event(ui, cx, drafts, tab, &shown, event);
    }
    drafts.lists.insert(pane, out.response.id);
    let escaped = tab.search.is_some()
        && drafts.focused_list == Some(pane)
        && drafts.menu.is_none()
        && can_escape(ui);
    if escaped && ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
        search_strip::escape(cx, tab);
    }
    // An Enter that ended typing somewhere else, and so gave the keyboard to the list, opens nothing.
    let had_keyboard = out.response.has_focus() && !out.response.gained_focus();
    keep_focus(ui, cx, drafts, &out.response, active.then_some(pane));
    if out.response.has_focus() {
        drafts.focused_list = Some(pane);
        if had_keyboard {
            enter_ui(ui, cx, tab);
        }
        menu_key_ui(ui, cx, drafts, tab, &out.body, list.row_height);
    } else if drafts.focused_list == Some(pane) {
        drafts.focused_list = None;
    }
}

/// Has nothing else a use for Escape: a menu, something that is dragged?
fn can_escape(ui: &Ui) -> bool {
    !egui::Popup::is_any_open(ui.ctx()) && !egui::DragAndDrop::has_any_payload(ui.ctx())
}

/// Widths the user changed are those of lists that are opened later.
fn keep_widths(cx: &Cx<'_>, shown: &[Column], before: &[f32], now: &[f32]) {
    let changed = before
        .iter()
        .zip(now)
        .zip(shown)
        .filter(|((a, b), _)| a != b);
    for ((_, width), column) in changed.filter(|_| before.len() == now.len()) {
        cx.resize(Resize::Column(*column, *width));
    }
}

/// The keyboard always belongs to something: when nothing else has it, to the list of the active pane.
fn keep_focus(
    ui: &Ui,
    cx: &Cx<'_>,
    drafts: &Drafts,
    list: &egui::Response,
    active: Option<PaneId>,
) {
    let busy = cx.state.dialog.is_some()
        || cx.state.palette
        || drafts.rename.is_some()
        || drafts.path.is_some()
        || egui::Popup::is_any_open(ui.ctx());
    let focused = ui.memory(|memory| memory.focused());
    let Some(pane) = active.filter(|_| !busy) else {
        return;
    };
    if focused.is_none() || focused == drafts.lists.get(&pane.other()).copied() {
        list.request_focus();
    }
}

/// Enter opens; with Ctrl in a new tab.
fn enter_ui(ui: &Ui, cx: &Cx<'_>, tab: &Tab) {
    use egui::{Key, Modifiers};
    if tab.rename.is_some() {
        return;
    }
    let enter = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    if enter && let Some(cursor) = &tab.cursor {
        cx.send(Command::Activate(
            tab.id,
            cursor.name.clone(),
            OpenIn::Tab(tab.id),
        ));
    }
}

/// Shift+F10 opens the menu of the selection, at the row of the cursor.
fn menu_key_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    tab: &Tab,
    body: &egui::Rect,
    row_height: f32,
) {
    use egui::{Key, Modifiers};
    if ui.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::F10)) {
        let row = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
        let rows_down = row as f64 - drafts.rows(tab.id).position() + 1.0;
        let below = (rows_down as f32 * row_height).clamp(0.0, body.height());
        let at = body.left_top() + egui::vec2(metrics().sidebar_narrow, below);
        let about = about_row(tab, tab.cursor.as_ref().map(|cursor| cursor.row));
        context_menu::open(drafts, about, is_layered(cx, tab), at);
    }
}

fn on_event(
    ui: &Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    tab: &Tab,
    shown: &[Column],
    event: RowsEvent,
) {
    let list = |command| cx.send(Command::List(tab.id, command));
    let name_at = |row: usize| RelPath::new(tab.view.row(row)?.name);
    match event {
        RowsEvent::Select { row, how } => list(ListCommand::Select(row, how)),
        RowsEvent::Cursor(row) => list(ListCommand::Cursor(row)),
        RowsEvent::SelectNone => list(ListCommand::SelectNone),
        RowsEvent::Band { phase, rows, how } => list(ListCommand::Band { phase, rows, how }),
        RowsEvent::Activate { row, new_tab } => {
            if let Some(name) = name_at(row) {
                let open_in = if new_tab {
                    OpenIn::NewTab
                } else {
                    OpenIn::Tab(tab.id)
                };
                cx.send(Command::Activate(tab.id, name, open_in));
            }
        }
        RowsEvent::Menu { row, at } => {
            // A click so quick that its press was not seen still decides what the menu is about.
            if let Some(row) = row.filter(|row| !is_selected(tab, *row)) {
                list(ListCommand::Select(row, How::Only));
            }
            let about = about_row(tab, row);
            context_menu::open(drafts, about, is_layered(cx, tab), at);
        }
        RowsEvent::Drag { row } => {
            let there = !tab.view.is_deleted(row);
            drag::start(ui, tab, name_at(row).filter(|_| there));
        }
        RowsEvent::Sort(column) => {
            if let Some(column) = shown.get(column) {
                list(ListCommand::Sort(*column));
            }
        }
        RowsEvent::Typed(text) => list(ListCommand::Typed(text)),
    }
}

/// What a menu over a row, or over none, is about.
fn about_row(tab: &Tab, row: Option<usize>) -> context_menu::About {
    match row {
        Some(row) if tab.view.is_deleted(row) => context_menu::About::Deleted,
        Some(_) if tab.shows_found() => context_menu::About::Found,
        Some(_) => context_menu::About::Entries,
        None if tab.shows_found() => context_menu::About::Search,
        None => context_menu::About::Folder,
    }
}

fn is_layered(cx: &Cx<'_>, tab: &Tab) -> bool {
    cx.state.fs_of(tab).is_some_and(|info| info.is_layered())
}

fn is_selected(tab: &Tab, row: usize) -> bool {
    tab.view
        .row(row)
        .is_some_and(|entry| tab.selection.contains(entry.name))
}
