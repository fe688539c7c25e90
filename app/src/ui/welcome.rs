//! The Welcome tab: one sentence, six cards, what was open lately, a sample to try things in.

use egui::{Align, Layout, Rect, Response, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo};
use fs_backends::location::{Kind, Location};

use super::Cx;
use crate::command::{Command, FsCommand, OpenIn};
use crate::state::FsInfo;
use crate::state::filesystem::SAMPLE;
use crate::theme::{FsKind, Type, UiTokens as _, metrics};

/// Width of the column everything stands in, in cards.
const CARDS_A_ROW: usize = 3;

/// The kinds in the order of their cards, with what each is good for and whether one can be made.
const CARDS: [(Kind, &str, &str, bool); 6] = [
    (
        Kind::Host,
        "Folder",
        "Browse any folder of this computer",
        false,
    ),
    (
        Kind::VRoot,
        "Sandbox folder",
        "A folder as its own world: nothing outside it can be reached",
        false,
    ),
    (
        Kind::Memory,
        "Memory",
        "Scratch space that is gone when you close it, unless you save it",
        true,
    ),
    (
        Kind::Vault,
        "Vault",
        "A whole tree in one file, locked with a password if you like",
        true,
    ),
    (
        Kind::Store,
        "Store",
        "Large files as blobs in a folder, locked with a password if you like",
        true,
    ),
    (
        Kind::Stack,
        "Stack of layers",
        "Several filesystems seen as one; only the top layer is written",
        true,
    ),
];

/// The tab.
pub(super) fn welcome_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let m = metrics();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let card = egui::vec2(m.sidebar, m.card_height);
        let fit = ((ui.available_width() - 2.0 * m.pad + m.pad) / (card.x + m.pad)).floor();
        let in_a_row = (fit as usize).clamp(1, CARDS_A_ROW);
        let width = in_a_row as f32 * (card.x + m.pad) - m.pad;
        let left = ((ui.available_width() - width) / 2.0).max(m.pad).round();
        let area = ui.available_rect_before_wrap();
        let column = Rect::from_min_size(
            egui::pos2(area.left() + left, area.top()),
            egui::vec2(width, area.height()),
        );
        let mut ui = ui.new_child(
            UiBuilder::new()
                .max_rect(column)
                .layout(Layout::top_down(Align::Min)),
        );
        let ui = &mut ui;
        ui.add_space((area.height() * m.welcome_top).round());
        ui.label(Type::Welcome.rich("Every tab is a filesystem"));
        ui.add_space(m.space);
        let color = ui.tokens().muted;
        ui.label(
            Type::Body
                .rich("Open one, or make one, and drag files between them.")
                .color(color),
        );
        ui.add_space(m.pad * 2.0);
        for row in CARDS.chunks(in_a_row) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = m.pad;
                for (kind, title, purpose, can_make) in row {
                    card_ui(ui, cx, *kind, title, purpose, *can_make, card);
                }
            });
            ui.add_space(m.gap);
        }
        ui.add_space(m.pad);
        sample_ui(ui, cx);
        recent_ui(ui, cx);
        ui.add_space(m.pad);
        let used = ui.min_rect();
        ui.advance_cursor_after_rect(used);
    });
}

