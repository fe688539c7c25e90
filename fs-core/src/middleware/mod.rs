//! Filesystems made of filesystems: each wraps any backend and is one.

mod fault;
mod intercept;
mod intercept_file;
pub mod overlay;
mod quota;
mod read_only;
mod subtree;
mod trace;

pub use fault::{Effect, Fault, FaultRule, Faults};
pub use intercept::{Call, Hook, Intercept, Op, Verdict};
pub use overlay::Overlay;
pub use quota::{Quota, QuotaLimits, Usage};
pub use read_only::ReadOnly;
pub use subtree::Subtree;
pub use trace::{Trace, TraceEvent, TraceSink, Tracer};
