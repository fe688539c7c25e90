//! Dialogs that ask before something is lost.

use std::path::Path;

use egui::Ui;
use fs_backends::location::Root;
use fs_core::ops::{FsRef, Operation, Place};

use super::{Weight, button_ui, buttons_ui, cancel_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, FileCommand, FsCommand, Over, Secret, TabCommand, WindowCommand};
use crate::state::{AtStake, Dialog, TabId, Unfinished};
use crate::theme::{Icon, UiTokens as _};
use crate::ui::Cx;

/// Deleting for good.
pub(super) fn delete_ui(ui: &mut Ui, cx: &Cx<'_>, items: &[Place]) {
    let (title, button) = match items {
        [only] => (
            format!("Delete “{}” for good?", only.label()),
            "Delete for good".to_owned(),
        ),
        many => (
            format!("Delete {} items for good?", many.len()),
            format!("Delete {} items", many.len()),
        ),
    };
    let color = ui.tokens().danger;
    title_ui(ui, Icon::Warning, color, &title);
    text_ui(ui, "This can't be undone. Moving to the trash can.");
    buttons_ui(ui, |ui| {
        if button_ui(ui, &button, Weight::Danger, true).clicked() {
            cx.send(Command::File(FileCommand::Run(Operation::Delete(
                items.to_vec(),
            ))));
        }
        let cancel = cancel_ui(ui, cx);
        default_focus(ui, &cancel);
    });
}

/// Closing the last tab of a memory filesystem with content.
pub(super) fn close_unsaved_ui(ui: &mut Ui, cx: &Cx<'_>, tab: TabId) {
    let Some((fs, info)) = cx.state.workspace.tab(tab).and_then(|tab| {
        let fs = tab.fs()?;
        Some((fs, cx.state.filesystems.get(fs)?))
    }) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let color = ui.tokens().warn;
    title_ui(
        ui,
        Icon::Memory,
        color,
        &format!("Close {} without saving?", info.name),
    );
    text_ui(
        ui,
        "What it holds is in memory only and will be gone. This can't be undone.",
    );
    buttons_ui(ui, |ui| {
        let known = match info.location.root() {
            Root::Saved(path) | Root::Stack(path) => Some(path.clone()),
            _ => None,
        };
        let label = if known.is_some() { "Save" } else { "Save…" };
        if button_ui(ui, label, Weight::Primary, true).clicked() {
            cx.send(match known {
                Some(path) => Command::Fs(FsCommand::Save(fs.clone(), path, Over::Own, None)),
                None => Command::Window(WindowCommand::Dialog(Dialog::Save(fs.clone()))),
            });
        }
        if button_ui(ui, "Close and lose it", Weight::Danger, true).clicked() {
            cx.send(Command::Tab(TabCommand::CloseAnyway(tab)));
        }
        let cancel = cancel_ui(ui, cx);
        default_focus(ui, &cancel);
    });
}

/// Locking a memory filesystem that was changed since it was saved.
pub(super) fn lock_unsaved_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let color = ui.tokens().warn;
    let title = format!("Save {} before it is locked?", info.name);
    title_ui(ui, Icon::Lock, color, &title);
    text_ui(
        ui,
        "It is in memory, and locking closes it: what was changed since it was saved last would be gone.",
    );
    let lock = |save| Command::Fs(FsCommand::LockUnsaved(fs.clone(), save));
    buttons_ui(ui, |ui| {
        let save = button_ui(ui, "Save and lock", Weight::Primary, true);
        if save.clicked() {
            cx.send(lock(true));
        }
        if button_ui(ui, "Lock and lose it", Weight::Danger, true).clicked() {
            cx.send(lock(false));
        }
        cancel_ui(ui, cx);
        default_focus(ui, &save);
    });
}

/// Saving over something; `secret` encrypts it.
pub(super) fn replace_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    fs: &FsRef,
    path: &Path,
    secret: Option<Secret>,
) {
    let color = ui.tokens().warn;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    title_ui(ui, Icon::Memory, color, &format!("Replace “{name}”?"));
    let folder = path.parent().unwrap_or(path).display();
    let sentence = format!(
        "It is there already, in {folder}. What it holds now will be gone; this can't be undone."
    );
    text_ui(ui, &sentence);
    buttons_ui(ui, |ui| {
        if button_ui(ui, "Replace", Weight::Danger, true).clicked() {
            let path = path.to_path_buf();
            let save = FsCommand::Save(fs.clone(), path, Over::Anything, secret);
            cx.send(Command::Fs(save));
        }
        let other = button_ui(ui, "Choose another name", Weight::Plain, true);
        if other.clicked() {
            cx.send(Command::Window(WindowCommand::Dialog(Dialog::Save(
                fs.clone(),
            ))));
        }
        default_focus(ui, &other);
    });
}

