//! Mounting a filesystem as a folder of this computer, and what stands in the way of taking the folder away.

use egui::{Checkbox, Ui};
use fs_core::ops::FsRef;

use super::form::{error_ui, header_ui, path_ui, typed};
use super::{Weight, button_ui, buttons_ui, cancel_ui, check_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, FolderCommand, FsCommand, Pick, WindowCommand};
use crate::state::folder_mount::FolderWish;
use crate::state::{After, FolderStage, FsInfo};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::{Cx, Drafts, text};

/// Where a filesystem is mounted, and how.
pub(super) fn mount_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    header_ui(
        ui,
        info.kind,
        &format!("Mount {} as a folder", info.name),
        "Other programs open, edit and save its files in place, without a copy, until you unmount it.",
    );
    let form = &mut drafts.form;
    let enter = path_ui(ui, cx, form, "Folder", Pick::Folder);
    let forced = !info.is_writable();
    let read_only = Checkbox::new(
        &mut form.read_only,
        "Read-only: other programs can't change anything in it",
    );
    check_ui(ui, !forced, read_only);
    if info.encrypted {
        warning_ui(
            ui,
            "While it is mounted, every program of yours can read it, in clear.",
        );
    }
    error_ui(ui, form);
    let dir = typed(form);
    let mounting = info.folder.is_some();
    let read_only = form.read_only;
    buttons_ui(ui, |ui| {
        let label = if mounting { "Mounting…" } else { "Mount" };
        let ready = dir.is_some() && !mounting;
        let go = button_ui(ui, label, Weight::Primary, ready).clicked() || (enter && ready);
        cancel_ui(ui, cx);
        if let (true, Some(dir)) = (go, dir) {
            order(cx, fs, FolderCommand::Mount(FolderWish { dir, read_only }));
        }
    });
}

/// Something to know before one goes on.
fn warning_ui(ui: &mut Ui, sentence: &str) {
    let (m, warn) = (metrics(), ui.tokens().warn);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = m.gap;
        Icon::Warning.show(ui, m.icon, warn);
        ui.add(egui::Label::new(Type::Secondary.rich(sentence).color(warn)).wrap());
    });
}

fn order(cx: &Cx<'_>, fs: &FsRef, command: FolderCommand) {
    cx.send(Command::Fs(FsCommand::Folder(fs.clone(), command)));
}

/// Taking a folder away that other programs may use. `users`: it was tried, and these programs use it.
pub(super) fn unmount_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    fs: &FsRef,
    then: After,
    users: Option<&[String]>,
) {
    let mounted = cx.state.filesystems.get(fs).and_then(|info| {
        let folder = info.folder.as_ref()?;
        Some((info, folder))
    });
    let Some((info, folder)) = mounted else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let color = ui.tokens().warn;
    let leaving = folder.stage == FolderStage::Leaving;
    let Some(users) = users.or(leaving.then_some(&[][..])) else {
        title_ui(
            ui,
            Icon::FolderOpen,
            color,
            &format!("Close {}?", info.name),
        );
        text_ui(
            ui,
            &format!(
                "It is mounted at {}, and that folder goes away with it. {}",
                folder.dir.display(),
                open_files(folder.open_files)
            ),
        );
        return buttons_ui(ui, |ui| {
            if button_ui(ui, "Unmount and close", Weight::Primary, true).clicked() {
                order(cx, fs, FolderCommand::Unmount(then));
            }
            let cancel = cancel_ui(ui, cx);
            default_focus(ui, &cancel);
        });
    };
    title_ui(
        ui,
        Icon::FolderOpen,
        color,
        &format!("{} is in use by other programs", info.name),
    );
    text_ui(ui, &in_use(info, users, leaving));
    let (later, now) = verbs(then);
    if let Some(now) = now {
        text_ui(
            ui,
            &format!("“{now}” doesn't wait: what those programs have not saved is lost."),
        );
    }
    buttons_ui(ui, |ui| {
        if !leaving && button_ui(ui, "Try again", Weight::Primary, true).clicked() {
            order(cx, fs, FolderCommand::Unmount(then));
        }
        if button_ui(ui, later, Weight::Plain, true).clicked() {
            order(cx, fs, FolderCommand::Leave(then));
        }
        if let Some(now) = now
            && button_ui(ui, now, Weight::Danger, true).clicked()
        {
            order(cx, fs, FolderCommand::CutOff(then));
        }
        let cancel = cancel_ui(ui, cx);
        default_focus(ui, &cancel);
    });
}

/// What the buttons are called that wait for the programs, and that don't.
fn verbs(then: After) -> (&'static str, Option<&'static str>) {
    match then {
        After::Stay => ("Unmount when they are done", None),
        After::Close(_) => ("Close when they are done", Some("Close now")),
        After::Lock => ("Lock when they are done", Some("Lock now")),
    }
}

fn open_files(count: usize) -> String {
    match count {
        0 => "No program has a file open in it.".to_owned(),
        n => format!(
            "Other programs have {} open in it.",
            text::count(n, "file", "files")
        ),
    }
}

fn in_use(info: &FsInfo, users: &[String], leaving: bool) -> String {
    let count = info.folder.as_ref().map_or(0, |folder| folder.open_files);
    let who = match users {
        [] => String::new(),
        users => format!(" In use by: {}.", users.join(", ")),
    };
    if leaving {
        let files = open_files(count);
        return format!(
            "Its folder is gone already, and ends when the last program is done. {files}"
        );
    }
    let files = match count {
        // Somebody stands in the folder.
        0 => "A program works in its folder.".to_owned(),
        _ => open_files(count),
    };
    format!(
        "{files}{who} Close them and try again; or let the folder go: no new program gets in, those that are in go on until they are done."
    )
}
