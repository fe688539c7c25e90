//! The Vault menu: opening, making, locking and saving filesystems.

use egui::{Key, Modifiers};
use fs_backends::location::{Kind, Root};

use super::{Availability, Menu, Verb, tab};
use crate::command::verb::key;
use crate::command::{Command, FsCommand, Over, WindowCommand};
use crate::state::{AppState, Dialog, FsInfo};
use crate::theme::Icon;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

pub(super) const VERBS: &[Verb] = &[
    ask("open_vault", "Open vault…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::Vault)))
    })
    .icon(Icon::Vault),
    ask("new_vault", "New vault…", |_| {
        Some(Command::Fs(FsCommand::AskNew(Kind::Vault)))
    }),
    ask("open_store", "Open store…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::Store)))
    })
    .icon(Icon::Store)
    .group(),
    ask("new_store", "New store…", |_| {
        Some(Command::Fs(FsCommand::AskNew(Kind::Store)))
    }),
    ask("open_memory", "Open memory filesystem…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::Memory)))
    })
    .icon(Icon::Memory)
    .group(),
    ask("new_memory", "New memory filesystem…", |_| {
        Some(Command::Fs(FsCommand::AskNew(Kind::Memory)))
    }),
    ask("open_sandbox", "Open sandbox folder…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::VRoot)))
    })
    .icon(Icon::Sandbox)
    .group(),
    ask("open_folder", "Open folder…", |_| {
        Some(Command::Fs(FsCommand::Ask(Kind::Host)))
    })
    .icon(Icon::Host),
    Verb::new("lock", Menu::Vault, "Lock now", |state| {
        lockable(state).ok()?;
        Some(Command::Fs(FsCommand::Lock(tab(state)?.fs()?.clone())))
    })
    .icon(Icon::Lock)
    .keys(&[key(CTRL_SHIFT, Key::L)])
    .when(lockable)
    .group(),
    Verb::new("lock_all", Menu::Vault, "Lock all", |state| {
        any_lockable(state)
            .is_ok()
            .then_some(Command::Fs(FsCommand::LockAll))
    })
    .keys(&[key(CTRL_ALT, Key::L)])
    .when(any_lockable),
    Verb::new(
        "save_memory",
        Menu::Vault,
        "Save memory filesystem…",
        |state| {
            savable(state).ok()?;
            let fs = tab(state)?.fs()?.clone();
            let info = active(state)?;
            if let Root::Stack(path) = info.location.root() {
                return Some(Command::Fs(FsCommand::Save(
                    fs,
                    path.clone(),
                    Over::Own,
                    None,
                )));
            }
            Some(match &info.saved {
                Some(saved) => {
                    let path = saved.path.clone();
                    Command::Fs(FsCommand::Save(fs, path, Over::Own, None))
                }
                None => Command::Window(WindowCommand::Dialog(Dialog::Save(fs))),
            })
        },
    )
    .icon(Icon::Export)
    .keys(&[key(Modifiers::COMMAND, Key::S)])
    .when(savable)
    .label_now(|state| {
        let info = active(state)?;
        let known = info.saved.is_some() || info.kind == Kind::Stack;
        known.then_some(())?;
        Some(format!("Save {}", info.name))
    }),
    Verb::new(
        "save_memory_as",
        Menu::Vault,
        "Save memory filesystem as…",
        |state| {
            savable_as(state).ok()?;
            let fs = tab(state)?.fs()?.clone();
            Some(Command::Window(WindowCommand::Dialog(Dialog::Save(fs))))
        },
    )
    .when(savable_as),
    #[cfg(all(feature = "mount", target_os = "linux"))]
    super::mount::VERB,
];

const fn ask(
    id: &'static str,
    label: &'static str,
    command: fn(&AppState) -> Option<Command>,
) -> Verb {
    Verb::new(id, Menu::Vault, label, command)
}

fn active(state: &AppState) -> Option<&FsInfo> {
    state.fs_of(tab(state)?)
}

fn lockable(state: &AppState) -> Availability {
    match active(state) {
        Some(fs) if fs.encrypted && fs.is_open() => Ok(()),
        Some(fs) if fs.is_locked() => Err("It is locked already"),
        _ => Err("Only what is open and encrypted can be locked"),
    }
}

/// Can it be saved: a memory filesystem, or a stack that writes into one?
fn savable(state: &AppState) -> Availability {
    match active(state) {
        Some(fs) if fs.kind == Kind::Stack && fs.is_open() && fs.unsaved => Ok(()),
        Some(fs) if fs.kind == Kind::Stack => Err("Nothing in it waits to be saved"),
        _ => savable_as(state),
    }
}

fn savable_as(state: &AppState) -> Availability {
    match active(state) {
        Some(fs) if fs.kind == Kind::Memory && fs.read_only => Err("It was opened read-only"),
        Some(fs) if fs.kind == Kind::Memory && fs.is_writable() => Ok(()),
        _ => Err("Only memory filesystems need saving"),
    }
}

fn any_lockable(state: &AppState) -> Result<(), &'static str> {
    let mut all = state.filesystems.values();
    if all.any(|fs| fs.encrypted && fs.is_open()) {
        Ok(())
    } else {
        Err("Nothing encrypted is open")
    }
}
