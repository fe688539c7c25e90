//! A filesystem as a folder of this computer: mounting it, how programs use it, and taking it away. Other programs look into the folder, never this one:
//! who serves a folder and waits for it may wait for ever.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use egui::{Key, Modifiers};
use fs_core::Backend as _;
use lamina::command::table;
use lamina::state::{AppState, Dialog, FolderMount, FolderStage, FsStatus};
use lamina::testing::Window;

fn can_mount() -> bool {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    if let Err(error) = &device {
        eprintln!("skipped, nothing can be mounted here: /dev/fuse: {error}");
    }
    device.is_ok()
}

fn folder(state: &AppState) -> Option<&FolderMount> {
    state.fs_of(state.tab()?)?.folder.as_ref()
}

fn is_mounted(state: &AppState) -> bool {
    folder(state).is_some_and(|folder| folder.stage == FolderStage::Mounted)
}

/// A window with a vault in its active tab, and a file in the vault.
fn with_vault(home: &Path, password: Option<&str>) -> Window {
    let path = home.join("taxes.db");
    let vault = match password {
        Some(password) => fs_backends::SqliteBackend::create_encrypted(&path, password).unwrap(),
        None => fs_backends::SqliteBackend::create(&path).unwrap(),
    };
    let storage = fs_core::FileStorage::new(vault);
    storage.write("/a.txt", b"from the vault").unwrap();
    storage.backend().close().unwrap();
    let mut window = Window::open(home, &[path.to_str().unwrap()]);
    if let Some(password) = password {
        window.text(password);
        window.key(Modifiers::NONE, Key::Enter);
    }
    window
}

/// Mounts what the active tab shows at the folder that is proposed; answers which that is.
fn mount(window: &mut Window) -> PathBuf {
    window.verb("mount_folder");
    window.click("Mount");
    window.wait_for("the folder", is_mounted);
    folder(window.state()).unwrap().dir.clone()
}

fn read(path: &Path) -> String {
    let output = Command::new("cat").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program that has a file open until it is dropped.
struct Reader(Child);

impl Reader {
    fn of(path: &Path) -> Self {
        let script = r#"exec 3<"$1"; echo ready; read -r _"#;
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 5];
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

fn open_files(state: &AppState) -> usize {
    folder(state).map_or(0, |folder| folder.open_files)
}

#[test]
fn what_another_program_adds_to_a_file_shows_in_the_tab() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    let script = r#"printf " and more" >> "$1""#;
    let mut add = Command::new("sh");
    add.args(["-c", script, "sh"]).arg(dir.join("a.txt"));
    for size_bytes in [23, 32] {
        assert!(add.status().unwrap().success());
        window.wait_for("the new size in the tab", |state| {
            let entry = state.tab().unwrap().view.row(0).unwrap();
            entry.metadata.unwrap().size == size_bytes
        });
    }
}

#[test]
fn what_another_program_does_to_what_was_found_shows_in_the_tab() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    window.key(Modifiers::COMMAND, Key::F);
    window.text("*.txt");
    assert_eq!(window.names(), ["a.txt"]);
    let script = r#"mkdir -p x/y && echo b > x/y/b.txt && rm a.txt"#;
    let done = Command::new("sh")
        .args(["-c", script])
        .current_dir(&dir)
        .status();
    assert!(done.unwrap().success());
    window.wait_for("what was made", |state| {
        let view = &state.tab().unwrap().view;
        view.rows().map(|row| row.name).eq(["x/y/b.txt"])
    });
    window.click("Unmount");
    window.wait_for("the end", |state| folder(state).is_none());
}

