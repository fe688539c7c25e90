//! Damage found in a vault or store that is open: saving what can be read of it, from where it was found.

use std::fs;
use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use fs_backends::location::{StackFile, StackLayer};
use fs_core::Backend as _;
use fs_core::ops::FsRef;
use lamina::command::table;
use lamina::state::care::{Care, Outcome};
use lamina::state::{AppState, Dialog};
use lamina::testing::Window;

const LENGTH: usize = 300_000;

/// A vault with two files, one of which is damaged in its middle.
struct Scene {
    home: tempfile::TempDir,
    vault: PathBuf,
}

impl Scene {
    fn new(password: Option<&str>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("taxes.db");
        let vault = match password {
            Some(password) => {
                fs_backends::SqliteBackend::create_encrypted(&path, password).unwrap()
            }
            None => fs_backends::SqliteBackend::create(&path).unwrap(),
        };
        let storage = fs_core::FileStorage::new(vault);
        storage.create_dir("/papers").unwrap();
        storage.write("/papers/sound.txt", b"sound").unwrap();
        storage.write("/papers/torn.txt", [b'a'; LENGTH]).unwrap();
        storage.backend().close().unwrap();
        Self { home, vault: path }
    }

    /// Breaks a page of the larger file: content lies behind the tables.
    fn tear(self) -> Self {
        let mut bytes = fs::read(&self.vault).unwrap();
        let at = bytes.len() * 2 / 3;
        bytes[at..at + 100].fill(b'b');
        fs::write(&self.vault, bytes).unwrap();
        self
    }

    fn sql(self, statement: &str) -> Self {
        let sql = rusqlite::Connection::open(&self.vault).unwrap();
        sql.execute(statement, []).unwrap();
        drop(sql);
        self
    }

    fn open(&self) -> Window {
        Window::open(self.home.path(), &[self.vault.to_str().unwrap()])
    }

    /// Answers the dialog; what was saved.
    fn save(&self, window: &mut Window) -> PathBuf {
        let to = self.home.path().join("rescued");
        assert!(window.mentions("Save what can be read of taxes.db"));
        window.focus("New or empty folder");
        window.key(Modifiers::COMMAND, Key::A);
        window.text(to.to_str().unwrap());
        window.click("Save what can be read");
        window.wait_for("the rescue", is_saved);
        to
    }
}

fn care(state: &AppState) -> &Care {
    &state.fs_of(state.tab().unwrap()).unwrap().care
}

fn is_saved(state: &AppState) -> bool {
    matches!(care(state).outcome, Some(Outcome::Salvaged(..)))
}

fn is_checked(state: &AppState) -> bool {
    matches!(care(state).outcome, Some(Outcome::Checked(_)))
}

fn is_open(state: &AppState) -> bool {
    state.fs_of(state.tab().unwrap()).unwrap().is_open()
}

/// What there is of both files, and which of them says that it is not whole.
fn assert_saved(to: &Path) {
    let papers = to.join("files/papers");
    assert_eq!(fs::read(papers.join("sound.txt")).unwrap(), b"sound");
    let torn = fs::read(papers.join("torn.txt.damaged")).unwrap();
    assert_eq!(torn.len(), LENGTH);
    let right = torn.iter().filter(|byte| **byte == b'a').count();
    assert!(right > LENGTH / 2, "{right}");
}

#[test]
fn a_check_that_finds_damage_offers_to_save_the_rest() {
    let scene = Scene::new(None).tear();
    let mut window = scene.open();
    let verb = table::get("salvage_kept").unwrap();
    assert_eq!(
        (verb.enabled)(window.state()),
        Err("No damage is known; check it first")
    );
    window.verb("check_kept");
    window.wait_for("the check", is_checked);
    window.click("Save what can be read…");
    assert!(window.mentions("It is closed for that, and opened again"));
    assert!(!window.shows("Its password"));
    // Nothing was decided yet.
    window.key(Modifiers::NONE, Key::Escape);
    assert!(is_open(window.state()));
    window.verb("salvage_kept");
    let to = scene.save(&mut window);
    assert_saved(&to);
    assert!(is_open(window.state()), "it is open again");
    window.click("Close");
    assert_eq!(window.names(), ["papers"]);
    assert!(care(window.state()).is_damaged(), "it is as it was");
}

