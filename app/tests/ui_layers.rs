//! Stacks in the window: their layers, what the top one changed and deleted, and taking that back.

use std::fs;

use egui::{Key, Modifiers};
use fs_backends::location::{StackFile, StackLayer};
use lamina::state::{Dialog, Tab};
use lamina::testing::Window;

/// A stack of two folders: the files of the base, then what the top has.
struct Stack {
    folder: tempfile::TempDir,
    _home: tempfile::TempDir,
    window: Window,
}

fn stack(base: &[(&str, &str)]) -> Stack {
    stack_of(&["base", "scratch"], base)
}

fn stack_of(names: &[&str], base: &[(&str, &str)]) -> Stack {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for layer in names {
        fs::create_dir(folder.path().join(layer)).unwrap();
    }
    for (path, text) in base {
        let path = folder.path().join("base").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let layer = |name: &&str| StackLayer {
        name: (*name).to_owned(),
        location: format!("vroot:{name}"),
    };
    let file = folder.path().join("app.stack.ron");
    let stack = StackFile {
        name: "app".to_owned(),
        layers: names.iter().map(layer).collect(),
    };
    stack.create(&file).unwrap();
    let window = Window::open(home.path(), &[file.to_str().unwrap()]);
    Stack {
        folder,
        _home: home,
        window,
    }
}

/// Names of rows that a layer deleted.
fn struck(tab: &Tab) -> Vec<String> {
    let rows = (0..tab.view.len()).filter(|row| tab.view.is_deleted(*row));
    rows.map(|row| {
        tab.view
            .row(row)
            .unwrap()
            .name
            .to_string_lossy()
            .into_owned()
    })
    .collect()
}

#[test]
fn the_strip_lists_the_layers_and_counts_what_the_top_one_changed() {
    let mut stack = stack(&[("a.txt", "a"), ("b.txt", "b")]);
    let window = &mut stack.window;
    assert!(window.shows("No changes"));
    assert!(window.shows("Layer base, only read"));
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.text("b");
    window.key(Modifiers::NONE, Key::Delete);
    assert!(window.shows("Review 2 changes"));
    window.click("List layers");
    assert!(window.state().settings.show_layers);
    assert!(window.shows("Layer scratch, changes go here, 1 added, 1 deleted"));
    assert!(window.mentions("Layer base"));
    // The keyboard does the same.
    window.key(Modifiers::COMMAND | Modifiers::ALT, Key::V);
    assert!(!window.state().settings.show_layers);
}

#[test]
fn deleted_entries_are_shown_on_demand_and_can_be_restored() {
    let mut stack = stack(&[("a.txt", "a"), ("b.txt", "b"), ("folder/c.txt", "c")]);
    let window = &mut stack.window;
    assert_eq!(window.names(), ["folder", "a.txt", "b.txt"]);
    window.key(Modifiers::NONE, Key::Delete);
    window.text("b");
    window.key(Modifiers::NONE, Key::Delete);
    assert_eq!(window.names(), ["a.txt"], "hidden by default");
    window.click("Show deleted entries");
    assert_eq!(window.names(), ["folder", "a.txt", "b.txt"]);
    assert_eq!(struck(window.tab()), ["folder", "b.txt"]);
    assert_eq!(window.tab().view.counts.files, 1, "they count apart");

    // Nothing can be done to what is not there, except bringing it back.
    window.text("b");
    assert_eq!(window.selected(), ["b.txt"]);
    assert!(window.state().targets().is_empty());
    for verb in [
        "rename",
        "trash",
        "delete",
        "copy",
        "cut",
        "duplicate",
        "open",
        "properties",
    ] {
        let verb = lamina::command::table::get(verb).unwrap();
        assert!((verb.enabled)(window.state()).is_err(), "{}", verb.id);
    }
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("restore it to open it"));

    window.verb("restore_deleted");
    assert_eq!(struck(window.tab()), ["folder"]);
    assert!(window.mentions("Restored “b.txt”"));
    assert!(
        !stack.folder.path().join("scratch/b.txt").exists(),
        "the base shows again"
    );
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(struck(window.tab()), ["folder", "b.txt"]);
    window.key(Modifiers::COMMAND, Key::Y);
    assert_eq!(struck(window.tab()), ["folder"]);
    window.key(Modifiers::COMMAND, Key::A);
    window.verb("restore_deleted");
    assert_eq!(struck(window.tab()), [""; 0]);
    window.click("folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["c.txt"]);
}

#[test]
fn what_a_lower_layer_deleted_is_shown_but_stays() {
    let mut stack = stack(&[("a.txt", "a"), ("b.txt", "b")]);
    let window = &mut stack.window;
    window.key(Modifiers::NONE, Key::Delete);
    // A stack on the stack.
    let top = stack.folder.path().join("top");
    fs::create_dir(&top).unwrap();
    let layer = |name: &str, location: &str| StackLayer {
        name: name.to_owned(),
        location: location.to_owned(),
    };
    let file = stack.folder.path().join("two.stack.ron");
    let two = StackFile {
        name: "two".to_owned(),
        layers: vec![layer("app", "app.stack.ron"), layer("top", "vroot:top")],
    };
    two.create(&file).unwrap();
    window.verb("close_tab");
    let mut window = Window::open(stack.folder.path(), &[file.to_str().unwrap()]);
    window.verb("show_deleted");
    assert_eq!(struck(window.tab()), ["a.txt"]);
    window.text("a");
    let verb = lamina::command::table::get("restore_deleted").unwrap();
    assert_eq!(
        (verb.enabled)(window.state()),
        Err("A layer below deleted it, and that is only read")
    );
}

#[test]
fn changes_are_reviewed_and_discarded_one_by_one() {
    let mut stack = stack(&[("a.txt", "a"), ("b.txt", "b"), ("d/e.txt", "e")]);
    let scratch = stack.folder.path().join("scratch");
    let window = &mut stack.window;
    window.text("a");
    window.key(Modifiers::NONE, Key::Delete);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    fs::write(scratch.join("b.txt"), "changed").unwrap();
    window.verb("refresh");
    window.key(Modifiers::COMMAND | Modifiers::ALT, Key::R);
    assert!(window.shows("Changes in scratch"));
    for line in ["/New folder, added", "/a.txt, deleted", "/b.txt, changed"] {
        assert!(window.mentions(line), "{line}");
    }
    assert!(window.mentions("7 B, was 1 B"));
    window.click("/b.txt, changed, 7 B, was 1 B");
    window.click("/a.txt, deleted, 1 B");
    window.click("Discard 2 changes");
    assert!(
        matches!(&window.state().dialog, Some(Dialog::Review(review)) if review.changes.as_ref().unwrap().list.len() == 1),
        "the dialog stays and shows what is left"
    );
    assert!(!window.mentions("/b.txt, changed"));
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names(), ["d", "New folder", "a.txt", "b.txt"]);
    assert!(!scratch.join("b.txt").exists());
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.names(), ["d", "New folder", "b.txt"]);
    assert_eq!(
        fs::read_to_string(scratch.join("b.txt")).unwrap(),
        "changed"
    );
    assert!(window.shows("Review 3 changes"));
}