#[test]
fn other_programs_read_and_write_a_vault_and_the_tab_says_so() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    assert_eq!(dir, home.path().canonicalize().unwrap().join("run/taxes"));
    assert!(window.mentions(&format!("Mounted at {}", dir.display())));
    assert_eq!(read(&dir.join("a.txt")), "from the vault");
    let made = Command::new("cp")
        .arg(dir.join("a.txt"))
        .arg(dir.join("b.txt"))
        .status();
    assert!(made.unwrap().success());
    window.wait_for("the copy in the tab", |state| {
        state.tab().unwrap().view.len() == 2
    });

    let reader = Reader::of(&dir.join("b.txt"));
    window.wait_for("the open file", |state| open_files(state) == 1);
    assert!(window.mentions("1 file open"));
    window.click("Unmount");
    window.wait_for("the refusal", |state| state.dialog.is_some());
    assert!(window.mentions("In use by: sh"));
    assert!(is_mounted(window.state()));
    window.click("Cancel");
    drop(reader);
    window.wait_for("the end of the reader", |state| open_files(state) == 0);
    window.click("Unmount");
    window.wait_for("the end", |state| folder(state).is_none());
    assert!(!dir.exists(), "the folder was made for it and goes with it");
    assert!(!window.mentions("Mounted at"));
    assert_eq!(window.names(), ["a.txt", "b.txt"]);
}

#[test]
fn a_folder_in_use_goes_when_its_last_program_is_done() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    let reader = Reader::of(&dir.join("a.txt"));
    window.wait_for("the open file", |state| open_files(state) == 1);
    window.click("Unmount");
    window.wait_for("the refusal", |state| state.dialog.is_some());
    window.click("Unmount when they are done");
    window.wait_for("the name to go", |state| {
        folder(state).is_some_and(|folder| folder.stage == FolderStage::Leaving)
    });
    assert!(window.mentions("ends when the last program is done"));
    drop(reader);
    window.wait_for("the end", |state| folder(state).is_none());
    assert_eq!(window.names(), ["a.txt"]);
}

#[test]
fn read_only_is_read_only_for_other_programs() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    window.verb("mount_folder");
    window.click("Read-only: other programs can't change anything in it");
    window.click("Mount");
    window.wait_for("the folder", is_mounted);
    let dir = folder(window.state()).unwrap().dir.clone();
    assert!(window.mentions(", read-only"));
    let output = Command::new("touch").arg(dir.join("x")).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Read-only"));
    window.verb("mount_folder");
    window.wait_for("the end", |state| folder(state).is_none());
}

#[test]
fn locking_unmounts_first_and_tells_who_is_in_the_way() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), Some("pw"));
    window.verb("mount_folder");
    assert!(window.mentions("in clear"), "one is told beforehand");
    window.click("Mount");
    window.wait_for("the folder", is_mounted);
    let dir = folder(window.state()).unwrap().dir.clone();
    let reader = Reader::of(&dir.join("a.txt"));
    window.wait_for("the open file", |state| open_files(state) == 1);
    window.verb("lock");
    window.wait_for("the question", |state| state.dialog.is_some());
    assert!(!window.state().fs_of(window.tab()).unwrap().is_locked());
    drop(reader);
    window.wait_for("the end of the reader", |state| open_files(state) == 0);
    window.click("Try again");
    window.wait_for("the lock", |state| {
        state.fs_of(state.tab().unwrap()).unwrap().is_locked()
    });
    assert!(folder(window.state()).is_none());
    assert!(!dir.exists());
}

#[test]
fn a_vault_is_locked_now_even_where_programs_use_its_folder() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), Some("pw"));
    let dir = mount(&mut window);
    let reader = Reader::of(&dir.join("a.txt"));
    window.wait_for("the open file", |state| open_files(state) == 1);
    window.verb("lock");
    window.wait_for("the question", |state| state.dialog.is_some());
    window.click("Lock now");
    assert!(window.state().fs_of(window.tab()).unwrap().is_locked());
    assert_eq!(read(&dir.join("a.txt")), "");
    drop(reader);
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["a.txt"]);
}

#[test]
fn closing_the_tab_asks_and_unmounts_first() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    window.key(Modifiers::COMMAND, Key::W);
    assert!(matches!(
        window.state().dialog,
        Some(Dialog::UnmountFolder { users: None, .. })
    ));
    window.click("Cancel");
    assert_eq!(read(&dir.join("a.txt")), "from the vault");
    window.key(Modifiers::COMMAND, Key::W);
    window.click("Unmount and close");
    window.wait_for("the tab to go", |state| {
        state.tab().is_some_and(|tab| tab.place.is_none())
    });
    assert!(!dir.exists());
}

