//! Menus at the pointer, made from the same verbs as the menu bar.

use egui::{Popup, PopupAnchor, PopupKind, Pos2, Ui};

use super::{Cx, Drafts, menu_bar::verb_ui};
use crate::command::table;
use crate::theme::{global_id, metrics};

/// A menu that is open.
pub struct MenuDraft {
    verbs: &'static [&'static str],
    at: Pos2,
}

/// Opens the menu of the selection, or of the folder.
pub(super) fn open(drafts: &mut Drafts, entries: bool, at: Pos2) {
    let verbs = if entries {
        table::ENTRY_MENU
    } else {
        table::FOLDER_MENU
    };
    drafts.menu = Some(MenuDraft { verbs, at });
}

/// Opens the menu of a tab.
pub(super) fn open_tab_menu(drafts: &mut Drafts, at: Pos2) {
    drafts.menu = Some(MenuDraft {
        verbs: table::TAB_MENU,
        at,
    });
}

/// Draws the menu that is open.
pub(super) fn open_menu_ui(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let Some(menu) = &drafts.menu else {
        return;
    };
    let mut open = true;
    Popup::new(
        global_id("context menu"),
        ui.ctx().clone(),
        PopupAnchor::Position(menu.at),
        ui.layer_id(),
    )
    .kind(PopupKind::Menu)
    .style(egui::containers::menu::menu_style)
    .layout(egui::Layout::top_down_justified(egui::Align::Min))
    .open_bool(&mut open)
    .show(|ui| {
        ui.set_width(metrics().sidebar + metrics().control);
        for id in menu.verbs {
            match table::get(id) {
                Some(verb) => verb_ui(ui, cx, verb),
                None => drop(ui.separator()),
            }
        }
    });
    if !open {
        drafts.menu = None;
    }
}
