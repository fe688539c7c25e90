//! What a crash interrupted, offered again; and holding an operation on purpose.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use fs_backends::location::{Location, OpenHow};
use fs_core::ops::{Decisions, Engine, Filesystems, FsRef, Monitor, Operation, Place};
use fs_core::{At, Backend, Control, VPath};
use lamina::command::{Command, FileCommand};
use lamina::state::{Dialog, Stage};
use lamina::testing::Window;

const PASSWORD: &str = "pw";

/// Opens what is asked for, and ends the "program" as soon as a certain thing has appeared.
struct Dying {
    fs: FsRef,
    backend: Arc<dyn Backend>,
    host: Arc<dyn Backend>,
    deadly: Place,
}

impl Filesystems for Dying {
    fn backend(&self, fs: &FsRef) -> fs_core::Result<Arc<dyn Backend>> {
        let of = |fs: &FsRef| match *fs == self.fs {
            true => &self.backend,
            false => &self.host,
        };
        let there = of(&self.deadly.fs).stat(At::path(&self.deadly.path));
        assert!(there.is_err(), "killed, on purpose");
        Ok(of(fs).clone())
    }
}

fn place(fs: &str, path: impl Into<PathBuf>) -> Place {
    Place::new(FsRef::new(fs), VPath::new(path.into()).unwrap())
}

struct Scene {
    home: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            home: tempfile::tempdir().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["first", "second"] {
            fs::create_dir(scene.path(name)).unwrap();
            fs::write(scene.path(name).join("inside.txt"), name).unwrap();
        }
        fs::create_dir(scene.path("out")).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of both folders into `fs` (at `into`), by a program that ends when the first one is there.
    fn interrupted_copy(&self, fs: &str, into: &Path) {
        let location = Location::parse(fs, Path::new("/")).unwrap();
        let how = OpenHow {
            password: &|_| Some(PASSWORD.to_owned().into()),
            ..OpenHow::default()
        };
        let backend = location.open(&how).unwrap().backend;
        let dying = Dying {
            fs: FsRef::new(fs),
            backend: backend.clone(),
            host: Arc::new(fs_backends::StdFsBackend::new()),
            deadly: place(fs, into.join("first/inside.txt")),
        };
        let journal = self.home.path().join("state/journal");
        let engine = Engine::open(Arc::new(dying), Some(&journal)).unwrap();
        let sources = ["first", "second"].map(|name| place("host:/", self.path(name)));
        let copy = Operation::copy(sources.to_vec(), place(fs, into));
        let control = Control::new();
        let monitor = Monitor::silent(&control);
        let plan = engine.plan(copy, monitor).unwrap();
        let killed = catch_unwind(AssertUnwindSafe(|| {
            engine.run(&plan, &Decisions::default(), monitor)
        }));
        assert!(killed.is_err(), "it came to its end");
        drop(engine);
        backend.close().unwrap();
    }

    fn interrupted_on_the_host(&self) -> Window {
        self.interrupted_copy("host:/", &self.path("out"));
        let out = self.path("out");
        assert!(out.join("first/inside.txt").exists() && !out.join("second/inside.txt").exists());
        Window::open(self.home.path(), &[out.to_str().unwrap()])
    }
}

fn offers(window: &Window) -> bool {
    matches!(window.state().dialog, Some(Dialog::Unfinished))
}

#[test]
fn what_a_crash_interrupted_is_finished() {
    let scene = Scene::new();
    let mut window = scene.interrupted_on_the_host();
    assert!(offers(&window) && window.mentions("Copy 2 items to out"));
    window.click("Finish");
    assert!(window.state().dialog.is_none());
    assert!(window.state().operations.unfinished.is_empty());
    for name in ["first", "second"] {
        let there = fs::read_to_string(scene.path("out").join(name).join("inside.txt"));
        assert_eq!(there.unwrap(), name);
    }
    assert_eq!(window.names(), ["first", "second"]);
    assert!(window.mentions("Copied 2 items"));
    window.verb("undo");
    assert!(window.names().is_empty(), "what was finished can be undone");
    window.verb("redo");
    assert!(window.mentions("Done again: Copy 2 items"));
}

#[test]
fn enter_finishes_what_was_interrupted_and_escape_decides_nothing() {
    let scene = Scene::new();
    let mut window = scene.interrupted_on_the_host();
    assert!(offers(&window));
    window.key(Modifiers::NONE, Key::Escape);
    assert!(!offers(&window));
    assert_eq!(window.state().operations.unfinished.len(), 1, "still open");
    window.verb("unfinished");
    window.click("Not now");
    assert!(!offers(&window));
    window.verb("unfinished");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.state().dialog.is_none());
    assert_eq!(window.names(), ["first", "second"]);
}

#[test]
fn what_a_crash_interrupted_is_undone() {
    let scene = Scene::new();
    let mut window = scene.interrupted_on_the_host();
    window.click("Undo");
    assert!(window.state().dialog.is_none());
    assert_eq!(fs::read_dir(scene.path("out")).unwrap().count(), 0);
    assert!(window.mentions("Undone: Copy 2 items"));
}

