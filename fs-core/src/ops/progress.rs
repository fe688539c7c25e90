//! How far an operation is, how fast, and how long it may take.

use std::time::Duration;

use crate::control::Control;

/// A moment of a running operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What it is busy with.
    pub phase: Phase,
    /// Files, folders and links done.
    pub done_items: u64,
    /// How many there are; grows while scanning.
    pub total_items: u64,
    /// Bytes done.
    pub done_bytes: u64,
    /// How many there are; grows while scanning.
    pub total_bytes: u64,
    /// The name being handled.
    pub current: String,
    /// Smoothed over some seconds; `None` until known.
    pub bytes_per_second: Option<f64>,
    /// An estimate; `None` until known.
    pub left: Option<Duration>,
}

/// What an operation is busy with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Looking what there is.
    #[default]
    Scanning,
    /// Doing it.
    Running,
    /// Making it durable; can't be cancelled any more.
    Finishing,
}

impl Progress {
    /// Done share, 0.0 to 1.0; by bytes and items together, for a thousand empty files are work as well.
    pub fn fraction(&self) -> f32 {
        const ITEM_COST_BYTES: u64 = 16 << 10;
        let cost = |bytes: u64, items: u64| (bytes + items * ITEM_COST_BYTES) as f64;
        let total = cost(self.total_bytes, self.total_items);
        if total == 0.0 {
            return 0.0;
        }
        (cost(self.done_bytes, self.done_items) / total).min(1.0) as f32
    }
}

/// Who watches an operation: lets it pause and cancel, and hears how far it is.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Pause, resume, cancel.
    pub control: &'a Control,
    /// Called from the working thread, at most some twenty times a second; must return quickly.
    pub progress: &'a (dyn Fn(&Progress) + Sync),
}

impl<'a> Monitor<'a> {
    /// Watches nothing but `control`.
    pub fn silent(control: &'a Control) -> Self {
        Self {
            control,
            progress: &|_| {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_files_count() {
        let progress = Progress {
            done_items: 5,
            total_items: 10,
            ..Progress::default()
        };
        assert_eq!(progress.fraction(), 0.5);
    }
}
