//! Looking after vaults and stores from their tab.

mod unreadable;

use std::fs;
use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use fs_core::Backend as _;
use lamina::command::table;
use lamina::state::care::{Care, Outcome, Task};
use lamina::state::{AppState, Dialog, FsStatus};
use lamina::testing::Window;

fn care(state: &AppState) -> &Care {
    &state.fs_of(state.tab().unwrap()).unwrap().care
}

fn done(state: &AppState) -> bool {
    care(state).job.is_none() && care(state).outcome.is_some()
}

/// A vault with a file that is large enough to be worth a look.
fn vault(path: &Path, password: Option<&str>) {
    let vault = match password {
        Some(password) => fs_backends::SqliteBackend::create_encrypted(path, password).unwrap(),
        None => fs_backends::SqliteBackend::create(path).unwrap(),
    };
    let storage = fs_core::FileStorage::new(vault);
    storage.create_dir("/papers").unwrap();
    storage.write("/papers/a.txt", [b'a'; 300_000]).unwrap();
    storage.backend().close().unwrap();
}

/// A store with one file.
fn store(home: &Path) -> PathBuf {
    let path = home.join("media");
    let store = fs_backends::IndexedBackend::create(&path).unwrap();
    let storage = fs_core::FileStorage::new(store);
    storage.write("/a", [1; 100_000]).unwrap();
    storage.backend().close().unwrap();
    path
}

fn open(home: &Path, path: &Path, password: Option<&str>) -> Window {
    let mut window = Window::open(home, &[path.to_str().unwrap()]);
    if let Some(password) = password {
        window.text(password);
        window.key(Modifiers::NONE, Key::Enter);
    }
    window
}

#[test]
fn a_sound_vault_is_checked_and_tells_what_it_is_made_of() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, Some("pw"));
    let mut window = open(home.path(), &path, Some("pw"));
    window.verb("kept_info");
    assert!(window.mentions("AES-256-CBC"));
    assert!(window.mentions("1 file, 1 folder"));
    assert!(window.mentions("300 kB in files"));
    let button = window.rects("Check");
    window.click("Check");
    window.wait_for("the check", done);
    assert!(window.shows("No damage found"));
    assert_eq!(window.rects("Check"), button, "no button jumps away");
    window.click("Close");
    assert!(window.state().dialog.is_none());
}

#[test]
fn damage_is_named_and_repaired_only_after_another_click() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, None);
    // As a broken program would: the name of the file goes, the file stays.
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("DELETE FROM dentry WHERE name = 'a.txt'", [])
        .unwrap();
    drop(sql);
    let mut window = open(home.path(), &path, None);
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.mentions("Couldn't list papers"));
    window.click("Check it");
    window.wait_for("the check", done);
    assert!(window.mentions("damaged"));
    assert!(window.mentions("A file or folder that is in no folder any more"));
    let plan = care(window.state()).plan().len();
    assert!(plan > 0);
    window.click(&format!("Repair {plan}…"));
    assert!(window.mentions("It can't be undone"));
    let safe = window.harness.get_by_label("Back up first…");
    let safe = safe.accesskit_node().is_focused();
    assert!(safe, "Enter repairs nothing");
    window.click("Repair now");
    window.wait_for("the repair", |state| {
        let found = care(state).found.as_ref();
        care(state).job.is_none() && found.is_some_and(|found| found.repaired > 0)
    });
    assert_eq!(care(window.state()).found.as_ref().unwrap().serious, 0);
    assert!(window.mentions("repaired"));
    assert!(window.shows("No damage found"));
    window.click("Close");
    assert!(
        !window.mentions("Couldn't list papers"),
        "it was listed again"
    );
    window.verb("up");
    assert_eq!(window.names(), ["lost+found", "papers"]);
}

#[test]
fn a_vault_is_backed_up_and_nothing_is_written_over() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, Some("pw"));
    let mut window = open(home.path(), &path, Some("pw"));
    let copy = home.path().join("copy.db");
    window.verb("backup_kept");
    window.text(copy.to_str().unwrap());
    window.click("Back up");
    window.wait_for("the copy", done);
    assert!(window.shows("Backed up"));
    let opened = fs_backends::SqliteBackend::open_encrypted(&copy, "pw").unwrap();
    let storage = fs_core::FileStorage::new(opened);
    assert_eq!(storage.read("/papers/a.txt").unwrap().len(), 300_000);
    storage.backend().close().unwrap();

    // The path is still in its field.
    window.click("Back up…");
    assert_eq!(window.form_path(), copy.to_str().unwrap());
    window.click("Back up");
    window.wait_for("the refusal", |state| {
        let outcome = care(state).outcome.as_ref();
        matches!(outcome, Some(Outcome::Failed(Task::Backup, _)))
    });
    // It is said where it is put right: in the form, which stays.
    assert!(window.mentions("is there already, and stays untouched"));
    let other = home.path().join("nowhere/copy.db");
    window.text(other.to_str().unwrap());
    assert_eq!(window.form_path(), other.to_str().unwrap());
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the refusal", |state| care(state).job.is_none());
    assert!(window.mentions("There is no such folder to copy it to"));
    window.text(home.path().join("other.db").to_str().unwrap());
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for("the copy", |state| {
        matches!(care(state).outcome, Some(Outcome::BackedUp(_)))
    });
    assert!(window.shows("Backed up"));
}

