//! Finding names below a folder: on filesystems that search by themselves and on those that are walked, and what can be done with what was found.

use std::fs;
use std::path::Path;

use egui::{Key, Modifiers};
use fs_backends::location::{StackFile, StackLayer};
use lamina::command::{Command, ListCommand, table};
use lamina::state::Column;
use lamina::testing::Window;

/// Opens the field and types into it.
fn find(window: &mut Window, text: &str) {
    window.key(Modifiers::COMMAND, Key::F);
    window.text(text);
}

fn sample() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &["memory:sample"]);
    (home, window)
}

/// A folder of the host with files in folders.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        write(folder.path(), file);
    }
    folder
}

fn write(folder: &Path, file: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

fn open(home: &tempfile::TempDir, folder: &Path) -> Window {
    Window::open(home.path(), &[folder.to_str().unwrap()])
}

fn enabled(window: &Window, verb: &str) -> Result<(), &'static str> {
    (table::get(verb).unwrap().enabled)(window.state())
}

#[test]
fn names_below_are_found_with_their_folders_and_escape_leads_back() {
    let (_home, mut window) = sample();
    window.text("p");
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    find(&mut window, "E");
    assert_eq!(
        window.names(),
        [
            "Notes/ideas",
            "Notes",
            "Projects",
            "Projects/hello.rs",
            "Notes/ideas/layers.md",
            "Projects/numbers.csv",
            "Read me first.md",
        ]
    );
    window.text("RS");
    assert_eq!(
        window.names(),
        ["Notes/ideas/layers.md", "Projects/numbers.csv"]
    );
    assert!(window.shows("layers.md") && window.mentions("2 found"));
    use egui_kittest::kittest::{NodeT as _, Queryable as _};
    let row = window.harness.get_by_label("layers.md");
    let described = row.accesskit_node().description().unwrap_or_default();
    assert!(described.contains("Notes/ideas"), "its folder: {described}");
    // What is found goes away with the search, and everything is as it was.
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names().len(), 4);
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    assert!(window.tab().search.is_none());
}

#[test]
fn patterns_fit_whole_names_and_hidden_folders_are_left_out_until_they_are_shown() {
    let home = tempfile::tempdir().unwrap();
    let folder = tree(&["a.txt", "x/b.TXT", "x/y/c.txt.gz", ".git/d.txt", "x/.e.txt"]);
    let mut window = open(&home, folder.path());
    find(&mut window, "*.txt");
    assert_eq!(window.names(), ["a.txt", "x/b.TXT"]);
    window.verb("hidden");
    assert_eq!(
        window.names(),
        ["x/.e.txt", "a.txt", "x/b.TXT", ".git/d.txt"]
    );
    window.harness.state().send(Command::List(
        window.tab().id,
        ListCommand::Sort(Column::Folder),
    ));
    window.settle();
    assert_eq!(
        window.names(),
        ["a.txt", ".git/d.txt", "x/.e.txt", "x/b.TXT"]
    );
    // Lists that are opened later have no such column.
    assert_eq!(window.state().settings.sort_column, Column::Name);
}

#[test]
fn what_was_found_is_shown_in_its_folder_and_going_back_finds_it_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = tree(&["x/y/needle.txt", "x/needle", "hay"]);
    let mut window = open(&home, folder.path());
    find(&mut window, "needle");
    assert_eq!(window.names(), ["x/needle", "x/y/needle.txt"]);
    // Down goes from the field into the list.
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(window.selected(), ["x/y/needle.txt"]);
    window.verb("show_in_folder");
    assert!(window.path().ends_with("x/y"));
    assert_eq!(window.selected(), ["needle.txt"]);
    assert!(window.tab().search.is_none());
    assert!(enabled(&window, "show_in_folder").is_err());
    window.verb("back");
    assert_eq!(window.path(), folder.path().canonicalize().unwrap());
    assert_eq!(window.names(), ["x/needle", "x/y/needle.txt"]);
    assert_eq!(window.cursor().as_deref(), Some("x/y/needle.txt"));
    // A folder that was found is entered like any other.
    find(&mut window, "y");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.path().ends_with("x/y"), "{:?}", window.path());
}

#[test]
fn what_was_found_is_renamed_copied_and_deleted_where_it_is() {
    let (_home, mut window) = sample();
    find(&mut window, "*.md");
    assert_eq!(
        window.names(),
        ["Notes/ideas/layers.md", "Read me first.md"]
    );
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::F2);
    window.text("plans");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["Notes/ideas/plans.md", "Read me first.md"]);
    // Copied here, pasted elsewhere.
    window.key(Modifiers::COMMAND, Key::C);
    let clip = window.state().clip.clone().unwrap();
    assert_eq!(clip.items[0].path.display(), "/Notes/ideas/plans.md");
    // Nothing new can be put among what was found.
    for verb in ["paste", "new_folder", "new_file", "add_files", "filter"] {
        assert_eq!(
            enabled(&window, verb),
            Err("End the search first"),
            "{verb}"
        );
    }
    window.verb("trash");
    assert_eq!(window.names(), ["Read me first.md"]);
    window.verb("undo");
    assert_eq!(window.names(), ["Notes/ideas/plans.md", "Read me first.md"]);
}

#[test]
fn nothing_found_is_said_with_a_way_on() {
    let (_home, mut window) = sample();
    find(&mut window, "unicorn");
    assert!(window.shows("Nothing below sample matches “unicorn”"));
    window.click("Show hidden files");
    assert!(window.state().settings.show_hidden);
    window.click("Show the folder");
    assert_eq!(window.names().len(), 4);
}

