//! The part of the Vault menu that looks after vaults and stores.

use fs_backends::location::Kind;

use super::{Availability, Menu, Verb, tab};
use crate::command::{CareCommand, CarePart, Command, FsCommand};
use crate::state::care::Work;
use crate::state::{AppState, FsInfo};
use crate::theme::Icon;

pub(super) const VERBS: &[Verb] = &[
    Verb::new("check_kept", Menu::Vault, "Check", |state| {
        idle(state).ok()?;
        give(state, CareCommand::Do(Work::Check))
    })
    .icon(Icon::Check)
    .when(idle)
    .group(),
    Verb::new(
        "salvage_kept",
        Menu::Vault,
        "Save what can be read…",
        |state| {
            salvageable(state).ok()?;
            let fs = tab(state)?.fs()?.clone();
            Some(Command::Fs(FsCommand::AskSalvage(fs)))
        },
    )
    .icon(Icon::Export)
    .when(salvageable),
    Verb::new("backup_kept", Menu::Vault, "Back up…", |state| {
        idle(state).ok()?;
        give(state, CareCommand::Show(CarePart::Backup))
    })
    .icon(Icon::Copy)
    .when(idle),
    Verb::new("compact_kept", Menu::Vault, "Compact", |state| {
        changeable(state).ok()?;
        give(state, CareCommand::Do(Work::Compact))
    })
    .icon(Icon::Sort)
    .when(changeable),
    Verb::new(
        "collect_kept",
        Menu::Vault,
        "Collect garbage of the store…",
        |state| {
            collectable(state).ok()?;
            give(state, CareCommand::Show(CarePart::Collect))
        },
    )
    .icon(Icon::Trash)
    .when(collectable),
    Verb::new(
        "change_password",
        Menu::Vault,
        "Change password…",
        |state| {
            has_password(state).ok()?;
            give(state, CareCommand::Show(CarePart::Password))
        },
    )
    .icon(Icon::Key)
    .when(has_password)
    .label_now(|state| {
        let saved = shown(state)?.saved.as_ref()?;
        (!saved.encrypted).then(|| "Set password…".to_owned())
    }),
    Verb::new("kept_info", Menu::Vault, "Info and condition", |state| {
        kept(state).ok()?;
        give(state, CareCommand::Show(CarePart::Outcome))
    })
    .icon(Icon::Info)
    .when(|state| kept(state).map(drop)),
];

fn give(state: &AppState, command: CareCommand) -> Option<Command> {
    let fs = tab(state)?.fs()?.clone();
    Some(Command::Fs(FsCommand::Care(fs, command)))
}

/// The open vault or store that is shown.
fn kept(state: &AppState) -> Result<&FsInfo, &'static str> {
    match shown(state) {
        Some(info) if !matches!(info.kind, Kind::Vault | Kind::Store) => {
            Err("Only a vault or store is kept in files of its own")
        }
        Some(info) if !info.is_open() => Err("It is not open"),
        Some(info) => Ok(info),
        None => Err("Open a vault or store first"),
    }
}

fn idle(state: &AppState) -> Availability {
    if kept(state)?.care.is_busy() {
        Err("It is being looked after already")
    } else {
        Ok(())
    }
}

/// Is it damaged, as far as is known?
fn salvageable(state: &AppState) -> Availability {
    match shown(state) {
        None => Err("Open a vault or store first"),
        Some(info) if !info.is_kept_in_files() => {
            Err("Only a vault or store is kept in files of its own")
        }
        Some(info) if info.care.is_busy() => Err("It is being looked after already"),
        Some(info) if info.is_damaged() => Ok(()),
        Some(info) if info.is_locked() => Err("Unlock it first"),
        Some(info) if info.is_open() => Err("No damage is known; check it first"),
        Some(_) => Err("It is not open"),
    }
}

/// Has it blobs, some of which may belong to nothing?
fn collectable(state: &AppState) -> Availability {
    changeable(state)?;
    match kept(state)?.kind {
        Kind::Store => Ok(()),
        _ => Err("Only a store has blobs"),
    }
}

/// The same where something is changed.
fn changeable(state: &AppState) -> Availability {
    match kept(state)?.read_only {
        true => Err("It was opened read-only"),
        false => idle(state),
    }
}

fn shown(state: &AppState) -> Option<&FsInfo> {
    state.fs_of(tab(state)?)
}

/// Has it a password, or is it a memory filesystem that can get one?
fn has_password(state: &AppState) -> Availability {
    match shown(state) {
        Some(info) if info.kind != Kind::Memory => changeable(state)?,
        Some(info) if info.read_only => return Err("It was opened read-only"),
        Some(info) if !info.is_open() => return Err("It is not open"),
        Some(info) if info.saved.is_none() => return Err("Save it to a file first"),
        Some(info) if info.care.is_busy() => return Err("It is being looked after already"),
        Some(_) => return Ok(()),
        None => {}
    }
    if kept(state)?.encrypted {
        Ok(())
    } else {
        Err("It is not encrypted")
    }
}
