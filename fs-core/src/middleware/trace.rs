//! Tells what is called: names and sizes, never content.

use std::sync::Arc;
use std::time::Duration;

use super::intercept::{Call, Hook, Intercept, Op};
use crate::backend::Backend;
use crate::error::{ErrorKind, Result};
use crate::path::VPath;

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// What was called.
    pub op: Op,
    /// On which path, as the caller gave it.
    pub path: VPath,
    /// Bytes asked to be read or written.
    pub bytes: usize,
    /// How it ended.
    pub outcome: Result<(), ErrorKind>,
    /// How long it took.
    pub took: Duration,
}

/// Where events go; called from any thread, at the end of each call.
pub type TraceSink = Arc<dyn Fn(TraceEvent) + Send + Sync>;

/// Sends every call to a sink.
pub struct Tracer(TraceSink);

/// A backend whose calls are told to a sink.
pub type Trace<B> = Intercept<B, Tracer>;

impl<B: Backend> Trace<B> {
    /// Tells `sink` of every call to `backend`.
    pub fn new(backend: B, sink: impl Fn(TraceEvent) + Send + Sync + 'static) -> Self {
        Self::wrap(backend, Arc::new(Tracer(Arc::new(sink))))
    }
}

impl Hook for Tracer {
    fn after(&self, call: &Call<'_>, outcome: Result<(), ErrorKind>, took: Duration) {
        (self.0)(TraceEvent {
            op: call.op,
            path: call.path.clone(),
            bytes: call.bytes,
            outcome,
            took,
        });
    }
}
