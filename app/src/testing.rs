//! Drives the whole window in tests, without a display: real filesystems, real threads, a harness instead of a screen.
#![expect(clippy::expect_used, reason = "a test that finds nothing shall fail")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use fs_backends::location::Location;

use crate::background::Folders;
use crate::state::{AppState, Tab, TabId};
use crate::{App, Start};

/// Nothing a test waits for takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A window with folders of its own.
pub struct Window {
    /// The harness; `harness.key_press` and its like give input.
    pub harness: Harness<'static, App>,
    /// Settings and session are in here.
    pub folders: Folders,
}

impl Window {
    /// A window that shows `locations`, or the Welcome tab; its own files are kept in `home`.
    pub fn open(home: &Path, locations: &[&str]) -> Self {
        Self::start(home, locations, false, true)
    }

    /// A window that comes back as it was left.
    pub fn reopen(home: &Path) -> Self {
        Self::start(home, &[], true, true)
    }

    /// A window on a desktop that delivers no dropped files.
    pub fn open_without_drops(home: &Path) -> Self {
        Self::start(home, &[], false, false)
    }

    fn start(home: &Path, locations: &[&str], restore: bool, gets_drops: bool) -> Self {
        let folders = Folders {
            config: home.join("config"),
            state: home.join("state"),
            runtime: Some(home.join("run")),
        };
        let locations = locations
            .iter()
            .filter_map(|text| Location::parse(text, Path::new("/")).ok())
            .collect();
        let start = Start {
            saved: folders.load(),
            folders: folders.clone(),
            locations,
            restore,
            uses_portal: false,
            gets_drops,
        };
        let harness = Harness::builder()
            .with_size([1280.0, 800.0])
            .with_max_steps(64)
            // Waiting takes many steps; messages must not grow old meanwhile.
            .with_step_dt(1.0 / 240.0)
            .build_eframe(move |cc| App::new(&cc.egui_ctx, start));
        let mut window = Self { harness, folders };
        window.settle();
        window
    }

    /// Leaves, as closing the window does.
    pub fn close(self) {
        let mut app = self.harness.into_state();
        eframe::App::on_exit(&mut app, None);
    }

    /// Steps until no question and no operation is on its way and nothing changes any more.
    pub fn settle(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut quiet = 0;
        // A table finds its widths in the second frame, and what is centred around it moves in the next.
        while quiet < 6 {
            self.harness.step();
            if self.harness.state().in_flight() == 0 {
                quiet += 1;
            } else {
                quiet = 0;
                std::thread::sleep(Duration::from_millis(2));
            }
            assert!(
                Instant::now() < deadline,
                "the window does not come to rest"
            );
        }
    }

    /// Steps until `done` says so.
    pub fn wait_for(&mut self, what: &str, mut done: impl FnMut(&AppState) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self.state()) {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            self.harness.step();
            std::thread::sleep(Duration::from_millis(2));
        }
        self.settle();
    }

    /// What the window shows.
    pub fn state(&self) -> &AppState {
        self.harness.state().state()
    }

    /// The active tab.
    pub fn tab(&self) -> &Tab {
        self.state().tab().expect("there is always a tab")
    }

    /// Names in the active tab, in the order shown.
    pub fn names(&self) -> Vec<String> {
        self.tab()
            .view
            .rows()
            .map(|entry| entry.name.to_string_lossy().into_owned())
            .collect()
    }

    /// Names that are selected, in the order shown.
    pub fn selected(&self) -> Vec<String> {
        let tab = self.tab();
        let rows = tab
            .view
            .rows()
            .filter(|entry| tab.selection.contains(entry.name));
        rows.map(|entry| entry.name.to_string_lossy().into_owned())
            .collect()
    }

    /// The name that has the cursor.
    pub fn cursor(&self) -> Option<String> {
        let cursor = self.tab().cursor.as_ref()?;
        Some(cursor.name.display().into_owned())
    }

    /// Path of the active tab.
    pub fn path(&self) -> PathBuf {
        let place = self.tab().place.as_ref().expect("a folder is shown");
        place.path.as_path().to_path_buf()
    }

    /// Presses a key and waits for what comes of it.
    pub fn key(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    /// Types text, as a keyboard does.
    pub fn text(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.settle();
    }

    /// Clicks what is called `label`.
    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.settle();
    }

    /// Gives the keyboard to the field called `label`.
    pub fn focus(&mut self, label: &str) {
        let fields = self.harness.query_all_by_label(label);
        let is_field = |role| {
            matches!(
                role,
                egui::accesskit::Role::TextInput | egui::accesskit::Role::PasswordInput
            )
        };
        fields
            .into_iter()
            .find(|node| is_field(node.accesskit_node().role()))
            .expect("the field exists")
            .focus();
        self.settle();
    }

    /// Where everything called `label` is, from left to right.
    pub fn rects(&self, label: &str) -> Vec<egui::Rect> {
        let mut rects: Vec<_> = self
            .harness
            .query_all_by_label(label)
            .map(|node| node.rect())
            .collect();
        rects.sort_by(|a, b| a.left().total_cmp(&b.left()));
        rects
    }

    /// Is there something called `label`?
    pub fn shows(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    /// Is there something whose name contains `text`?
    pub fn mentions(&self, text: &str) -> bool {
        self.harness
            .query_all_by_label_contains(text)
            .next()
            .is_some()
    }

    /// The tab our own file dialog shows, while it is open.
    pub fn file_dialog(&self) -> Option<TabId> {
        self.harness.state().file_dialog()
    }

    /// The path in the form that is open.
    pub fn form_path(&self) -> &str {
        self.harness.state().form_path()
    }

    /// Gives the command of a verb, as a menu does.
    pub fn verb(&mut self, id: &str) {
        let verb = crate::command::table::get(id).expect("the verb exists");
        assert_eq!(
            (verb.enabled)(self.state()),
            Ok(()),
            "{id} can't be used now"
        );
        let command = (verb.command)(self.state()).expect("an enabled verb gives a command");
        self.harness.state().send(command);
        self.settle();
    }

    /// Closes the window as a person does with its button.
    pub fn request_close(&mut self) {
        let root = self.harness.input().viewport_id;
        if let Some(viewport) = self.harness.input_mut().viewports.get_mut(&root) {
            viewport.events.push(egui::ViewportEvent::Close);
        }
        self.harness.step();
        if let Some(viewport) = self.harness.input_mut().viewports.get_mut(&root) {
            viewport.events.clear();
        }
        self.settle();
    }
}

/// Reads `data` as the program's own files, in `folder`: any bytes give a session and settings, and what could not be read is told.
#[expect(
    clippy::disallowed_methods,
    reason = "a test writes what the program then reads"
)]
pub fn read_config(folder: &Path, data: &[u8]) {
    let folders = Folders {
        config: folder.to_path_buf(),
        state: folder.to_path_buf(),
        runtime: None,
    };
    for name in ["settings.ron", "session.ron"] {
        std::fs::write(folder.join(name), data).expect("a folder that can be written");
    }
    let saved = folders.load();
    assert!(saved.told.len() <= 2, "{:?}", saved.told);
    // What was not readable was set aside, and does not come back.
    let again = folders.load();
    assert!(again.told.is_empty(), "{:?}", again.told);
    assert_eq!(
        (again.settings, again.session),
        (saved.settings, saved.session)
    );
}
