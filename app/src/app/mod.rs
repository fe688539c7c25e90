//! The program: state, what changes it, and what draws it.
//!
//! `logic` drains events and commands and is the only code that changes the state; `ui` draws the state and sends commands.

mod care;
mod clipboard;
mod dispatch;
mod file_dialog;
mod filesystems;
mod fold;
mod folder_mounts;
mod interrupted;
mod layers;
mod listing;
mod locking;
mod navigate;
mod opening;
mod operate;
mod path;
mod preview;
mod properties;
mod restore;
mod search;
mod snapshots;
mod stack;
mod starting;
mod tabs;
mod window;

pub(crate) use listing::TYPED_TOGETHER;
pub(crate) use operate::moves_by_default;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;
use fs_backends::location::{Location, StackLayer};
use fs_core::ops::FsRef;

use crate::background::{Background, Folders, Hold, Request, Saved, Waker, guard};
use crate::command::{Command, Commands, OpenIn, channel};
use crate::state::toast::Level;
use crate::state::{After, AppState, Arrange, PaneId, Session, Settings, Tab, TabId, Way};
use crate::ui::Drafts;
use starting::Starting;

/// The whole window.
pub struct App {
    state: AppState,
    drafts: Drafts,
    commands: Commands,
    given: Receiver<Command>,
    background: Background,
    refreshes: HashMap<TabId, Refresh>,
    counting: HashMap<FsRef, layers::Counting>,
    /// What is done once a folder is unmounted.
    after_unmounting: HashMap<FsRef, After>,
    /// These are opened again when they are closed, as their layers are others.
    reopening: HashSet<FsRef>,
    /// The layers of a stack before they were changed, until it is open with the new ones.
    before_edit: HashMap<FsRef, Vec<StackLayer>>,
    /// Changes of layers that are being undone or done again, by their numbers.
    stepping: HashMap<FsRef, (Way, u64)>,
    /// These are getting back the layers they had.
    putting_back: HashSet<FsRef>,
    /// What is asked for once these are closed.
    after_closing: HashMap<FsRef, Request>,
    /// These are locked when they are saved.
    lock_when_saved: HashSet<FsRef>,
    starting: Starting,
    saved: (Session, Settings),
    /// Something to be written down changed then, and may still be changing.
    unsaved_since: Option<Instant>,
    /// What the desktop was told last of why the session should go on.
    keeps: Option<Hold>,
    context: egui::Context,
}

/// When a tab was last listed because something changed, and how long that took.
#[derive(Clone, Copy)]
struct Refresh {
    asked: Instant,
    took: std::time::Duration,
}

/// How the program starts.
pub struct Start {
    /// Where settings and session are.
    pub folders: Folders,
    /// What was in there.
    pub saved: Saved,
    /// Locations from the command line; each becomes a tab.
    pub locations: Vec<Location>,
    /// Opens the tabs of the last session.
    pub restore: bool,
    /// Asks the desktop's portal for colours and files; tests have no desktop.
    pub uses_portal: bool,
    /// Files dropped from other programs arrive here.
    pub gets_drops: bool,
}

impl App {
    /// Starts the background and opens the first tabs. To be called on the thread that will draw.
    pub fn new(context: &egui::Context, start: Start) -> Self {
        guard::mark_ui_thread();
        crate::theme::install(context);
        let Saved {
            settings,
            session,
            told,
        } = start.saved;
        let waker: Waker = {
            let context = context.clone();
            Arc::new(move || context.request_repaint())
        };
        let (commands, given) = channel();
        let mut app = Self {
            state: AppState {
                settings: settings.clone(),
                recent: session.recent.clone(),
                bookmarks: session.bookmarks.clone(),
                sizes: session.sizes.clone(),
                window: session.window.sane(),
                told_about_drops: session.told_about_drops,
                ..AppState::default()
            },
            drafts: Drafts::default(),
            commands,
            given,
            background: Background::new(start.folders, waker, start.uses_portal),
            refreshes: HashMap::new(),
            counting: HashMap::new(),
            reopening: HashSet::new(),
            before_edit: HashMap::new(),
            stepping: HashMap::new(),
            putting_back: HashSet::new(),
            lock_when_saved: HashSet::new(),
            starting: Starting::default(),
            after_closing: HashMap::new(),
            after_unmounting: HashMap::new(),
            saved: (session.clone(), settings),
            unsaved_since: None,
            keeps: None,
            context: context.clone(),
        };
        let missing = crate::theme::missing_characters(context);
        app.background.find_fonts(missing);
        app.background.send(Request::UserFolders);
        if start.uses_portal {
            app.background.follow_appearance();
            app.background.follow_session();
        }
        app.open_sample();
        for sentence in told {
            app.note(Level::Error, sentence);
        }
        if start.restore && start.locations.is_empty() {
            app.restore(&session);
        }
        if app.state.workspace.active_tab().is_none() {
            let welcome = Tab::new(None, Arrange::default());
            app.state.workspace.add(PaneId::First, welcome);
        }
        app.starting = Starting::new(&start.locations);
        for location in start.locations {
            app.run(Command::Open(location, OpenIn::NewTab));
        }
        app.apply_theme();
        if !start.gets_drops {
            app.tell_about_drops();
        }
        app
    }

    /// What the window shows.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// The tab our own file dialog shows, while it is open.
    #[cfg(feature = "testing")]
    pub(crate) fn file_dialog(&self) -> Option<TabId> {
        Some(self.drafts.form.browser.as_ref()?.tab)
    }

    /// The path in the form that is open.
    #[cfg(feature = "testing")]
    pub(crate) fn form_path(&self) -> &str {
        &self.drafts.form.path
    }

    /// Gives commands from elsewhere.
    pub(crate) fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Gives a command.
    pub fn send(&self, command: Command) {
        self.commands.send(command);
    }

    /// Questions and operations that are not over.
    pub fn in_flight(&self) -> usize {
        self.background.in_flight()
            + self.given.len()
            + self.drafts.changed.len()
            + self.running_operations()
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        crate::ui::window_ui(ui, &self.state, &mut self.drafts, &self.commands);
    }

    fn raw_input_hook(&mut self, ctx: &egui::Context, raw: &mut egui::RawInput) {
        crate::command::keymap::translate(ctx, raw);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.write_down();
        self.background.shut_down();
    }
}
