//! The strip over the list with the field that searches below the folder: what is looked for, how far the search has come, and the way back.

use egui::{Align, Button, Key, Layout, Modifiers, Ui};

use super::filter_strip::field_strip_ui;
use super::{Cx, Drafts, text};
use crate::command::{Command, ListCommand};
use crate::state::{PaneId, Search, Tab};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::widget::{icon_button, search_field};

/// The strip, while the field is open.
pub(super) fn strip_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId) {
    let Some(search) = &tab.search else {
        return;
    };
    field_strip_ui(ui, ("search", tab.id), |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = metrics().gap;
            let list = |command| cx.send(Command::List(tab.id, command));
            if icon_button(ui, Icon::Close, "End search").clicked() {
                list(ListCommand::EndSearch);
            }
            if tab.shows_found() {
                progress_ui(ui, cx, tab, search);
            }
            let width = ui.available_width();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                field_ui(ui, cx, drafts, tab, pane, width);
            });
        });
    });
}

fn field_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId, width: f32) {
    let Some(draft) = drafts.searches.get_mut(&tab.id) else {
        return;
    };
    let list = |command| cx.send(Command::List(tab.id, command));
    let place = tab.place.as_ref();
    let name = place.map(crate::state::filesystem::title_of);
    let hint = format!("Find names below {}", name.unwrap_or_default());
    let id = crate::theme::global_id("search field").with(tab.id);
    let mut down = false;
    // Before the field takes them.
    if draft.focused {
        down = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::ArrowDown));
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            escape(cx, tab);
        }
    }
    let response = search_field(
        ui,
        id,
        &mut draft.text,
        "Find below this folder",
        &hint,
        width,
    );
    if draft.fresh {
        response.request_focus();
        crate::widget::select_all(ui, response.id, &draft.text);
        draft.fresh = false;
    }
    if response.changed() {
        list(ListCommand::Search(draft.text.clone()));
    }
    draft.focused = response.has_focus();
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if (enter || down) && !tab.view.is_empty() {
        list(ListCommand::Select(0, crate::widget::rows::How::Only));
        if let Some(rows) = drafts.lists.get(&pane) {
            ui.memory_mut(|memory| memory.request_focus(*rows));
        }
    }
}

/// Escape stops what runs, then goes back to the folder.
pub(super) fn escape(cx: &Cx<'_>, tab: &Tab) {
    cx.send(if tab.shows_found() && tab.view.streaming {
        Command::Stop(tab.id)
    } else {
        Command::List(tab.id, ListCommand::EndSearch)
    });
}

/// How much was found, and while it runs the way to stop it.
fn progress_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab, search: &Search) {
    let muted = ui.tokens().muted;
    if tab.view.streaming {
        let stop = Button::new(Type::Secondary.rich("Stop"));
        if ui.add(stop).on_hover_text("Stop searching (Esc)").clicked() {
            cx.send(Command::Stop(tab.id));
        }
        Icon::Spinner.show(ui, metrics().icon, muted);
    } else if search.progress.cut_off || search.progress.unreadable > 0 {
        Icon::Warning.show(ui, metrics().icon, ui.tokens().warn);
    }
    let words = ui.label(Type::Secondary.rich(words(tab, search)).color(muted));
    if search.progress.unwatched {
        words.on_hover_text(
            "There are too many folders to watch all of them. What changes in those farthest down shows when you come back to this window, or refresh (F5).",
        );
    }
}

fn words(tab: &Tab, search: &Search) -> String {
    let found = text::grouped(tab.view.len() as u64);
    let mut words = if search.progress.cut_off {
        format!("The first {found} found")
    } else {
        format!("{found} found")
    };
    if search.progress.unreadable > 0 {
        let folders = text::count(search.progress.unreadable, "folder", "folders");
        words.push_str(&format!(", {folders} could not be read"));
    }
    if tab.view.streaming && search.progress.folders > 0 {
        let folders = text::count(search.progress.folders, "folder", "folders");
        words.push_str(&format!(" in {folders}"));
    } else if search.stopped {
        words.push_str(", stopped");
    } else if search.progress.unwatched {
        words.push_str(", not all folders are watched");
    }
    words
}
