//! What can be done with files, across any two filesystems: an [`Operation`] is data, a [`Preflight`] tells and asks before
//! anything is touched, a [`Report`] tells afterwards.

mod engine;
mod execute;
mod fate;
mod journal;
mod meter;
mod names;
mod operation;
mod place;
mod plan;
mod preflight;
mod progress;
mod report;
mod scan;
mod scheduler;
mod sentence;
mod stage;
mod target;
mod tree;

pub use engine::{Engine, HistoryEntry, Pending};
pub use journal::State;
pub use operation::{AttrChange, Attributes, EntryId, LinkTo, ModeChange, Operation, Transfer};
pub use place::{Filesystems, FsRef, Place};
pub use plan::Plan;
pub use preflight::{Conflict, Decision, Decisions, Loss, Preflight, Problem, ProblemKind};
pub use progress::{Monitor, Phase, Progress};
pub use report::{Failure, Report};
pub use scheduler::{OpEvent, OpId, Scheduler};
