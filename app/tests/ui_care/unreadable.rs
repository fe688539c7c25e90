//! Vaults that do not open any more: what can be read of them is saved.

use super::*;

/// Breaks the first page of a vault behind the words that tell what it is; no program opens it then.
fn ruin(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[16..4096].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_can_be_read_of_a_vault_that_does_not_open_is_saved_in_a_folder() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, None);
    ruin(&path);
    let ruined = fs::read(&path).unwrap();
    let mut window = open(home.path(), &path, None);
    assert!(window.mentions("Couldn't open taxes.db"));
    window.click("Save what can be read…");
    // Where something is nothing is put.
    window.text(home.path().to_str().unwrap());
    window.click("Save what can be read");
    window.wait_for("the refusal", done);
    assert!(window.mentions("Choose an empty or a new one"));
    let to = home.path().join("rescued");
    window.text(to.to_str().unwrap());
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the rescue", |state| {
        matches!(care(state).outcome, Some(Outcome::Salvaged(..)))
    });
    assert!(window.shows("1 file is as it was"));
    let saved = fs::read(to.join("files/papers/a.txt")).unwrap();
    assert_eq!(saved, [b'a'; 300_000]);
    assert!(to.join("report.json").exists());
    assert_eq!(fs::read(&path).unwrap(), ruined, "it is only read");
    window.click("Show the folder");
    assert_eq!(window.path(), to.canonicalize().unwrap());
    assert_eq!(window.names(), ["files", "report.json"]);
}

#[test]
fn a_vault_without_a_password_never_asks_for_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, None);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let mut window = open(home.path(), &path, None);
    assert!(window.mentions("Couldn't open taxes.db"));
    assert!(window.mentions("Nothing was changed"));
    // The keyboard is where something can be done.
    window.key(Modifiers::NONE, Key::Tab);
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("Save what can be read of taxes.db"));
    assert!(!window.shows("Its password"));
    window.text(home.path().join("rescued").to_str().unwrap());
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the rescue", |state| {
        matches!(care(state).outcome, Some(Outcome::Salvaged(..)))
    });
    let saved = fs::read(home.path().join("rescued/files/papers/a.txt"));
    assert_eq!(saved.unwrap(), [b'a'; 300_000]);
}

#[test]
fn an_encrypted_vault_whose_password_does_not_open_it_is_saved_with_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, Some("pw"));
    // The salt, in the first bytes, stays: without it nobody can read anything.
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4000].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let mut window = Window::open(home.path(), &[path.to_str().unwrap()]);
    let rescue = "It is the right one: save what can be read…";
    for tries in 1..=2 {
        assert!(!window.shows(rescue));
        window.text("pw");
        window.key(Modifiers::NONE, Key::Enter);
        window.wait_for("the refusal", |state| {
            let info = state.fs_of(state.tab().unwrap()).unwrap();
            matches!(&info.status, FsStatus::Locked(locked) if locked.wrong == tries)
        });
    }
    window.click(rescue);
    let to = home.path().join("rescued");
    window.text(to.to_str().unwrap());
    window.focus("Its password");
    window.text("guess");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the refusal", done);
    let why = &care(window.state()).outcome;
    assert!(
        window.mentions("With that password nothing in it can be read"),
        "{why:?}"
    );
    window.focus("Its password");
    window.text("pw");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the rescue", |state| {
        matches!(care(state).outcome, Some(Outcome::Salvaged(..)))
    });
    let saved = fs::read(to.join("files/papers/a.txt")).unwrap();
    assert_eq!(saved, [b'a'; 300_000]);
}
