//! The real window on a real desktop, driven from outside by mouse, keys and accessible names.
//!
//! `LAMINA_PICTURES=screenshots cargo test -p lamina-tests --test window` renews the pictures the README shows.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use lamina_tests::{program, project};

/// One desktop at a time: a person does not use three either, and they would wait for each other.
static DESKTOP: Mutex<()> = Mutex::new(());

/// Runs a script of `tests/window` with the program, a fresh folder to work in and a folder for pictures.
fn drive(script: &str) {
    // A test that failed leaves the desktop as free as one that passed.
    let _turn = DESKTOP.lock().unwrap_or_else(PoisonError::into_inner);
    let work = tempfile::tempdir().unwrap();
    let pictures = match std::env::var_os("LAMINA_PICTURES") {
        Some(folder) => project().join(folder),
        None => PathBuf::from(work.path()),
    };
    let window = project().join("tests/window");
    let status = Command::new(window.join("desktop.sh"))
        .arg("/usr/bin/python3")
        .arg(window.join(script))
        .args([&program(), &work.path().to_path_buf(), &pictures])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{script}: {status}");
}

#[test]
fn a_folder_goes_into_a_vault_and_out_again() {
    drive("first_light.py");
}

#[test]
fn the_desktop_decides_on_colours_and_file_dialogs() {
    drive("portal.py");
}

#[test]
fn a_vault_and_a_stack_are_used_as_the_readme_shows() {
    drive("tour.py");
}
