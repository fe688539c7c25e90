//! The bottom line: what the folder holds, what is selected, what runs, what was cut.

use egui::{Align, Button, Layout, Ui};

use super::{Cx, Drafts, text};
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::{Load, Stage, Tab};
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// The bar.
pub(super) fn status_bar_ui(ui: &mut Ui, cx: &Cx<'_>, _drafts: &mut Drafts) {
    let (m, tokens) = (metrics(), ui.tokens());
    ui.horizontal_centered(|ui| {
        // Buttons no taller than the bar, or it would grow when one appears.
        ui.spacing_mut().button_padding.y = 0.0;
        ui.spacing_mut().interact_size.y = m.icon;
        ui.spacing_mut().item_spacing.x = m.pad;
        ui.add_space(m.pad);
        if let Some(tab) = cx.state.tab() {
            ui.label(Type::Secondary.rich(summary(tab)).color(tokens.muted));
            if let Some(selected) = selected(tab) {
                ui.label(Type::Secondary.rich(selected).color(tokens.text));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            operations_ui(ui, cx);
            clip_ui(ui, cx);
        });
    });
}

fn summary(tab: &Tab) -> String {
    if tab.place.is_none() || !matches!(tab.load, Load::Ready) {
        return String::new();
    }
    let counts = tab.view.counts;
    let mut parts = Vec::new();
    if counts.folders > 0 {
        parts.push(text::count(counts.folders, "folder", "folders"));
    }
    let nothing_found = tab.shows_found() && tab.view.is_empty();
    if counts.files > 0 || (counts.folders == 0 && !nothing_found) {
        parts.push(text::count(counts.files, "file", "files"));
    }
    let mut line = parts.join(", ");
    if counts.bytes > 0 {
        line.push_str(" — ");
        line.push_str(&text::size(counts.bytes));
    }
    if counts.hidden > 0 {
        line.push_str(&format!(
            " · {} hidden",
            text::grouped(counts.hidden as u64)
        ));
    }
    if counts.filtered > 0 {
        line.push_str(&format!(
            " · {} filtered out",
            text::grouped(counts.filtered as u64)
        ));
    }
    if counts.deleted > 0 {
        line.push_str(&format!(
            " · {} deleted",
            text::grouped(counts.deleted as u64)
        ));
    }
    if tab.view.streaming && tab.shows_found() {
        line.push_str(" · searching…");
    } else if tab.view.streaming {
        line.push_str(" · listing…");
    }
    line
}

fn selected(tab: &Tab) -> Option<String> {
    let selected = tab.selected;
    (selected.count > 0).then(|| {
        let mut line = format!("{} selected", text::grouped(selected.count as u64));
        if selected.bytes > 0 {
            line.push(' ');
            line.push_str(&text::size(selected.bytes));
        }
        line
    })
}

fn operations_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let operations = &cx.state.operations;
    let running = operations.active().count();
    let failed = operations
        .newest_first()
        .filter(|(_, running)| running.has_failures())
        .count();
    let held = operations.are_held();
    let mut active = operations.active();
    let first = active.find(|(_, it)| held || !it.paused);
    let (icon, line, color) = match first {
        Some((_, first)) => {
            let mut line = first.running();
            if held {
                line.insert_str(0, "Paused: ");
            }
            if let Stage::Working(progress) = &first.stage {
                line.push_str(&format!(" {} %", (progress.fraction() * 100.0) as u32));
                if let Some(left) = progress.left.filter(|_| !held) {
                    line.push_str(&format!(" · {}", text::left(left)));
                }
            }
            if running > 1 {
                line.push_str(&format!(" · {} more", running - 1));
            }
            let icon = if held { Icon::Pause } else { Icon::Spinner };
            (icon, line, ui.tokens().text)
        }
        None if failed > 0 => {
            let line = text::count(failed, "operation failed", "operations failed");
            (Icon::Warning, line, ui.tokens().danger)
        }
        None if operations.newest_first().next().is_some() => {
            (Icon::Clock, "Operations".to_owned(), ui.tokens().muted)
        }
        None => return,
    };
    let label = Type::Secondary.rich(line).color(color);
    let button = Button::new((icon.atom_sized(metrics().icon, Some(color)), label))
        .frame_when_inactive(false);
    if ui.add(button).on_hover_text("Show operations").clicked() {
        cx.send(Command::Window(WindowCommand::ToggleOperations));
    }
}

fn clip_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(clip) = cx.state.clip.as_ref().filter(|clip| clip.cut) else {
        return;
    };
    let line = format!("{} cut", text::count(clip.items.len(), "item", "items"));
    let muted = ui.tokens().muted;
    let label = Type::Secondary.rich(line).color(muted);
    let button = Button::new((Icon::Cut.atom_sized(metrics().icon, Some(muted)), label))
        .frame_when_inactive(false);
    if ui
        .add(button)
        .on_hover_text("Click to drop what was cut")
        .clicked()
    {
        cx.send(Command::File(FileCommand::ClearClip));
    }
}
