//! Dragging with the mouse, and files dropped from other programs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Event, Modifiers, PointerButton, Pos2};
use lamina::testing::Window;

/// The place of a row's name in the pane at the left (0) or right (1).
fn name_of(window: &Window, label: &str, pane: usize) -> Pos2 {
    let rect = window
        .rects(label)
        .into_iter()
        .nth(pane)
        .expect("the row is shown");
    Pos2::new(rect.left() + 50.0, rect.center().y)
}

fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers,
    };
    window.harness.event(Event::PointerMoved(from));
    window.harness.step();
    window.harness.event(button(from, true));
    window.harness.step();
    for part in 1..=10 {
        window.harness.event(Event::PointerMoved(
            from + (to - from) * (part as f32 / 10.0),
        ));
        window.harness.step();
    }
    window.harness.step();
    window.harness.event_modifiers(button(to, false), modifiers);
    window.settle();
}

fn two_panes() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("split");
    window.key(Modifiers::NONE, egui::Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::NONE, egui::Key::F6);
    (home, window)
}

#[test]
fn dragging_within_a_filesystem_moves_to_the_folder_of_the_other_pane() {
    let (_home, mut window) = two_panes();
    let from = name_of(&window, "Read me first.md", 0);
    drag(&mut window, from, Pos2::new(1000.0, 600.0), Modifiers::NONE);
    assert_eq!(window.names(), ["Notes", "Projects", "Shopping list"]);
    assert!(window.mentions("Moved"));
    window.verb("other_pane");
    assert_eq!(
        window.names(),
        ["ideas", "Read me first.md", "shopping.txt"]
    );
}

#[test]
fn dropping_on_a_folder_goes_into_it_and_what_is_dragged_cannot_go_into_itself() {
    let (_home, mut window) = two_panes();
    let (from, to) = (
        name_of(&window, "Read me first.md", 0),
        name_of(&window, "Projects", 0),
    );
    drag(&mut window, from, to, Modifiers::NONE);
    assert_eq!(window.names(), ["Notes", "Projects", "Shopping list"]);
    let from = name_of(&window, "Notes", 0);
    drag(&mut window, from, Pos2::new(1000.0, 600.0), Modifiers::NONE);
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Shopping list"],
        "Notes is what the other pane shows"
    );
}

#[test]
fn files_dropped_from_another_program_are_copied_into_the_active_pane() {
    #[derive(Debug)]
    struct Dropped(PathBuf);
    impl egui::DroppedFile for Dropped {
        fn path(&self) -> &std::path::Path {
            &self.0
        }
        fn bytes(&self) -> Result<Vec<u8>, String> {
            Err("read by its path".to_owned())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("from outside.txt"), "x").unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    let file = Arc::new(Dropped(folder.path().join("from outside.txt")));
    window.harness.input_mut().dropped_files.push(file);
    window.settle();
    assert!(window.names().contains(&"from outside.txt".to_owned()));
    assert!(folder.path().join("from outside.txt").exists());
}
