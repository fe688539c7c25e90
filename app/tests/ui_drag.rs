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

fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> Event {
    Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers,
    }
}

/// Presses and moves, and holds there.
fn drag_and_hold(window: &mut Window, from: Pos2, to: Pos2) {
    window.harness.event(Event::PointerMoved(from));
    window.harness.step();
    window.harness.event(button(from, true, Modifiers::NONE));
    window.harness.step();
    go_on(window, from, to);
}

/// Moves what is being dragged.
fn go_on(window: &mut Window, from: Pos2, to: Pos2) {
    for part in 1..=10 {
        let at = from + (to - from) * (part as f32 / 10.0);
        window.harness.event(Event::PointerMoved(at));
        window.harness.step();
    }
    window.harness.step();
}

fn drop_at(window: &mut Window, to: Pos2, modifiers: Modifiers) {
    window.harness.event(Event::ModifiersChanged(modifiers));
    window.harness.step();
    window
        .harness
        .event_modifiers(button(to, false, modifiers), modifiers);
    window.settle();
    window
        .harness
        .event(Event::ModifiersChanged(Modifiers::NONE));
    window.settle();
}

fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) {
    drag_and_hold(window, from, to);
    drop_at(window, to, modifiers);
}

/// The middle of what is called `label` and lies furthest to the left.
fn middle_of(window: &Window, label: &str) -> Pos2 {
    window.rects(label).first().expect("it is shown").center()
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

/// The middle of a tab.
fn tab_called(window: &Window, label: &str) -> Pos2 {
    let strip = 28.0..64.0;
    let rects = window.rects(label).into_iter();
    let mut tabs = rects.filter(|rect| strip.contains(&rect.center().y));
    tabs.next().expect("the tab is shown").center()
}

/// A host folder with these files.
fn host(files: &[&str]) -> (tempfile::TempDir, tempfile::TempDir, Window) {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, *file).unwrap();
    }
    let window = Window::open(home.path(), &[folder.path().to_str().unwrap()]);
    (home, folder, window)
}

#[test]
fn a_tab_opens_when_something_is_held_over_it_and_takes_the_drop_in_its_list() {
    let (_home, folder, mut window) = host(&["a.txt"]);
    window.verb("new_tab");
    let first = window.state().workspace.panes().next().unwrap().1.tabs[0];
    window.harness.state().send(lamina::command::Command::Open(
        fs_backends::location::Location::parse("memory:sample", std::path::Path::new("/")).unwrap(),
        lamina::command::OpenIn::Tab(first),
    ));
    window.settle();
    assert_eq!(window.names(), ["a.txt"]);
    let from = name_of(&window, "a.txt", 0);
    let tab = tab_called(&window, "sample");
    drag_and_hold(&mut window, from, tab);
    assert_eq!(window.names(), ["a.txt"], "not at once");
    window.wait_for("the tab to open", |state| state.tab().unwrap().id == first);
    assert!(window.names().contains(&"Projects".to_owned()));
    let list = Pos2::new(900.0, 600.0);
    go_on(&mut window, tab, list);
    assert!(window.shows("Copy “a.txt” to sample"));
    drop_at(&mut window, list, Modifiers::NONE);
    assert!(window.names().contains(&"a.txt".to_owned()));
    assert!(
        folder.path().join("a.txt").exists(),
        "another filesystem: it was copied"
    );
}

#[test]
fn a_drop_on_a_tab_goes_into_the_folder_it_shows() {
    let (_home, folder, mut window) = host(&["a.txt"]);
    window.harness.state().send(lamina::command::Command::Open(
        fs_backends::location::Location::parse("memory:sample", std::path::Path::new("/")).unwrap(),
        lamina::command::OpenIn::NewTab,
    ));
    window.settle();
    let from = name_of(&window, "Read me first.md", 0);
    let tab = window.state().workspace.panes().next().unwrap().1.tabs[0];
    let title = lamina::state::filesystem::title_of(
        window
            .state()
            .workspace
            .tab(tab)
            .unwrap()
            .place
            .as_ref()
            .unwrap(),
    );
    let at = tab_called(&window, &title);
    drag(&mut window, from, at, Modifiers::NONE);
    assert!(window.mentions("Copied “Read me first.md”"));
    assert!(folder.path().join("Read me first.md").exists());
}

