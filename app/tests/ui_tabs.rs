//! Tabs and panes.

use egui::{Key, Modifiers};
use lamina::state::{Dialog, FsStatus, PaneId};
use lamina::testing::Window;

#[test]
fn a_second_pane_shows_the_same_folder_and_has_the_keyboard() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::NONE, Key::F3);
    assert!(window.state().workspace.is_split());
    assert_eq!(window.state().workspace.active_pane(), PaneId::Second);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::NONE, Key::F6);
    assert_eq!(window.path().to_str(), Some("/"));
    window.key(Modifiers::NONE, Key::End);
    assert_eq!(window.cursor().as_deref(), Some("Shopping list"));
    window.key(Modifiers::NONE, Key::F3);
    assert!(!window.state().workspace.is_split());
    assert_eq!(window.state().workspace.tabs().count(), 2, "no tab is lost");
}

#[test]
fn tabs_open_close_and_come_back() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::T);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::COMMAND, Key::W);
    assert_eq!(window.path().to_str(), Some("/"));
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::T);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::COMMAND, Key::Tab);
    assert_eq!(window.path().to_str(), Some("/"));
}

#[test]
fn closing_an_unsaved_memory_filesystem_asks() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"]);
    window.key(Modifiers::COMMAND, Key::W);
    assert!(matches!(
        window.state().dialog,
        Some(Dialog::CloseUnsaved(_))
    ));
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names(), ["New folder"]);
    window.key(Modifiers::COMMAND, Key::W);
    window.click("Close and lose it");
    assert!(window.tab().place.is_none());
}

#[test]
fn after_a_crash_tabs_come_back_and_lost_content_is_said_to_be_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch", "memory:sample"]);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    // Nothing is closed in order: what is on the disk now is all there will be.
    drop(window);
    let mut window = Window::reopen(home.path());
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::ALT, Key::Num1);
    let tab = window.tab();
    assert!(matches!(
        window.state().fs_of(tab).map(|fs| &fs.status),
        Some(FsStatus::Gone)
    ));
    assert!(window.shows("Its content is gone"));
}

#[test]
fn ctrl_q_asks_while_something_would_be_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(
        window
            .harness
            .ctx
            .options(|options| options.quit_shortcuts.is_empty()),
        "egui must not quit by itself"
    );
    window.key(Modifiers::COMMAND, Key::Q);
    assert!(matches!(window.state().dialog, Some(Dialog::Quit { .. })));
    window.click("Stay");
    window.request_close();
    assert!(matches!(window.state().dialog, Some(Dialog::Quit { .. })));
    assert!(!window.state().leaving);
    window.click("Stay");
    assert_eq!(window.names(), ["New folder"]);
}

#[test]
fn keys_copy_and_move_to_the_other_pane() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("split");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::NONE, Key::F6);
    window.text("read");
    window.key(Modifiers::SHIFT, Key::F5);
    assert_eq!(window.names().len(), 4);
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::SHIFT, Key::F6);
    assert_eq!(window.names().len(), 3);
    window.key(Modifiers::NONE, Key::F6);
    assert_eq!(
        window.names(),
        ["ideas", "Projects", "Read me first.md", "shopping.txt"]
    );
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(
        window.names(),
        ["ideas", "Read me first.md", "shopping.txt"]
    );
}

#[test]
fn copying_out_of_memory_leaves_nothing_unsaved() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::A);
    window.key(Modifiers::COMMAND, Key::C);
    window.key(Modifiers::COMMAND, Key::L);
    window.text(&format!("host:{}", folder.path().display()));
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path(), folder.path());
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(
        window.names().len(),
        4,
        "{:?} {:?}",
        window.state().dialog,
        window.state().toasts
    );
    assert!(window.state().filesystems.values().all(|fs| !fs.unsaved));
}
