//! The Layers menu.

use fs_backends::location::Kind;

use super::{Menu, Verb};
use crate::command::{Command, FsCommand};
use crate::theme::Icon;

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
];
