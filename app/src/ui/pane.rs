//! One pane, whole: its tabs, the path, what the tab shows, and the strip of its kind.

use egui::{CentralPanel, Frame, Panel, Ui};

use super::{
    Cx, Drafts, folder_strip, is_active, layers, list, lock_screen, path_bar, snapshots, tab_strip,
    view_state, welcome,
};
use crate::command::{Command, TabCommand};
use crate::state::{FsStatus, Load, PaneId, Tab};
use crate::theme::{UiTokens as _, metrics};

/// The pane.
pub(super) fn pane_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, id: PaneId) {
    let Some(pane) = cx.state.workspace.pane(id) else {
        return;
    };
    let Some(tab) = pane.shown_tab().and_then(|tab| cx.state.workspace.tab(tab)) else {
        return;
    };
    let (m, tokens) = (metrics(), ui.tokens());
    let rect = ui.max_rect();
    ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
    let pressed = ui.rect_contains_pointer(rect) && ui.input(|input| input.pointer.any_pressed());
    if pressed && !is_active(cx.state, id) {
        cx.send(Command::Tab(TabCommand::Activate(id)));
    }

    Panel::top(("tabs", id))
        .exact_size(m.tab)
        .resizable(false)
        .show_separator_line(false)
        .frame(Frame::new().fill(tokens.base))
        .show(ui, |ui| tab_strip::tab_strip_ui(ui, cx, drafts, id, pane));
    let typing = drafts
        .path
        .as_ref()
        .is_some_and(|draft| draft.tab == tab.id);
    if tab.place.is_some() || typing {
        Panel::top(("path", id))
            .exact_size(m.path)
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| path_bar::path_bar_ui(ui, cx, drafts, tab, id));
    }
    let info = cx.state.fs_of(tab);
    if let (Some(fs), Some(info)) = (tab.fs(), info)
        && let Some(folder) = &info.folder
    {
        Panel::top(("folder", id))
            .exact_size(m.strip)
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| folder_strip::strip_ui(ui, cx, fs, info, folder));
    }
    if let Some(info) = info.filter(|info| info.is_open() && info.is_layered()) {
        let room = ui.available_rect_before_wrap().height();
        if id == PaneId::First {
            drafts.layers_top = Some(rect.bottom() - layers::height(cx, info, room));
        }
        Panel::bottom(("layers", id))
            .exact_size(layers::height(cx, info, room))
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| {
                layers::panel_ui(ui, cx, tab.fs(), info, is_active(cx.state, id))
            });
    }
    if let (Some(fs), Some(info)) = (tab.fs(), info)
        && info.is_open()
        && let Some(kept) = &info.snapshots
    {
        let room = ui.available_rect_before_wrap().height();
        let height = snapshots::height(cx, kept, room);
        if id == PaneId::First {
            drafts.layers_top = Some(rect.bottom() - height);
        }
        Panel::bottom(("snapshots", id))
            .exact_size(height)
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| snapshots::panel_ui(ui, cx, drafts, fs, info));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.surface);
        content_ui(ui, cx, drafts, tab, id);
    });
}

fn content_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId) {
    if tab.place.is_none() {
        return welcome::welcome_ui(ui, cx);
    }
    let status = cx.state.fs_of(tab).map(|info| &info.status);
    match (status, &tab.load) {
        (Some(FsStatus::Locked(_)), _) => lock_screen::lock_screen_ui(ui, cx, drafts, tab),
        (Some(FsStatus::Opening), _) if is_unlocking(drafts, tab) => {
            lock_screen::lock_screen_ui(ui, cx, drafts, tab);
        }
        (Some(FsStatus::Open), Load::Ready) => list::list_ui(ui, cx, drafts, tab, pane),
        (status, load) => view_state::view_state_ui(ui, cx, tab, status, load),
    }
}

/// A password is being tried: the lock screen stays until it is known whether it was right.
fn is_unlocking(drafts: &Drafts, tab: &Tab) -> bool {
    tab.fs().is_some_and(|fs| drafts.secrets.contains_key(fs))
}
