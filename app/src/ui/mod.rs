//! What is drawn. Functions that end in `_ui` read the state, draw, and send commands; the only thing they may change is [`Drafts`].

mod context_menu;
pub mod dialog;
mod drafts;
mod drag;
mod kind;
mod layers;
mod layout;
mod list;
mod lock_screen;
mod menu_bar;
mod operations;
mod palette;
mod pane;
mod path_bar;
mod preview;
mod rename;
mod sidebar;
mod status_bar;
mod tab_strip;
mod text;
mod toasts;
mod view_state;
mod welcome;

use egui::{CentralPanel, Frame, Panel, Ui};

use crate::command::{Commands, keymap};
use crate::state::{AppState, PaneId};
use crate::theme::{UiTokens as _, metrics};

pub use drafts::Drafts;
pub use text::{error_sentence, path_text};

/// What every part of the window needs.
pub struct Cx<'a> {
    /// What is shown.
    pub state: &'a AppState,
    /// Where orders go.
    pub commands: &'a Commands,
}

impl Cx<'_> {
    /// Gives a command.
    pub fn send(&self, command: crate::command::Command) {
        self.commands.send(command);
    }
}

/// The whole window.
pub fn window_ui(ui: &mut Ui, state: &AppState, drafts: &mut Drafts, commands: &Commands) {
    let cx = Cx { state, commands };
    keymap::dispatch(ui, &cx, drafts);
    drag::begin_frame(ui, &cx, drafts);
    drafts.layers_top = None;

    let (tokens, m) = (ui.tokens(), metrics());
    let bar = |height: f32, name: &'static str| (Frame::new().fill(tokens.base), height, name);
    let (frame, height, name) = bar(m.menu, "menu");
    Panel::top(name)
        .exact_size(height)
        .resizable(false)
        .frame(frame)
        .show(ui, |ui| menu_bar::menu_bar_ui(ui, &cx, drafts));
    let (frame, height, name) = bar(m.status, "status");
    Panel::bottom(name)
        .exact_size(height)
        .resizable(false)
        .frame(frame)
        .show(ui, |ui| status_bar::status_bar_ui(ui, &cx, drafts));
    if state.settings.show_sidebar {
        let narrow = ui.content_rect().width() < m.sidebar_narrow_below;
        Panel::left("sidebar")
            .exact_size(if narrow { m.sidebar_narrow } else { m.sidebar })
            .resizable(false)
            .frame(Frame::new().fill(tokens.base))
            .show(ui, |ui| sidebar::sidebar_ui(ui, &cx, drafts, narrow));
    }
    let window = ui.available_rect_before_wrap();
    if state.settings.show_preview {
        Panel::right("preview")
            .exact_size(drafts.preview.width(window))
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| preview::preview_ui(ui, &cx, &mut drafts.preview));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        let mut layout = std::mem::take(&mut drafts.layout);
        layout.show(ui, &state.workspace, &mut |ui, pane| {
            pane::pane_ui(ui, &cx, drafts, pane);
        });
        drafts.layout = layout;
    });
    if state.settings.show_preview {
        drafts.preview.border_ui(ui, window);
    }

    toasts::toasts_ui(ui, &cx, drafts.layers_top);
    operations::popover_ui(ui, &cx);
    context_menu::open_menu_ui(ui, &cx, drafts);
    palette::palette_ui(ui, &cx, drafts);
    dialog::dialog_ui(ui, &cx, drafts);
    drag::ghost_ui(ui, &cx, drafts);
}

/// Is this pane the one commands act on?
fn is_active(state: &AppState, pane: PaneId) -> bool {
    state.workspace.active_pane() == pane
}
