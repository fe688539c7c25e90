//! What is known about entries.

use egui::{Grid, Ui};
use fs_backends::location::Root;
use fs_core::{FileKind, Metadata};

use super::{Weight, button_ui, buttons_ui, default_focus, title_ui};
use crate::command::{Command, WindowCommand};
use crate::state::dialog::{Facts, Properties, Usage};
use crate::state::file_type;
use crate::state::filesystem::location_of;
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::{Cx, error_sentence, text};

/// The dialog.
pub(super) fn properties_ui(ui: &mut Ui, cx: &Cx<'_>, properties: &Properties) {
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
    Grid::new("facts")
        .num_columns(2)
        .spacing([metrics().pad, metrics().gap])
        .show(ui, |ui| {
            if let [place] = properties.items.as_slice() {
                if let Some(location) = location_of(place) {
                    let text = match location.root() {
                        Root::Host(path) => path.to_string_lossy().into_owned(),
                        _ => location.to_string(),
                    };
                    row_ui(ui, "Location", &text);
                }
                if let [facts] = facts.as_slice() {
                    one_ui(ui, place.path.file_name().as_ref(), facts);
                }
            } else if !facts.is_empty() {
                many_ui(ui, &facts);
            }
            usage_ui(ui, &properties.usage);
        });
    for error in properties
        .facts
        .iter()
        .flatten()
        .filter_map(|facts| facts.as_ref().err())
        .take(3)
    {
        let color = ui.tokens().danger;
        ui.label(
            Type::Body
                .rich(error_sentence("Couldn't look at one item", error))
                .color(color),
        );
    }
    buttons_ui(ui, |ui| {
        let close = button_ui(ui, "Close", Weight::Primary, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
    });
}

fn row_ui(ui: &mut Ui, name: &str, value: &str) {
    let muted = ui.tokens().muted;
    ui.label(Type::Body.rich(name).color(muted));
    ui.add(egui::Label::new(value).wrap().selectable(true));
    ui.end_row();
}

fn one_ui(ui: &mut Ui, name: Option<&fs_core::Name>, facts: &Facts) {
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
    if let Some(born) = metadata.btime {
        row_ui(ui, "Made", &text::exact_time(born));
    }
    row_ui(ui, "Permissions", &permissions(metadata));
    row_ui(ui, "Owner", &format!("{} : {}", metadata.uid, metadata.gid));
    if metadata.kind != FileKind::Directory && metadata.nlink > 1 {
        row_ui(ui, "Hard links", &metadata.nlink.to_string());
    }
    if !facts.xattrs.is_empty() {
        row_ui(ui, "Attributes", &facts.xattrs.join(", "));
    }
}

fn many_ui(ui: &mut Ui, facts: &[&Facts]) {
    let mut modes = facts.iter().map(|facts| permissions(&facts.metadata));
    let first = modes.next().unwrap_or_default();
    let value = if modes.all(|mode| mode == first) {
        first
    } else {
        "Different".to_owned()
    };
    row_ui(ui, "Permissions", &value);
}

fn usage_ui(ui: &mut Ui, usage: &Usage) {
    let mut size = text::size(usage.bytes);
    if usage.bytes >= 1000 {
        size.push_str(&format!(" ({} bytes)", text::grouped(usage.bytes)));
    }
    if !usage.complete {
        size.push_str(", counting…");
    }
    row_ui(ui, "Size", &size);
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

/// `rwxr-xr-x (755)`.
fn permissions(metadata: &Metadata) -> String {
    let letters: String = (0..9)
        .rev()
        .map(|bit| {
            let letter = match bit % 3 {
                2 => 'r',
                1 => 'w',
                _ => 'x',
            };
            if metadata.mode & (1 << bit) == 0 {
                '-'
            } else {
                letter
            }
        })
        .collect();
    format!("{letters} ({:o})", metadata.mode)
}