#[test]
fn places_of_the_sidebar_take_drops() {
    let (_home, folder, mut window) = host(&["a.txt", "kept/b.txt"]);
    window.key(Modifiers::NONE, egui::Key::Home);
    window.key(Modifiers::NONE, egui::Key::Enter);
    window.verb("bookmark");
    window.key(Modifiers::ALT, egui::Key::ArrowUp);
    let from = name_of(&window, "a.txt", 0);
    // The row of the bookmark lies left of the list.
    let place = middle_of(&window, "kept");
    assert!(place.x < from.x - 50.0);
    drag_and_hold(&mut window, from, place);
    window.settle();
    assert!(window.shows("Move “a.txt” to kept"), "one device");
    drop_at(&mut window, place, Modifiers::NONE);
    assert!(folder.path().join("kept/a.txt").exists());
    assert!(!folder.path().join("a.txt").exists());
}

#[test]
fn parts_of_the_path_take_drops() {
    let (_home, folder, mut window) = host(&["one/two/a.txt", "one/two/b.txt"]);
    window.key(Modifiers::NONE, egui::Key::Enter);
    window.key(Modifiers::NONE, egui::Key::Enter);
    assert_eq!(window.names(), ["a.txt", "b.txt"]);
    let from = name_of(&window, "a.txt", 0);
    let part = middle_of(&window, "one");
    drag_and_hold(&mut window, from, part);
    window.settle();
    assert!(window.shows("Move “a.txt” to one"));
    drop_at(&mut window, part, Modifiers::NONE);
    assert!(folder.path().join("one/a.txt").exists());
    assert_eq!(window.names(), ["b.txt"]);
}

#[test]
fn modifiers_decide_what_a_drop_does_and_the_ghost_says_so() {
    let (_home, folder, mut window) = host(&["a.txt", "b.txt", "into/x"]);
    let (from, to) = (name_of(&window, "a.txt", 0), name_of(&window, "into", 0));
    drag_and_hold(&mut window, from, to);
    assert!(window.shows("Move “a.txt” to into"), "one device: a move");
    window
        .harness
        .event(Event::ModifiersChanged(Modifiers::COMMAND));
    window.harness.step();
    window.harness.step();
    assert!(window.shows("Copy “a.txt” to into"));
    drop_at(&mut window, to, Modifiers::COMMAND);
    assert!(folder.path().join("a.txt").exists() && folder.path().join("into/a.txt").exists());
    let from = name_of(&window, "b.txt", 0);
    drag(&mut window, from, to, Modifiers::SHIFT);
    assert!(!folder.path().join("b.txt").exists() && folder.path().join("into/b.txt").exists());
}

#[test]
fn forbidden_targets_say_why_and_escape_lets_go() {
    let (_home, folder, mut window) = host(&["a.txt", "outer/inner/x"]);
    window.verb("split");
    window.key(Modifiers::NONE, egui::Key::Home);
    window.key(Modifiers::NONE, egui::Key::Enter);
    assert_eq!(window.names(), ["inner"]);
    let other = Pos2::new(1000.0, 600.0);
    let from = name_of(&window, "outer", 0);
    drag_and_hold(&mut window, from, other);
    assert!(window.shows("A folder can't go into itself"));
    drop_at(&mut window, other, Modifiers::NONE);
    assert!(folder.path().join("outer/inner/x").exists());

    window.verb("other_pane");
    let read_only = tempfile::tempdir().unwrap();
    let location = format!("vroot:{}", read_only.path().display());
    let location = fs_backends::location::Location::parse(location, std::path::Path::new("/"));
    window.harness.state().send(lamina::command::Command::Open(
        location.unwrap(),
        lamina::command::OpenIn::ReadOnly,
    ));
    window.settle();
    let from = name_of(&window, "a.txt", 0);
    drag_and_hold(&mut window, from, other);
    assert!(window.shows("It is read-only"));
    window.key(Modifiers::NONE, egui::Key::Escape);
    assert!(!window.shows("It is read-only"));
    drop_at(&mut window, other, Modifiers::NONE);
    assert_eq!(fs::read_dir(read_only.path()).unwrap().count(), 0);
    assert!(folder.path().join("a.txt").exists());
}
