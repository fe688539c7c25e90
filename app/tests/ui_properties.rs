//! The properties dialog: what it tells, what can be changed in it, and how that is taken back.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use egui::{Key, Modifiers};
use lamina::state::properties::{Checksum, Count, Properties};
use lamina::state::{AppState, Dialog};
use lamina::testing::Window;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Two files and a folder with a script in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    for (name, bits) in [("a.txt", 0o644), ("b.txt", 0o600), ("in/run.sh", 0o700)] {
        fs::write(at.join(name), "12345").unwrap();
        set_mode(&at.join(name), bits);
    }
    set_mode(&at.join("in"), 0o700);
    folder
}

fn open(home: &Path, folder: &Path) -> Window {
    Window::open(home, &[folder.to_str().unwrap()])
}

fn properties(state: &AppState) -> &Properties {
    match &state.dialog {
        Some(Dialog::Properties(properties)) => properties,
        other => panic!("no properties but {other:?}"),
    }
}

#[test]
fn a_permission_is_taken_with_a_click_and_given_back_by_undo() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let file = folder.path().join("a.txt");
    let mut window = open(home.path(), folder.path());
    window.text("a.t");
    window.key(Modifiers::ALT, Key::Enter);
    assert!(window.shows("Close"), "nothing has been changed");
    window.click("Others may read");
    window.click("Group may write");
    window.click("Apply");
    window.wait_for("the operation", |state| !state.operations.undo.is_empty());
    assert_eq!(mode(&file), 0o660);
    assert!(window.state().dialog.is_none());
    assert!(window.mentions("Changed permissions of “a.txt”"));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(mode(&file), 0o644);
}

#[test]
fn permissions_can_be_typed_as_a_number() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let mut window = open(home.path(), folder.path());
    window.text("a.t");
    window.key(Modifiers::ALT, Key::Enter);
    window.focus("Octal permissions");
    window.key(Modifiers::COMMAND, Key::A);
    window.text("4755");
    window.click("Apply");
    window.wait_for("the operation", |state| !state.operations.undo.is_empty());
    assert_eq!(mode(&folder.path().join("a.txt")), 0o4755);
}

#[test]
fn what_differs_between_files_stays_different_unless_it_is_decided() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let (a, b) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
    let mut window = open(home.path(), folder.path());
    window.text("a.t");
    window.key(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(window.selected(), ["a.txt", "b.txt"]);
    window.key(Modifiers::ALT, Key::Enter);
    window.click("Group may write");
    window.click("Apply");
    window.wait_for("the operation", |state| !state.operations.undo.is_empty());
    assert_eq!((mode(&a), mode(&b)), (0o664, 0o620));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!((mode(&a), mode(&b)), (0o644, 0o600));
}

#[test]
fn a_folder_changes_with_everything_inside() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let inside = folder.path().join("in");
    fs::write(inside.join("note"), "n").unwrap();
    set_mode(&inside.join("note"), 0o600);
    let mut window = open(home.path(), folder.path());
    assert_eq!(window.cursor().as_deref(), Some("in"));
    window.key(Modifiers::ALT, Key::Enter);
    window.click("Group may read");
    window.click("Group may run or enter");
    window.click("Change everything inside, too");
    window.click("Apply");
    window.wait_for("the operation", |state| !state.operations.undo.is_empty());
    let modes = || ["", "run.sh", "note"].map(|name| mode(&inside.join(name)));
    assert_eq!(modes(), [0o750, 0o750, 0o640]);
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(modes(), [0o700, 0o700, 0o600]);
}

#[test]
fn owner_and_group_have_names_and_a_wrong_one_is_told_in_place() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("properties");
    let facts = properties(window.state()).facts.as_ref().unwrap();
    let owner = facts[0].as_ref().unwrap().metadata.uid;
    assert_ne!(owner, 4321);
    for (wish, works) in [("nobody-of-that-name", false), ("4321", true)] {
        window.focus("Owner");
        window.key(Modifiers::COMMAND, Key::A);
        window.text(wish);
        window.click("Apply");
        if works {
            window.wait_for("the operation", |state| state.dialog.is_none());
        } else {
            assert!(window.mentions("There is no user called “nobody-of-that-name”"));
        }
    }
    window.verb("properties");
    let now = properties(window.state()).facts.as_ref().unwrap();
    assert_eq!(now[0].as_ref().unwrap().metadata.uid, 4321);
    assert!(now[0].as_ref().unwrap().owner.is_none());
    window.key(Modifiers::NONE, Key::Escape);
    window.key(Modifiers::COMMAND, Key::Z);
    window.verb("properties");
    let back = properties(window.state()).facts.as_ref().unwrap();
    assert_eq!(back[0].as_ref().unwrap().metadata.uid, owner);
}

#[test]
fn the_checksum_is_that_of_the_bytes() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let mut window = open(home.path(), folder.path());
    window.text("a.t");
    window.key(Modifiers::ALT, Key::Enter);
    window.click("Compute checksum");
    // printf 12345 | sha256sum
    let known = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";
    assert_eq!(
        properties(window.state()).checksum,
        Some(Checksum::Done(known.to_owned()))
    );
    assert!(window.shows(known));
}

#[test]
fn a_folder_is_counted_to_its_end() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    let mut window = open(home.path(), folder.path());
    window.verb("folder_properties");
    let usage = properties(window.state()).usage;
    assert_eq!((usage.folders, usage.files, usage.bytes), (2, 3, 15));
    assert_eq!(usage.count, Count::Complete);
    assert!(!window.shows("Stop counting"));
}

#[test]
fn a_link_has_no_permissions_of_its_own() {
    let (home, folder) = (tempfile::tempdir().unwrap(), folder());
    std::os::unix::fs::symlink("a.txt", folder.path().join("z")).unwrap();
    let mut window = open(home.path(), folder.path());
    window.key(Modifiers::NONE, Key::End);
    window.key(Modifiers::ALT, Key::Enter);
    assert!(window.shows("Points to"));
    assert!(!window.shows("Owner may read"));
}
