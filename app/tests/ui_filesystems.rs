//! Every kind of filesystem as a tab: opening, making, locking, stacking.

use std::fs;
use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use fs_backends::location::Kind;
use fs_core::Backend as _;
use lamina::state::FsStatus;
use lamina::testing::Window;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_host_folder_lists_real_files_and_follows_changes_from_outside() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.txt"), "b").unwrap();
    fs::create_dir(folder.path().join("z")).unwrap();
    let mut window = Window::open(home.path(), &[&text(folder.path())]);
    assert_eq!(window.names(), ["z", "b.txt"]);
    window.key(Modifiers::NONE, Key::End);
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    window.wait_for("the new file", |state| state.tab().unwrap().view.len() == 3);
    assert_eq!(window.names(), ["z", "a.txt", "b.txt"]);
    assert_eq!(
        window.cursor().as_deref(),
        Some("b.txt"),
        "the cursor stays on its file"
    );
    assert_eq!(window.selected(), ["b.txt"]);
}

#[test]
fn a_file_on_the_command_line_shows_its_folder_with_the_cursor_on_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.txt", "c.txt"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let window = Window::open(home.path(), &[&text(&folder.path().join("b.txt"))]);
    assert_eq!(window.cursor().as_deref(), Some("b.txt"));
    assert_eq!(window.selected(), ["b.txt"]);
}

#[test]
fn a_vault_is_made_locked_and_unlocked() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("taxes.db");
    let mut window = Window::open(home.path(), &[]);
    window.verb("new_vault");
    window.text(&text(&vault));
    window.focus("Password");
    window.text("secret");
    window.focus("Password again");
    window.text("secret");
    window.click("Make");
    window.wait_for("the vault", |state| {
        state.tab().is_some_and(|tab| tab.place.is_some())
    });
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"]);
    assert!(
        !fs::read(&vault).unwrap().starts_with(b"SQLite format 3"),
        "it is encrypted"
    );

    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    assert!(
        window.names().is_empty(),
        "nothing of it stays in the window"
    );
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
    window.text("wrong");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.shows("That password doesn't open this vault"));
    // What was typed is selected: typing replaces it.
    window.text("secret");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"]);
}

#[test]
fn a_vault_comes_back_locked_and_enter_on_its_file_shows_its_tab() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("taxes.db");
    fs_backends::SqliteBackend::create_encrypted(&vault, "pw")
        .unwrap()
        .close()
        .unwrap();
    let mut window = Window::open(home.path(), &[&text(folder.path())]);
    assert_eq!(window.cursor().as_deref(), Some("taxes.db"));
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(matches!(
        window.state().fs_of(window.tab()).unwrap().status,
        FsStatus::Open
    ));
    window.close();
    let window = Window::reopen(home.path());
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
}

/// All bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => bytes.extend(bytes_below(&entry.path())),
            false => bytes.extend(fs::read(entry.path()).unwrap()),
        }
    }
    bytes
}

#[test]
fn names_in_an_encrypted_vault_are_written_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taxes.db");
    let vault = fs_backends::SqliteBackend::create_encrypted(&path, "pw").unwrap();
    let storage = fs_core::FileStorage::new(&vault);
    storage.create_dir("/private-folder").unwrap();
    storage.write("/private-folder/private-file", "x").unwrap();
    vault.close().unwrap();
    let is_told = |what: &str| {
        let bytes = bytes_below(home.path());
        bytes
            .windows(what.len())
            .any(|part| part == what.as_bytes())
    };
    let mut window = Window::open(home.path(), &[&text(&path)]);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["private-folder"]);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["private-file"]);
    window.close();
    assert!(is_told("taxes.db") && !is_told("private"));
    let mut window = Window::reopen(home.path());
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["private-folder"]);
    window.close();
    assert!(!is_told("private"));
}

#[test]
fn a_stack_is_made_of_open_tabs_and_writes_only_to_its_top() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    fs::create_dir(&base).unwrap();
    fs::write(base.join("kept.txt"), "base").unwrap();
    let top = folder.path().join("top.db");
    fs_backends::SqliteBackend::create(&top)
        .unwrap()
        .close()
        .unwrap();
    let base_location = format!("vroot:{}", base.display());
    let mut window = Window::open(home.path(), &[&base_location, &text(&top)]);
    window.verb("new_stack");
    window.click("Put base on top");
    window.click("Put top.db on top");
    window.focus("Stack file");
    window.text(&text(&folder.path().join("both")));
    window.click("Make");
    window.wait_for("the stack", |state| {
        state
            .tab()
            .and_then(|tab| state.fs_of(tab))
            .is_some_and(|fs| fs.layers.len() == 2)
    });
    assert_eq!(window.names(), ["kept.txt"]);
    assert!(window.shows("Layer top.db, changes go here"));
    assert_eq!(
        window.tab().view.facts(0).origin,
        Some(fs_core::extensions::Origin::Base(0))
    );
    window.key(Modifiers::NONE, Key::Delete);
    assert!(window.names().is_empty());
    assert!(base.join("kept.txt").exists(), "the base never changes");
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.names(), ["kept.txt"]);
}

