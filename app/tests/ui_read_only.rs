//! Filesystems that were opened so that nothing can be changed, and lock screens after wrong passwords.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use fs_core::Backend as _;
use lamina::command::{Command, OpenIn, table};
use lamina::state::FsStatus;
use lamina::testing::Window;

fn open_read_only(window: &mut Window, location: &str) {
    let location = fs_backends::location::Location::parse(location, Path::new("/")).unwrap();
    window
        .harness
        .state()
        .send(Command::Open(location, OpenIn::ReadOnly));
    window.settle();
}

fn assert_guarded(window: &Window) {
    assert!(window.shows("Read-only"));
    for id in [
        "new_folder",
        "new_file",
        "rename",
        "trash",
        "delete",
        "cut",
        "paste",
        "duplicate",
    ] {
        let verb = table::get(id).unwrap();
        let reason = (verb.enabled)(window.state());
        if window.names().is_empty() && reason == Err("Select something first") {
            continue;
        }
        assert_eq!(reason, Err("It was opened read-only"), "{id}");
    }
}

#[test]
fn a_folder_opens_read_only_from_the_dialog_and_comes_back_so() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    let mut window = Window::open(home.path(), &[]);
    window.verb("open_sandbox");
    window.text(folder.path().to_str().unwrap());
    window.click("Read-only: nothing in it can be changed");
    window.click("Open");
    assert_eq!(window.names(), ["a.txt"]);
    assert_guarded(&window);
    window.key(Modifiers::NONE, Key::Delete);
    assert!(folder.path().join("a.txt").exists());
    window.close();
    let window = Window::reopen(home.path());
    assert_eq!(window.names(), ["a.txt"]);
    assert_guarded(&window);
}

#[test]
fn what_is_open_and_can_be_changed_is_not_opened_read_only_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let location = format!("vroot:{}", folder.path().display());
    let mut window = Window::open(home.path(), &[&location]);
    open_read_only(&mut window, &location);
    assert!(window.mentions("is open already and can be changed"));
    assert!(!window.shows("Read-only"));
    window.verb("close_tab");
    open_read_only(&mut window, &location);
    assert!(window.shows("Read-only"));
}

fn vault(folder: &Path) -> String {
    let vault = folder.join("taxes.db");
    let made = fs_backends::SqliteBackend::create_encrypted(&vault, "pw").unwrap();
    made.close().unwrap();
    vault.to_str().unwrap().to_owned()
}

#[test]
fn a_vault_unlocks_read_only() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[&vault(folder.path())]);
    window.text("pw");
    window.click("Open read-only");
    assert_guarded(&window);
    // Locked and unlocked as usual, it can be changed again.
    window.verb("lock");
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(!window.shows("Read-only"));
    window.verb("new_folder");
    window.verb("close_tab");
    // What was opened read-only stays so once the password is there, unless something else is asked for.
    let location = folder.path().join("taxes.db");
    open_read_only(&mut window, location.to_str().unwrap());
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_guarded(&window);
    window.verb("close_tab");
    open_read_only(&mut window, location.to_str().unwrap());
    window.text("pw");
    window.click("Unlock for changes");
    assert!(!window.shows("Read-only"));
}

#[test]
fn a_vault_that_another_program_has_open_names_it_and_opens_read_only() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let location = vault(folder.path());
    // `flock(1)` locks a file as another Lamina does, says so, and waits.
    let mut other = std::process::Command::new("flock")
        .args(["--exclusive", &location, "sh", "-c", "echo; read wait"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut said).unwrap();
    let mut window = Window::open(home.path(), &[&location]);
    assert!(window.mentions(&format!("flock, process {} on ", other.id())));
    assert!(window.mentions("has it open; it can be opened read-only"));
    window.click("Open read-only");
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_guarded(&window);
    // It is looked after as far as that changes nothing.
    window.verb("check_kept");
    window.wait_for("the check", |state| {
        let care = &state.fs_of(state.tab().unwrap()).unwrap().care;
        care.outcome.is_some()
    });
    assert!(window.shows("No damage found"));
    assert!(window.rects("Compact").is_empty());
    window.key(Modifiers::NONE, Key::Escape);
    for id in ["compact_kept", "change_password"] {
        let reason = (table::get(id).unwrap().enabled)(window.state());
        assert_eq!(reason, Err("It was opened read-only"), "{id}");
    }
    window.verb("close_tab");
    drop(other.stdin.take());
    other.wait().unwrap();
    let location = fs_backends::location::Location::parse(&location, Path::new("/")).unwrap();
    let open = Command::Open(location, OpenIn::NewTab);
    window.harness.state().send(open);
    window.settle();
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().fs_of(window.tab()).unwrap().is_writable());
}

