//! Rate and time left, and telling them not too often.

use std::time::{Duration, Instant};

use super::progress::{Monitor, Phase, Progress};
use crate::error::Result;

/// Counts what is found and done, and tells the monitor now and then.
pub(super) struct Reporter<'a> {
    monitor: Monitor<'a>,
    progress: Progress,
    meter: Meter,
    told: Option<Instant>,
}

/// Between two tellings.
const PAUSE: Duration = Duration::from_millis(50);

impl<'a> Reporter<'a> {
    pub(super) fn new(monitor: Monitor<'a>) -> Self {
        Self {
            monitor,
            progress: Progress::default(),
            meter: Meter::start(Instant::now()),
            told: None,
        }
    }

    /// Goes on to the next phase; totals stay.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.progress.phase = phase;
        self.tell(Instant::now());
    }

    /// More to do.
    pub(super) fn found(&mut self, items: u64, bytes: u64) {
        self.progress.total_items += items;
        self.progress.total_bytes += bytes;
        self.tick();
    }

    /// More is done.
    pub(super) fn done(&mut self, items: u64, bytes: u64) {
        self.progress.done_items += items;
        self.progress.done_bytes += bytes;
        self.monitor.control.add_items(items);
        self.monitor.control.add_bytes(bytes);
        self.tick();
    }

    /// What is being handled.
    pub(super) fn current(&mut self, name: &str) {
        if self.due(Instant::now()) {
            self.progress.current.clear();
            self.progress.current.push_str(name);
        }
    }

    /// Waits while paused. Error: `Cancelled`.
    pub(super) fn check(&self) -> Result<()> {
        self.monitor.control.check()
    }

    /// The control of whoever watches.
    pub(super) fn control(&self) -> &'a crate::Control {
        self.monitor.control
    }

    fn due(&self, now: Instant) -> bool {
        self.told
            .is_none_or(|told| now.duration_since(told) >= PAUSE)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.due(now) {
            self.tell(now);
        }
    }

    fn tell(&mut self, now: Instant) {
        self.told = Some(now);
        self.meter.measure(&mut self.progress, now);
        (self.monitor.progress)(&self.progress);
    }
}

/// Smooths a rate: each second the old value keeps about 70 % of its weight.
#[derive(Debug)]
struct Meter {
    started: Instant,
    last: Instant,
    last_fraction: f64,
    last_bytes: u64,
    bytes_per_second: Option<f64>,
    fraction_per_second: Option<f64>,
}

impl Meter {
    fn start(now: Instant) -> Self {
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
    fn measure(&mut self, progress: &mut Progress, now: Instant) {
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
}