#[test]
fn changes_of_selected_entries_are_discarded_from_the_list() {
    let mut stack = stack(&[("a.txt", "a")]);
    let scratch = stack.folder.path().join("scratch");
    let window = &mut stack.window;
    let discard = lamina::command::table::get("discard_changes").unwrap();
    assert_eq!(
        (discard.enabled)(window.state()),
        Err("The top layer has not changed it")
    );
    fs::write(scratch.join("a.txt"), "changed").unwrap();
    window.verb("refresh");
    window.verb("discard_changes");
    assert!(!scratch.join("a.txt").exists());
    assert_eq!(window.names(), ["a.txt"]);
    assert!(window.shows("No changes"));
}

#[test]
fn a_layer_over_another_base_is_used_only_when_one_says_so() {
    let mut stack = stack(&[("a.txt", "a"), ("b.txt", "b")]);
    stack.window.text("a");
    stack.window.key(Modifiers::NONE, Key::Delete);
    assert_eq!(stack.window.names(), ["b.txt"]);
    let Stack {
        folder,
        _home: home,
        window,
    } = stack;
    window.close();
    // Another folder takes the place of the base.
    let base = folder.path().join("base");
    fs::rename(&base, folder.path().join("old base")).unwrap();
    fs::create_dir(&base).unwrap();
    for name in ["a.txt", "c.txt"] {
        fs::write(base.join(name), name).unwrap();
    }
    let file = folder.path().join("app.stack.ron");
    let mut window = Window::open(home.path(), &[file.to_str().unwrap()]);
    assert!(window.mentions("over another base"));
    window.click("Use it over this base…");
    assert!(matches!(window.state().dialog, Some(Dialog::AcceptBase(_))));
    window.click("Cancel");
    assert!(window.mentions("over another base"));
    window.click("Use it over this base…");
    window.click("Use over this base");
    assert_eq!(window.names(), ["c.txt"], "what it deleted is deleted here");
    assert!(base.join("a.txt").exists());
    window.close();
    let window = Window::open(home.path(), &[file.to_str().unwrap()]);
    assert_eq!(window.names(), ["c.txt"], "it was accepted for good");
}

