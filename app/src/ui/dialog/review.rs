//! What the top layer of a stack changed, to be looked through and, change by change, taken back.

use egui::{Rect, Role, Sense, Ui, WidgetInfo};
use fs_core::extensions::Difference;
use fs_core::ops::Place;

use super::{Weight, button_ui, buttons_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, FsCommand, WindowCommand};
use crate::state::layers::{Changes, LayerChange, Review, Tally};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::ui::change_mark::{Mark, square};
use crate::ui::{Cx, Drafts, error_sentence, layers, text};
use crate::widget::{elided, scroll_list};

/// The dialog.
pub(super) fn review_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, review: &Review) {
    let Some(info) = cx.state.filesystems.get(&review.fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let top = info.layers.last().map_or("", |layer| &layer.name);
    let hue = ui.tokens().hue(FsKind::Stack);
    title_ui(ui, Icon::Stack, hue, &format!("Changes in {top}"));
    let changes = review.changes.as_deref();
    match (changes, &review.error) {
        (_, Some(error)) => text_ui(ui, &error_sentence("Couldn't look them up", error)),
        (None, None) => text_ui(ui, "Looking what changed…"),
        (Some(changes), None) if changes.list.is_empty() => text_ui(
            ui,
            "This layer has no changes yet. Files you add or edit here don't touch the layers below.",
        ),
        (Some(changes), None) => {
            text_ui(
                ui,
                &format!(
                    "The layers below are as they were. {top}: {}.",
                    layers::counts(Tally::of(changes))
                ),
            );
            list_ui(ui, cx, drafts, review, changes);
        }
    }
    let ticked = drafts.review.len();
    let can_discard = info.is_writable() && ticked > 0;
    buttons_ui(ui, |ui| {
        let label = match ticked {
            0 => "Discard".to_owned(),
            n => format!("Discard {}", text::count(n, "change", "changes")),
        };
        let discard = button_ui(ui, &label, Weight::Danger, can_discard);
        let reason = if info.is_writable() {
            "Tick what shall go"
        } else {
            "It was opened read-only"
        };
        if discard.on_disabled_hover_text(reason).clicked() {
            let paths = std::mem::take(&mut drafts.review).into_iter().collect();
            cx.send(Command::Fs(FsCommand::Discard(review.fs.clone(), paths)));
        }
        let close = button_ui(ui, "Close", Weight::Plain, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
    });
}

fn list_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, review: &Review, changes: &Changes) {
    let m = metrics();
    let all = drafts.review.len() == changes.list.len();
    if all_ui(ui, all) {
        drafts.review = if all {
            Default::default()
        } else {
            changes
                .list
                .iter()
                .map(|change| change.path.clone())
                .collect()
        };
    }
    let tall = (ui.content_rect().height() * m.layers_share).max(m.dialog_list_min);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        scroll_list(tall).show_rows(ui, m.row_comfortable, changes.list.len(), |ui, rows| {
            for change in changes.list.get(rows).unwrap_or_default() {
                change_ui(ui, cx, drafts, review, change);
            }
        });
    });
}

/// The line that ticks all; tells whether it was clicked.
fn all_ui(ui: &mut Ui, ticked: bool) -> bool {
    let (m, tokens) = (metrics(), ui.tokens());
    let (rect, response) = line_ui(ui);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, ticked, "All"));
    let tick = tick_ui(ui, rect, ticked);
    let at = egui::pos2(tick.right() + m.gap, rect.center().y);
    let (align, font) = (egui::Align2::LEFT_CENTER, Type::Secondary.font());
    ui.painter().text(at, align, "All", font, tokens.muted);
    response.clicked()
}

/// A line that can be clicked, with what shows that it can.
fn line_ui(ui: &mut Ui) -> (Rect, egui::Response) {
    let (m, tokens) = (metrics(), ui.tokens());
    let size = egui::vec2(ui.available_width(), m.row_comfortable);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, m.radius, tokens.hover());
    }
    if response.has_focus() {
        let stroke = tokens.ring();
        ui.painter()
            .rect_stroke(rect, m.radius, stroke, egui::StrokeKind::Inside);
    }
    (rect, response)
}

/// The box at the left of a line.
fn tick_ui(ui: &Ui, line: Rect, ticked: bool) -> Rect {
    let (m, tokens) = (metrics(), ui.tokens());
    let tick = square(line, line.left() + m.gap);
    let fill = if ticked { tokens.accent } else { tokens.sunken };
    let stroke = tokens.input_stroke();
    ui.painter()
        .rect(tick, m.space, fill, stroke, egui::StrokeKind::Inside);
    if ticked {
        Icon::Check.paint(ui.painter(), tick, m.pad, tokens.on_accent);
    }
    tick
}

