//! What is known about entries, and what of it can be changed.

mod permissions;

use egui::{Grid, Ui};
use fs_backends::location::Root;
use fs_core::{FileKind, Name};

use super::{Weight, button_ui, buttons_ui, check_ui, default_focus, title_ui};
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::file_type;
use crate::state::filesystem::location_of;
use crate::state::properties::{Checksum, Count, Facts, Properties, Usage};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::{Cx, Drafts, error_sentence, text};
use crate::widget::scroll_list;
pub use permissions::PermissionsDraft;

/// The dialog.
pub(super) fn properties_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    properties: &Properties,
) {
    let color = ui.tokens().accent;
    let title = match properties.items.as_slice() {
        [only] => crate::state::filesystem::title_of(only),
        many => format!("{} items", many.len()),
    };
    title_ui(ui, Icon::Info, color, &title);
    let facts: Vec<&Facts> = properties
        .facts
        .iter()
        .flatten()
        .filter_map(|facts| facts.as_ref().ok())
        .collect();
    let mut draft = draft_of(drafts, properties, &facts);
    let room = ui.content_rect().height() - metrics().dialog_margin;
    scroll_list(room).show(ui, |ui| {
        facts_ui(ui, cx, properties, &facts);
        xattrs_ui(ui, &facts);
        if let Some(draft) = draft.as_deref_mut() {
            permissions::permissions_ui(ui, draft, &facts);
        }
        errors_ui(ui, properties);
    });
    let wish = draft.and_then(|draft| draft.wish(&properties.items));
    buttons_ui(ui, |ui| {
        if let Some(wish) = wish {
            if button_ui(ui, "Apply", Weight::Primary, true).clicked() {
                cx.send(Command::File(FileCommand::SetAttributes(wish)));
            }
            super::cancel_ui(ui, cx);
            return;
        }
        let close = button_ui(ui, "Close", Weight::Primary, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
    });
}

/// What is being changed, begun anew when other facts are shown.
fn draft_of<'a>(
    drafts: &'a mut Drafts,
    properties: &Properties,
    facts: &[&Facts],
) -> Option<&'a mut PermissionsDraft> {
    let draft = &mut drafts.permissions;
    if draft.as_ref().map(PermissionsDraft::generation) != Some(properties.generation) {
        *draft = (!facts.is_empty()).then(|| PermissionsDraft::new(properties.generation, facts));
    }
    draft.as_mut()
}

fn facts_ui(ui: &mut Ui, cx: &Cx<'_>, properties: &Properties, facts: &[&Facts]) {
    Grid::new("facts")
        .num_columns(2)
        .min_row_height(metrics().icon_large)
        .spacing([metrics().pad, metrics().space])
        .show(ui, |ui| {
            if let [place] = properties.items.as_slice() {
                if let Some(location) = location_of(place) {
                    let text = match location.root() {
                        Root::Host(path) => path.to_string_lossy().into_owned(),
                        _ => location.to_string(),
                    };
                    row_ui(ui, "Location", &text);
                }
                if let [facts] = facts {
                    one_ui(ui, place.path.file_name().as_ref(), facts);
                }
            }
            usage_ui(ui, cx, &properties.usage);
            if let ([_], [facts]) = (properties.items.as_slice(), facts)
                && facts.metadata.kind == FileKind::File
            {
                checksum_ui(ui, cx, properties.checksum.as_ref(), facts.metadata.size);
            }
        });
}

fn name_ui(ui: &mut Ui, name: &str) {
    let muted = ui.tokens().muted;
    ui.label(Type::Body.rich(name).color(muted));
}

pub(in crate::ui::dialog) fn row_ui(ui: &mut Ui, name: &str, value: &str) {
    row_within_ui(ui, metrics().dialog, name, value);
}

/// The same in a dialog of another width.
pub(in crate::ui::dialog) fn row_within_ui(ui: &mut Ui, dialog: f32, name: &str, value: &str) {
    name_ui(ui, name);
    let value = egui::Label::new(value).wrap().selectable(true);
    // While a table finds its widths, a long text in its last column would be a letter wide, and the first frame as high as the screen.
    if ui.is_sizing_pass() {
        ui.scope(|ui| {
            ui.set_max_width(dialog * metrics().value_share);
            ui.add(value)
        });
    } else {
        ui.add(value);
    }
    ui.end_row();
}

