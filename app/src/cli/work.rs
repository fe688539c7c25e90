//! Work that takes long: how far it is, on a terminal, and Ctrl+C, which ends it between two steps.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use fs_core::{Control, ErrorKind};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::signals::ENDING;

/// Between two looks at signals and progress.
const BEAT: Duration = Duration::from_millis(100);
/// Beats between two lines of progress.
const SHOWN_EVERY: u32 = 2;

/// The work was ended by a signal.
#[derive(Debug, thiserror::Error)]
#[error("stopped: {safe}")]
pub struct Stopped {
    /// Which.
    pub signal: i32,
    /// What is as it was.
    safe: String,
}

/// Runs `work`. A signal cancels it, a second one ends the program at once; `safe` says what a cancelled one leaves behind.
pub fn run<T>(
    verb: &str,
    safe: impl Into<String>,
    work: impl FnOnce(&Control) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut signals = Signals::new(ENDING)?;
    let control = Control::new();
    let (done, is_done) = channel::<()>();
    let shows = std::io::stderr().is_terminal();
    let (result, stopped_by) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let is_done = is_done;
            let mut stopped_by = None;
            let mut beats = 0;
            while is_done.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                for signal in signals.pending() {
                    if stopped_by.replace(signal).is_some() {
                        // Whoever asks twice does not want to wait.
                        emulate_default_handler(signal).unwrap_or_default();
                    }
                    control.cancel();
                }
                beats += 1;
                if shows && beats % SHOWN_EVERY == 0 {
                    show(verb, &control);
                }
            }
            if shows && beats >= SHOWN_EVERY {
                eprint!("\r\x1b[K");
            }
            // The last signal may have come after the last look.
            stopped_by.or_else(|| signals.pending().next())
        });
        let result = work(&control);
        drop(done);
        (result, watcher.join().unwrap_or(None))
    });
    match (result, stopped_by) {
        (Err(error), Some(signal)) if is_cancelled(&error) => Err(Stopped {
            signal,
            safe: safe.into(),
        }
        .into()),
        (result, _) => result,
    }
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    let mut known = error
        .chain()
        .filter_map(|error| error.downcast_ref::<fs_core::Error>());
    known.any(|error| error.kind() == ErrorKind::Cancelled)
}

fn show(verb: &str, control: &Control) {
    let size = humansize::format_size(control.done_bytes(), humansize::DECIMAL);
    let items = control.done_items();
    let mut out = std::io::stderr().lock();
    // Only for the eye.
    let _ = match items {
        0 => write!(out, "\r\x1b[K{verb}: {size}"),
        items => write!(out, "\r\x1b[K{verb}: {size}, {items} items"),
    }
    .and_then(|()| out.flush());
}
