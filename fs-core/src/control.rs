//! Pause, resume and cancel for work that takes long, and the bytes and items it reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};

/// Shared by whoever works and whoever watches. Clones are the same control.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    done_bytes: AtomicU64,
    done_items: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    Paused,
    Cancelled,
}

impl Control {
    /// A running control.
    pub fn new() -> Self {
        Self::default()
    }

    /// To be called between small pieces of work: waits while paused. Error: `Cancelled`.
    pub fn check(&self) -> Result<()> {
        let mut state = self.0.state.lock();
        while *state == State::Paused {
            self.0.changed.wait(&mut state);
        }
        if *state == State::Cancelled {
            Err(Error::new(ErrorKind::Cancelled, "check"))
        } else {
            Ok(())
        }
    }

    /// Work stops at its next check until resumed.
    pub fn pause(&self) {
        self.set(State::Paused);
    }

    /// Work goes on.
    pub fn resume(&self) {
        self.set(State::Running);
    }

    /// Work ends at its next check; final.
    pub fn cancel(&self) {
        self.set(State::Cancelled);
    }

    fn set(&self, to: State) {
        let mut state = self.0.state.lock();
        if *state != State::Cancelled {
            *state = to;
        }
        self.0.changed.notify_all();
    }

    /// Is it paused?
    pub fn is_paused(&self) -> bool {
        *self.0.state.lock() == State::Paused
    }

    /// Has it been cancelled?
    pub fn is_cancelled(&self) -> bool {
        *self.0.state.lock() == State::Cancelled
    }

    /// Counts bytes that are done.
    pub fn add_bytes(&self, bytes: u64) {
        self.0.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts items that are done.
    pub fn add_items(&self, items: u64) {
        self.0.done_items.fetch_add(items, Ordering::Relaxed);
    }

    /// Bytes done so far.
    pub fn done_bytes(&self) -> u64 {
        self.0.done_bytes.load(Ordering::Relaxed)
    }

    /// Items done so far.
    pub fn done_items(&self) -> u64 {
        self.0.done_items.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancel_wakes_a_paused_worker_and_is_final() {
        let control = Control::new();
        control.pause();
        let worker = std::thread::spawn({
            let control = control.clone();
            move || control.check().unwrap_err().kind()
        });
        control.cancel();
        assert_eq!(worker.join().unwrap(), ErrorKind::Cancelled);
        control.resume();
        assert!(control.is_cancelled());
    }
}
