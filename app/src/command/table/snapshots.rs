//! The part of the Layers menu about kept moments.

use egui::{Key, Modifiers};

use super::{Availability, Menu, Verb, tab};
use crate::command::verb::key;
use crate::command::{Command, FsCommand, SnapshotCommand, WindowCommand};
use crate::state::AppState;
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new("take_snapshot", Menu::Layers, "Take snapshot…", |state| {
        keeping(state).ok()?;
        let fs = tab(state)?.fs()?.clone();
        Some(Command::Fs(FsCommand::Snapshots(
            fs,
            SnapshotCommand::AskName,
        )))
    })
    .icon(Icon::Snapshot)
    .keys(&[key(CTRL_SHIFT, Key::S)])
    .when(keeping)
    .group(),
    Verb::new("snapshots", Menu::Layers, "List of snapshots", |state| {
        keeping(state).ok()?;
        Some(Command::Window(WindowCommand::ToggleSnapshots))
    })
    .icon(Icon::List)
    .keys(&[key(CTRL_ALT, Key::S)])
    .when(keeping)
    .checked(|state| state.settings.show_snapshots),
];

/// What is shown keeps moments of itself.
fn keeping(state: &AppState) -> Availability {
    match tab(state).and_then(|tab| state.fs_of(tab)) {
        Some(info) if info.is_open() && info.snapshots.is_some() => Ok(()),
        _ => Err("Only memory filesystems keep snapshots"),
    }
}
