//! Our own file dialog, which stands in where the desktop has none: by mouse and by keyboard alone.

use std::fs;
use std::path::Path;

use egui::{Key, Modifiers};
use fs_backends::location::Kind;
use lamina::state::Dialog;
use lamina::testing::Window;

/// A home folder with something to choose from.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("world/inner")).unwrap();
    for name in ["world/a.txt", "world/b.txt", "world/inner/c.txt"] {
        fs::write(home.path().join(name), name).unwrap();
    }
    home
}

/// Goes to `folder` of the test, however the user's home folder looks.
fn go(window: &mut Window, folder: &Path) {
    let tab = window.file_dialog().expect("the file dialog is open");
    let place = lamina::state::filesystem::place_of(&fs_backends::location::Location::host(folder));
    let app = window.harness.state();
    app.send(lamina::command::Command::Go(tab, place));
    window.settle();
}

#[test]
fn a_folder_is_chosen_with_the_keyboard_alone() {
    let (home, world) = (tempfile::tempdir().unwrap(), home());
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("open_sandbox");
    window.click("Browse…");
    assert!(window.shows("Choose a folder"));
    go(&mut window, &world.path().join("world"));
    // The list has the keyboard: its first row is the folder.
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::NONE, Key::Backspace);
    window.text("inn");
    window.click("Choose");
    window.click("Open");
    window.wait_for("the sandbox", |state| {
        let fs = state.tab().and_then(|tab| state.fs_of(tab));
        fs.is_some_and(|fs| fs.kind == Kind::VRoot && fs.is_open())
    });
    assert_eq!(window.names(), ["c.txt"]);
}

#[test]
fn opening_a_file_in_the_list_chooses_it() {
    let (home, world) = (tempfile::tempdir().unwrap(), home());
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("open_vault");
    window.click("Browse…");
    go(&mut window, &world.path().join("world"));
    window.text("b.t");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(!window.shows("Choose a file"));
    let path = world.path().join("world/b.txt");
    assert_eq!(window.form_path(), path.to_str().unwrap());
}

#[test]
fn escape_leaves_the_file_dialog_and_then_the_form() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("open_store");
    window.click("Browse…");
    assert!(window.shows("Choose a folder"));
    window.key(Modifiers::NONE, Key::Escape);
    assert!(!window.shows("Choose a folder"));
    assert!(matches!(window.state().dialog, Some(Dialog::Open(_))));
    window.key(Modifiers::NONE, Key::Escape);
    assert!(window.state().dialog.is_none());
    // The keyboard is back in the list of the tab.
    window.key(Modifiers::NONE, Key::End);
    assert_eq!(window.cursor().as_deref(), Some("Shopping list"));
}

#[test]
fn a_taken_name_is_written_over_only_after_a_question() {
    let (home, world) = (tempfile::tempdir().unwrap(), home());
    let taken = world.path().join("world/taken.mem");
    fs::write(&taken, "precious").unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("save_memory");
    window.click("Browse…");
    go(&mut window, &world.path().join("world"));
    // A file that is selected lends its name.
    window.text("taken");
    window.click("Choose");
    assert_eq!(window.form_path(), taken.to_str().unwrap());
    window.click("Save");
    assert!(window.shows("Replace “taken.mem”?"));
    // Enter is the safe answer.
    window.key(Modifiers::NONE, Key::Enter);
    assert!(matches!(window.state().dialog, Some(Dialog::Save(_))));
    assert_eq!(fs::read(&taken).unwrap(), b"precious");
    window.click("Save");
    window.click("Replace");
    window.wait_for("the save", |state| {
        state.filesystems.values().all(|fs| !fs.unsaved)
    });
    assert_ne!(fs::read(&taken).unwrap(), b"precious");
    // Its own file it may write over without asking, once it was opened from there.
    window.verb("close_tab");
    let mut window = Window::open(home.path(), &[taken.to_str().unwrap()]);
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("save_memory_as");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(taken.to_str().unwrap());
    window.click("Save");
    window.wait_for("the save", |state| {
        state.filesystems.values().all(|fs| !fs.unsaved)
    });
    assert!(window.state().dialog.is_none());
}

#[test]
fn a_new_name_is_typed_and_entered() {
    let (home, world) = (tempfile::tempdir().unwrap(), home());
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("save_memory");
    window.click("Browse…");
    go(&mut window, &world.path().join("world"));
    window.focus("File name");
    window.text("new.mem");
    window.key(Modifiers::NONE, Key::Enter);
    let path = world.path().join("world/new.mem");
    assert_eq!(window.form_path(), path.to_str().unwrap());
    window.click("Save");
    window.wait_for("the file", |_| path.exists());
}

#[test]
fn files_are_added_to_the_folder_that_is_shown() {
    let (home, world) = (tempfile::tempdir().unwrap(), home());
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("add_files");
    assert!(window.shows("Add files to scratch"));
    go(&mut window, &world.path().join("world"));
    window.text("a.t");
    window.key(Modifiers::SHIFT, Key::ArrowDown);
    window.click("Add");
    window.wait_for("the files", |state| state.tab().unwrap().view.len() == 2);
    assert_eq!(window.names(), ["a.txt", "b.txt"]);
    assert!(window.state().dialog.is_none());
    window.key(Modifiers::COMMAND, Key::Z);
    assert!(window.names().is_empty());
}

#[test]
fn where_drops_do_not_arrive_the_user_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open_without_drops(home.path());
    assert!(window.mentions("delivers no files dropped"));
    window.close();
    let window = Window::open_without_drops(home.path());
    assert!(!window.mentions("delivers no files dropped"));
}