fn card_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    kind: Kind,
    title: &str,
    purpose: &str,
    can_make: bool,
    size: egui::Vec2,
) {
    let (m, tokens) = (metrics(), ui.tokens());
    let hue = tokens.hue(FsKind::from(kind));
    let (rect, card) = ui.allocate_exact_size(size, Sense::hover());
    let fill = if card.contains_pointer() {
        tokens.surface.blend(tokens.hover())
    } else {
        tokens.surface
    };
    ui.painter().rect(
        rect,
        m.radius_popover,
        fill,
        tokens.line_stroke(),
        egui::StrokeKind::Inside,
    );
    let inner = rect.shrink(m.pad);
    let mut ui = ui.new_child(
        UiBuilder::new()
            .max_rect(inner)
            .layout(Layout::top_down(Align::Min)),
    );
    ui.horizontal(|ui| {
        FsKind::from(kind).icon().show(ui, m.icon_large, hue);
        ui.label(Type::Strong.rich(title));
    });
    ui.add_space(m.space);
    ui.add(egui::Label::new(Type::Secondary.rich(purpose).color(tokens.muted)).wrap());
    let buttons = Rect::from_min_max(
        egui::pos2(inner.left(), inner.bottom() - m.control),
        inner.max,
    );
    let mut ui = ui.new_child(
        UiBuilder::new()
            .max_rect(buttons)
            .layout(Layout::left_to_right(Align::Center)),
    );
    let open = ui.button("Open…");
    named(&open, &format!("Open {}", title.to_lowercase()));
    if open.clicked() {
        cx.send(Command::Fs(FsCommand::Ask(kind)));
    }
    if can_make {
        let new = ui.button("New…");
        named(&new, &format!("New {}", title.to_lowercase()));
        if new.clicked() {
            cx.send(Command::Fs(FsCommand::AskNew(kind)));
        }
    }
}

/// Buttons that read the same say to a screen reader what they are about.
fn named(response: &Response, name: &str) {
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
}

fn sample_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let sample = cx
        .state
        .filesystems
        .iter()
        .find(|(fs, _)| fs.as_str() == SAMPLE);
    let Some((_, info)) = sample.filter(|(_, info)| info.is_open()) else {
        return;
    };
    caption_ui(ui, "Try it");
    let FsInfo { location, .. } = info;
    line_ui(
        ui,
        cx,
        "Sample filesystem",
        "In memory, yours to play with",
        location,
    );
    ui.add_space(metrics().pad);
}

fn recent_ui(ui: &mut Ui, cx: &Cx<'_>) {
    if cx.state.recent.is_empty() {
        return;
    }
    caption_ui(ui, "Recent");
    for location in cx.state.recent.iter().take(6) {
        line_ui(ui, cx, &location.title(), &location.to_string(), location);
    }
}

fn caption_ui(ui: &mut Ui, text: &str) {
    let color = ui.tokens().muted;
    ui.label(Type::Caption.rich(text.to_uppercase()).color(color));
    ui.add_space(metrics().space);
}

fn line_ui(ui: &mut Ui, cx: &Cx<'_>, title: &str, detail: &str, location: &Location) {
    let (m, tokens) = (metrics(), ui.tokens());
    let (rect, response) = ui.allocate_exact_size(
        egui::vec2(ui.available_width(), m.sidebar_row),
        Sense::click(),
    );
    named(&response, title);
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(
            rect.expand2(egui::vec2(m.space, 0.0)),
            m.radius,
            tokens.hover(),
        );
    }
    let kind = FsKind::from(location.kind());
    let icon = Rect::from_min_size(
        egui::pos2(rect.left(), rect.center().y - m.icon / 2.0),
        egui::Vec2::splat(m.icon),
    );
    kind.icon()
        .paint(ui.painter(), icon, m.icon, tokens.hue(kind));
    let painter = ui.painter();
    let galley = crate::widget::elided(painter, title, &Type::Body.font(), rect.width() / 2.0);
    let at = egui::pos2(
        icon.right() + m.gap,
        rect.center().y - galley.size().y / 2.0,
    );
    let next = at.x + galley.size().x + m.pad;
    painter.galley(at, galley, tokens.text);
    let room = rect.right() - next;
    if room > m.pad {
        let galley = crate::widget::elided(painter, detail, &Type::Secondary.font(), room);
        let at = egui::pos2(next, rect.center().y - galley.size().y / 2.0);
        painter.galley(at, galley, tokens.muted);
    }
    if response.clicked() {
        cx.send(Command::Open(location.clone(), OpenIn::NewTab));
    }
}
