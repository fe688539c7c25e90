//! Every verb there is, menu by menu. What is not built is not here.

mod care;
mod edit;
mod file;
mod go;
mod help;
mod layers;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod mount;
mod snapshots;
mod tools;
mod vault;
mod view;

use super::verb::{Availability, Menu, Verb};
use crate::state::{AppState, Load, Tab};

const TABLE: [&[Verb]; 10] = [
    file::VERBS,
    edit::VERBS,
    view::VERBS,
    go::VERBS,
    vault::VERBS,
    care::VERBS,
    layers::VERBS,
    snapshots::VERBS,
    tools::VERBS,
    help::VERBS,
];

/// All verbs, in the order of the menus.
pub fn all() -> impl Iterator<Item = &'static Verb> {
    TABLE.iter().copied().flatten()
}

/// The verbs of a menu.
pub fn of(menu: Menu) -> impl Iterator<Item = &'static Verb> {
    all().filter(move |verb| verb.menu == menu)
}

/// The verb with this id.
pub fn get(id: &str) -> Option<&'static Verb> {
    all().find(|verb| verb.id == id)
}

/// Verbs of the menu over selected entries; an empty id is a line.
pub const ENTRY_MENU: &[&str] = &[
    "open",
    "open_in_tab",
    "open_in_program",
    "",
    "cut",
    "copy",
    "paste",
    "",
    "rename",
    "duplicate",
    "trash",
    "",
    "copy_path",
    "properties",
];

/// Verbs of the menu over selected entries that a search found.
pub const FOUND_MENU: &[&str] = &[
    "show_in_folder",
    "open",
    "open_in_tab",
    "open_in_program",
    "",
    "cut",
    "copy",
    "",
    "rename",
    "trash",
    "",
    "copy_path",
    "properties",
];

/// Verbs of the menu over the empty part of what was found.
pub const SEARCH_MENU: &[&str] = &["select_all", "", "refresh", "hidden", "", "search"];

/// What is added to [`ENTRY_MENU`] in a stack of layers.
pub const LAYERED_ENTRY_MENU: &[&str] = &["discard_changes"];

/// Verbs of the menu over entries that a layer deleted.
pub const DELETED_MENU: &[&str] = &["restore_deleted", "", "show_deleted"];

/// What is added to [`FOLDER_MENU`] in a stack of layers.
pub const LAYERED_FOLDER_MENU: &[&str] = &["show_deleted", "review_changes"];

/// Verbs of the menu over the empty part of a list.
pub const FOLDER_MENU: &[&str] = &[
    "new_folder",
    "new_file",
    "add_files",
    "",
    "paste",
    "select_all",
    "",
    "refresh",
    "hidden",
    "",
    "bookmark",
    "folder_properties",
];

/// Verbs of the menu over a tab.
pub const TAB_MENU: &[&str] = &[
    "new_tab",
    "duplicate_tab",
    "to_other_pane",
    "",
    "lock",
    "save_memory",
    "take_snapshot",
    #[cfg(all(feature = "mount", target_os = "linux"))]
    "mount_folder",
    "",
    "close_tab",
    "close_others",
];

/// What is added to [`TAB_MENU`] over the tab of a vault or store.
pub const KEPT_TAB_MENU: &[&str] = &[
    "check_kept",
    "salvage_kept",
    "backup_kept",
    "compact_kept",
    "collect_kept",
    "change_password",
    "kept_info",
];

fn tab(state: &AppState) -> Option<&Tab> {
    state.tab()
}

/// A folder is shown.
fn in_folder(state: &AppState) -> Availability {
    match tab(state) {
        Some(Tab {
            place: Some(_),
            load: Load::Ready,
            ..
        }) => Ok(()),
        Some(Tab { place: Some(_), .. }) => Err("This folder is not there yet"),
        _ => Err("Open a folder first"),
    }
}

/// A folder is shown, and not what a search found below it.
fn in_plain_folder(state: &AppState) -> Availability {
    in_folder(state)?;
    match tab(state) {
        Some(tab) if tab.shows_found() => Err("End the search first"),
        _ => Ok(()),
    }
}

/// A folder is shown, and can be written to.
fn writable(state: &AppState) -> Availability {
    in_folder(state)?;
    match tab(state).and_then(|tab| state.fs_of(tab)) {
        Some(fs) if fs.is_writable() => Ok(()),
        Some(fs) if fs.read_only => Err("It was opened read-only"),
        _ => Err("This filesystem is read-only"),
    }
}

/// Something new can be put into what is shown: a folder, and not what a search found below it.
fn writable_folder(state: &AppState) -> Availability {
    in_plain_folder(state)?;
    writable(state)
}

/// Something is selected or under the cursor.
fn targets(state: &AppState) -> Availability {
    in_folder(state)?;
    if state.has_targets() {
        Ok(())
    } else {
        Err("Select something first")
    }
}

/// Something is selected and can be changed.
fn writable_targets(state: &AppState) -> Availability {
    targets(state)?;
    writable(state)
}

/// Exactly one entry is selected.
fn one_target(state: &AppState) -> Availability {
    targets(state)?;
    match tab(state).map(|tab| tab.selected.count) {
        Some(0 | 1) => Ok(()),
        _ => Err("Select one item"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn ids_and_keys_are_unique() {
        let mut ids = HashSet::new();
        let mut keys = HashMap::new();
        for verb in all() {
            assert!(ids.insert(verb.id), "two verbs are called {}", verb.id);
            for key in verb.keys {
                assert_eq!(
                    keys.insert(*key, verb.id),
                    None,
                    "{key:?} of {} is taken",
                    verb.id
                );
            }
        }
    }

    #[test]
    fn menus_name_verbs_that_exist() {
        let menus = [
            ENTRY_MENU,
            FOLDER_MENU,
            FOUND_MENU,
            SEARCH_MENU,
            TAB_MENU,
            KEPT_TAB_MENU,
            LAYERED_ENTRY_MENU,
            LAYERED_FOLDER_MENU,
            DELETED_MENU,
        ];
        for id in menus.into_iter().flatten() {
            assert!(id.is_empty() || get(id).is_some(), "{id}");
        }
    }

    #[test]
    fn nothing_can_be_done_to_nothing() {
        let state = AppState::default();
        for verb in all() {
            if (verb.enabled)(&state).is_err() {
                assert!((verb.command)(&state).is_none(), "{}", verb.id);
            }
        }
    }
}
