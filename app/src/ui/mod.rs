//! What is drawn. Functions that end in `_ui` read the state, draw, and send commands; the only thing they may change is [`Drafts`].

mod change_mark;
mod context_menu;
pub mod dialog;
mod drafts;
mod drag;
mod filter_strip;
mod focus_ring;
mod folder_strip;
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
mod search_strip;
mod sidebar;
mod snapshots;
mod status_bar;
mod tab_strip;
mod text;
mod toasts;
mod view_state;
mod welcome;

use egui::{CentralPanel, CursorIcon, Frame, Panel, Rangef, Rect, Sense, Ui};

use crate::command::{Command, Commands, WindowCommand, keymap};
use crate::state::layout::Resize;
use crate::state::{AppState, PaneId};
use crate::theme::{UiTokens as _, metrics};

pub use drafts::Drafts;
pub use text::{
    backup_sentence, create_sentence, error_sentence, leaving_sentence, mount_sentence, path_text,
    salvage_sentence, save_sentence,
};

/// What every part of the window needs.
pub struct Cx<'a> {
    /// What is shown.
    pub state: &'a AppState,
    /// Where orders go.
    pub commands: &'a Commands,
}

impl Cx<'_> {
    /// Gives a command.
    pub fn send(&self, command: Command) {
        self.commands.send(command);
    }

    fn resize(&self, resize: Resize) {
        self.send(Command::Window(WindowCommand::Resize(resize)));
    }
}

/// An upright border that can be dragged; where to, if it is.
fn border_ui(ui: &Ui, name: &'static str, x: f32, y: Rangef) -> Option<f32> {
    let grab = Rect::from_x_y_ranges(x..=x, y).expand2(egui::vec2(metrics().space, 0.0));
    let response = ui
        .interact(grab, ui.scope_id().with(name), Sense::DRAG)
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let pointer = response.interact_pointer_pos()?;
    response.dragged().then_some(pointer.x)
}

/// The whole window.
pub fn window_ui(ui: &mut Ui, state: &AppState, drafts: &mut Drafts, commands: &Commands) {
    let cx = Cx { state, commands };
    focus_ring::note(ui, drafts);
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
    let whole = ui.available_rect_before_wrap();
    let narrow = is_narrow(state, whole);
    let sidebar = if narrow {
        m.sidebar_narrow
    } else {
        let width = state.sizes.sidebar.unwrap_or(m.sidebar);
        width.clamp(m.sidebar_min, m.sidebar_max).round()
    };
    if state.settings.show_sidebar {
        Panel::left("sidebar")
            .exact_size(sidebar)
            .resizable(false)
            .frame(Frame::new().fill(tokens.base))
            .show(ui, |ui| sidebar::sidebar_ui(ui, &cx, drafts, narrow));
    }
    let window = ui.available_rect_before_wrap();
    let preview = preview::width(state, window);
    if state.settings.show_preview {
        Panel::right("preview")
            .exact_size(preview)
            .resizable(false)
            .frame(Frame::new().fill(tokens.surface))
            .show(ui, |ui| preview::preview_ui(ui, &cx, &mut drafts.preview));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        let mut layout = std::mem::take(&mut drafts.layout);
        let first = state.sizes.first_pane.unwrap_or(0.5);
        let divided = layout.show(ui, &state.workspace, first, &mut |ui, pane| {
            pane::pane_ui(ui, &cx, drafts, pane);
        });
        if let Some(share) = divided {
            cx.resize(Resize::FirstPane(share));
        }
        drafts.layout = layout;
    });
    // Borders lie over the edges of what they part, so they come last.
    if state.settings.show_preview {
        let at = window.right() - preview;
        if let Some(x) = border_ui(ui, "preview border", at, window.y_range()) {
            cx.resize(Resize::Preview(window.right() - x));
        }
    }
    if state.settings.show_sidebar && !narrow {
        let at = whole.left() + sidebar;
        if let Some(x) = border_ui(ui, "sidebar border", at, whole.y_range()) {
            cx.resize(Resize::Sidebar(x - whole.left()));
        }
    }

    toasts::toasts_ui(ui, &cx, drafts.layers_top);
    operations::popover_ui(ui, &cx);
    context_menu::open_menu_ui(ui, &cx, drafts);
    palette::palette_ui(ui, &cx, drafts);
    dialog::dialog_ui(ui, &cx, drafts);
    drag::ghost_ui(ui, &cx, drafts);
    focus_ring::focus_ring_ui(ui, drafts);
}

/// Does the sidebar show icons only? In a narrow window, and where the panes would not have the room they need beside it, unless its width was chosen.
fn is_narrow(state: &AppState, window: egui::Rect) -> bool {
    let m = metrics();
    let preview = if state.settings.show_preview {
        preview::width(state, window)
    } else {
        0.0
    };
    let panes = state.workspace.panes().count() as f32;
    let room = (window.width() - m.sidebar - preview) / panes;
    let crowded = state.sizes.sidebar.is_none() && room < m.pane_min;
    window.width() < m.sidebar_narrow_below || crowded
}

/// Is this pane the one commands act on?
fn is_active(state: &AppState, pane: PaneId) -> bool {
    state.workspace.active_pane() == pane
}
