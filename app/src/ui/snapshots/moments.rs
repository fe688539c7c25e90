//! The present and its snapshots, newest first.

use egui::{Rect, Role, ScrollArea, Sense, Ui, WidgetInfo};
use fs_core::ops::FsRef;
use fs_core::snapshots::SnapshotUsage;
use jiff::Zoned;

use super::order;
use crate::command::SnapshotCommand;
use crate::state::snapshots::{Kept, Snapshots};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::ui::{Cx, text};
use crate::widget::elided;

/// What a row says.
struct Row<'a> {
    icon: Icon,
    name: &'a str,
    detail: String,
    usage: SnapshotUsage,
    chosen: bool,
}

/// The rows.
pub(super) fn moments_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, snapshots: &Snapshots) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let now = Zoned::now();
    ScrollArea::vertical()
        .id_salt(("moments", fs.as_str()))
        .auto_shrink(false)
        .show(ui, |ui| {
            let present = Row {
                icon: Icon::Memory,
                name: "Now",
                detail: format!("{} in files", text::size(snapshots.now.content_bytes)),
                usage: snapshots.now,
                chosen: snapshots.chosen.is_none(),
            };
            if row_ui(ui, &present).clicked() {
                order(cx, fs, SnapshotCommand::Choose(None));
            }
            for kept in &snapshots.all {
                let id = kept.snapshot.id;
                let chosen = snapshots.chosen == Some(id);
                let response = row_ui(ui, &row(kept, &now, chosen));
                if response.double_clicked() {
                    order(cx, fs, SnapshotCommand::Open(id));
                } else if response.clicked() && !chosen {
                    order(cx, fs, SnapshotCommand::Choose(Some(id)));
                }
            }
        });
}

fn row<'a>(kept: &'a Kept, now: &Zoned, chosen: bool) -> Row<'a> {
    let mut when = String::new();
    text::when(kept.snapshot.taken, now, &mut when);
    let since = kept.since.words();
    Row {
        icon: Icon::Snapshot,
        name: &kept.snapshot.name,
        detail: format!("{when} · {since} since"),
        usage: kept.usage,
        chosen,
    }
}

fn row_ui(ui: &mut Ui, row: &Row<'_>) -> egui::Response {
    let (m, tokens) = (metrics(), ui.tokens());
    // What only this moment takes, and where there is room, what it shares.
    let own = format!("{} of its own", text::size(row.usage.own_bytes));
    let usage = format!("{own}, {} shared", text::size(row.usage.shared_bytes));
    let size = egui::vec2(ui.available_width(), m.layer_row);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        let label = format!("{}, {}, {}", row.name, row.detail, usage);
        WidgetInfo::selected(Role::Button, true, row.chosen, label)
    });
    let painter = ui.painter();
    if row.chosen {
        painter.rect_filled(rect, 0.0, tokens.selection(true));
    } else if response.hovered() {
        painter.rect_filled(rect, 0.0, tokens.hover());
    }
    if response.has_focus() {
        painter.rect_stroke(rect, 0.0, tokens.ring(), egui::StrokeKind::Inside);
    }
    let icon = Rect::from_center_size(
        egui::pos2(rect.left() + m.pad + m.icon / 2.0, rect.center().y),
        egui::Vec2::splat(m.icon),
    );
    let muted = if row.chosen {
        tokens.text
    } else {
        tokens.muted
    };
    let hue = if row.chosen {
        tokens.text
    } else {
        tokens.hue(FsKind::Memory)
    };
    row.icon.paint(painter, icon, m.icon, hue);
    let start = icon.right() + m.gap;
    let room = rect.right() - m.pad - start;
    let font = Type::Secondary.font();
    let full = painter.layout_no_wrap(usage.clone(), font.clone(), muted);
    let right = if full.size().x <= room / 2.0 {
        full
    } else {
        elided(painter, &own, &font, room / 2.0)
    };
    let left = rect.right() - m.pad - right.size().x;
    let name = elided(
        painter,
        row.name,
        &Type::Body.font(),
        (left - m.gap - start).max(0.0),
    );
    let detail = elided(painter, &row.detail, &Type::Secondary.font(), room);
    let top = (rect.center().y - (name.size().y + detail.size().y) / 2.0).round();
    let below = top + name.size().y;
    let base = top + (name.size().y - right.size().y) / 2.0;
    painter.galley(egui::pos2(start, top), name, tokens.text);
    painter.galley(egui::pos2(start, below), detail, muted);
    painter.galley(egui::pos2(left, base), right, muted);
    response.on_hover_text(format!("{}\n{}\n{}", row.name, row.detail, usage))
}
