//! The program: state, what changes it, and what draws it.
//!
//! `logic` drains events and commands and is the only code that changes the state; `ui` draws the state and sends commands.

mod dispatch;
mod filesystems;
mod fold;
mod layers;
mod listing;
mod navigate;
mod operate;
mod preview;
mod tabs;
mod window;

pub(crate) use listing::TYPED_TOGETHER;
pub(crate) use operate::moves_by_default;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;
use fs_backends::location::Location;
use fs_core::ops::FsRef;

use crate::background::{Background, Folders, Request, Waker, guard};
use crate::command::{Command, Commands, OpenIn, channel};
use crate::state::{AppState, Arrange, PaneId, Session, Settings, Tab, TabId};
use crate::ui::Drafts;

/// The whole window.
pub struct App {
    state: AppState,
    drafts: Drafts,
    commands: Commands,
    given: Receiver<Command>,
    background: Background,
    refreshes: HashMap<TabId, Refresh>,
    counting: HashMap<FsRef, layers::Counting>,
    saved: (Session, Settings),
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
    /// Locations from the command line; each becomes a tab.
    pub locations: Vec<Location>,
    /// Opens the tabs of the last session.
    pub restore: bool,
}

impl App {
    /// Starts the background and opens the first tabs. To be called on the thread that will draw.
    pub fn new(context: &egui::Context, start: Start) -> Self {
        guard::mark_ui_thread();
        crate::theme::install(context);
        let settings = start.folders.settings();
        let session = start.folders.session();
        let waker: Waker = {
            let context = context.clone();
            Arc::new(move || context.request_repaint())
        };
        let (commands, given) = channel();
        let mut app = Self {
            state: AppState {
                settings: settings.clone(),
                ..AppState::default()
            },
            drafts: Drafts::default(),
            commands,
            given,
            background: Background::new(start.folders, waker),
            refreshes: HashMap::new(),
            counting: HashMap::new(),
            saved: (session.clone(), settings),
            context: context.clone(),
        };
        let missing = crate::theme::missing_characters(context);
        app.background.find_fonts(missing);
        app.background.send(Request::UserFolders);
        app.open_sample();
        app.state.recent = session.recent.clone();
        app.state.bookmarks = session.bookmarks.clone();
        if start.restore && start.locations.is_empty() {
            app.restore(&session);
        }
        if app.state.workspace.active_tab().is_none() {
            let welcome = Tab::new(None, Arrange::default());
            app.state.workspace.add(PaneId::First, welcome);
        }
        for location in start.locations {
            app.run(Command::Open(location, OpenIn::NewTab));
        }
        app.apply_theme();
        app
    }

    /// What the window shows.
    pub fn state(&self) -> &AppState {
        &self.state
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
        self.background.shut_down();
    }
}