fn one_ui(ui: &mut Ui, name: Option<&Name>, facts: &Facts) {
    let metadata = &facts.metadata;
    if let Some(name) = name {
        row_ui(
            ui,
            "Kind",
            &file_type::word(metadata.kind, name.as_os_str()),
        );
    }
    if let Some(target) = &facts.link_target {
        row_ui(ui, "Points to", target);
    }
    row_ui(ui, "Modified", &text::exact_time(metadata.mtime));
    row_ui(ui, "Read", &text::exact_time(metadata.atime));
    if let Some(born) = metadata.btime {
        row_ui(ui, "Made", &text::exact_time(born));
    }
    if metadata.kind != FileKind::Directory && metadata.nlink > 1 {
        row_ui(ui, "Hard links", &metadata.nlink.to_string());
    }
}

fn usage_ui(ui: &mut Ui, cx: &Cx<'_>, usage: &Usage) {
    let mut size = text::size(usage.bytes);
    if usage.bytes >= 1000 {
        size.push_str(&format!(" ({} bytes)", text::grouped(usage.bytes)));
    }
    match usage.count {
        Count::Running => size.push_str(", counting…"),
        Count::Stopped => size.insert_str(0, "At least "),
        Count::Complete => {}
    }
    name_ui(ui, "Size");
    let shown = egui::Label::new(size).selectable(true);
    if usage.count == Count::Running {
        ui.horizontal(|ui| {
            ui.add(shown);
            if ui.button("Stop counting").clicked() {
                cx.send(Command::File(FileCommand::StopCounting));
            }
        });
    } else {
        ui.add(shown);
    }
    ui.end_row();
    if usage.folders > 0 || usage.files > 1 {
        let folders = text::count(usage.folders as usize, "folder", "folders");
        let files = text::count(usage.files as usize, "file", "files");
        row_ui(ui, "Contains", &format!("{folders}, {files}"));
    }
    if usage.unreadable > 0 {
        row_ui(
            ui,
            "Unreadable",
            &text::count(usage.unreadable as usize, "item", "items"),
        );
    }
}

fn checksum_ui(ui: &mut Ui, cx: &Cx<'_>, checksum: Option<&Checksum>, size_bytes: u64) {
    name_ui(ui, "SHA-256");
    match checksum {
        None => {
            if ui.button("Compute checksum").clicked() {
                cx.send(Command::File(FileCommand::Checksum));
            }
        }
        Some(Checksum::Running(bytes)) => {
            let percent = bytes.saturating_mul(100).checked_div(size_bytes);
            ui.label(format!("Reading, {} %", percent.unwrap_or(0).min(100)));
        }
        Some(Checksum::Done(hex)) => {
            ui.horizontal_wrapped(|ui| {
                let shown = Type::Mono.rich(hex);
                ui.add(egui::Label::new(shown).wrap().selectable(true));
            });
        }
        Some(Checksum::Failed(why)) => {
            ui.label(why);
        }
    }
    ui.end_row();
}

fn xattrs_ui(ui: &mut Ui, facts: &[&Facts]) {
    let [facts] = facts else {
        return;
    };
    if facts.xattrs.is_empty() {
        return;
    }
    caption_ui(ui, "Extended attributes");
    Grid::new("xattrs")
        .num_columns(2)
        .min_row_height(metrics().icon_large)
        .spacing([metrics().pad, metrics().space])
        .show(ui, |ui| {
            for xattr in &facts.xattrs {
                row_ui(ui, &xattr.name, &xattr.value);
            }
        });
}

fn caption_ui(ui: &mut Ui, text: &str) {
    let muted = ui.tokens().muted;
    ui.add_space(metrics().gap);
    ui.label(Type::Caption.rich(text.to_uppercase()).color(muted));
}

fn errors_ui(ui: &mut Ui, properties: &Properties) {
    let danger = ui.tokens().danger;
    let unread = properties
        .facts
        .iter()
        .flatten()
        .filter_map(|facts| facts.as_ref().err())
        .map(|error| error_sentence("Couldn't look at one item", error))
        .take(3);
    for sentence in unread.chain(properties.refused.clone()) {
        let text = Type::Body.rich(sentence).color(danger);
        ui.add(egui::Label::new(text).wrap());
    }
}