#[test]
fn a_list_of_damage_leaves_its_buttons_in_a_small_window() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    let storage = fs_core::FileStorage::new(fs_backends::SqliteBackend::create(&path).unwrap());
    (0..40).for_each(|n| storage.write(format!("/{n}"), b"x").unwrap());
    storage.backend().close().unwrap();
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("DELETE FROM dentry", []).unwrap();
    drop(sql);
    let mut window = open(home.path(), &path, None);
    window.harness.set_size(egui::vec2(900.0, 600.0));
    window.verb("check_kept");
    window.wait_for("the check", done);
    for button in ["Close", "Copy list"] {
        let place = window.rects(button)[0];
        assert!(place.bottom() < 600.0, "{button}: {place:?}");
    }
}

#[test]
fn what_is_asked_fits_into_the_smallest_window() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, Some("pw"));
    let mut window = open(home.path(), &path, Some("pw"));
    window.harness.set_size(egui::vec2(640.0, 400.0));
    for (verb, buttons) in [
        ("change_password", ["Close", "Change password"]),
        ("backup_kept", ["Close", "Back up"]),
        ("kept_info", ["Close", "Check"]),
        ("new_vault", ["Cancel", "Make"]),
    ] {
        window.verb(verb);
        for button in buttons {
            let place = window.rects(button)[0];
            assert!(place.bottom() < 400.0, "{verb}, {button}: {place:?}");
            assert!(place.right() < 620.0, "{verb}, {button}: {place:?}");
        }
        if verb == "kept_info" {
            // Three lines: none is higher than what it says.
            let (top, bottom) = (window.rects("Kind")[0], window.rects("Holds")[0]);
            assert!(bottom.top() - top.top() < 80.0, "{top:?} {bottom:?}");
        }
        window.key(Modifiers::NONE, Key::Escape);
    }
    window.verb("lock");
    let last = window.rects("Open read-only")[0];
    assert!(last.bottom() < 376.0, "above the status bar: {last:?}");
}

#[test]
fn what_an_encrypted_store_offers_fits_into_the_smallest_window() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("media");
    let store = fs_backends::IndexedBackend::create_encrypted(&path, "pw").unwrap();
    store.close().unwrap();
    let mut window = open(home.path(), &path, Some("pw"));
    window.harness.set_size(egui::vec2(640.0, 400.0));
    for (verb, button) in [("kept_info", "Close"), ("collect_kept", "Collect")] {
        window.verb(verb);
        for button in ["Change password…", "Collect…", button] {
            let place = window.rects(button)[0];
            assert!(place.bottom() < 400.0, "{verb}, {button}: {place:?}");
            assert!(place.right() < 620.0, "{verb}, {button}: {place:?}");
        }
        window.key(Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn a_long_path_never_makes_a_dialog_high() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a folder with a long name/and ".repeat(4));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("taxes.db");
    vault(&path, None);
    let mut window = open(home.path(), &path, None);
    let verb = table::get("kept_info").unwrap();
    let command = (verb.command)(window.state()).unwrap();
    window.harness.state().send(command);
    // In no frame, not even in the first ones.
    for frame in 0..8 {
        window.harness.step();
        let (Some(first), Some(last)) = (
            window.rects("Location").first().copied(),
            window.rects("Close").first().copied(),
        ) else {
            continue;
        };
        let height = last.bottom() - first.top();
        assert!(height < 420.0, "frame {frame}: {height}");
    }
    window.settle();
    assert!(window.shows("Location"));
}

#[test]
fn the_password_is_changed_only_by_who_knows_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("taxes.db");
    vault(&path, Some("pw"));
    let mut window = open(home.path(), &path, Some("pw"));
    for (old, right) in [("guess", false), ("pw", true)] {
        window.verb("change_password");
        for (field, text) in [
            ("Password now", old),
            ("New password", "better"),
            ("New password again", "better"),
        ] {
            window.focus(field);
            window.text(text);
        }
        window.key(Modifiers::NONE, Key::Enter);
        window.wait_for("the answer", done);
        assert_eq!(
            window.mentions("The new password opens it from now on"),
            right
        );
        assert_eq!(window.mentions("That is not the password it has"), !right);
        window.key(Modifiers::NONE, Key::Escape);
    }
    window.verb("lock");
    window.text("better");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["papers"]);
}

