//! Without a display, or without a library the window needs: one sentence that says what is missing and which package brings it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and makes files itself"
)]

use std::path::Path;
use std::process::Command;

/// What the program says when it is started like this; it must not start.
fn complaint(environment: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lamina"))
        .env_clear()
        .env("HOME", home.path())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("lamina: "), "{told}");
    told
}

/// A folder in which the dynamic linker finds `library` before the real one, and finds that it is none.
fn without(library: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(library), "").unwrap();
    folder
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

#[test]
fn without_a_display_it_says_so_and_points_to_the_commands() {
    for environment in [&[][..], &[("DISPLAY", ""), ("WAYLAND_DISPLAY", "")]] {
        let told = complaint(environment);
        assert!(told.contains("there is no display"), "{told}");
        assert!(told.contains("lamina ls"), "{told}");
    }
}

#[test]
fn a_display_that_is_not_there_is_named() {
    let told = complaint(&[("DISPLAY", ":54321")]);
    assert!(
        told.contains("the display :54321 can't be reached"),
        "{told}"
    );
    let told = complaint(&[
        ("WAYLAND_DISPLAY", "wayland-54321"),
        ("XDG_RUNTIME_DIR", "/nowhere"),
    ]);
    assert!(told.contains("wayland-54321"), "{told}");
}

#[test]
fn a_missing_library_is_named_with_its_package() {
    for (library, package) in [
        ("libxkbcommon.so.0", "libxkbcommon0"),
        ("libEGL.so.1", "libegl1"),
        ("libX11.so.6", "libx11-6"),
        ("libX11-xcb.so.1", "libx11-xcb1"),
        ("libXcursor.so.1", "libxcursor1"),
        ("libXi.so.6", "libxi6"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ] {
        let folder = without(library);
        let told = complaint(&[
            ("DISPLAY", ":54321"),
            ("LD_LIBRARY_PATH", path(folder.path())),
        ]);
        assert!(
            told.contains(&format!("the library {library} is missing")),
            "{told}"
        );
        assert!(
            told.contains(&format!("the package {package} brings it")),
            "{told}"
        );
    }
    let folder = without("libwayland-client.so.0");
    let told = complaint(&[
        ("WAYLAND_DISPLAY", "wayland-54321"),
        ("LD_LIBRARY_PATH", path(folder.path())),
    ]);
    assert!(
        told.contains("the package libwayland-client0 brings it"),
        "{told}"
    );
}
