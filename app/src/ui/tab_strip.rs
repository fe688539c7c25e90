//! The tabs of a pane.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use egui::{DragAndDrop, Ui};
use fs_backends::location::Kind;

use super::{Cx, Drafts, context_menu, drag, is_active};
use crate::command::{Command, TabCommand};
use crate::state::filesystem::title_of;
use crate::state::{Pane, PaneId, Tab, TabId};
use crate::theme::{FsKind, Icon, UiTokens as _};
use crate::widget::kind_mark;
use crate::widget::tab_strip::{TabEvent, TabLook, TabStrip};

/// A tab that is being dragged to another place.
#[derive(Clone, Copy, Debug)]
struct DraggedTab(TabId);

/// The strip.
pub(super) fn tab_strip_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, id: PaneId, pane: &Pane) {
    let tabs: Vec<&Tab> = pane
        .tabs
        .iter()
        .filter_map(|tab| cx.state.workspace.tab(*tab))
        .collect();
    let texts: Vec<(String, String)> = tabs
        .iter()
        .map(|tab| (title(cx, tab), tooltip(tab)))
        .collect();
    let looks: Vec<TabLook<'_>> = tabs
        .iter()
        .zip(&texts)
        .map(|(tab, texts)| look(ui, cx, tab, texts))
        .collect();
    let strip = TabStrip {
        tabs: &looks,
        active: pane.shown,
        pane_active: cx.state.workspace.is_split() && is_active(cx.state, id),
        drop: tabs
            .iter()
            .position(|tab| drag::tab_for(drafts) == Some(tab.id)),
    };
    let area = ui.max_rect();
    let out = strip.show(ui, ("tab strip", id));
    for event in out.events {
        let tab_at = |at: usize| tabs.get(at).map(|tab| tab.id);
        let command = match event {
            TabEvent::Activate(at) => tab_at(at).map(TabCommand::Show),
            TabEvent::Close(at) => tab_at(at).map(TabCommand::Close),
            TabEvent::Move { from, to } => tab_at(from).map(|tab| {
                // Counted without the tab itself; before which one it goes is counted with it.
                TabCommand::Move(tab, id, if to > from { to + 1 } else { to })
            }),
            TabEvent::Menu(at, pos) => {
                let info = tabs.get(at).and_then(|tab| cx.state.fs_of(tab));
                let kept = info.is_some_and(|info| matches!(info.kind, Kind::Vault | Kind::Store));
                context_menu::open_tab_menu(drafts, kept, pos);
                tab_at(at).map(TabCommand::Show)
            }
            TabEvent::Drag(at) => {
                if let Some(tab) = tab_at(at) {
                    DragAndDrop::set_payload(ui.ctx(), DraggedTab(tab));
                }
                None
            }
            TabEvent::New => Some(TabCommand::New(id)),
        };
        if let Some(command) = command {
            cx.send(Command::Tab(command));
        }
    }
    if let Some((at, tab)) = out.pointer_tab.and_then(|at| Some((at, *tabs.get(at)?))) {
        drag::tab_target(ui, cx, drafts, tab, at == pane.shown);
    }
    let released = ui.rect_contains_pointer(area) && ui.input(|input| input.pointer.any_released());
    if let Some(dragged) = DragAndDrop::payload::<DraggedTab>(ui.ctx()).filter(|_| released) {
        DragAndDrop::clear_payload(ui.ctx());
        if !pane.tabs.contains(&dragged.0) {
            let at = out.pointer_tab.unwrap_or(pane.tabs.len());
            cx.send(Command::Tab(TabCommand::Move(dragged.0, id, at)));
        }
    }
}

fn title(cx: &Cx<'_>, tab: &Tab) -> String {
    match (&tab.place, cx.state.fs_of(tab)) {
        (Some(place), Some(info)) if place.path.is_root() => info.name.clone(),
        (Some(place), _) => title_of(place),
        (None, _) => "Welcome".to_owned(),
    }
}

fn tooltip(tab: &Tab) -> String {
    let location = tab
        .place
        .as_ref()
        .and_then(crate::state::filesystem::location_of);
    location
        .map(|location| location.to_string())
        .unwrap_or_default()
}

fn look<'a>(
    ui: &Ui,
    cx: &Cx<'_>,
    tab: &Tab,
    (title, tooltip): &'a (String, String),
) -> TabLook<'a> {
    let mut hasher = DefaultHasher::new();
    tab.id.hash(&mut hasher);
    let (icon, color) = match cx.state.fs_of(tab) {
        Some(info) => kind_mark(ui.tokens(), FsKind::from(info.kind), info.is_locked()),
        None => (Icon::Star, ui.tokens().muted),
    };
    TabLook {
        key: hasher.finish(),
        icon,
        color,
        title,
        tooltip,
    }
}