#[test]
fn an_encrypted_vault_is_locked_while_the_rest_of_it_is_saved() {
    let scene = Scene::new(Some("pw")).tear();
    let mut window = scene.open();
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    window.verb("check_kept");
    window.wait_for("the check", is_checked);
    window.click("Save what can be read…");
    assert!(window.mentions("It is locked for that"));
    window.focus("Its password");
    window.text("pw");
    let to = scene.save(&mut window);
    assert_saved(&to);
    window.click("Close");
    assert!(
        window
            .state()
            .fs_of(window.tab())
            .is_some_and(|info| info.is_locked())
    );
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["papers"]);
}

#[test]
fn a_file_that_can_t_be_shown_because_it_is_damaged_offers_it_too() {
    let scene = Scene::new(None).tear();
    let mut window = scene.open();
    window.key(Modifiers::NONE, Key::Enter);
    if !window.state().settings.show_preview {
        window.verb("preview");
    }
    assert!(!window.shows("Save what can be read…"));
    window.text("torn");
    assert!(window.mentions("Couldn't read it"));
    window.click("Save what can be read…");
    let to = scene.save(&mut window);
    assert_saved(&to);
    assert!(is_open(window.state()));
}

#[test]
fn a_folder_that_can_t_be_listed_because_it_is_damaged_offers_it_too() {
    let lost = "DELETE FROM dentry WHERE name = 'torn.txt'";
    let scene = Scene::new(None).sql(lost);
    let mut window = scene.open();
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("Couldn't list papers"));
    window.click("Save what can be read…");
    let to = scene.save(&mut window);
    let sound = fs::read(to.join("files/papers/sound.txt")).unwrap();
    assert_eq!(sound, b"sound");
}

#[test]
fn what_a_stack_uses_is_not_closed_under_it() {
    let scene = Scene::new(None).tear();
    let layer = |name: &str, location: &str| StackLayer {
        name: name.to_owned(),
        location: location.to_owned(),
    };
    let stack = StackFile {
        name: "app".to_owned(),
        layers: vec![layer("base", "taxes.db"), layer("top", "vroot:top")],
    };
    fs::create_dir(scene.home.path().join("top")).unwrap();
    let file = scene.home.path().join("app.stack.ron");
    stack.create(&file).unwrap();
    let paths = [&scene.vault, &file].map(|path| path.to_str().unwrap());
    let mut window = Window::open(scene.home.path(), &paths[..1]);
    window.verb("check_kept");
    window.wait_for("the check", is_checked);
    window.key(Modifiers::NONE, Key::Escape);
    let vault = window.tab().fs().cloned().unwrap();
    window.harness.state().send(lamina::command::Command::Open(
        fs_backends::location::Location::parse(paths[1], Path::new("/")).unwrap(),
        lamina::command::OpenIn::NewTab,
    ));
    window.settle();
    let uses = |state: &AppState, fs: &FsRef| {
        let mut all = state.filesystems.values();
        all.any(|info| info.made_of.contains(fs))
    };
    assert!(uses(window.state(), &vault));
    window.key(Modifiers::ALT, Key::Num1);
    window.verb("salvage_kept");
    window.text(scene.home.path().join("rescued").to_str().unwrap());
    window.click("Save what can be read");
    assert!(window.mentions("is a layer of another stack; close that first"));
    assert!(matches!(window.state().dialog, Some(Dialog::Salvage(_))));
    assert!(window.state().filesystems[&vault].is_open());
    assert!(!scene.home.path().join("rescued").exists());
}
