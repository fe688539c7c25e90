//! The preview of the entry under the cursor: what it is on top, its content below.

mod hex;
mod picture;
mod text;

use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Panel, Rect, Ui};

use super::Cx;
use super::text as words;
use super::view_state::SALVAGE;
use crate::command::{Command, FsCommand, WindowCommand};
use crate::state::file_type;
use crate::state::preview::{Preview, PreviewKey, PreviewLoad};
use crate::state::{AppState, FsInfo};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::widget::{displayable, icon_button};

/// What the preview keeps between frames.
#[derive(Default)]
pub struct PreviewDraft {
    picture: picture::Shown,
    text: text::LaidOut,
}

/// Width of the panel in a window, points.
pub(super) fn width(state: &AppState, window: Rect) -> f32 {
    let m = metrics();
    let most = (window.width() / 2.0).max(m.sidebar);
    let width = state
        .sizes
        .preview
        .unwrap_or_else(|| m.preview.min(window.width() * m.preview_share));
    width.clamp(m.sidebar, most).round()
}

/// The panel: its lines stand beside the tabs and the path of the panes.
pub(super) fn preview_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut PreviewDraft) {
    let (tokens, m) = (ui.tokens(), metrics());
    let key = cx.state.preview.key.as_ref();
    ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
    let bar = |name: &'static str, height: f32, fill: egui::Color32| {
        Panel::top(name).exact_size(height).resizable(false).frame(
            Frame::new()
                .fill(fill)
                .inner_margin(Margin::symmetric(m.pad as i8, 0)),
        )
    };
    bar("preview name", m.tab, tokens.base).show(ui, |ui| name_ui(ui, cx, key));
    bar("preview facts", m.path, tokens.surface).show(ui, |ui| {
        let facts = key.map(|key| facts(key, &cx.state.preview.load));
        let facts = Type::Secondary
            .rich(facts.unwrap_or_default())
            .color(tokens.muted);
        ui.horizontal_centered(|ui| ui.add(Label::new(facts).truncate()));
    });
    let margin = Margin {
        left: m.pad as i8,
        top: m.gap as i8,
        ..Margin::ZERO
    };
    CentralPanel::no_frame().show(ui, |ui| {
        Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.spacing_mut().item_spacing = egui::Vec2::splat(m.space);
            content_ui(ui, cx, draft);
        });
    });
}

fn name_ui(ui: &mut Ui, cx: &Cx<'_>, key: Option<&PreviewKey>) {
    let name = key.and_then(|key| key.place.path.file_name());
    let name = name
        .as_ref()
        .map_or_else(|| "Preview".into(), |name| name.display());
    let name = displayable(&name);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if icon_button(ui, Icon::Close, "Close preview").clicked() {
            cx.send(Command::Window(WindowCommand::TogglePreview));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let shown = Type::Strong.rich(&*name);
            ui.add(Label::new(shown).truncate());
        });
    });
}

fn content_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut PreviewDraft) {
    let (tokens, state) = (ui.tokens(), &cx.state.preview);
    if state.key.is_none() {
        return note_ui(ui, "Select a file to see what is in it");
    }
    match &state.load {
        PreviewLoad::Nothing => {}
        PreviewLoad::Loading => note_ui(ui, "Loading…"),
        PreviewLoad::Failed(error) => {
            let sentence = super::error_sentence("Couldn't read it", error);
            ui.add(Label::new(Type::Body.rich(sentence).color(tokens.danger)).wrap());
            salvage_ui(ui, cx);
        }
        PreviewLoad::Ready(preview) => match &**preview {
            Preview::Nothing(what) => note_ui(ui, what),
            Preview::Text(text) => text::text_ui(ui, &mut draft.text, text),
            Preview::Image(image) => picture::picture_ui(ui, &mut draft.picture, image),
            Preview::Hex(hex) => hex::hex_ui(ui, hex),
        },
    }
}

/// Where what is under the cursor is damaged: a way to all that is not.
fn salvage_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(key) = &cx.state.preview.key else {
        return;
    };
    let fs = &key.place.fs;
    let info = cx.state.filesystems.get(fs);
    if info.is_some_and(FsInfo::is_salvageable) && ui.button(SALVAGE).clicked() {
        cx.send(Command::Fs(FsCommand::AskSalvage(fs.clone())));
    }
}

/// Kind, size, and what only the content tells.
fn facts(key: &PreviewKey, load: &PreviewLoad) -> String {
    let mut facts = Vec::new();
    if let Some(name) = key.place.path.file_name() {
        facts.push(file_type::word(key.kind, name.as_os_str()).into_owned());
    }
    let ready = match load {
        PreviewLoad::Ready(preview) => Some(&**preview),
        _ => None,
    };
    match ready {
        Some(Preview::Image(image)) => {
            let [width, height] = image.size_px;
            facts.push(format!("{width} × {height}"));
        }
        Some(Preview::Text(text)) if !text.is_cut => {
            facts.push(words::count(text.lines.len(), "line", "lines"));
        }
        _ => {}
    }
    if let Some(size) = key
        .size_bytes
        .filter(|_| key.kind == fs_core::FileKind::File)
    {
        facts.push(words::size(size));
    }
    facts.join(" · ")
}

fn note_ui(ui: &mut Ui, text: &str) {
    let color = ui.tokens().muted;
    ui.add_space(ui.available_height() * metrics().block_top);
    ui.vertical_centered(|ui| ui.label(Type::Body.rich(text).color(color)));
}

/// Says that only the beginning is shown.
fn cut_ui(ui: &mut Ui, shown_bytes: usize, size_bytes: u64) {
    let color = ui.tokens().muted;
    let text = format!(
        "The first {} of {}",
        words::size(shown_bytes as u64),
        words::size(size_bytes)
    );
    ui.label(Type::Secondary.rich(text).color(color));
}
