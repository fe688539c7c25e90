//! The way of events from workers to the logic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Sender;

use super::message::Event;

/// Wakes the window up.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Sends events and wakes the window; waits while it is behind.
#[derive(Clone)]
pub struct Outbox {
    events: Sender<Event>,
    waker: Waker,
}

impl Outbox {
    /// Sends into `events`.
    pub fn new(events: Sender<Event>, waker: Waker) -> Self {
        Self { events, waker }
    }

    /// Sends an event. When the window is gone, nobody wants to know.
    pub fn send(&self, event: Event) {
        if self.events.send(event).is_ok() {
            (self.waker)();
        }
    }

    /// Wakes the window without an event.
    pub fn wake(&self) {
        (self.waker)();
    }
}

/// Counts questions whose answers have not been sent.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// One more, until the returned value is dropped.
    pub fn start(&self) -> Flight {
        self.0.fetch_add(1, Ordering::AcqRel);
        Flight(self.0.clone())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// A question on its way.
#[derive(Debug)]
pub struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
