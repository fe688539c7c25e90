//! One turn: what happened in the background, what was ordered, what has to be written down.

use std::time::{Duration, Instant};

use super::App;
use crate::background::Request;
use crate::command::Command;
use crate::state::Session;

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
        self.refresh_changed(ctx);
        self.watch_window(ctx);
        if busy {
            self.write_down();
            // The frame that asked for this was drawn before it was done.
            ctx.request_repaint();
        }
    }

    /// Carries out a command.
    pub(super) fn run(&mut self, command: Command) {
        match command {
            Command::Go(tab, place) => self.go(tab, place),
            Command::Reveal(tab, place) => self.reveal(tab, &place),
            Command::Open(location, open_in) => {
                self.background.send(Request::Settle { location, open_in });
            }
            Command::Typed(tab, text) => self.typed(tab, &text),
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
    fn write_down(&mut self) {
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