#[test]
fn a_missing_vault_says_so_and_can_be_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["vault:/nowhere/x.db"]);
    assert!(window.shows("x.db is not there"));
    window.click("Try again");
    assert!(window.shows("x.db is not there"));
}

#[test]
fn a_store_is_made_and_its_folder_opens_as_a_store() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("media");
    let mut window = Window::open(home.path(), &[&text(folder.path())]);
    window.verb("new_store");
    window.text(&text(&store));
    window.click("Make");
    window.wait_for("the store", |state| {
        state
            .tab()
            .and_then(|tab| state.fs_of(tab))
            .is_some_and(|fs| fs.kind == Kind::Store && fs.is_open())
    });
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New file"]);
    window.verb("close_tab");
    window.wait_for("the folder of the store", |state| {
        state.tab().unwrap().view.len() == 1
    });
    assert_eq!(window.names(), ["media"]);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(
        window.state().fs_of(window.tab()).unwrap().kind,
        Kind::Store
    );
    assert_eq!(window.names(), ["New file"]);
}

/// Types the same into both password fields.
fn type_password(window: &mut Window, password: &str) {
    for field in ["Password", "Password again"] {
        window.focus(field);
        window.text(password);
    }
}

#[test]
fn a_store_is_made_with_a_password_and_its_lock_screen_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("media");
    let mut window = Window::open(home.path(), &[]);
    window.verb("new_store");
    window.text(&text(&store));
    window.click("Lock it with a password");
    type_password(&mut window, "pw");
    window.click("Make");
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("lock");
    assert!(window.names().is_empty());
    window.text("wrong");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.shows("That password doesn't open this store"));
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"]);
    window.verb("close_tab");
    window.close();
    let error = fs_backends::IndexedBackend::open(&store).err().unwrap();
    assert_eq!(error.kind(), fs_core::ErrorKind::PasswordNeeded);
}

#[test]
fn a_memory_filesystem_is_made_in_an_encrypted_file_and_locked_without_loss() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.mem");
    let mut window = Window::open(home.path(), &[]);
    window.verb("new_memory");
    window.click("Keep it in a file");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(&text(&file));
    window.click("Lock it with a password");
    type_password(&mut window, "pw");
    window.click("Make");
    assert!(window.state().fs_of(window.tab()).unwrap().encrypted);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);

    // Locking asks about what is not saved.
    window.verb("lock");
    assert!(window.mentions("Save notes.mem before it is locked?"));
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names(), ["New folder"]);
    window.verb("lock");
    window.click("Save and lock");
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
    assert!(window.names().is_empty());
    window.text("wrong");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.shows("That password doesn't open this file"));
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"], "what was saved is there");

    // Locking all saves unasked, and forgets what snapshots were called.
    window.verb("take_snapshot");
    window.text("secret name");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("lock_all");
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
    assert!(!window.mentions("secret name"));
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("secret name"));
}

#[test]
fn a_form_is_filled_in_and_sent_with_the_keyboard_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[]);
    window.verb("new_store");
    assert!(window.mentions("plain blob"));
    window.text(home.path().join("media").to_str().unwrap());
    window.click("Lock it with a password");
    assert!(window.mentions("all of it encrypted"));
    window.text("pw");
    // Enter asks for what is missing, and then makes it.
    window.key(Modifiers::NONE, Key::Enter);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().dialog.is_none());
    assert!(home.path().join("media/index.db").exists());
    let info = window.state().fs_of(window.tab()).unwrap();
    assert!(info.encrypted && (info.is_open() || info.is_locked()));
}

#[test]
fn a_new_vault_goes_where_one_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("New vault.db"), "").unwrap();
    let mut window = Window::open(home.path(), &[&text(folder.path())]);
    window.verb("new_vault");
    let free = folder.path().canonicalize().unwrap().join("New vault 2.db");
    assert_eq!(window.form_path(), text(&free));
    // A name alone goes there too.
    window.text("taxes");
    window.click("Lock it with a password");
    window.click("Make");
    window.wait_for("the vault", |state| state.dialog.is_none());
    assert!(folder.path().join("taxes.db").exists());
    window.verb("backup_kept");
    let copy = window.form_path();
    assert!(
        copy.contains("/taxes 20") && copy.ends_with(".db"),
        "{copy}"
    );
}

