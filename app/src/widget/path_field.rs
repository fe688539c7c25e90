//! A path as a text field: folders are completed while one types, and what is wrong with the path stands below it.

use egui::{
    CompletionPopup, EventFilter, Key, Modifiers, Popup, RectAlign, Suggestion, TextEdit, Ui,
};

use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// More folders than this are not suggested; a longer beginning brings the others.
const SUGGESTED: usize = 50;

/// The field.
pub struct PathField<'a> {
    /// What is typed.
    pub text: &'a mut String,
    /// It was just opened: all is selected.
    pub just_opened: bool,
    /// It has to get the keyboard back.
    pub refocus: bool,
    /// Names of folders that may be suggested in the folder typed so far; nothing until they are known.
    pub folders: &'a [String],
    /// What is wrong.
    pub error: Option<&'a str>,
}

/// What came of showing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathFieldOutput {
    /// The user is done.
    pub event: Option<PathFieldEvent>,
    /// The text is another.
    pub changed: bool,
}

/// What came of editing a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFieldEvent {
    /// Go there.
    Commit,
    /// Show the breadcrumb again.
    Cancel,
}

/// The part of a path up to and with its last slash, in which the rest is looked for.
pub fn folder_part(text: &str) -> &str {
    text.rfind('/')
        .and_then(|at| text.get(..=at))
        .unwrap_or_default()
}

impl PathField<'_> {
    /// Shows it over the whole width left. Tab completes, Enter goes, Escape closes what is suggested and then the field.
    pub fn show(self, ui: &mut Ui) -> PathFieldOutput {
        let before = self.text.clone();
        let id = ui.make_persistent_id("path field");
        let field = TextEdit::singleline(self.text)
            .align(egui::Align2::LEFT_CENTER)
            .desired_width(f32::INFINITY)
            .event_filter(EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..EventFilter::default()
            });
        let folders = self.folders;
        let mut output = CompletionPopup::new(id)
            .word_boundary(|character| character == '/')
            .align(RectAlign::BOTTOM_START)
            .accept_keys(vec![Key::Tab])
            .max_height(metrics().row * 10.0)
            .show(ui, field, |query| suggestions(folders, query.word))
            .text_edit;
        let response = output.response.response.clone().accessible_name("Path");
        if self.just_opened || self.refocus {
            response.request_focus();
        }
        if self.just_opened {
            let all = egui::text::CCursorRange::select_all(&output.galley);
            output.state.cursor.set_char_range(Some(all));
            output.state.store(ui.ctx(), response.id);
        }
        if let Some(error) = self.error {
            let text = Type::Body.rich(error).color(ui.tokens().danger);
            Popup::from_response(&response)
                .open(true)
                .align(RectAlign::BOTTOM_START)
                .width(response.rect.width())
                .show(|ui| ui.add(egui::Label::new(text).wrap()));
        }
        let escape = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        let entered = ui.input(|input| input.key_pressed(Key::Enter));
        let event = if escape {
            Some(PathFieldEvent::Cancel)
        } else if !response.lost_focus() {
            None
        } else if entered {
            Some(PathFieldEvent::Commit)
        } else {
            Some(PathFieldEvent::Cancel)
        };
        PathFieldOutput {
            event,
            changed: *self.text != before,
        }
    }
}

/// Folders that begin with `word`, whatever the case. Hidden ones only when asked for.
fn suggestions(folders: &[String], word: &str) -> Vec<Suggestion> {
    let wanted = word.to_lowercase();
    folders
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&wanted))
        .filter(|name| !name.starts_with('.') || wanted.starts_with('.'))
        .take(SUGGESTED)
        .map(|name| {
            Suggestion::new(format!("{name}/")).content((Icon::Folder.atom(), name.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_suggested_whatever_the_case_and_hidden_ones_on_request() {
        let folders = ["Documents", "docs", "Öffentlich", ".cache"].map(str::to_owned);
        let names = |word: &str| -> Vec<String> {
            let found = suggestions(&folders, word);
            found.into_iter().map(|found| found.insert).collect()
        };
        assert_eq!(names("DOC"), ["Documents/", "docs/"]);
        assert_eq!(names("öff"), ["Öffentlich/"]);
        assert_eq!(names(""), ["Documents/", "docs/", "Öffentlich/"]);
        assert_eq!(names(".c"), [".cache/"]);
        assert_eq!(folder_part("/a/b"), "/a/");
        assert_eq!(folder_part("memory:x::/"), "memory:x::/");
        assert_eq!(folder_part("a"), "");
    }
}
