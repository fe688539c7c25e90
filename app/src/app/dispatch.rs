//! One turn: what happened in the background, what was ordered, what has to be written down.

use std::time::{Duration, Instant};

use super::App;
use crate::background::Request;
use crate::command::Command;
use crate::state::{Arrival, Session};

/// What goes on changing, like the place of a window that is being moved, is written down when it has rested so long.
const WRITE_AFTER: Duration = Duration::from_millis(500);
/// So much of a frame may go to events; the rest waits for the next.
const EVENTS_BUDGET: Duration = Duration::from_millis(2);

impl App {
    /// Drains events and commands. May run without anything being drawn, and more than once a frame.
    pub fn logic(&mut self, ctx: &egui::Context) {
        let started = Instant::now();
        // Commands first: their rows are those of the last frame.
        let mut busy = false;
        while let Ok(command) = self.given.try_recv() {
            self.run(command);
            busy = true;
        }
        while let Some(event) = self.background.event() {
            self.fold(event);
            busy = true;
            if started.elapsed() > EVENTS_BUDGET {
                ctx.request_repaint();
                break;
            }
        }
        busy |= self.operations_turn();
        busy |= self.update_preview();
        self.watch_window(ctx);
        self.refresh_changed(ctx);
        busy |= self.watch_place(ctx);
        self.write_down_in_time(ctx, busy);
        if busy {
            self.keep_session();
            // The frame that asked for this was drawn before it was done.
            ctx.request_repaint();
        }
    }

    /// Writes down what changed, as soon as the user lets go of it.
    fn write_down_in_time(&mut self, ctx: &egui::Context, changed: bool) {
        let held = ctx.input(|input| input.pointer.any_down());
        if changed && !held && !self.window_moves() {
            self.write_down();
        } else if changed {
            self.unsaved_since = Some(Instant::now());
        }
        if let Some(since) = self.unsaved_since {
            let rest = WRITE_AFTER.saturating_sub(since.elapsed());
            if rest.is_zero() && !held {
                self.write_down();
            } else if !held {
                ctx.request_repaint_after(rest);
            }
        }
    }

    /// Where the window stands has changed since it was written down.
    fn window_moves(&self) -> bool {
        self.state.window != self.saved.0.window
    }

    /// Carries out a command.
    pub(super) fn run(&mut self, command: Command) {
        match command {
            Command::Go(tab, place) => self.go(tab, place),
            Command::Reveal(tab, place) => self.reveal(tab, &place),
            Command::Open(location, open_in) => match self.inside_folder(&location) {
                Some(place) => self.show_place(place, open_in, Arrival::Fresh),
                None => self.background.send(Request::Settle { location, open_in }),
            },
            Command::Typed(tab, text) => self.typed(tab, &text),
            Command::Complete(tab, folder) => self.complete(tab, &folder),
            Command::Activate(tab, name, open_in) => self.activate(tab, &name, open_in),
            Command::Back(tab) => self.back(tab),
            Command::Forward(tab) => self.forward(tab),
            Command::Up(tab) => self.up(tab),
            Command::Refresh(tab) => self.refresh(tab),
            Command::Stop(tab) => self.stop(tab),
            Command::Tab(command) => self.run_tab(command),
            Command::List(tab, command) => self.run_list(tab, command),
            Command::File(command) => self.run_file(command),
            Command::Fs(command) => self.run_fs(command),
            Command::Window(command) => self.run_window(command),
        }
    }

    /// Writes session and settings if they changed.
    pub(super) fn write_down(&mut self) {
        self.unsaved_since = None;
        let session = Session::of(&self.state);
        if session != self.saved.0 {
            self.saved.0 = session.clone();
            self.background
                .send(Request::SaveSession(Box::new(session)));
        }
        if self.state.settings != self.saved.1 {
            self.saved.1 = self.state.settings.clone();
            let settings = Box::new(self.state.settings.clone());
            self.background.send(Request::SaveSettings(settings));
        }
    }
}