#[test]
fn a_saved_memory_filesystem_gets_a_password_and_another_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notes.mem");
    fs_backends::MemoryBackend::new().save_to(&path).unwrap();
    let mut window = open(home.path(), &path, None);
    assert_eq!(
        table::get("change_password").unwrap().label(window.state()),
        "Set password…"
    );
    window.verb("change_password");
    for field in ["New password", "New password again"] {
        window.focus(field);
        window.text("first");
    }
    window.click("Set password");
    window.wait_for("the password", done);
    assert!(window.mentions("The new password opens it from now on"));
    window.key(Modifiers::NONE, Key::Escape);

    window.verb("change_password");
    for (field, text) in [
        ("Password now", "guess"),
        ("New password", "second"),
        ("New password again", "second"),
    ] {
        window.focus(field);
        window.text(text);
    }
    window.click("Change password");
    window.wait_for("the refusal", done);
    assert!(window.shows("That is not the password it has. Nothing was changed."));
    // The field has the focus, and typing replaces what was wrong; the new ones are there still.
    window.text("first");
    assert!(!window.mentions("That is not the password"));
    window.click("Change password");
    window.wait_for("the new password", done);
    assert!(window.mentions("The new password opens it from now on"));
    window.key(Modifiers::NONE, Key::Escape);
    window.verb("lock");
    window.text("second");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().fs_of(window.tab()).unwrap().is_open());
}

#[test]
fn a_store_gives_unused_space_back() {
    let home = tempfile::tempdir().unwrap();
    let path = store(home.path());
    let mut window = open(home.path(), &path, None);
    window.verb("compact_kept");
    window.wait_for("the end", done);
    assert!(matches!(
        care(window.state()).outcome,
        Some(Outcome::Compacted(_))
    ));
    assert!(matches!(window.state().dialog, Some(Dialog::Care(_))));
    let reason = (table::get("change_password").unwrap().enabled)(window.state());
    assert_eq!(reason, Err("It is not encrypted"));
}

#[test]
fn garbage_of_a_store_is_collected_by_that_name() {
    let home = tempfile::tempdir().unwrap();
    let path = store(home.path());
    // A blob that no file has any more, as a kill leaves one behind.
    let mut blobs = Vec::new();
    let mut left = vec![path.join("blobs")];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => left.push(entry.path()),
                false => blobs.push(entry.path()),
            }
        }
    }
    let name = blobs[0].file_name().unwrap().to_str().unwrap().to_owned();
    let other = if name.starts_with('a') { 'b' } else { 'a' };
    let stray = blobs[0].with_file_name(format!("{other}{}", &name[1..]));
    fs::copy(&blobs[0], &stray).unwrap();
    let mut window = open(home.path(), &path, None);
    window.verb("kept_info");
    window.click("Collect…");
    assert!(window.mentions("Removes blobs that belong to no file"));
    window.click("Collect");
    window.wait_for("the end", done);
    assert!(window.shows("There was no garbage to collect"));
    assert!(stray.exists(), "it is young");
    window.click("Collect…");
    window.click("Also those of the last 24 hours");
    window.click("Collect");
    window.wait_for("the end", done);
    assert!(window.mentions("1 blob removed that belonged to nothing"));
    assert!(!stray.exists() && blobs[0].exists());
    window.key(Modifiers::NONE, Key::Escape);

    let vault_path = home.path().join("taxes.db");
    vault(&vault_path, None);
    let window = open(home.path(), &vault_path, None);
    let reason = (table::get("collect_kept").unwrap().enabled)(window.state());
    assert_eq!(reason, Err("Only a store has blobs"));
}

#[test]
fn an_encrypted_store_tells_how_its_blobs_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("media");
    let store = fs_backends::IndexedBackend::create_encrypted(&path, "pw").unwrap();
    store.close().unwrap();
    let mut window = open(home.path(), &path, Some("pw"));
    window.verb("kept_info");
    assert!(window.mentions("blobs AES-256-GCM"));
    assert!(window.mentions("HMAC-SHA512 of every page of the index, GCM tags of blobs"));
}

#[test]
fn other_filesystems_are_not_offered_what_they_can_t_do() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("x")).unwrap();
    let window = Window::open(home.path(), &["memory:scratch"]);
    for id in ["check_kept", "backup_kept", "compact_kept", "kept_info"] {
        let reason = (table::get(id).unwrap().enabled)(window.state());
        assert_eq!(
            reason,
            Err("Only a vault or store is kept in files of its own"),
            "{id}"
        );
    }
}