#[test]
fn wrong_passwords_make_the_next_one_wait_without_holding_the_window() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[&vault(folder.path())]);
    let wait_until = |window: &Window| match &window.state().fs_of(window.tab()).unwrap().status {
        FsStatus::Locked(locked) => locked.wait_until,
        status => panic!("{status:?}"),
    };
    window.text("wrong");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(wait_until(&window), None, "everybody mistypes once");
    window.text("wrong");
    window.key(Modifiers::NONE, Key::Enter);
    let until = wait_until(&window).expect("a wait");
    // A busy machine may take as long for a frame.
    let is_over = || Instant::now() >= until;
    assert!(window.mentions("Try again in") || is_over());
    // The window is as lively as ever, only the password waits.
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    let is_open = |window: &Window| window.state().fs_of(window.tab()).unwrap().is_open();
    if is_open(&window) {
        assert!(is_over(), "it did not wait");
        return;
    }
    std::thread::sleep(until.saturating_duration_since(Instant::now()) + Duration::from_millis(5));
    window.settle();
    assert!(!window.mentions("Try again in"));
    window.focus("Password");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(is_open(&window));
}

#[test]
fn letters_in_the_wrong_case_hint_at_caps_lock() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[&vault(folder.path())]);
    window.text("P");
    assert!(window.shows("Is Caps Lock on?"));
    window.text("w");
    assert!(!window.shows("Is Caps Lock on?"));
}

/// A memory filesystem saved to a file of this name.
fn saved(folder: &Path, name: &str, file: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    let memory = fs_backends::MemoryBackend::new();
    let storage = fs_core::FileStorage::new(&memory);
    storage.write(file, b"x").unwrap();
    memory.save_to(&path).unwrap();
    path
}

#[test]
fn a_saved_memory_that_another_program_has_open_names_it_and_opens_read_only() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(folder.path(), "notes.mem", "/a");
    let location = path.to_str().unwrap();
    let other = fs_backends::MemoryBackend::open_saved(&path, None).unwrap();
    let mut window = Window::open(home.path(), &[location]);
    assert!(window.mentions("has it open; it can be opened read-only"));
    window.click("Open read-only");
    assert_guarded(&window);
    // What the other one saves is not what is shown, but nothing of it can be lost.
    assert_eq!(window.names(), ["a"]);
    window.verb("close_tab");
    drop(other);
    window.verb("reopen_tab");
    assert_eq!(window.names(), ["a"]);
}

#[test]
fn what_another_program_wrote_to_a_saved_memory_is_saved_over_only_after_a_question() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = saved(folder.path(), "notes.mem", "/mine");
    let other = saved(folder.path(), "other.mem", "/theirs");
    let mut window = Window::open(home.path(), &[path.to_str().unwrap()]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    std::fs::rename(&other, &path).unwrap();
    let holds = |name: &str| {
        let memory = fs_backends::MemoryBackend::load_from(&path).unwrap();
        fs_core::FileStorage::new(memory).exists(name).unwrap()
    };
    window.key(Modifiers::COMMAND, Key::S);
    assert!(window.shows("Another program changed “notes.mem”"));
    assert!(holds("/theirs") && !holds("/mine"));
    window.key(Modifiers::NONE, Key::Escape);
    assert!(window.state().fs_of(window.tab()).unwrap().unsaved);
    window.key(Modifiers::COMMAND, Key::S);
    window.click("Keep both");
    let kept = fs::metadata(path.with_file_name("notes (2).mem")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600, "as it was");
    assert!(holds("/mine") && holds("/New folder"));
    assert!(!window.state().fs_of(window.tab()).unwrap().unsaved);
    // Now it is the one that was saved here.
    window.verb("new_file");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::S);
    assert!(window.state().dialog.is_none() && holds("/New file"));
}