fn layers(stack: &Stack) -> Vec<String> {
    let file = stack.folder.path().join("app.stack.ron");
    let layers = StackFile::read(&file).unwrap().layers;
    layers.into_iter().map(|layer| layer.name).collect()
}

#[test]
fn a_hidden_layer_is_left_out_and_nothing_can_be_changed_meanwhile() {
    let mut stack = stack_of(&["base", "python", "scratch"], &[("a.txt", "a")]);
    fs::write(stack.folder.path().join("python/b.txt"), "b").unwrap();
    let window = &mut stack.window;
    window.verb("refresh");
    assert_eq!(window.names(), ["a.txt", "b.txt"]);
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("layer_list");
    window.click("Hide layer python");
    assert_eq!(window.names(), ["a.txt", "New file"]);
    assert!(window.shows("python is hidden; show it to edit"));
    assert!(window.shows("Layer python, hidden"));
    let reason = (lamina::command::table::get("new_folder").unwrap().enabled)(window.state());
    assert!(reason.is_err());
    window.click("Hide layer scratch");
    assert_eq!(window.names(), ["a.txt"], "the base alone");
    window.click("Show layer python");
    window.click("Show layer scratch");
    assert_eq!(window.names(), ["a.txt", "b.txt", "New file"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(stack.folder.path().join("scratch/New folder").is_dir());
    assert_eq!(layers(&stack), ["base", "python", "scratch"]);
}

#[test]
fn layers_are_moved_and_taken_out_and_the_message_gives_them_back() {
    let mut stack = stack_of(&["base", "python", "scratch"], &[("a.txt", "base")]);
    fs::write(stack.folder.path().join("python/a.txt"), "python").unwrap();
    stack.window.verb("layer_list");
    stack.window.click("Move python down");
    assert_eq!(layers(&stack), ["python", "base", "scratch"]);
    stack.window.click("Undo");
    assert_eq!(layers(&stack), ["base", "python", "scratch"]);
    stack.window.click("Take python out");
    assert_eq!(layers(&stack), ["base", "scratch"]);
    assert!(!stack.window.shows("Layer python, only read"));
    assert!(stack.folder.path().join("python/a.txt").exists());
}

#[test]
fn changes_of_layers_are_undone_and_done_again_in_the_order_of_all_that_was_done() {
    let mut stack = stack_of(&["base", "python", "scratch"], &[("a.txt", "base")]);
    let undo = |stack: &mut Stack| stack.window.key(Modifiers::COMMAND, Key::Z);
    let redo = |stack: &mut Stack| stack.window.key(Modifiers::COMMAND, Key::Y);
    let made = stack.folder.path().join("scratch/New folder");
    stack.window.verb("layer_list");
    stack.window.click("Take python out");
    stack.window.verb("new_folder");
    stack.window.key(Modifiers::NONE, Key::Enter);
    assert!(made.is_dir());
    // What was done last goes first.
    undo(&mut stack);
    assert!(!made.exists());
    assert_eq!(layers(&stack), ["base", "scratch"]);
    let undo_verb = lamina::command::table::get("undo").unwrap();
    assert_eq!(
        undo_verb.label(stack.window.state()),
        "Undo: Change the layers of app.stack.ron"
    );
    undo(&mut stack);
    assert_eq!(layers(&stack), ["base", "python", "scratch"]);
    assert!((undo_verb.enabled)(stack.window.state()).is_err());
    redo(&mut stack);
    assert_eq!(layers(&stack), ["base", "scratch"]);
    redo(&mut stack);
    assert!(made.is_dir());
    assert!((lamina::command::table::get("redo").unwrap().enabled)(stack.window.state()).is_err());
    // Once undone by the key, the message offers nothing any more.
    undo(&mut stack);
    undo(&mut stack);
    assert_eq!(layers(&stack), ["base", "python", "scratch"]);
    assert!(!stack.window.mentions("Changed the layers"));
}

#[test]
fn a_layer_over_another_base_than_its_own_says_so_and_can_be_undone() {
    let mut stack = stack_of(&["base", "python", "scratch"], &[("a.txt", "a")]);
    stack.window.verb("new_file");
    stack.window.key(Modifiers::NONE, Key::Enter);
    stack.window.verb("layer_list");
    stack.window.click("Take base out");
    assert!(stack.window.shows("Couldn't open app.stack.ron"));
    assert!(stack.window.shows("Use it over this base…"));
    stack.window.click("Undo");
    assert_eq!(layers(&stack), ["base", "python", "scratch"]);
    assert_eq!(stack.window.names(), ["a.txt", "New file"]);
}

#[test]
fn a_folder_is_added_under_the_top_and_one_that_does_not_fit_is_not() {
    let mut stack = stack(&[("a.txt", "a")]);
    let extra = stack.folder.path().join("extra");
    fs::create_dir(&extra).unwrap();
    fs::write(extra.join("b.txt"), "b").unwrap();
    stack.window.verb("add_layer");
    stack.window.text("/nowhere");
    stack.window.click("Add");
    assert!(stack.window.mentions("Couldn't change the layers"));
    stack.window.key(Modifiers::COMMAND, Key::A);
    stack.window.text(extra.to_str().unwrap());
    stack.window.click("Add");
    assert!(stack.window.state().dialog.is_none());
    assert_eq!(stack.window.names(), ["a.txt", "b.txt"]);
    assert_eq!(layers(&stack), ["base", "extra", "scratch"]);
    stack.window.verb("new_file");
    stack.window.key(Modifiers::NONE, Key::Enter);
    assert!(stack.folder.path().join("scratch/New file").exists());

    // The top layer twice is no stack: everything stays as it was.
    stack.window.verb("add_layer");
    let top = stack.folder.path().join("scratch");
    stack.window.text(top.to_str().unwrap());
    stack.window.click("Add");
    assert!(stack.window.mentions("The layers stay as they were"));
    assert_eq!(layers(&stack), ["base", "extra", "scratch"]);
    assert_eq!(stack.window.names(), ["a.txt", "b.txt", "New file"]);
}

#[test]
fn an_open_filesystem_becomes_the_layer_that_is_written() {
    let mut stack = stack(&[("a.txt", "a")]);
    let vault = stack.folder.path().join("top.db");
    let made = fs_backends::SqliteBackend::create(&vault).unwrap();
    fs_core::Backend::close(&made).unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = stack.folder.path().join("app.stack.ron");
    let both = [vault.to_str().unwrap(), file.to_str().unwrap()];
    stack.window = Window::open(home.path(), &both);
    assert_eq!(stack.window.names(), ["a.txt"]);
    stack.window.verb("add_layer");
    stack.window.click("Use top.db");
    stack.window.click("On top of scratch: changes go to it");
    stack.window.click("Add");
    assert_eq!(layers(&stack), ["base", "scratch", "top.db"]);
    stack.window.verb("new_file");
    stack.window.key(Modifiers::NONE, Key::Enter);
    assert!(!stack.folder.path().join("scratch/New file").exists());
    stack.window.verb("previous_tab");
    assert_eq!(stack.window.names(), ["New file"]);
}

/// A stack whose top layer is in memory, kept in `top.mem`; answers that file.
fn with_memory_on_top(stack: &mut Stack) -> std::path::PathBuf {
    let top = stack.folder.path().join("top.mem");
    fs_backends::MemoryBackend::new().save_to(&top).unwrap();
    let file = stack.folder.path().join("memory.stack.ron");
    let layer = |name: &str| StackLayer {
        name: name.to_owned(),
        location: name.to_owned(),
    };
    let description = StackFile {
        name: "memory".to_owned(),
        layers: vec![layer("base"), layer("top.mem")],
    };
    description.create(&file).unwrap();
    let home = tempfile::tempdir().unwrap();
    stack.window = Window::open(home.path(), &[file.to_str().unwrap()]);
    stack._home = home;
    top
}

/// Another program, which knows nothing of locks, puts a file with this one entry there.
fn changed_outside(top: &std::path::Path, name: &str) {
    let theirs = fs_core::FileStorage::new(fs_backends::MemoryBackend::new());
    theirs.write(name, b"theirs").unwrap();
    let beside = top.with_extension("new");
    theirs.backend().save_to(&beside).unwrap();
    fs_core::Backend::close(theirs.backend()).unwrap();
    std::fs::rename(beside, top).unwrap();
}

fn holds(file: &std::path::Path, name: &str) -> bool {
    let memory = fs_backends::MemoryBackend::load_from(file).unwrap();
    fs_core::FileStorage::new(memory).exists(name).unwrap()
}

#[test]
fn a_layer_in_memory_whose_file_another_program_changed_is_kept_beside_it() {
    let mut stack = stack(&[("a.txt", "a")]);
    let top = with_memory_on_top(&mut stack);
    let window = &mut stack.window;
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    changed_outside(&top, "/theirs");
    window.verb("save_memory");
    assert!(window.shows("Another program changed “top.mem”"));
    // What has the focus loses nothing, and decides nothing.
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().dialog.is_none() && holds(&top, "/theirs"));
    window.verb("save_memory");
    window.click("Keep both");
    assert!(window.mentions("what the other program wrote is in top (2).mem beside it"));
    assert!(holds(&top, "/New file") && !holds(&top, "/theirs"));
    assert!(holds(&top.with_file_name("top (2).mem"), "/theirs"));
}

#[test]
fn a_layer_in_memory_is_taken_as_another_program_left_its_file() {
    let mut stack = stack(&[("a.txt", "a")]);
    let top = with_memory_on_top(&mut stack);
    let window = &mut stack.window;
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    changed_outside(&top, "/theirs");
    window.verb("save_memory");
    window.click("Take the file");
    assert_eq!(window.names(), ["a.txt", "theirs"]);
    // It is theirs now, and saved again without a question.
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("save_memory");
    assert!(window.state().dialog.is_none());
    assert!(holds(&top, "/New file") && holds(&top, "/theirs"));
}

#[test]
fn what_a_stack_holds_in_memory_is_saved_into_its_layer() {
    let mut stack = stack(&[("a.txt", "a")]);
    let top = with_memory_on_top(&mut stack);
    let window = &mut stack.window;
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    // Layers are not changed over what would be lost.
    window.verb("layer_list");
    window.click("Hide layer base");
    assert!(window.mentions("save it first"));
    window.verb("close_tab");
    window.click("Save");
    assert!(window.mentions("Saved what memory.stack.ron holds in memory"));
    let saved = fs_core::FileStorage::new(fs_backends::MemoryBackend::load_from(&top).unwrap());
    assert!(saved.exists("/New file").unwrap());
    window.click("Hide layer base");
    assert_eq!(window.names(), ["New file"]);
}
