//! Going from folder to folder.

use egui::{Key, Modifiers};
use lamina::testing::Window;

fn sample() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &["memory:sample"]);
    (home, window)
}

#[test]
fn the_first_start_shows_the_welcome_tab_and_a_sample_filesystem() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[]);
    assert!(window.tab().place.is_none());
    window.click("Sample filesystem");
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Read me first.md", "Shopping list"]
    );
    assert_eq!(
        window.state().workspace.tabs().count(),
        1,
        "the Welcome tab gave way"
    );
}

#[test]
fn enter_opens_a_folder_and_up_lands_on_it() {
    let (_home, mut window) = sample();
    assert_eq!(window.cursor().as_deref(), Some("Notes"));
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["hello.rs", "numbers.csv"]);
    window.key(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(window.path().to_str(), Some("/"));
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    assert_eq!(window.selected(), ["Projects"]);
}

#[test]
fn back_restores_cursor_and_selection_and_forward_returns() {
    let (_home, mut window) = sample();
    window.key(Modifiers::NONE, Key::End);
    window.key(Modifiers::SHIFT, Key::ArrowUp);
    window.key(Modifiers::COMMAND, Key::Home);
    assert_eq!(window.selected(), ["Read me first.md", "Shopping list"]);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(window.cursor().as_deref(), Some("Notes"));
    assert_eq!(window.selected(), ["Read me first.md", "Shopping list"]);
    window.key(Modifiers::ALT, Key::ArrowRight);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::NONE, Key::Backspace);
    assert_eq!(window.path().to_str(), Some("/"));
}

#[test]
fn the_path_is_a_field_on_request_and_escape_leaves_it() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::L);
    window.text("/Notes/ideas");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes/ideas"));
    window.key(Modifiers::COMMAND, Key::L);
    window.text("/Projects");
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.path().to_str(), Some("/Notes/ideas"));
    // The keyboard is back in the list.
    window.key(Modifiers::NONE, Key::Home);
    assert_eq!(window.cursor().as_deref(), Some("layers.md"));
}

#[test]
fn a_folder_that_is_not_there_says_so_and_offers_the_way_up() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::L);
    window.text("/Notes/nothing");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.shows("nothing is not there any more"));
    window.click("Go up");
    assert_eq!(window.path().to_str(), Some("/Notes"));
}

#[test]
fn the_enter_that_ends_typing_a_path_opens_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::NONE, Key::End);
    window.key(Modifiers::COMMAND, Key::L);
    window.text("memory:sample::/Notes/ideas");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes/ideas"));
    assert!(
        !window.state().settings.show_preview,
        "the file under the cursor was opened"
    );
}