/// One change: tick, mark, path, what it weighs; a double click shows it.
fn change_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, review: &Review, change: &LayerChange) {
    let (m, tokens) = (metrics(), ui.tokens());
    let ticked = drafts.review.contains(&change.path);
    let path = change.path.as_path().to_string_lossy();
    let weight = weight(change);
    let (rect, response) = line_ui(ui);
    response.widget_info(|| {
        let label = format!("{path}, {}, {weight}", word(change));
        WidgetInfo::selected(Role::CheckBox, true, ticked, label)
    });
    if response.clicked() {
        if ticked {
            drafts.review.remove(&change.path);
        } else {
            drafts.review.insert(change.path.clone());
        }
    }
    let tick = tick_ui(ui, rect, ticked);
    let mark = mark(change).paint(ui, rect, tick.right() + m.gap);

    let painter = ui.painter();
    let size = painter.layout_no_wrap(weight, Type::Secondary.font(), tokens.muted);
    let left = rect.right() - m.gap - size.size().x;
    let start = mark.right() + m.gap;
    let galley = elided(
        painter,
        &path,
        &Type::Body.font(),
        (left - m.pad - start).max(0.0),
    );
    let at = egui::pos2(start, rect.center().y - galley.size().y / 2.0);
    if change.difference == Difference::Deleted {
        let y = rect.center().y;
        let stroke = egui::Stroke::new(m.line, tokens.muted);
        painter.hline(at.x..=at.x + galley.size().x, y, stroke);
    }
    painter.galley(at, galley, tokens.text);
    painter.galley(
        egui::pos2(left, rect.center().y - size.size().y / 2.0),
        size,
        tokens.muted,
    );
    if response.on_hover_text(path.as_ref()).double_clicked()
        && change.difference != Difference::Deleted
        && let Some(tab) = cx.state.tab()
    {
        let place = Place::new(review.fs.clone(), change.path.clone());
        cx.send(Command::Window(WindowCommand::CloseDialog));
        cx.send(Command::Reveal(tab.id, place));
    }
}

fn mark(change: &LayerChange) -> Mark {
    match change.difference {
        Difference::Added => Mark::Added,
        Difference::Changed | Difference::Merged => Mark::Changed,
        Difference::Deleted => Mark::Deleted,
    }
}

fn word(change: &LayerChange) -> &'static str {
    match change.difference {
        Difference::Added => "added",
        Difference::Changed => "changed",
        Difference::Merged => "attributes changed",
        Difference::Deleted => "deleted",
    }
}

/// What a change weighs, in words: `2.1 kB, was 1.9 kB`.
fn weight(change: &LayerChange) -> String {
    let size = |bytes: Option<u64>| bytes.map(text::size);
    let is_folder = change.is_folder && change.difference != Difference::Merged;
    match (
        change.difference,
        size(change.bytes),
        size(change.bytes_below),
    ) {
        (Difference::Merged, ..) => "permissions or owner".to_owned(),
        (Difference::Added | Difference::Changed, ..) if is_folder && change.items == 0 => {
            "empty folder".to_owned()
        }
        (Difference::Added | Difference::Changed, Some(now), _) if is_folder => {
            format!(
                "folder, {}, {now}",
                text::count(change.items as usize, "item", "items")
            )
        }
        (Difference::Changed, Some(now), Some(was)) if now != was => format!("{now}, was {was}"),
        (_, Some(now), _) => now,
        (Difference::Deleted, None, Some(was)) => was,
        _ if is_folder => "folder".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_say_what_was_and_what_is() {
        let change = |difference, bytes, bytes_below| LayerChange {
            path: fs_core::VPath::root(),
            difference,
            is_folder: false,
            bytes,
            bytes_below,
            items: 0,
        };
        assert_eq!(
            weight(&change(Difference::Changed, Some(2000), Some(10))),
            "2 kB, was 10 B"
        );
        assert_eq!(
            weight(&change(Difference::Changed, Some(10), Some(10))),
            "10 B"
        );
        assert_eq!(weight(&change(Difference::Deleted, None, Some(10))), "10 B");
        let folder = LayerChange {
            is_folder: true,
            items: 3,
            ..change(Difference::Added, Some(5), None)
        };
        assert_eq!(weight(&folder), "folder, 3 items, 5 B");
    }
}
