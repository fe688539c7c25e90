//! The command that makes a filesystem a folder of this computer, and takes the folder away again.

use fs_backends::location::Kind;
use fs_core::Capabilities;

use super::{Availability, Menu, Verb, tab};
use crate::command::{Command, FolderCommand, FsCommand};
use crate::state::{After, AppState, FolderStage, FsInfo};
use crate::theme::Icon;

pub(super) const VERB: Verb = Verb::new(
    "mount_folder",
    Menu::Vault,
    "Mount as a folder…",
    |state| {
        available(state).ok()?;
        let command = match &shown(state)?.folder {
            Some(_) => FolderCommand::Unmount(After::Stay),
            None => FolderCommand::Ask,
        };
        let fs = tab(state)?.fs()?.clone();
        Some(Command::Fs(FsCommand::Folder(fs, command)))
    },
)
.icon(Icon::FolderOpen)
.when(available)
.label_now(|state| {
    let mounted = shown(state)?.folder.is_some();
    mounted.then(|| "Unmount folder".to_owned())
})
.group();

fn shown(state: &AppState) -> Option<&FsInfo> {
    state.fs_of(tab(state)?)
}

fn available(state: &AppState) -> Availability {
    let Some(info) = shown(state).filter(|info| info.is_open()) else {
        return Err("Open a filesystem first");
    };
    match &info.folder {
        Some(folder) => match folder.stage {
            FolderStage::Mounting => Err("It is being mounted"),
            FolderStage::Unmounting => Err("It is being unmounted"),
            FolderStage::Mounted | FolderStage::Leaving => Ok(()),
        },
        None if info.kind == Kind::Host => Err("These are folders of this computer already"),
        None if !info.capabilities.contains(Capabilities::PIN) => {
            Err("This filesystem can't be mounted")
        }
        None => Ok(()),
    }
}
