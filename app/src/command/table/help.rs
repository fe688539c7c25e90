//! The Help menu.

use egui::{Key, Modifiers};

use super::{Menu, Verb};
use crate::command::verb::key;
use crate::command::{Command, WindowCommand};
use crate::state::Dialog;
use crate::theme::Icon;

pub(super) const VERBS: &[Verb] = &[
    Verb::new("shortcuts", Menu::Help, "Shortcuts", |_| {
        Some(Command::Window(WindowCommand::Dialog(Dialog::Shortcuts)))
    })
    .icon(Icon::Help)
    .keys(&[key(Modifiers::NONE, Key::F1)]),
    Verb::new("about", Menu::Help, "About Lamina", |_| {
        Some(Command::Window(WindowCommand::Dialog(Dialog::About)))
    })
    .icon(Icon::Info),
];
