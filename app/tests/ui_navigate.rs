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
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample::/Notes/nothing"]);
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

#[test]
fn a_typed_path_that_leads_nowhere_stays_and_says_why() {
    let (_home, mut window) = sample();
    for wrong in ["/Notes/nothing", "host:/nowhere/at/all"] {
        window.key(Modifiers::COMMAND, Key::L);
        window.text(wrong);
        window.key(Modifiers::NONE, Key::Enter);
        assert!(window.mentions("Couldn't open"), "{wrong}");
        assert_eq!(window.path().to_str(), Some("/"), "nothing has moved");
        assert!(window.state().toasts.iter().next().is_none());
        // The field has the keyboard: what is typed goes on from there.
        window.key(Modifiers::COMMAND, Key::A);
        window.text("/Notes");
        assert!(!window.mentions("Couldn't open"), "{wrong}");
        window.key(Modifiers::NONE, Key::Enter);
        assert_eq!(window.path().to_str(), Some("/Notes"));
        window.key(Modifiers::ALT, Key::ArrowUp);
    }
}

#[test]
fn a_typed_path_of_a_file_shows_it_in_its_folder() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::L);
    window.text("Projects/numbers.csv");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Projects"));
    assert_eq!(window.cursor().as_deref(), Some("numbers.csv"));
}

#[test]
fn tab_completes_folders_inside_a_filesystem_of_ours() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::L);
    window.text("/no");
    assert!(window.shows("Notes"), "it is suggested");
    window.key(Modifiers::NONE, Key::Tab);
    window.text("i");
    window.key(Modifiers::NONE, Key::Tab);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes/ideas"));
}

#[test]
fn down_and_tab_choose_among_folders_of_the_host() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["alpha one", "alpha two", "beta", ".hidden"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink("beta", folder.path().join("alpha zero")).unwrap();
    std::fs::write(folder.path().join("alpha file"), "no folder").unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::L);
    window.text(&format!("host:{}/AL", folder.path().display()));
    for name in ["alpha one", "alpha two", "alpha zero"] {
        assert!(window.shows(name), "{name}");
    }
    for name in ["alpha file", "beta", ".hidden"] {
        assert!(!window.shows(name), "{name}");
    }
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::NONE, Key::Tab);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path(), folder.path().join("alpha two"));
}

#[test]
fn escape_closes_suggestions_before_the_field() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::L);
    window.text("/Pro");
    window.key(Modifiers::NONE, Key::Escape);
    window.text("j");
    window.key(Modifiers::NONE, Key::Escape);
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.path().to_str(), Some("/"));
    window.key(Modifiers::NONE, Key::End);
    assert_eq!(window.cursor().as_deref(), Some("Shopping list"));
}

#[test]
fn a_vault_typed_as_a_file_of_the_host_is_shown_in_its_folder() {
    use fs_core::Backend as _;
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("y.db");
    fs_backends::SqliteBackend::create_encrypted(&vault, "pw")
        .unwrap()
        .close()
        .unwrap();
    std::fs::write(folder.path().join("a.txt"), "a").unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::L);
    window.key(Modifiers::COMMAND, Key::A);
    window.text(&format!("host:{}", vault.display()));
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path(), folder.path());
    assert_eq!(window.cursor().as_deref(), Some("y.db"));
}

/// As it is pasted from a terminal, into the tab of another filesystem.
#[test]
fn a_whole_location_is_one_wherever_it_is_typed() {
    use fs_core::Backend as _;
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("y.db");
    let vault = fs_core::FileStorage::new(fs_backends::SqliteBackend::create(&path).unwrap());
    vault.create_dir_all("/Contracts/odd::/in it").unwrap();
    vault.backend().close().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    let go = |window: &mut Window, text: &str| {
        window.key(Modifiers::COMMAND, Key::L);
        window.key(Modifiers::COMMAND, Key::A);
        window.text(text);
        window.key(Modifiers::NONE, Key::Enter);
    };
    go(&mut window, &format!("{}::/Contracts", path.display()));
    assert_eq!(window.path().to_str(), Some("/Contracts"));
    go(&mut window, "/");
    assert_eq!(window.path().to_str(), Some("/"), "of the same filesystem");
    // A name that ends like one, and is there already.
    go(
        &mut window,
        &format!("{}::/Contracts/odd:::/in it", path.display()),
    );
    assert_eq!(window.path().to_str(), Some("/Contracts/odd::/in it"));
    window.key(Modifiers::COMMAND, Key::L);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Contracts/odd::/in it"));
    assert!(!window.mentions("Couldn't open"));
}
