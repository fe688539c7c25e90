//! The View menu.

use egui::{Key, Modifiers};

use super::{Menu, Verb, in_folder, tab};
use crate::command::verb::key;
use crate::command::{Command, ListCommand, TabCommand, WindowCommand};
use crate::state::{AppState, Column, Density, ThemeChoice};
use crate::theme::Icon;

pub(super) const VERBS: &[Verb] = &[
    Verb::new("split", Menu::View, "Two panes", |_| {
        Some(Command::Tab(TabCommand::ToggleSplit))
    })
    .icon(Icon::SplitPane)
    .keys(&[key(Modifiers::NONE, Key::F3)])
    .checked(|state| state.workspace.is_split()),
    Verb::new("other_pane", Menu::View, "Go to other pane", |state| {
        let workspace = &state.workspace;
        workspace
            .is_split()
            .then(|| Command::Tab(TabCommand::Activate(workspace.active_pane().other())))
    })
    .keys(&[key(Modifiers::NONE, Key::F6)])
    .when(split),
    Verb::new("swap_panes", Menu::View, "Exchange panes", |state| {
        state
            .workspace
            .is_split()
            .then_some(Command::Tab(TabCommand::Swap))
    })
    .keys(&[key(Modifiers::COMMAND, Key::U)])
    .when(split),
    Verb::new(
        "to_other_pane",
        Menu::View,
        "Move tab to other pane",
        |state| Some(Command::Tab(TabCommand::ToOtherPane(tab(state)?.id))),
    )
    .icon(Icon::Move)
    .when(|state| tab(state).map(|_| ()).ok_or("Open a tab first")),
    Verb::new("sidebar", Menu::View, "Sidebar", |_| {
        Some(Command::Window(WindowCommand::ToggleSidebar))
    })
    .icon(Icon::List)
    .keys(&[key(Modifiers::NONE, Key::F9)])
    .checked(|state| state.settings.show_sidebar)
    .group(),
    Verb::new("preview", Menu::View, "Preview", |_| {
        Some(Command::Window(WindowCommand::TogglePreview))
    })
    .icon(Icon::Preview)
    .keys(&[
        key(Modifiers::NONE, Key::F11),
        key(Modifiers::NONE, Key::Space),
    ])
    .checked(|state| state.settings.show_preview),
    Verb::new("hidden", Menu::View, "Hidden files", |_| {
        Some(Command::Window(WindowCommand::ToggleHidden))
    })
    .icon(Icon::Eye)
    .keys(&[key(Modifiers::COMMAND, Key::H)])
    .checked(|state| state.settings.show_hidden)
    .group(),
    Verb::new("refresh", Menu::View, "Refresh", |state| {
        let tab = tab(state)?;
        tab.place.as_ref()?;
        Some(Command::Refresh(tab.id))
    })
    .icon(Icon::Refresh)
    .keys(&[
        key(Modifiers::NONE, Key::F5),
        key(Modifiers::COMMAND, Key::R),
    ])
    .when(|state| match tab(state) {
        Some(tab) if tab.place.is_some() => Ok(()),
        _ => Err("Open a folder first"),
    }),
    sort(
        "sort_name",
        "Sort by name",
        |state| sort_by(state, Column::Name),
        |state| sorted_by(state, Column::Name),
    )
    .group(),
    sort(
        "sort_size",
        "Sort by size",
        |state| sort_by(state, Column::Size),
        |state| sorted_by(state, Column::Size),
    ),
    sort(
        "sort_modified",
        "Sort by time of change",
        |state| sort_by(state, Column::Modified),
        |state| sorted_by(state, Column::Modified),
    ),
    sort(
        "sort_kind",
        "Sort by kind",
        |state| sort_by(state, Column::Kind),
        |state| sorted_by(state, Column::Kind),
    ),
    density(
        "rows_compact",
        "Compact rows",
        |_| Some(rows(Density::Compact)),
        |state| state.settings.density == Density::Compact,
    )
    .group(),
    density(
        "rows_normal",
        "Normal rows",
        |_| Some(rows(Density::Normal)),
        |state| state.settings.density == Density::Normal,
    ),
    density(
        "rows_comfortable",
        "Comfortable rows",
        |_| Some(rows(Density::Comfortable)),
        |state| state.settings.density == Density::Comfortable,
    ),
    density(
        "theme_system",
        "Theme of the desktop",
        |_| Some(theme(ThemeChoice::System)),
        |state| state.settings.theme == ThemeChoice::System,
    )
    .group(),
    density(
        "theme_light",
        "Light theme",
        |_| Some(theme(ThemeChoice::Light)),
        |state| state.settings.theme == ThemeChoice::Light,
    ),
    density(
        "theme_dark",
        "Dark theme",
        |_| Some(theme(ThemeChoice::Dark)),
        |state| state.settings.theme == ThemeChoice::Dark,
    ),
    Verb::new("reduced_motion", Menu::View, "Reduced motion", |state| {
        Some(Command::Window(WindowCommand::ReducedMotion(
            !state.is_still(),
        )))
    })
    .checked(AppState::is_still),
];

fn split(state: &AppState) -> super::Availability {
    if state.workspace.is_split() {
        Ok(())
    } else {
        Err("There is only one pane")
    }
}

const fn sort(
    id: &'static str,
    label: &'static str,
    command: fn(&AppState) -> Option<Command>,
    checked: fn(&AppState) -> bool,
) -> Verb {
    Verb::new(id, Menu::View, label, command)
        .when(in_folder)
        .checked(checked)
}

const fn density(
    id: &'static str,
    label: &'static str,
    command: fn(&AppState) -> Option<Command>,
    checked: fn(&AppState) -> bool,
) -> Verb {
    Verb::new(id, Menu::View, label, command).checked(checked)
}

fn sort_by(state: &AppState, column: Column) -> Option<Command> {
    let tab = tab(state)?;
    tab.place.as_ref()?;
    Some(Command::List(tab.id, ListCommand::Sort(column)))
}

fn sorted_by(state: &AppState, column: Column) -> bool {
    tab(state).is_some_and(|tab| tab.arrange.column == column)
}

fn rows(density: Density) -> Command {
    Command::Window(WindowCommand::Density(density))
}

fn theme(theme: ThemeChoice) -> Command {
    Command::Window(WindowCommand::Theme(theme))
}