#[test]
fn what_could_not_be_made_says_what_to_do_and_the_form_stays() {
    let home = tempfile::tempdir().unwrap();
    let taken = home.path().join("taken.db");
    fs::write(&taken, "mine").unwrap();
    let mut window = Window::open(home.path(), &[]);
    window.verb("new_vault");
    window.click("Lock it with a password");
    for (path, told) in [
        (home.path().join("nowhere/a.db"), "There is no such folder"),
        (taken.clone(), "is there already, and stays untouched"),
        (taken.join("a.db"), "There is no such folder"),
    ] {
        window.focus("File");
        window.key(Modifiers::COMMAND, Key::A);
        window.text(&text(&path));
        window.key(Modifiers::NONE, Key::Enter);
        assert!(window.mentions(told), "{}", path.display());
        assert_eq!(window.form_path(), text(&path));
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    window.key(Modifiers::NONE, Key::Escape);
    // What is in memory stays there when it can't be saved.
    window.verb("new_memory");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("save_memory");
    window.focus("File");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(&text(&home.path().join("nowhere/a.mem")));
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("there is no such folder. It is in memory as before"));
}

#[test]
fn a_snapshot_of_an_encrypted_file_is_locked_with_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.mem");
    let memory = fs_backends::MemoryBackend::new();
    let storage = fs_core::FileStorage::new(memory);
    storage.write("/a.txt", "a").unwrap();
    let memory = storage.backend();
    fs_core::snapshots::Snapshots::take(memory, "first").unwrap();
    memory.set_password(Some("pw")).unwrap();
    memory.save_to(&file).unwrap();
    fs_core::Backend::close(memory).unwrap();
    let mut window = Window::open(home.path(), &[&text(&file)]);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["a.txt"]);
    window.verb("snapshots");
    let row = window.harness.get_by_label_contains("first, ");
    row.click();
    window.settle();
    window.click("Open");
    assert!(window.shows("Read-only"));
    assert_eq!(window.names(), ["a.txt"]);
    window.verb("lock_all");
    assert!(window.names().is_empty());
    let mut tabs = window.state().workspace.tabs();
    assert!(tabs.all(|tab| window.state().fs_of(tab).unwrap().is_locked()));
}

#[test]
fn a_memory_filesystem_gets_a_password_when_it_is_saved_and_is_saved_again_with_one_key() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scratch.mem");
    fs::write(&file, "something else").unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::S);
    window.key(Modifiers::COMMAND, Key::A);
    window.text(&text(&file));
    window.click("Lock it with a password");
    type_password(&mut window, "pw");
    window.click("Save");
    window.click("Replace");
    assert!(window.mentions("Saved scratch"));
    let saved = |password| fs_backends::MemoryBackend::load_encrypted(&file, password);
    assert!(saved("pw").is_ok());

    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::S);
    assert!(window.state().dialog.is_none());
    let storage = fs_core::FileStorage::new(saved("pw").unwrap());
    assert_eq!(storage.read_dir("/").unwrap().count(), 2);
}

#[test]
fn a_memory_filesystem_is_saved_and_opens_from_its_file() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scratch.mem");
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("save_memory");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(&text(&file));
    window.click("Save");
    assert!(window.mentions("Saved scratch"));
    window.verb("close_tab");
    assert!(window.state().dialog.is_none(), "nothing would be lost");
    drop(window);
    let window = Window::open(home.path(), &[&text(&file)]);
    assert_eq!(window.names(), ["New folder"]);
}

#[test]
fn an_old_copy_in_the_place_of_a_vault_or_a_layer_is_told_until_it_is_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (vault, old) = (folder.path().join("v.db"), folder.path().join("old.db"));
    let made = fs_backends::SqliteBackend::create(&vault).unwrap();
    made.close().unwrap();
    fs::copy(&vault, &old).unwrap();
    let stack = folder.path().join("s.stack.ron");
    let layers = r#"(name: "base", location: "memory:base"), (name: "top", location: "v.db")"#;
    fs::write(&stack, format!(r#"(name: "s", layers: [{layers}])"#)).unwrap();
    let warning = "an old copy may have taken its place";
    // Met by itself first and as a layer then, and the other way round.
    for (first, second) in [(&vault, &stack), (&stack, &vault)] {
        fs::copy(&old, &vault).unwrap();
        let mut window = Window::open(home.path(), &[&text(first)]);
        window.verb("new_folder");
        window.key(Modifiers::NONE, Key::Enter);
        window.close();
        fs::copy(&old, &vault).unwrap();
        let window = Window::open(home.path(), &[&text(second)]);
        assert!(window.names().is_empty());
        assert!(window.mentions("v.db is older than when it was open here last"));
        assert!(window.mentions(warning));
        window.close();
    }
    fs::rename(&old, &vault).unwrap();
    let window = Window::open(home.path(), &[&text(&vault)]);
    assert!(!window.mentions(warning));
}

#[test]
fn enter_in_a_form_that_is_not_complete_leads_to_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_vault");
    let path = home.path().join("taxes.db");
    window.text(path.to_str().unwrap());
    window.key(Modifiers::NONE, Key::Enter);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the vault", |state| state.dialog.is_none());
    assert!(window.state().fs_of(window.tab()).unwrap().encrypted);
}
