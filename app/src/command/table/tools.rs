//! The Tools menu.

use egui::{Key, Modifiers};

use super::{Availability, Menu, Verb};
use crate::command::verb::key;
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::{AppState, Dialog};
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

pub(super) const VERBS: &[Verb] = &[
    Verb::new("palette", Menu::Tools, "All commands", |_| {
        Some(Command::Window(WindowCommand::Palette(true)))
    })
    .icon(Icon::Palette)
    .keys(&[key(CTRL_SHIFT, Key::P), key(Modifiers::COMMAND, Key::P)]),
    Verb::new("operations", Menu::Tools, "Operations", |_| {
        Some(Command::Window(WindowCommand::ToggleOperations))
    })
    .icon(Icon::Clock)
    .checked(|state| state.show_operations),
    Verb::new("pause", Menu::Tools, "Pause operations", |state| {
        running(state).ok()?;
        let paused = !state.operations.are_held();
        Some(Command::File(FileCommand::PauseAll(paused)))
    })
    .icon(Icon::Pause)
    .when(running)
    .label_now(|state| {
        let all = &state.operations;
        let what = match all.active().count() {
            0 => return None,
            1 => all.active().next()?.1.name(),
            many => format!("{many} operations"),
        };
        Some(match all.are_held() {
            true => format!("Resume: {what}"),
            false => format!("Pause: {what}"),
        })
    }),
    Verb::new(
        "unfinished",
        Menu::Tools,
        "Interrupted operations…",
        |state| {
            let any = !state.operations.unfinished.is_empty();
            any.then_some(Command::Window(WindowCommand::Dialog(Dialog::Unfinished)))
        },
    )
    .when(|state| {
        if state.operations.unfinished.is_empty() {
            Err("Nothing was interrupted")
        } else {
            Ok(())
        }
    }),
    Verb::new(
        "forget_finished",
        Menu::Tools,
        "Clear finished operations",
        |state| {
            state
                .operations
                .newest_first()
                .any(|(_, running)| running.is_over())
                .then_some(Command::File(FileCommand::ForgetFinished))
        },
    )
    .when(|state| {
        let any = state
            .operations
            .newest_first()
            .any(|(_, running)| running.is_over());
        if any {
            Ok(())
        } else {
            Err("No operation is finished")
        }
    }),
];

/// Is there an operation that is not over?
fn running(state: &AppState) -> Availability {
    match state.operations.active().next() {
        Some(_) => Ok(()),
        None => Err("No operation runs"),
    }
}
