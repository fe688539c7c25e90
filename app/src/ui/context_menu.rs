//! Menus at the pointer, made from the same verbs as the menu bar.

use egui::{Popup, PopupAnchor, PopupKind, Pos2, Ui};

use super::{Cx, Drafts, menu_bar::verb_ui};
use crate::command::table;
use crate::theme::{global_id, metrics};

/// A menu that is open.
pub struct MenuDraft {
    verbs: &'static [&'static str],
    /// What stands below them, behind a line.
    more: &'static [&'static str],
    at: Pos2,
}

/// What a menu over a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Entries.
    Entries,
    /// Entries a search found.
    Found,
    /// The search itself.
    Search,
    /// Entries that a layer deleted.
    Deleted,
    /// The folder itself.
    Folder,
}

/// Opens the menu over a list; `layered`: of a stack.
pub(super) fn open(drafts: &mut Drafts, about: About, layered: bool, at: Pos2) {
    let (verbs, more) = match about {
        About::Entries => (table::ENTRY_MENU, table::LAYERED_ENTRY_MENU),
        About::Found => (table::FOUND_MENU, table::LAYERED_ENTRY_MENU),
        About::Search => (table::SEARCH_MENU, &[][..]),
        About::Folder => (table::FOLDER_MENU, table::LAYERED_FOLDER_MENU),
        About::Deleted => (table::DELETED_MENU, &[][..]),
    };
    let more = if layered { more } else { &[] };
    drafts.menu = Some(MenuDraft { verbs, more, at });
}

/// Opens the menu of a tab; `kept`: of a vault or store.
pub(super) fn open_tab_menu(drafts: &mut Drafts, kept: bool, at: Pos2) {
    drafts.menu = Some(MenuDraft {
        verbs: table::TAB_MENU,
        more: if kept { table::KEPT_TAB_MENU } else { &[] },
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
        let line: &[&str] = if menu.more.is_empty() { &[] } else { &[""] };
        for id in menu.verbs.iter().chain(line).chain(menu.more) {
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
