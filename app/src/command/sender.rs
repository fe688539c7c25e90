//! The way of commands from where they are given to the logic.

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Command;

/// Gives commands. Clones give to the same logic.
#[derive(Clone)]
pub struct Commands(Sender<Command>);

/// A sender and where its commands arrive. Unbounded: people give few, and all are taken before each frame.
pub fn channel() -> (Commands, Receiver<Command>) {
    let (sender, receiver) = unbounded();
    (Commands(sender), receiver)
}

impl Commands {
    /// Gives a command; it is carried out before the next frame.
    pub fn send(&self, command: Command) {
        // The receiver lives as long as the window.
        self.0.send(command).ok();
    }
}
