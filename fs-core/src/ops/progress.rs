//! How far an operation is, how fast, and how long it may take.

use std::time::{Duration, Instant};

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

/// Smooths a rate: each second the old value keeps about 70 % of its weight.
#[derive(Debug)]
pub struct Meter {
    started: Instant,
    last: Instant,
    last_fraction: f64,
    last_bytes: u64,
    bytes_per_second: Option<f64>,
    fraction_per_second: Option<f64>,
}

impl Meter {
    /// Starts counting at `now`.
    pub fn start(now: Instant) -> Self {
        Self {
            started: now,
            last: now,
            last_fraction: 0.0,
            last_bytes: 0,
            bytes_per_second: None,
            fraction_per_second: None,
        }
    }

    /// Fills in rate and time left.
    pub fn measure(&mut self, progress: &mut Progress, now: Instant) {
        let seconds = now.duration_since(self.last).as_secs_f64();
        let fraction = f64::from(progress.fraction());
        if seconds >= 0.25 {
            let weight = 0.7_f64.powf(seconds);
            let blend = |old: Option<f64>, new: f64| {
                Some(old.map_or(new, |old| old * weight + new * (1.0 - weight)))
            };
            let bytes = progress.done_bytes.saturating_sub(self.last_bytes) as f64;
            self.bytes_per_second = blend(self.bytes_per_second, bytes / seconds);
            self.fraction_per_second = blend(
                self.fraction_per_second,
                (fraction - self.last_fraction) / seconds,
            );
            self.last = now;
            self.last_fraction = fraction;
            self.last_bytes = progress.done_bytes;
        }
        progress.bytes_per_second = self.bytes_per_second;
        let warm = now.duration_since(self.started) >= Duration::from_secs(1);
        progress.left = self
            .fraction_per_second
            .filter(|rate| warm && *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64((1.0 - fraction) / rate).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_the_rate() {
        let start = Instant::now();
        let mut meter = Meter::start(start);
        let mut progress = Progress {
            total_bytes: 100 << 20,
            ..Progress::default()
        };
        for second in 1..=5u64 {
            progress.done_bytes = second * (10 << 20);
            meter.measure(&mut progress, start + Duration::from_secs(second));
        }
        let left = progress.left.unwrap().as_secs_f64();
        assert!((4.5..5.5).contains(&left), "{left}");
        let rate = progress.bytes_per_second.unwrap();
        assert!((rate - f64::from(10 << 20)).abs() < 1e3, "{rate}");
    }

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
