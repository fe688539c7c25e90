//! The lock screen: the tab of an encrypted filesystem that is not open.

use egui::text::{CCursor, CCursorRange};
use egui::{Align, Button, Key, Layout, Rect, TextEdit, Ui, UiBuilder};

use super::{Cx, Drafts};
use crate::command::{Command, FsCommand};
use crate::state::{FsStatus, Tab};
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// The screen; `message` says why the last password did not do.
pub(super) fn lock_screen_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    tab: &Tab,
    message: Option<&str>,
) {
    let (Some(fs), Some(info)) = (tab.fs(), cx.state.fs_of(tab)) else {
        return;
    };
    let (m, tokens) = (metrics(), ui.tokens());
    let opening = matches!(info.status, FsStatus::Opening);
    let area = ui.available_rect_before_wrap();
    let width = m.lock_screen.min(area.width() - 2.0 * m.pad);
    let top = area.top() + (area.height() * 0.3 - m.icon_hero).max(m.pad).round();
    let column = Rect::from_min_max(
        egui::pos2((area.center().x - width / 2.0).round(), top),
        egui::pos2((area.center().x + width / 2.0).round(), area.bottom()),
    );
    let mut ui = ui.new_child(
        UiBuilder::new()
            .max_rect(column)
            .layout(Layout::top_down(Align::Center)),
    );
    let ui = &mut ui;
    Icon::Vault.show(ui, m.icon_hero, tokens.muted);
    ui.add_space(m.gap);
    ui.label(Type::Welcome.rich(&info.name));
    let path = info
        .location
        .host_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    ui.add(egui::Label::new(Type::Secondary.rich(path).color(tokens.muted)).truncate());
    ui.add_space(m.pad);

    let draft = drafts.secrets.entry(fs.clone()).or_default();
    let id = ui.make_persistent_id(("secret", fs.as_str()));
    let (submit, response) = field_ui(ui, draft, id, width, !opening);
    if response.gained_focus() || draft.select {
        let end = CCursor::new(draft.secret.0.chars().count());
        let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
        state
            .cursor
            .set_char_range(Some(CCursorRange::two(CCursor::new(0), end)));
        state.clear_undoer();
        state.store(ui.ctx(), id);
    }
    let is_active = cx.state.tab().map(|tab| tab.id) == Some(tab.id);
    let free = ui.memory(|memory| memory.focused().is_none());
    if draft.select || (is_active && free && cx.state.dialog.is_none() && !cx.state.palette) {
        draft.select = false;
        response.request_focus();
    }
    let (line, _) = ui.allocate_exact_size(egui::vec2(width, m.menu), egui::Sense::hover());
    if let Some(message) = message {
        let text = Type::Secondary.rich(message).color(tokens.danger);
        ui.put(line, egui::Label::new(text).halign(Align::Min));
    }
    let label = if opening { "Opening" } else { "Unlock" };
    let icon = if opening { Icon::Spinner } else { Icon::Unlock };
    let can = !opening && !draft.secret.0.is_empty();
    let text = Type::Strong
        .rich(label)
        .color(if can { tokens.on_accent } else { tokens.muted });
    let color = if can { tokens.on_accent } else { tokens.muted };
    let mut button = Button::new((icon.atom_sized(m.icon, Some(color)), text))
        .min_size(egui::vec2(width, m.field));
    if can {
        button = button.fill(tokens.accent);
    }
    let clicked = ui.add_enabled(can, button).clicked();
    if can && (clicked || submit) {
        cx.send(Command::Fs(FsCommand::Unlock(
            fs.clone(),
            draft.secret.clone(),
        )));
    }
}

fn field_ui(
    ui: &mut Ui,
    draft: &mut super::drafts::SecretDraft,
    id: egui::Id,
    width: f32,
    enabled: bool,
) -> (bool, egui::Response) {
    let m = metrics();
    let (rect, _) = ui.allocate_exact_size(egui::vec2(width, m.field), egui::Sense::hover());
    let reveal = Rect::from_min_max(egui::pos2(rect.right() - m.field, rect.top()), rect.max);
    let field = TextEdit::singleline(&mut *draft.secret.0)
        .id(id)
        .password(!draft.revealed)
        .hint_text("Password")
        .align(egui::Align2::LEFT_CENTER)
        .interactive(enabled)
        .margin(egui::Margin {
            left: m.pad as i8,
            right: m.field as i8,
            top: 0,
            bottom: 0,
        });
    let response = ui.put(rect, field).accessible_name("Password");
    let icon = if draft.revealed {
        Icon::EyeClosed
    } else {
        Icon::Eye
    };
    let name = if draft.revealed {
        "Hide password"
    } else {
        "Show password"
    };
    let eye = ui.put(
        reveal.shrink(m.space),
        Button::new(icon.atom()).frame_when_inactive(false),
    );
    eye.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    if eye.on_hover_text(name).clicked() {
        draft.revealed = !draft.revealed;
    }
    let submit = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    (submit, response)
}