#[test]
fn a_stack_is_searched_as_it_is_seen() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), "base/x/old report.txt");
    write(folder.path(), "base/x/report.txt");
    write(folder.path(), "top/y/new report.txt");
    let layer = |name: &str| StackLayer {
        name: name.to_owned(),
        location: format!("vroot:{name}"),
    };
    let stack = StackFile {
        name: "app".to_owned(),
        layers: vec![layer("base"), layer("top")],
    };
    let file = folder.path().join("app.stack.ron");
    stack.create(&file).unwrap();
    let mut window = open(&home, &file);
    find(&mut window, "report");
    assert_eq!(
        window.names(),
        ["y/new report.txt", "x/old report.txt", "x/report.txt"]
    );
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.verb("trash");
    assert_eq!(window.names(), ["y/new report.txt", "x/report.txt"]);
    assert!(folder.path().join("base/x/old report.txt").exists());
}

#[test]
fn a_search_that_is_stopped_says_so_and_can_be_done_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = tree(&["x/y/needle.txt"]);
    let mut window = open(&home, folder.path());
    window.verb("search");
    let tab = window.tab().id;
    let app = window.harness.state();
    app.send(Command::List(tab, ListCommand::Search("needle".into())));
    app.send(Command::Stop(tab));
    window.settle();
    assert!(window.tab().search.as_ref().unwrap().stopped);
    assert!(!window.tab().view.streaming);
    window.verb("refresh");
    assert_eq!(window.names(), ["x/y/needle.txt"]);
    assert!(!window.tab().search.as_ref().unwrap().stopped);
}

#[test]
fn locking_forgets_what_was_looked_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    let vault = fs_backends::SqliteBackend::create_encrypted(&path, "pw").unwrap();
    let storage = fs_core::FileStorage::new(vault);
    storage.create_dir_all("/2025/may").unwrap();
    storage.write("/2025/may/receipt.pdf", b"x").unwrap();
    fs_core::Backend::close(storage.backend()).unwrap();
    let mut window = open(&home, &path);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    find(&mut window, "receipt");
    assert_eq!(window.names(), ["2025/may/receipt.pdf"]);
    window.verb("lock");
    assert!(window.tab().search.is_none() && window.tab().view.is_empty());
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["2025"]);
}

#[test]
fn what_was_found_follows_what_others_do_to_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tree(&[
        "a/needle 1",
        "b/needle 2",
        "b/c/needle 3",
        "d/hay",
        "needle 0",
    ]);
    let at = |file: &str| folder.path().join(file);
    let mut window = open(&home, folder.path());
    find(&mut window, "needle");
    let found = |window: &mut Window, what: &str, wanted: &[&str]| {
        window.wait_for(what, |state| {
            let tab = state.tab().unwrap();
            tab.view
                .rows()
                .map(|entry| entry.name.to_string_lossy())
                .eq(wanted.iter().copied())
        });
    };
    let all = ["needle 0", "a/needle 1", "b/needle 2", "b/c/needle 3"];
    found(&mut window, "the search", &all);
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(window.selected(), ["b/needle 2"]);
    // Removed, made and renamed elsewhere; what is selected stays so.
    fs::remove_file(at("needle 0")).unwrap();
    found(&mut window, "a removal", &all[1..]);
    assert_eq!(window.selected(), ["b/needle 2"]);
    fs::write(at("d/needle 4"), "").unwrap();
    fs::rename(at("a/needle 1"), at("a/needle 9")).unwrap();
    let wanted = ["b/needle 2", "b/c/needle 3", "d/needle 4", "a/needle 9"];
    found(&mut window, "a name", &wanted);
    assert_eq!(window.selected(), ["b/needle 2"]);
    // What is in a folder that gets another name is there under that, and followed there.
    fs::rename(at("b"), at("x")).unwrap();
    let wanted = ["x/needle 2", "x/c/needle 3", "d/needle 4", "a/needle 9"];
    found(&mut window, "a folder's name", &wanted);
    fs::rename(at("x/c/needle 3"), at("x/c/hay")).unwrap();
    fs::write(at("x/needle 2"), "longer than before").unwrap();
    window.wait_for("a size", |state| {
        let view = &state.tab().unwrap().view;
        view.len() == 3 && view.counts.bytes > 18
    });
    // A folder with hits that is moved in is looked into.
    let elsewhere = tree(&["deep/er/needle 5"]);
    fs::rename(elsewhere.path().join("deep"), at("deep")).unwrap();
    let wanted = ["x/needle 2", "d/needle 4", "deep/er/needle 5", "a/needle 9"];
    found(&mut window, "a folder that came", &wanted);
    // In another order, and still followed.
    window.verb("hidden");
    fs::remove_dir_all(at("deep")).unwrap();
    let wanted = ["x/needle 2", "d/needle 4", "a/needle 9"];
    found(&mut window, "a folder that went", &wanted);
}

#[test]
fn where_not_all_folders_are_watched_coming_back_to_the_window_looks_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = tree(&["needle.txt"]);
    for n in 0..600 {
        fs::create_dir_all(folder.path().join(format!("{n}/deep"))).unwrap();
    }
    let mut window = open(&home, folder.path());
    find(&mut window, "needle");
    assert_eq!(window.names(), ["needle.txt"]);
    assert!(window.mentions("not all folders are watched"));
    // Nobody tells of this one.
    write(folder.path(), "7/deep/needle too.txt");
    window.settle();
    assert_eq!(window.names(), ["needle.txt"]);
    window.harness.event(egui::Event::WindowFocused(true));
    window.wait_for("another look", |state| state.tab().unwrap().view.len() == 2);
    assert!(window.names().contains(&"7/deep/needle too.txt".to_owned()));
}
