//! The Edit menu.

use egui::{Key, Modifiers};
use fs_core::ops::{Operation, Place};

use super::{
    Availability, Menu, Verb, in_folder, in_plain_folder, one_target, tab, targets,
    writable_folder, writable_targets,
};
use crate::command::verb::key;
use crate::command::{Command, FileCommand, FsCommand, ListCommand, WindowCommand};
use crate::state::{AppState, Way};
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new("undo", Menu::Edit, "Undo", |state| {
        if let Some(step) = step(state, Way::Back) {
            return Some(step);
        }
        let last = state.operations.undo.last()?;
        Some(Command::File(FileCommand::Undo(last.entry)))
    })
    .icon(Icon::Undo)
    .keys(&[key(Modifiers::COMMAND, Key::Z)])
    .when(|state| some(last_name(state, Way::Back).is_some(), "Nothing to undo"))
    .label_now(|state| Some(format!("Undo: {}", last_name(state, Way::Back)?))),
    Verb::new("redo", Menu::Edit, "Redo", |state| {
        if let Some(step) = step(state, Way::Forth) {
            return Some(step);
        }
        let last = state.operations.redo.last()?;
        Some(Command::File(FileCommand::Redo(last.entry)))
    })
    .icon(Icon::Redo)
    .keys(&[key(Modifiers::COMMAND, Key::Y), key(CTRL_SHIFT, Key::Z)])
    .when(|state| {
        some(
            last_name(state, Way::Forth).is_some(),
            "Nothing to do again",
        )
    })
    .label_now(|state| Some(format!("Redo: {}", last_name(state, Way::Forth)?))),
    Verb::new("cut", Menu::Edit, "Cut", |state| clip(state, true))
        .icon(Icon::Cut)
        .keys(&[key(Modifiers::COMMAND, Key::X)])
        .when(writable_targets)
        .group(),
    Verb::new("copy", Menu::Edit, "Copy", |state| clip(state, false))
        .icon(Icon::Copy)
        .keys(&[
            key(Modifiers::COMMAND, Key::C),
            key(Modifiers::COMMAND, Key::Insert),
        ])
        .when(targets),
    Verb::new("paste", Menu::Edit, "Paste", |state| {
        let place = tab(state)?.place.clone()?;
        Some(Command::File(FileCommand::Paste(place)))
    })
    .icon(Icon::Paste)
    .keys(&[
        key(Modifiers::COMMAND, Key::V),
        key(Modifiers::SHIFT, Key::Insert),
    ])
    .when(writable_folder),
    Verb::new("copy_to_other", Menu::Edit, "Copy to other pane", |state| {
        to_other(state, Operation::copy)
    })
    .keys(&[key(Modifiers::SHIFT, Key::F5)])
    .when(other_pane),
    Verb::new("move_to_other", Menu::Edit, "Move to other pane", |state| {
        to_other(state, Operation::move_into)
    })
    .keys(&[key(Modifiers::SHIFT, Key::F6)])
    .when(|state| {
        writable_targets(state)?;
        other_pane(state)
    }),
    Verb::new("copy_path", Menu::Edit, "Copy path", |state| {
        let locations: Vec<String> = state
            .targets()
            .iter()
            .filter_map(crate::state::filesystem::location_of)
            .map(|location| {
                // A host path without its prefix is what other programs understand.
                match location.root() {
                    fs_backends::location::Root::Host(path) => path.to_string_lossy().into_owned(),
                    _ => location.to_string(),
                }
            })
            .collect();
        (!locations.is_empty()).then(|| Command::File(FileCommand::CopyText(locations.join("\n"))))
    })
    .keys(&[key(CTRL_SHIFT, Key::C)])
    .when(targets),
    Verb::new("select_all", Menu::Edit, "Select all", |state| {
        list(state, ListCommand::SelectAll)
    })
    .keys(&[key(Modifiers::COMMAND, Key::A)])
    .when(in_folder)
    .group(),
    Verb::new("select_none", Menu::Edit, "Select nothing", |state| {
        list(state, ListCommand::SelectNone)
    })
    .keys(&[key(CTRL_SHIFT, Key::A)])
    .when(in_folder),
    Verb::new("invert", Menu::Edit, "Invert selection", |state| {
        list(state, ListCommand::Invert)
    })
    .keys(&[key(CTRL_SHIFT, Key::I)])
    .when(in_folder),
    Verb::new("filter", Menu::Edit, "Filter this folder", |state| {
        tab(state)?.place.as_ref()?;
        Some(Command::Window(WindowCommand::OpenFilter))
    })
    .icon(Icon::Filter)
    .keys(&[
        key(Modifiers::COMMAND, Key::I),
        key(Modifiers::NONE, Key::Slash),
    ])
    .when(in_plain_folder)
    .group(),
    Verb::new("search", Menu::Edit, "Find below this folder", |state| {
        tab(state)?.place.as_ref()?;
        Some(Command::Window(WindowCommand::OpenSearch))
    })
    .icon(Icon::Search)
    .keys(&[key(Modifiers::COMMAND, Key::F), key(CTRL_SHIFT, Key::F)])
    .when(in_folder),
    Verb::new("show_in_folder", Menu::Edit, "Show in folder", |state| {
        let place = state.targets().into_iter().next()?;
        Some(Command::Reveal(tab(state)?.id, place))
    })
    .icon(Icon::FolderOpen)
    .keys(&[key(CTRL_ALT, Key::O)])
    .when(|state| {
        one_target(state)?;
        let found = tab(state).is_some_and(crate::state::Tab::shows_found);
        some(found, "Search for something first")
    }),
];

/// The change of a stack's layers that is undone, or done again, next.
fn step(state: &AppState, way: Way) -> Option<Command> {
    let step = state.operations.next_layers(way)?;
    let command = FsCommand::StepLayers(step.fs.clone(), way, step.number);
    Some(Command::Fs(command))
}

/// What is undone, or done again, next.
fn last_name(state: &AppState, way: Way) -> Option<&str> {
    let operations = &state.operations;
    if let Some(step) = operations.next_layers(way) {
        return Some(&step.name);
    }
    let last = match way {
        Way::Back => operations.undo.last(),
        Way::Forth => operations.redo.last(),
    };
    last.map(|last| last.name.as_str())
}

/// The other pane shows a folder that can be written to.
fn other_pane(state: &AppState) -> Availability {
    targets(state)?;
    let Some(tab) = state.workspace.other_tab() else {
        return Err("There is only one pane");
    };
    let writable = state.fs_of(tab).is_some_and(|fs| fs.is_writable());
    some(writable, "The other pane can't be written to")
}

fn to_other(state: &AppState, operation: fn(Vec<Place>, Place) -> Operation) -> Option<Command> {
    let into = state.workspace.other_tab()?.place.clone()?;
    let items = state.targets();
    (!items.is_empty()).then(|| Command::File(FileCommand::Run(operation(items, into))))
}

fn some(condition: bool, reason: &'static str) -> Availability {
    if condition { Ok(()) } else { Err(reason) }
}

fn clip(state: &AppState, cut: bool) -> Option<Command> {
    let items = state.targets();
    (!items.is_empty()).then(|| Command::File(FileCommand::Clip { items, cut }))
}

fn list(state: &AppState, command: ListCommand) -> Option<Command> {
    let tab = tab(state)?;
    tab.place.as_ref()?;
    Some(Command::List(tab.id, command))
}
