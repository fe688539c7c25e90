//! The Go menu.

use egui::{Key, Modifiers};

use super::{Menu, Verb, tab};
use crate::command::verb::key;
use crate::command::{Command, OpenIn, TabCommand, WindowCommand};
use crate::state::{AppState, UserFolderKind};
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new("back", Menu::Go, "Back", |state| {
        let tab = tab(state)?;
        (!tab.back.is_empty()).then_some(Command::Back(tab.id))
    })
    .icon(Icon::Back)
    .keys(&[
        key(Modifiers::ALT, Key::ArrowLeft),
        key(Modifiers::NONE, Key::Backspace),
    ])
    .when(|state| {
        some(
            tab(state).is_some_and(|tab| !tab.back.is_empty()),
            "Nothing to go back to",
        )
    }),
    Verb::new("forward", Menu::Go, "Forward", |state| {
        let tab = tab(state)?;
        (!tab.forward.is_empty()).then_some(Command::Forward(tab.id))
    })
    .icon(Icon::Forward)
    .keys(&[key(Modifiers::ALT, Key::ArrowRight)])
    .when(|state| {
        some(
            tab(state).is_some_and(|tab| !tab.forward.is_empty()),
            "Nothing to go forward to",
        )
    }),
    Verb::new("up", Menu::Go, "Up", |state| {
        let tab = tab(state)?;
        tab.place.as_ref()?.path.parent()?;
        Some(Command::Up(tab.id))
    })
    .icon(Icon::Up)
    .keys(&[key(Modifiers::ALT, Key::ArrowUp)])
    .when(|state| {
        let place = tab(state).and_then(|tab| tab.place.as_ref());
        some(
            place.is_some_and(|place| !place.path.is_root()),
            "This is the top",
        )
    }),
    Verb::new("edit_path", Menu::Go, "Edit path", |state| {
        tab(state).map(|_| Command::Window(WindowCommand::EditPath))
    })
    .keys(&[key(Modifiers::COMMAND, Key::L), key(Modifiers::ALT, Key::D)])
    .when(|state| some(tab(state).is_some(), "Open a tab first"))
    .group(),
    Verb::new("home", Menu::Go, "Home", home)
        .icon(Icon::Home)
        .keys(&[key(Modifiers::ALT, Key::Home)])
        .when(|state| some(home(state).is_some(), "There is no home folder")),
    Verb::new("welcome", Menu::Go, "Welcome", |_| {
        Some(Command::Tab(TabCommand::Welcome))
    })
    .icon(Icon::Star),
    Verb::new("bookmark", Menu::Go, "Bookmark this folder", |state| {
        let tab = tab(state)?;
        tab.place.as_ref()?;
        Some(Command::Window(WindowCommand::ToggleBookmark(tab.id)))
    })
    .icon(Icon::Tag)
    .keys(&[key(Modifiers::COMMAND, Key::D)])
    .when(super::in_folder)
    .checked(|state| {
        tab(state)
            .and_then(|tab| tab.place.as_ref())
            .and_then(crate::state::filesystem::location_of)
            .is_some_and(|here| state.bookmarks.contains(&here))
    }),
    Verb::new("next_tab", Menu::Go, "Next tab", |_| {
        Some(Command::Tab(TabCommand::Step(1)))
    })
    .keys(&[
        key(Modifiers::COMMAND, Key::Tab),
        key(Modifiers::COMMAND, Key::PageDown),
    ])
    .group(),
    Verb::new("previous_tab", Menu::Go, "Previous tab", |_| {
        Some(Command::Tab(TabCommand::Step(-1)))
    })
    .keys(&[
        key(CTRL_SHIFT, Key::Tab),
        key(Modifiers::COMMAND, Key::PageUp),
    ]),
    nth(
        "tab_1",
        "First tab",
        &[key(Modifiers::ALT, Key::Num1)],
        |_| Some(show(0)),
    ),
    nth(
        "tab_2",
        "Second tab",
        &[key(Modifiers::ALT, Key::Num2)],
        |_| Some(show(1)),
    ),
    nth(
        "tab_3",
        "Third tab",
        &[key(Modifiers::ALT, Key::Num3)],
        |_| Some(show(2)),
    ),
    nth(
        "tab_last",
        "Last tab",
        &[key(Modifiers::ALT, Key::Num9)],
        |_| Some(show(usize::MAX)),
    ),
];

const fn nth(
    id: &'static str,
    label: &'static str,
    keys: &'static [egui::KeyboardShortcut],
    command: fn(&AppState) -> Option<Command>,
) -> Verb {
    Verb::new(id, Menu::Go, label, command).keys(keys)
}

fn show(number: usize) -> Command {
    Command::Tab(TabCommand::Nth(number))
}

fn some(condition: bool, reason: &'static str) -> super::Availability {
    if condition { Ok(()) } else { Err(reason) }
}

fn home(state: &AppState) -> Option<Command> {
    let home = state
        .places
        .iter()
        .find(|folder| folder.kind == UserFolderKind::Home)?;
    let open_in = tab(state).map_or(OpenIn::NewTab, |tab| OpenIn::Tab(tab.id));
    Some(Command::Open(
        fs_backends::location::Location::host(&home.path),
        open_in,
    ))
}