/// Saving to a file that another program changed since it was opened or saved here.
pub(super) fn changed_outside_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, path: &Path) {
    let color = ui.tokens().warn;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let title = format!("Another program changed “{name}”");
    title_ui(ui, Icon::Warning, color, &title);
    let folder = path.parent().unwrap_or(path).display();
    text_ui(
        ui,
        &format!(
            "It wrote to that file, in {folder}, since it was opened or saved here. Nothing is lost: your changes are in memory still, and the file is as that program left it."
        ),
    );
    text_ui(
        ui,
        "“Keep both” saves yours to the file, once a copy of what is in it now is beside it.",
    );
    let root = cx
        .state
        .filesystems
        .get(fs)
        .map(|info| info.location.root());
    let comes_from_file = matches!(root, Some(Root::Saved(_) | Root::Stack(_)));
    if comes_from_file {
        text_ui(
            ui,
            "“Take the file” opens it as it is now. What you changed since it was saved last will be gone; this can't be undone.",
        );
    }
    buttons_ui(ui, |ui| {
        let both = button_ui(ui, "Keep both", Weight::Primary, true);
        if both.clicked() {
            let save = FsCommand::Save(fs.clone(), path.to_owned(), Over::KeepingOther, None);
            cx.send(Command::Fs(save));
        }
        if comes_from_file && button_ui(ui, "Take the file", Weight::Danger, true).clicked() {
            cx.send(Command::Fs(FsCommand::TakeFile(fs.clone())));
        }
        let cancel = button_ui(ui, "Not now", Weight::Plain, true);
        if cancel.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &cancel);
    });
}

/// Using a layer over another base than the one it was made over.
pub(super) fn accept_base_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let color = ui.tokens().warn;
    let title = format!("Use the layers of {} over this base?", info.name);
    title_ui(ui, Icon::Stack, color, &title);
    text_ui(
        ui,
        "What they changed and deleted was changed and deleted in another base. From now on it counts for this one: what has the same name here is replaced or hidden by it, in the stack.",
    );
    text_ui(
        ui,
        "The base itself stays as it is. Which base the layers belong to can't be changed back.",
    );
    buttons_ui(ui, |ui| {
        if button_ui(ui, "Use over this base", Weight::Danger, true).clicked() {
            cx.send(Command::Fs(FsCommand::AcceptBase(fs.clone())));
        }
        let cancel = cancel_ui(ui, cx);
        default_focus(ui, &cancel);
    });
}

/// Leaving while something runs or is unsaved.
pub(super) fn quit_ui(ui: &mut Ui, cx: &Cx<'_>, at_stake: &AtStake) {
    let AtStake {
        running,
        unsaved,
        mounted,
    } = at_stake;
    let running = *running;
    let color = ui.tokens().warn;
    let title = if running > 0 {
        "Leave while operations run?"
    } else if !unsaved.is_empty() {
        "Leave without saving?"
    } else {
        "Leave and unmount?"
    };
    title_ui(ui, Icon::Warning, color, title);
    if running > 0 {
        let what = crate::ui::text::count(running, "operation is", "operations are");
        text_ui(
            ui,
            &format!(
                "{what} running and will be stopped. No file is lost: each is either as it was or as asked, and the next start offers to go on."
            ),
        );
    }
    if !unsaved.is_empty() {
        text_ui(
            ui,
            &format!(
                "Only in memory, and gone when you leave: {}.",
                unsaved.join(", ")
            ),
        );
    }
    if !mounted.is_empty() {
        text_ui(
            ui,
            &format!(
                "Mounted as folders, which go away: {}. Programs that have files open in them get errors; save there first.",
                mounted.join(", ")
            ),
        );
    }
    buttons_ui(ui, |ui| {
        if button_ui(ui, "Leave", Weight::Danger, true).clicked() {
            cx.send(Command::Window(WindowCommand::QuitAnyway));
        }
        let cancel = button_ui(ui, "Stay", Weight::Plain, true);
        if cancel.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &cancel);
    });
}

/// After a crash: what was interrupted.
pub(super) fn unfinished_ui(ui: &mut Ui, cx: &Cx<'_>, operations: &[Unfinished]) {
    let color = ui.tokens().warn;
    title_ui(ui, Icon::Clock, color, "Something was interrupted");
    text_ui(
        ui,
        "No file is torn or lost: each is either as it was or as asked. What shall become of the rest?",
    );
    let mut first = None;
    for operation in operations {
        let name = if operation.undoing {
            format!("Undo: {}", operation.name)
        } else {
            operation.name.clone()
        };
        ui.separator();
        ui.label(name);
        ui.horizontal(|ui| {
            let finish = button_ui(ui, "Finish", Weight::Primary, operation.can_finish);
            if finish.clicked() {
                cx.send(Command::File(FileCommand::Finish(operation.entry)));
            }
            if operation.can_finish {
                first = first.take().or(Some(finish));
            } else {
                finish.on_disabled_hover_text("What it worked with was in memory and is gone");
            }
            if button_ui(ui, "Undo", Weight::Plain, true).clicked() {
                cx.send(Command::File(FileCommand::Undo(operation.entry)));
            }
            if button_ui(ui, "Leave as it is", Weight::Plain, true).clicked() {
                cx.send(Command::File(FileCommand::Leave(operation.entry)));
            }
        });
    }
    buttons_ui(ui, |ui| {
        let later = button_ui(ui, "Not now", Weight::Plain, true);
        let later = later.on_hover_text("Tools > Interrupted operations… asks again");
        if later.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        // What was begun is brought to its end, and can be undone then.
        default_focus(ui, &first.unwrap_or(later));
    });
}