#[test]
fn what_a_crash_interrupted_can_stay_as_it_is() {
    let scene = Scene::new();
    let mut window = scene.interrupted_on_the_host();
    window.key(Modifiers::NONE, Key::Escape);
    assert!(window.state().dialog.is_none());
    window.verb("unfinished");
    window.click("Leave as it is");
    assert!(window.state().dialog.is_none());
    assert_eq!(window.names(), ["first"]);
    window.close();
    let window = Window::reopen(scene.home.path());
    assert!(!offers(&window), "it was decided");
}

/// Bytes of every file below.
fn all_bytes(folder: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_bytes(&path, into),
            false => into.extend(fs::read(path).unwrap()),
        }
    }
}

#[test]
fn a_vault_offers_what_was_interrupted_in_it_when_it_is_unlocked() {
    let scene = Scene::new();
    let vault = scene.path("taxes.db");
    let made = fs_backends::SqliteBackend::create_encrypted(&vault, PASSWORD).unwrap();
    made.close().unwrap();
    drop(made);
    let location = format!("vault:{}", vault.display());
    scene.interrupted_copy(&location, Path::new("/"));
    let mut window = Window::open(scene.home.path(), &[&location]);
    assert!(!offers(&window), "nothing of it is known");
    window.text(PASSWORD);
    window.key(Modifiers::NONE, Key::Enter);
    assert!(offers(&window), "it is known");
    window.key(Modifiers::NONE, Key::Escape);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    assert!(
        window.state().operations.unfinished.is_empty(),
        "locked again"
    );
    window.text(PASSWORD);
    window.key(Modifiers::NONE, Key::Enter);
    assert!(offers(&window), "it is known again");
    window.click("Finish");
    assert_eq!(window.names(), ["first", "second"]);
    window.close();
    let mut kept = Vec::new();
    all_bytes(&scene.home.path().join("state/journal"), &mut kept);
    assert!(kept.is_empty(), "names in clear");
    let mut window = Window::open(scene.home.path(), &[&location]);
    window.text(PASSWORD);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["first", "second"]);
    assert!(!offers(&window), "it is over");
}

/// Starts to copy so many files from a new folder `name` into the root of `to`, and pauses that in the middle; `false`: it was faster.
fn pause_a_copy(window: &mut Window, scene: &Scene, to: &str, name: &str, files: usize) -> bool {
    let many = scene.path(name);
    fs::create_dir(&many).unwrap();
    for number in 0..files {
        fs::write(many.join(number.to_string()), [b'x'; 500]).unwrap();
    }
    let copy = Operation::copy(vec![place("host:/", &many)], place(to, "/"));
    let app = window.harness.state();
    app.send(Command::File(FileCommand::Run(copy)));
    let done = |window: &Window| {
        let mut all = window.state().operations.newest_first();
        match &all.next().unwrap().1.stage {
            Stage::Working(progress) => Some(progress.done_items),
            Stage::Done(_) => None,
            _ => Some(0),
        }
    };
    window.harness.step();
    while done(window) == Some(0) {
        std::thread::sleep(Duration::from_millis(1));
        window.harness.step();
    }
    let Some(pause) = window.harness.query_by_label("Pause") else {
        window.settle();
        return false;
    };
    pause.click();
    window.settle();
    // The piece it was at comes to its end; then it stands still.
    let mut held = None;
    loop {
        let now = done(window);
        if now.is_none() || now == held {
            return now.is_some();
        }
        held = now;
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(5));
            window.harness.step();
        }
    }
}

#[test]
fn a_paused_operation_stands_still_until_it_goes_on() {
    let scene = Scene::new();
    let vault = format!("vault:{}", scene.path("v.db").display());
    fs_backends::SqliteBackend::create(scene.path("v.db")).unwrap();
    let mut window = Window::open(scene.home.path(), &[&vault]);
    window.verb("operations");
    // Where the window gets little of the processor, it takes more files to be in the middle.
    let mut copied = Vec::new();
    let is_paused = [3_000, 12_000, 48_000].into_iter().any(|files| {
        copied.push(format!("many {files}"));
        let name = copied.last().unwrap();
        pause_a_copy(&mut window, &scene, &vault, name, files)
    });
    assert!(is_paused, "it went on to its end");
    assert!(window.mentions("Paused: Copying"), "the status bar says so");
    let pause = lamina::command::table::get("pause").unwrap();
    let label = pause.label(window.state());
    assert!(label.starts_with("Resume: Copy"), "{label}");
    window.verb("pause");
    let told = format!("Copied “{}”", copied.last().unwrap());
    assert!(window.mentions(&told));
    assert_eq!(window.names().len(), copied.len());
}

#[test]
fn typing_a_path_of_this_computer_leaves_a_vault_open() {
    let scene = Scene::new();
    let vault = format!("vault:{}", scene.path("taxes.db").display());
    fs_backends::SqliteBackend::create_encrypted(scene.path("taxes.db"), PASSWORD).unwrap();
    let mut window = Window::open(scene.home.path(), &[&vault]);
    window.text(PASSWORD);
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::COMMAND, Key::L);
    window.key(Modifiers::COMMAND, Key::A);
    // A path without a kind means one inside the vault.
    window.text(&format!("host:{}", scene.path("out").display()));
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path(), scene.path("out"));
    let state = window.state();
    let info = &state.filesystems[&FsRef::new(vault.as_str())];
    assert!(info.is_open(), "it would have to be unlocked again");
    assert_eq!(state.workspace.tabs().count(), 2);
}
