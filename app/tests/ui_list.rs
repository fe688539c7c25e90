//! Sorting, filtering, selecting and typing ahead.

use egui::{Key, Modifiers};
use lamina::testing::Window;

fn sample() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &["memory:sample"]);
    (home, window)
}

#[test]
fn headers_sort_and_turn_the_order() {
    let (_home, mut window) = sample();
    window.verb("sort_name");
    assert_eq!(
        window.names(),
        ["Projects", "Notes", "Shopping list", "Read me first.md"]
    );
    window.verb("sort_size");
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Read me first.md", "Shopping list"]
    );
}

#[test]
fn letters_go_to_the_name_that_starts_with_them() {
    let (_home, mut window) = sample();
    window.text("p");
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    window.text("r");
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    assert_eq!(window.selected(), ["Projects"]);
}

#[test]
fn a_filter_hides_what_does_not_match_and_escape_brings_it_back() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::I);
    window.text("read");
    assert_eq!(window.names(), ["Read me first.md"]);
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names().len(), 4);
}

#[test]
fn everything_can_be_selected_and_inverted() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::A);
    assert_eq!(window.selected().len(), 4);
    assert_eq!(window.tab().selected.folders, 2);
    window.key(Modifiers::COMMAND, Key::Space);
    assert_eq!(window.selected().len(), 3);
    window.verb("invert");
    assert_eq!(window.selected(), ["Notes"]);
}
