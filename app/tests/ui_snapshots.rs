//! The kept moments of a memory filesystem: taking, comparing, opening, going back, forgetting.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use lamina::state::AppState;
use lamina::state::snapshots::Snapshots;
use lamina::testing::Window;

fn snapshots(state: &AppState) -> &Snapshots {
    let info = state.fs_of(state.tab().unwrap()).unwrap();
    info.snapshots.as_ref().unwrap()
}

fn names(state: &AppState) -> Vec<String> {
    let all = snapshots(state).all.iter();
    all.map(|kept| kept.snapshot.name.clone()).collect()
}

fn take(window: &mut Window, name: &str) {
    window.verb("take_snapshot");
    window.text(name);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(names(window.state())[0], name);
}

fn make_folder(window: &mut Window, name: &str) {
    window.verb("new_folder");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(name);
    window.key(Modifiers::NONE, Key::Enter);
}

#[test]
fn a_moment_is_kept_under_a_name_compared_and_gone_back_to() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    assert!(window.shows("No snapshots"));
    make_folder(&mut window, "one");
    take(&mut window, "first");
    assert!(window.mentions("no changes since"));
    make_folder(&mut window, "two");
    assert_eq!(window.names(), ["one", "two"]);
    assert!(window.mentions("1 added since"));

    let id = snapshots(window.state()).all[0].snapshot.id;
    let row = window.harness.get_by_label_contains("first, ");
    row.click();
    window.settle();
    assert_eq!(snapshots(window.state()).chosen, Some(id));
    assert!(window.shows("/two, added, folder"));
    window.click("Go back to it");
    assert_eq!(window.names(), ["one"]);
    assert_eq!(names(window.state()).len(), 2, "what was there is kept");
    // The message offers the way back, and so do the keys.
    assert!(window.shows("Went back to snapshot “first”"));
    window.click("Undo");
    assert_eq!(window.names(), ["one", "two"]);
    window.key(Modifiers::COMMAND, Key::Y);
    assert_eq!(window.names(), ["one"]);
    make_folder(&mut window, "three");
    for expected in [&["New folder", "one"][..], &["one"], &["one", "two"]] {
        window.key(Modifiers::COMMAND, Key::Z);
        assert_eq!(window.names(), expected, "in the order it was done");
    }
}

#[test]
fn a_snapshot_opens_in_a_tab_that_can_only_be_read() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    make_folder(&mut window, "one");
    take(&mut window, "first");
    make_folder(&mut window, "two");
    let row = window.harness.get_by_label_contains("first, ");
    row.click();
    window.settle();
    window.click("Open");
    assert_eq!(window.names(), ["one"]);
    assert!(window.shows("Read-only"));
    let reason = (lamina::command::table::get("new_folder").unwrap().enabled)(window.state());
    assert!(reason.is_err());
    let saving = (lamina::command::table::get("save_memory").unwrap().enabled)(window.state());
    assert!(saving.is_err());
}

#[test]
fn a_snapshot_is_forgotten_only_after_a_second_click() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    make_folder(&mut window, "one");
    take(&mut window, "first");
    let row = window.harness.get_by_label_contains("first, ");
    row.click();
    window.settle();
    window.click("Delete snapshot…");
    window.click("Keep");
    assert_eq!(names(window.state()), ["first"]);
    window.click("Delete snapshot…");
    window.click("Delete");
    assert!(names(window.state()).is_empty());
    assert_eq!(window.names(), ["one"]);
}

#[test]
fn a_snapshot_without_a_name_is_called_by_its_time_and_a_name_twice_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("take_snapshot");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(names(window.state()).len(), 1);
    take(&mut window, "a");
    window.verb("take_snapshot");
    window.text("a");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(names(window.state()).len(), 2);
    assert!(window.mentions("Nothing was done"));
    window.verb("take_snapshot");
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(names(window.state()).len(), 2, "Escape takes none");
}

#[test]
fn other_filesystems_have_no_snapshots() {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &[home.path().to_str().unwrap()]);
    assert!(!window.mentions("snapshot"));
    let reason = (lamina::command::table::get("take_snapshot")
        .unwrap()
        .enabled)(window.state());
    assert_eq!(reason, Err("Only memory filesystems keep snapshots"));
}