#[test]
fn leaving_asks_and_unmounts_first() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    window.request_close();
    assert!(matches!(window.state().dialog, Some(Dialog::Quit(_))));
    assert!(window.mentions("taxes.db"));
    window.click("Leave");
    window.close();
    assert!(!dir.exists());
}

#[test]
fn the_way_through_a_mounted_folder_leads_to_the_tab_of_the_filesystem() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    let vault = window.tab().id;
    let dir = mount(&mut window);
    let location = fs_backends::location::Location::host(dir.parent().unwrap());
    let open_in = lamina::command::OpenIn::NewTab;
    let app = window.harness.state();
    app.send(lamina::command::Command::Open(location, open_in));
    window.settle();
    assert_eq!(window.names(), ["taxes"], "its parent is listed");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.tab().id, vault);

    let location = fs_backends::location::Location::host(dir.join("New folder"));
    let app = window.harness.state();
    app.send(lamina::command::Command::Open(location, open_in));
    window.settle();
    assert_eq!(window.tab().id, vault);
    assert_eq!(window.path(), Path::new("/New folder"));
}

#[test]
fn operations_neither_go_through_a_mounted_folder_nor_take_it_away() {
    use fs_core::VPath;
    use fs_core::ops::{FsRef, Operation, Place};
    use lamina::command::{Command, FileCommand};
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    let dir = mount(&mut window);
    let outside = home.path().join("letter.txt");
    fs::write(&outside, "dear").unwrap();
    let host = |path: &Path| Place::new(FsRef::new("host:/"), VPath::new(path).unwrap());
    let around = host(&home.path().canonicalize().unwrap());
    for operation in [
        Operation::Trash(vec![around.clone()]),
        Operation::Delete(vec![around]),
    ] {
        let app = window.harness.state();
        app.send(Command::File(FileCommand::Run(operation)));
        window.settle();
        assert!(window.mentions("taxes.db is mounted inside of that folder"));
        assert_eq!(read(&dir.join("a.txt")), "from the vault");
    }
    // What is dropped on the folder is copied into the filesystem itself.
    let operation = Operation::copy(vec![host(&outside)], host(&dir));
    let app = window.harness.state();
    app.send(Command::File(FileCommand::Run(operation)));
    window.wait_for("the copy", |state| state.tab().unwrap().view.len() == 2);
    assert_eq!(read(&dir.join("letter.txt")), "dear");
}

#[test]
fn refusals_say_what_to_do() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let full = home.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("x"), "x").unwrap();
    let mut window = with_vault(home.path(), None);
    window.verb("mount_folder");
    window.focus("Folder");
    window.key(Modifiers::COMMAND, Key::A);
    window.text(full.to_str().unwrap());
    window.click("Mount");
    assert!(window.mentions("That folder is not empty"));
    assert!(folder(window.state()).is_none());
    window.click("Cancel");
    assert!(window.state().dialog.is_none());
}

#[test]
fn what_is_written_into_a_memory_filesystem_is_not_lost_unasked() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    let dir = mount(&mut window);
    assert!(!window.state().fs_of(window.tab()).unwrap().unsaved);
    let touched = Command::new("touch").arg(dir.join("new")).status();
    assert!(touched.unwrap().success());
    window.wait_for("the change", |state| {
        state.fs_of(state.tab().unwrap()).unwrap().unsaved
    });
    window.verb("mount_folder");
    window.wait_for("the end", |state| folder(state).is_none());
    assert_eq!(window.names(), ["new"]);
}

#[test]
fn a_mounted_folder_costs_an_idle_window_no_frame() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut window = with_vault(home.path(), None);
    mount(&mut window);
    window.settle();
    let output = window.harness.output();
    let delays = output.viewport_output.values();
    let delay = delays.map(|viewport| viewport.repaint_delay).min();
    assert!(delay.is_none_or(|delay| delay.as_secs() > 1), "{delay:?}");
}

#[test]
fn folders_of_this_computer_are_not_offered() {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &[home.path().to_str().unwrap()]);
    let info = window.state().fs_of(window.tab()).unwrap();
    assert!(matches!(info.status, FsStatus::Open));
    let verb = table::get("mount_folder").unwrap();
    assert_eq!(
        (verb.enabled)(window.state()),
        Err("These are folders of this computer already")
    );
}
