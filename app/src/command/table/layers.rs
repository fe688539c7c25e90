//! The Layers menu.

use egui::{Key, Modifiers};
use fs_backends::location::Kind;
use fs_core::ops::Operation;

use super::{Menu, Verb, in_folder, tab, writable, writable_targets};
use crate::command::verb::{Availability, key};
use crate::command::{Command, FileCommand, FsCommand, WindowCommand};
use crate::state::{AppState, FsInfo};
use crate::theme::Icon;

const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new(
        "new_stack",
        Menu::Layers,
        "New stack from open tabs…",
        |_| Some(Command::Fs(FsCommand::AskNew(Kind::Stack))),
    )
    .icon(Icon::Stack),
    Verb::new("open_stack", Menu::Layers, "Open stack…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::Stack)))
    })
    .icon(Icon::Layers),
    Verb::new("add_layer", Menu::Layers, "Add layer…", |state| {
        file_of_stack(state).ok()?;
        Some(Command::Fs(FsCommand::AskLayer(tab(state)?.fs()?.clone())))
    })
    .icon(Icon::Plus)
    .when(file_of_stack),
    Verb::new("layer_list", Menu::Layers, "List of layers", |state| {
        stack(state).ok()?;
        Some(Command::Window(WindowCommand::ToggleLayers))
    })
    .icon(Icon::List)
    .keys(&[key(CTRL_ALT, Key::V)])
    .when(|state| stack(state).map(drop))
    .checked(|state| state.settings.show_layers)
    .group(),
    Verb::new("show_deleted", Menu::Layers, "Deleted entries", |state| {
        stack(state).ok()?;
        Some(Command::Window(WindowCommand::ToggleDeleted))
    })
    .icon(Icon::Eye)
    .when(|state| stack(state).map(drop))
    .checked(|state| state.settings.show_deleted),
    Verb::new(
        "review_changes",
        Menu::Layers,
        "Review changes…",
        |state| {
            stack(state).ok()?;
            Some(Command::Fs(FsCommand::Review(tab(state)?.fs()?.clone())))
        },
    )
    .icon(Icon::Check)
    .keys(&[key(CTRL_ALT, Key::R)])
    .when(|state| stack(state).map(drop))
    .group(),
    Verb::new("restore_deleted", Menu::Layers, "Restore", |state| {
        let items = deleted(state);
        (!items.is_empty()).then_some(Command::File(FileCommand::Run(Operation::Reveal(items))))
    })
    .icon(Icon::Undo)
    .when(restorable),
    Verb::new(
        "discard_changes",
        Menu::Layers,
        "Discard changes",
        |state| {
            let items = state.targets();
            (!items.is_empty()).then_some(Command::File(FileCommand::Run(Operation::Revert(items))))
        },
    )
    .icon(Icon::Undo)
    .when(|state| {
        stack(state)?;
        writable_targets(state)?;
        if changed(state) {
            Ok(())
        } else {
            Err("The top layer has not changed it")
        }
    }),
];

/// The stack that is shown.
fn stack(state: &AppState) -> Result<&FsInfo, &'static str> {
    match tab(state).and_then(|tab| state.fs_of(tab)) {
        Some(info) if info.is_open() && info.is_layered() => Ok(info),
        _ => Err("Only a stack has layers"),
    }
}

/// Places of what the top layer deleted, among what is selected.
fn deleted(state: &AppState) -> Vec<fs_core::ops::Place> {
    let places = || {
        let (tab, info) = (tab(state)?, stack(state).ok()?);
        let place = tab.place.as_ref()?;
        let names = tab.deleted_targets(info.top_layer()).into_iter();
        Some(names.map(|way| way.at(place)).collect())
    };
    places().unwrap_or_default()
}

fn restorable(state: &AppState) -> Availability {
    stack(state)?;
    in_folder(state)?;
    writable(state)?;
    if !deleted(state).is_empty() {
        return Ok(());
    }
    let selected = tab(state).map_or(0, |tab| tab.selected.deleted);
    Err(if selected > 0 {
        "A layer below deleted it, and that is only read"
    } else {
        "Select something that is deleted"
    })
}

/// Did the top layer change anything of what is selected?
fn changed(state: &AppState) -> bool {
    use fs_core::extensions::Origin;
    let Some(tab) = tab(state) else {
        return false;
    };
    // Whoever selects so much is not kept waiting for the menu.
    if tab.selected.count > 1_000 {
        return true;
    }
    tab.targets().iter().any(|name| {
        let row = tab.view.row_of(name.as_os_str(), 0);
        let origin = row.and_then(|row| tab.view.facts(row).origin);
        matches!(origin, Some(Origin::Upper | Origin::Changed))
    })
}

/// Is a stack shown, whose file can be changed?
fn file_of_stack(state: &AppState) -> Availability {
    match tab(state).and_then(|tab| state.fs_of(tab)) {
        Some(info) if info.kind == Kind::Stack && info.is_open() => Ok(()),
        _ => Err("Only stacks have layers"),
    }
}
