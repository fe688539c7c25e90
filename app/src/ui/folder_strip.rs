//! The strip under the path of a filesystem that is mounted as a folder: where, who uses it, and the way out.

use egui::{Align, Button, Layout, Rect, Sense, Ui};
use fs_core::ops::FsRef;

use super::{Cx, text};
use crate::command::{Command, FileCommand, FolderCommand, FsCommand};
use crate::state::{After, FolderMount, FolderStage, FsInfo};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::widget::{IconButton, elided};

/// The strip.
pub(super) fn strip_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, info: &FsInfo, folder: &FolderMount) {
    let m = metrics();
    let hue = ui.tokens().hue(FsKind::from(info.kind));
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.pad);
        Icon::FolderOpen.show(ui, m.icon, hue);
        ui.add_space(m.space);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            buttons_ui(ui, cx, fs, folder);
            ui.add_space(m.gap);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                sentence_ui(ui, folder);
            });
        });
    });
}

fn buttons_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, folder: &FolderMount) {
    let order = |command| cx.send(Command::Fs(FsCommand::Folder(fs.clone(), command)));
    if folder.stage != FolderStage::Mounted {
        return;
    }
    let unmount = ui.add(Button::new(Type::Secondary.rich("Unmount")));
    if unmount.clicked() {
        order(FolderCommand::Unmount(After::Stay));
    }
    let copy = IconButton::new(Icon::Copy, "Copy path of the folder");
    if copy.show(ui).clicked() {
        let path = folder.dir.to_string_lossy().into_owned();
        cx.send(Command::File(FileCommand::CopyText(path)));
    }
    let open = IconButton::new(Icon::OpenWith, "Open the folder in the file manager");
    if open.show(ui).clicked() {
        order(FolderCommand::Open);
    }
}

/// Where, as much of it as there is room for, then how it is used.
fn sentence_ui(ui: &mut Ui, folder: &FolderMount) {
    let tokens = ui.tokens();
    let path = folder.dir.to_string_lossy();
    let (lead, state) = words(folder);
    let room = ui.available_rect_before_wrap();
    let painter = ui.painter();
    let font = Type::Secondary.font();
    let lead = painter.layout_no_wrap(lead.to_owned(), font.clone(), tokens.muted);
    let end = painter.layout_no_wrap(state.clone(), font.clone(), tokens.muted);
    let width = room.width() - lead.size().x - end.size().x;
    let middle = elided(painter, &path, &font, width.max(0.0));
    let mut x = room.left();
    for (galley, color) in [
        (lead, tokens.muted),
        (middle, tokens.text),
        (end, tokens.muted),
    ] {
        let at = egui::pos2(x, (room.center().y - galley.size().y / 2.0).round());
        x += galley.size().x;
        painter.galley(at, galley, color);
    }
    let rect = Rect::from_x_y_ranges(room.left()..=x.min(room.right()), room.y_range());
    let response = ui.allocate_rect(rect, Sense::hover());
    let told = format!("{}{path}{state}", words(folder).0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &told));
    response.on_hover_text(&told);
}

/// What stands before and behind the path.
fn words(folder: &FolderMount) -> (&'static str, String) {
    let mut state = String::new();
    if folder.read_only {
        state.push_str(", read-only");
    }
    if folder.open_files > 0 {
        let files = text::count(folder.open_files, "file", "files");
        state.push_str(&format!(", {files} open"));
    }
    let lead = match folder.stage {
        FolderStage::Mounting => "Mounting at ",
        FolderStage::Mounted => "Mounted at ",
        FolderStage::Unmounting => "Unmounting ",
        FolderStage::Leaving => {
            state.push_str("; ends when the last program is done");
            "Unmounted from "
        }
    };
    (lead, state)
}
