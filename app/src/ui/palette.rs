//! Every command by its name, found by typing a part of it.

use egui::{Align, Button, Key, Layout, Modal, Modifiers, TextEdit, Ui};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Cx, Drafts};
use crate::command::{Command, Verb, WindowCommand, table};
use crate::state::AppState;
use crate::theme::{Type, UiTokens as _, global_id, metrics};
use crate::widget::scroll_list;

/// The palette, when it is open.
pub(super) fn palette_ui(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    if !cx.state.palette {
        return;
    }
    let m = metrics();
    let width = m.palette;
    let top = ui.content_rect().center_top() + egui::vec2(-width / 2.0 - m.pad, m.menu + m.pad);
    let modal = Modal::new(global_id("palette"))
        .area(
            Modal::default_area(global_id("palette")).anchor(egui::Align2::LEFT_TOP, top.to_vec2()),
        )
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            content_ui(ui, cx, drafts);
        });
    if modal.should_close() {
        cx.send(Command::Window(WindowCommand::Palette(false)));
    }
}

fn content_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let draft = &mut drafts.palette;
    let step = ui.input_mut(|input| {
        let down = input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown);
        let up = input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp);
        down as isize - up as isize
    });
    let field = TextEdit::singleline(&mut draft.text)
        .hint_text("Type a command")
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Command");
    if !response.has_focus() && !response.lost_focus() {
        response.request_focus();
    }
    if response.changed() {
        draft.chosen = 0;
    }
    let found = find(cx.state, &draft.text);
    let last = found.len().saturating_sub(1);
    draft.chosen = draft.chosen.saturating_add_signed(step).min(last);
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.add_space(metrics().gap);
    let mut run = None;
    scroll_list(metrics().row * metrics().dialog_rows).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (at, verb) in found.iter().enumerate() {
            let chosen = at == draft.chosen;
            let response = line_ui(ui, cx, verb, chosen);
            if chosen && step != 0 {
                response.scroll_to_me(None);
            }
            if response.clicked() || (chosen && enter) {
                run = Some(*verb);
            }
        }
        if found.is_empty() {
            let color = ui.tokens().muted;
            ui.label(Type::Body.rich("No command is called that").color(color));
        }
    });
    if let Some(verb) = run
        && (verb.enabled)(cx.state).is_ok()
    {
        cx.send(Command::Window(WindowCommand::Palette(false)));
        if let Some(command) = (verb.command)(cx.state) {
            cx.send(command);
        }
    }
}

fn line_ui(ui: &mut Ui, cx: &Cx<'_>, verb: &Verb, chosen: bool) -> egui::Response {
    let (m, tokens) = (metrics(), ui.tokens());
    let availability = (verb.enabled)(cx.state);
    let color = if availability.is_ok() {
        tokens.text
    } else {
        tokens.faint
    };
    let label = Type::Body.rich(verb.label(cx.state)).color(color);
    let right = match availability {
        Ok(()) => verb
            .keys
            .first()
            .map(|key| ui.ctx().format_shortcut(key))
            .unwrap_or_default(),
        Err(reason) => reason.to_owned(),
    };
    let right = Type::Secondary.rich(right).color(tokens.faint);
    let menu = Type::Secondary.rich(verb.menu.label()).color(tokens.faint);
    let size = egui::vec2(ui.available_width(), m.row);
    let image = verb.icon.map_or_else(
        || egui::Atom::paint(egui::Vec2::splat(m.icon), |_, _| {}),
        |icon| icon.atom_sized(m.icon, Some(tokens.muted)),
    );
    let button =
        Button::selectable(chosen, (image, label, menu, egui::Atom::grow(), right)).min_size(size);
    let layout = Layout::left_to_right(Align::Center).with_main_justify(true);
    ui.allocate_ui_with_layout(size, layout, |ui| ui.add(button))
        .inner
}

/// Verbs whose name matches, best first; all when nothing is typed, those that can be used now before the others.
fn find(state: &AppState, text: &str) -> Vec<&'static Verb> {
    let all = table::all().filter(|verb| verb.id != "palette");
    if text.trim().is_empty() {
        let mut verbs: Vec<_> = all.collect();
        verbs.sort_by_key(|verb| (verb.enabled)(state).is_err());
        return verbs;
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<_> = all
        .filter_map(|verb| {
            let label = verb.label(state);
            let mut score = |text: &str| {
                let score = pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)?;
                Some(std::cmp::Reverse(score))
            };
            // By its name; else by its name and its menu's, in any order: “check vault”.
            let score = match score(&label) {
                Some(score) => (0, score),
                None => (1, score(&format!("{label} {}", verb.menu.label()))?),
            };
            let disabled = (verb.enabled)(state).is_err();
            Some(((score, label.len(), disabled), verb))
        })
        .collect();
    // The best name first even when it can't be used now: Enter must not run something else. “compact” is “Compact”, before “Compact rows”.
    scored.sort_by_key(|(rank, _)| *rank);
    scored.into_iter().map(|(_, verb)| verb).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        let found = find(&AppState::default(), "newfo");
        assert_eq!(found.first().map(|verb| verb.id), Some("new_folder"));
        assert!(find(&AppState::default(), "qqqq").is_empty());
        let found = find(&AppState::default(), "check vault");
        assert_eq!(found.first().map(|verb| verb.id), Some("check_kept"));
        let found = find(&AppState::default(), "compact");
        assert_eq!(found.first().map(|verb| verb.id), Some("compact_kept"));
    }
}
