//! Changing files, and taking it back.

use std::fs;

use egui::{Event, Key, Modifiers};
use lamina::state::Dialog;
use lamina::testing::Window;

fn sample() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &["memory:sample"]);
    (home, window)
}

#[test]
fn renaming_selects_the_stem_and_can_be_undone() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::NONE, Key::F2);
    window.text("Later");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Later.md", "Shopping list"]
    );
    assert_eq!(window.cursor().as_deref(), Some("Later.md"));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Read me first.md", "Shopping list"]
    );
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(window.names().contains(&"Later.md".to_owned()));
}

#[test]
fn escape_leaves_a_name_as_it_was() {
    let (_home, mut window) = sample();
    window.key(Modifiers::NONE, Key::F2);
    window.text("x");
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names()[0], "Notes");
    assert!(window.tab().rename.is_none());
}

#[test]
fn a_new_folder_opens_in_rename() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::N);
    assert!(window.tab().rename.is_some());
    window.text("Archive");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names()[0], "Archive");
    assert_eq!(window.selected(), ["Archive"]);
}

#[test]
fn after_a_deletion_the_neighbour_is_selected_and_undo_brings_it_back() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::NONE, Key::Delete);
    assert_eq!(window.names(), ["Notes", "Projects", "Shopping list"]);
    assert_eq!(window.selected(), ["Shopping list"]);
    assert!(window.mentions("Moved to trash"));
    window.click("Undo");
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Read me first.md", "Shopping list"]
    );
}

/// The next key would otherwise be for a file that nobody chose.
#[test]
fn after_another_program_removed_it_nothing_is_selected() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let mut window = Window::open(home.path(), &[folder.path().to_str().unwrap()]);
    window.text("b");
    assert_eq!(window.selected(), ["b"]);
    std::fs::remove_file(folder.path().join("b")).unwrap();
    window.wait_for("two files", |state| {
        state.tab().is_some_and(|tab| tab.view.len() == 2)
    });
    assert!(window.selected().is_empty());
    assert_eq!(window.cursor().as_deref(), Some("c"));
}

#[test]
fn shift_delete_asks_and_never_cuts() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::SHIFT, Key::Delete);
    assert!(matches!(window.state().dialog, Some(Dialog::Delete(_))));
    assert!(window.state().clip.is_none());
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().dialog.is_none(), "Enter is the safe answer");
    assert_eq!(window.names().len(), 4);
}

#[test]
fn shift_delete_that_arrives_as_cut_is_still_deleting() {
    let (_home, mut window) = sample();
    window.text("read");
    window.harness.event_modifiers(Event::Cut, Modifiers::SHIFT);
    window.settle();
    assert!(window.state().clip.is_none());
    assert!(matches!(window.state().dialog, Some(Dialog::Delete(_))));
    window.click("Delete for good");
    assert_eq!(window.names().len(), 3);
    assert_eq!(
        window.state().operations.undo.len(),
        0,
        "deleting for good can't be undone"
    );
}

#[test]
fn undo_in_a_text_field_never_undoes_files() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::NONE, Key::Delete);
    assert_eq!(window.names().len(), 3);
    window.key(Modifiers::COMMAND, Key::I);
    window.text("n");
    window.key(Modifiers::COMMAND, Key::Z);
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names().len(), 3, "the deletion stands");
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.names().len(), 4);
}

#[test]
fn the_keyboard_is_in_the_list_again_after_a_dialog() {
    let (_home, mut window) = sample();
    window.key(Modifiers::ALT, Key::Enter);
    assert!(matches!(window.state().dialog, Some(Dialog::Properties(_))));
    window.key(Modifiers::NONE, Key::Escape);
    assert!(window.state().dialog.is_none());
    window.key(Modifiers::NONE, Key::End);
    assert_eq!(window.cursor().as_deref(), Some("Shopping list"));
}

#[test]
fn what_is_copied_is_pasted_elsewhere_and_what_is_cut_moves() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::COMMAND, Key::C);
    window.text("notes");
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(
        window.names(),
        ["ideas", "Read me first.md", "shopping.txt"]
    );
    assert_eq!(
        window.selected(),
        ["Read me first.md"],
        "what arrived is selected"
    );
    window.key(Modifiers::COMMAND, Key::X);
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(window.names(), ["layers.md", "Read me first.md"]);
    window.key(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(window.names(), ["ideas", "shopping.txt"]);
}

#[test]
fn a_name_that_is_taken_asks_once_and_both_can_stay() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::COMMAND, Key::C);
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::V);
    window.key(Modifiers::COMMAND, Key::V);
    assert!(matches!(
        window.state().dialog,
        Some(Dialog::Preflight { .. })
    ));
    window.click("Keep both");
    assert_eq!(
        window.names(),
        [
            "ideas",
            "Read me first.md",
            "Read me first (2).md",
            "shopping.txt"
        ]
    );
}

#[test]
fn names_that_are_taken_are_asked_for_in_the_order_of_lists() {
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (home.path().join("from"), home.path().join("to"));
    fs::create_dir_all(from.join("album/older")).unwrap();
    fs::create_dir(&to).unwrap();
    let names = ["2.jpg", "9.jpg", "10.jpg", "older/1.jpg", "Z.jpg"];
    for name in names.iter().rev() {
        fs::write(from.join("album").join(name), "").unwrap();
    }
    let mut window = Window::open(home.path(), &[to.to_str().unwrap(), from.to_str().unwrap()]);
    assert_eq!(window.names(), ["album"]);
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::COMMAND, Key::C);
    window.key(Modifiers::COMMAND, Key::Tab);
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(window.names(), ["album"]);
    window.key(Modifiers::COMMAND, Key::V);
    let Some(Dialog::Preflight { preflight, .. }) = &window.state().dialog else {
        panic!("nothing is asked");
    };
    let asked: Vec<_> = preflight
        .conflicts
        .iter()
        .map(|conflict| conflict.target.path.display().to_string())
        .collect();
    let album = to.canonicalize().unwrap().join("album");
    let expected = names.map(|name| album.join(name).to_str().unwrap().to_owned());
    assert_eq!(asked, expected);
}

#[test]
fn pasting_where_it_is_makes_a_duplicate() {
    let (_home, mut window) = sample();
    window.text("read");
    window.key(Modifiers::COMMAND, Key::C);
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(window.names().len(), 5);
    assert!(window.names().iter().any(|name| name.contains("copy")));
}

#[test]
fn what_does_not_fit_is_said_before_and_enter_leaves_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large.bin"), vec![7; 3 << 20]).unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut window = Window::open(home.path(), &[folder, "memory:small:1M"]);
    window.verb("previous_tab");
    window.verb("select_all");
    window.verb("copy");
    window.verb("next_tab");
    window.verb("paste");
    window.wait_for("the question", |state| {
        matches!(state.dialog, Some(Dialog::Preflight { .. }))
    });
    assert!(window.mentions("There is not enough room"));
    assert!(window.mentions("nothing that is there already is lost"));
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().dialog.is_none());
    assert!(window.names().is_empty());
    assert_eq!(window.state().operations.active().count(), 0);
}
