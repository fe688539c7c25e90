//! A session that ends (SIGTERM, SIGHUP), and Ctrl+C in the terminal the window was started from (SIGINT): the window closes well.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::command::{Command, Commands, WindowCommand};

/// What asks a program to end, and lets it.
pub(crate) const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Watches for them in a thread of its own. The first gives up what runs (the journal knows of it), unmounts, closes all and ends the program, without a
/// question that nobody may be there to answer (what is in memory only is gone); a second one ends it at once.
pub(crate) fn close_window(context: &egui::Context, commands: Commands) {
    let context = context.clone();
    let watch = || -> std::io::Result<()> {
        let mut signals = Signals::new(ENDING)?;
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let mut closing = false;
                for signal in signals.forever() {
                    if std::mem::replace(&mut closing, true) {
                        emulate_default_handler(signal).unwrap_or_default();
                    }
                    commands.send(Command::Window(WindowCommand::QuitAnyway));
                    context.request_repaint();
                }
            })
            .map(drop)
    };
    if let Err(error) = watch() {
        tracing::warn!("signals end the program at once: {error}");
    }
}
