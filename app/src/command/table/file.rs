//! The File menu.

use egui::{Key, Modifiers};
use fs_core::ops::Operation;

use super::{Menu, Verb, one_target, tab, targets, writable, writable_folder, writable_targets};
use crate::command::verb::key;
use crate::command::{Command, FileCommand, FsCommand, OpenIn, TabCommand, WindowCommand};
use crate::state::{AppState, Dialog, FsStatus, filesystem::host_path};
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new("new_tab", Menu::File, "New tab", |state| {
        Some(Command::Tab(TabCommand::New(state.workspace.active_pane())))
    })
    .icon(Icon::Plus)
    .keys(&[key(Modifiers::COMMAND, Key::T)]),
    Verb::new("new_folder", Menu::File, "New folder", |state| {
        make(state, true)
    })
    .icon(Icon::FolderPlus)
    .keys(&[key(CTRL_SHIFT, Key::N)])
    .when(writable_folder)
    .group(),
    Verb::new("new_file", Menu::File, "New file", |state| {
        make(state, false)
    })
    .icon(Icon::FilePlus)
    .keys(&[key(CTRL_ALT, Key::N)])
    .when(writable_folder),
    Verb::new("add_files", Menu::File, "Add files…", |state| {
        let place = tab(state)?.place.clone()?;
        Some(Command::File(FileCommand::AddFiles(place)))
    })
    .icon(Icon::Import)
    .when(writable_folder),
    Verb::new("open", Menu::File, "Open", |state| activate(state, false))
        .icon(Icon::FolderOpen)
        .when(one_target)
        .group(),
    Verb::new("open_in_tab", Menu::File, "Open in new tab", |state| {
        activate(state, true)
    })
    .keys(&[key(Modifiers::COMMAND, Key::Enter)])
    .when(one_target),
    Verb::new(
        "open_in_program",
        Menu::File,
        "Open in its program",
        |state| {
            state
                .targets()
                .into_iter()
                .next()
                .map(|place| Command::File(FileCommand::OpenInProgram(place)))
        },
    )
    .icon(Icon::OpenWith)
    .when(|state| {
        one_target(state)?;
        let on_host = tab(state)
            .and_then(|tab| tab.place.as_ref())
            .and_then(host_path)
            .is_some();
        if on_host {
            Ok(())
        } else {
            Err("Only files of this computer open in other programs")
        }
    }),
    Verb::new("rename", Menu::File, "Rename", |state| {
        let tab = tab(state)?;
        let name = tab.targets().into_iter().next()?;
        Some(Command::List(
            tab.id,
            crate::command::ListCommand::Rename(name),
        ))
    })
    .icon(Icon::Rename)
    .keys(&[key(Modifiers::NONE, Key::F2)])
    .when(|state| {
        one_target(state)?;
        writable(state)
    })
    .group(),
    Verb::new("duplicate", Menu::File, "Duplicate", |state| {
        run(state, Operation::Duplicate)
    })
    .icon(Icon::Copy)
    .when(writable_targets),
    Verb::new("trash", Menu::File, "Move to trash", |state| {
        run(state, Operation::Trash)
    })
    .icon(Icon::Trash)
    .keys(&[key(Modifiers::NONE, Key::Delete)])
    .when(writable_targets),
    Verb::new("delete", Menu::File, "Delete for good…", |state| {
        let items = state.targets();
        (!items.is_empty()).then(|| Command::Window(WindowCommand::Dialog(Dialog::Delete(items))))
    })
    .keys(&[key(Modifiers::SHIFT, Key::Delete)])
    .when(writable_targets),
    Verb::new("properties", Menu::File, "Properties", |state| {
        let items = state.targets();
        (!items.is_empty()).then(|| Command::File(FileCommand::Properties(items)))
    })
    .icon(Icon::Info)
    .keys(&[key(Modifiers::ALT, Key::Enter)])
    .when(targets)
    .group(),
    Verb::new(
        "folder_properties",
        Menu::File,
        "Properties of this folder",
        |state| {
            let place = tab(state)?.place.clone()?;
            Some(Command::File(FileCommand::Properties(vec![place])))
        },
    )
    .icon(Icon::Info)
    .when(super::in_folder),
    Verb::new("close_tab", Menu::File, "Close tab", |state| {
        Some(Command::Tab(TabCommand::Close(tab(state)?.id)))
    })
    .icon(Icon::Close)
    .keys(&[key(Modifiers::COMMAND, Key::W)])
    .when(a_tab)
    .group(),
    Verb::new("close_others", Menu::File, "Close other tabs", |state| {
        Some(Command::Tab(TabCommand::CloseOthers(tab(state)?.id)))
    })
    .when(a_tab),
    Verb::new("reopen_tab", Menu::File, "Reopen closed tab", |state| {
        (!state.workspace.closed.is_empty()).then_some(Command::Tab(TabCommand::Reopen))
    })
    .keys(&[key(CTRL_SHIFT, Key::T)])
    .when(|state| {
        if state.workspace.closed.is_empty() {
            Err("No tab was closed")
        } else {
            Ok(())
        }
    }),
    Verb::new("duplicate_tab", Menu::File, "Duplicate tab", |state| {
        Some(Command::Tab(TabCommand::Duplicate(tab(state)?.id)))
    })
    .when(a_tab),
    Verb::new(
        "close_filesystem",
        Menu::File,
        "Close filesystem",
        |state| {
            let fs = tab(state)?.fs()?;
            Some(Command::Fs(FsCommand::Close(fs.clone())))
        },
    )
    .when(|state| match tab(state).and_then(|tab| state.fs_of(tab)) {
        Some(fs) if !matches!(fs.status, FsStatus::Opening) => Ok(()),
        _ => Err("Open a filesystem first"),
    }),
    Verb::new("quit", Menu::File, "Quit", |_| {
        Some(Command::Window(WindowCommand::Quit))
    })
    .keys(&[key(Modifiers::COMMAND, Key::Q)])
    .group(),
];

fn a_tab(state: &AppState) -> super::Availability {
    tab(state).map(|_| ()).ok_or("Open a tab first")
}

fn make(state: &AppState, folder: bool) -> Option<Command> {
    let tab = tab(state)?;
    tab.place.as_ref()?;
    Some(Command::File(FileCommand::Make {
        tab: tab.id,
        folder,
    }))
}

fn activate(state: &AppState, in_new_tab: bool) -> Option<Command> {
    let tab = tab(state)?;
    tab.place.as_ref()?;
    let name = tab.targets().into_iter().next()?;
    let open_in = if in_new_tab {
        OpenIn::NewTab
    } else {
        OpenIn::Tab(tab.id)
    };
    Some(Command::Activate(tab.id, name, open_in))
}

fn run(state: &AppState, operation: fn(Vec<fs_core::ops::Place>) -> Operation) -> Option<Command> {
    let items = state.targets();
    (!items.is_empty()).then(|| Command::File(FileCommand::Run(operation(items))))
}
