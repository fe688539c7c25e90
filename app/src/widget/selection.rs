//! Selecting what is in a text field.

use egui::text::{CCursor, CCursorRange};
use egui::{Id, TextEdit, Ui};

/// Selects all of the `text` in the field `id`, and forgets what was typed there before: typing replaces it.
pub fn select_all(ui: &Ui, id: Id, text: &str) {
    let end = CCursor::new(text.chars().count());
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    state
        .cursor
        .set_char_range(Some(CCursorRange::two(CCursor::new(0), end)));
    state.clear_undoer();
    state.store(ui.ctx(), id);
}
