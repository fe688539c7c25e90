//! The lock screen: the tab of an encrypted filesystem that is not open.

use std::time::{Duration, Instant};

use egui::{Align, Button, Key, Layout, Rect, TextEdit, Ui, UiBuilder};

use super::{Cx, Drafts};
use crate::command::{Command, FsCommand};
use crate::state::filesystem::Locked;
use crate::state::{FsStatus, Tab};
use crate::theme::{FsKind, Icon, Tokens, Type, UiTokens as _, metrics};
use crate::widget::select_all;

/// The screen.
pub(super) fn lock_screen_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab) {
    let (Some(fs), Some(info)) = (tab.fs(), cx.state.fs_of(tab)) else {
        return;
    };
    let (m, tokens) = (metrics(), ui.tokens());
    let opening = matches!(info.status, FsStatus::Opening);
    let locked = match &info.status {
        FsStatus::Locked(locked) => Some(locked),
        _ => None,
    };
    let wait_secs = wait_ui(ui, locked);
    let area = ui.available_rect_before_wrap();
    let width = m.lock_screen.min(area.width() - 2.0 * m.pad);
    // Where it begins in a low pane, all of it is still seen.
    let size_id = ui.make_persistent_id(("lock screen", tab.id));
    let tall: f32 = ui.data(|data| data.get_temp(size_id)).unwrap_or_default();
    let wanted = area.height() * m.lock_screen_top - m.icon_hero;
    let top = area.top() + wanted.min(area.height() - tall - m.gap).max(m.gap).round();
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
    let icon = match FsKind::from(info.kind) {
        FsKind::Vault => Icon::Vault,
        kind => kind.icon(),
    };
    icon.show(ui, m.icon_hero, tokens.muted);
    ui.add_space(m.gap);
    ui.label(Type::Welcome.rich(&info.name));
    let path = info
        .location
        .host_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    // Whole: it tells which of two with the same name gets the password. (What was cut would show itself over the field.)
    ui.add(egui::Label::new(Type::Secondary.rich(path).color(tokens.muted)).wrap());
    ui.add_space(m.pad);

    let draft = drafts.secrets.entry(fs.clone()).or_default();
    let id = ui.make_persistent_id(("secret", fs.as_str()));
    let (submit, response) = field_ui(ui, draft, id, width, !opening);
    if response.gained_focus() || draft.select {
        select_all(ui, id, &draft.secret.0);
    }
    let is_active = cx.state.tab().map(|tab| tab.id) == Some(tab.id);
    let free = ui.memory(|memory| memory.focused().is_none());
    if draft.select || (is_active && free && cx.state.dialog.is_none() && !cx.state.palette) {
        draft.select = false;
        response.request_focus();
    }
    let caps = caps_lock(ui, draft, response.has_focus());
    let (line, _) = ui.allocate_exact_size(egui::vec2(width, m.menu), egui::Sense::hover());
    if let Some((message, color)) = message(ui.tokens(), locked, wait_secs, caps) {
        let text = Type::Secondary.rich(message).color(color);
        ui.put(line, egui::Label::new(text).halign(Align::Min));
    }
    if let Some(locked) = locked {
        draft.read_only = locked.read_only;
    }
    let (label, other, hint) = match draft.read_only {
        false => (
            "Unlock",
            "Open read-only",
            "Nothing in it can be changed then",
        ),
        true => (
            "Open read-only",
            "Unlock for changes",
            "What is in it can be changed then",
        ),
    };
    let label = if opening { "Opening" } else { label };
    let icon = if opening { Icon::Spinner } else { Icon::Unlock };
    let can = !opening && wait_secs == 0 && !draft.secret.0.is_empty();
    let color = if can { tokens.on_accent } else { tokens.muted };
    let text = Type::Strong.rich(label).color(color);
    let mut button = Button::new((icon.atom_sized(m.icon, Some(color)), text))
        .min_size(egui::vec2(width, m.field));
    if can {
        button = button.fill(tokens.accent);
    }
    let clicked = ui.add_enabled(can, button).clicked();
    ui.add_space(m.gap);
    let link = Button::new(Type::Secondary.rich(other)).frame_when_inactive(false);
    let otherwise = ui.add_enabled(can, link).on_hover_text(hint).clicked();
    if locked.is_some_and(Locked::is_doubtful) && info.is_kept_in_files() {
        // The right password does not open what is damaged where the key is made.
        let text = Type::Secondary.rich("It is the right one: save what can be read…");
        let link = Button::new(text).frame_when_inactive(false);
        let hint = "A damaged file can refuse its own password";
        if ui.add(link).on_hover_text(hint).clicked() {
            cx.send(Command::Fs(FsCommand::AskSalvage(fs.clone())));
        }
    }
    let now = ui.min_rect().height();
    if now != tall {
        ui.data_mut(|data| data.insert_temp(size_id, now));
        ui.request_repaint();
    }
    if can && (clicked || submit || otherwise) {
        let read_only = draft.read_only != otherwise;
        let secret = draft.secret.clone();
        cx.send(Command::Fs(FsCommand::Unlock(
            fs.clone(),
            secret,
            read_only,
        )));
    }
}

/// Whole seconds until another password may be tried. The screen is drawn again when one of them is over.
fn wait_ui(ui: &Ui, locked: Option<&Locked>) -> u64 {
    let now = Instant::now();
    let Some(until) = locked.and_then(|locked| locked.wait_until) else {
        return 0;
    };
    let left = until.saturating_duration_since(now);
    if !left.is_zero() {
        let part = Duration::from_nanos(u64::from(left.subsec_nanos()));
        ui.request_repaint_after(if part.is_zero() {
            Duration::from_secs(1)
        } else {
            part
        });
    }
    locked.map_or(0, |locked| locked.seconds_left(now))
}

/// The line under the field: why the last password did not do, and when another one may be tried.
fn message(
    tokens: &Tokens,
    locked: Option<&Locked>,
    wait_secs: u64,
    caps_lock: bool,
) -> Option<(String, egui::Color32)> {
    let wrong = locked.and_then(|locked| locked.message.as_deref());
    let color = if wrong.is_some() {
        tokens.danger
    } else {
        tokens.warn
    };
    // One line has room for two sentences.
    let hint = match wait_secs {
        0 => caps_lock.then(|| "Is Caps Lock on?".to_owned()),
        secs => Some(format!("Try again in {secs} s")),
    };
    let parts: Vec<&str> = [wrong, hint.as_deref()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| (parts.join(". "), color))
}

/// Does Caps Lock seem to be on? The system does not tell, but a letter does that comes in the other case than Shift asks for.
fn caps_lock(ui: &Ui, draft: &mut super::drafts::SecretDraft, typing: bool) -> bool {
    if typing {
        ui.input(|input| {
            for event in &input.events {
                let egui::Event::Text(text) = event else {
                    continue;
                };
                let Some(letter) = text
                    .chars()
                    .next()
                    .filter(|letter| letter.is_uppercase() != letter.is_lowercase())
                else {
                    continue;
                };
                draft.caps_lock = letter.is_uppercase() != input.modifiers.shift;
            }
        });
    }
    draft.caps_lock && !draft.secret.0.is_empty()
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
