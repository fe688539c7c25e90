//! What can be done with files, across any two filesystems: an [`Operation`] is data, a [`Preflight`] tells and asks before
//! anything is touched, a [`Report`] tells afterwards.

mod operation;
mod place;
mod preflight;
mod progress;
mod report;
mod sentence;

pub use operation::{Attributes, EntryId, LinkTo, Operation, Transfer};
pub use place::{Filesystems, FsRef, Place};
pub use preflight::{Conflict, Decision, Decisions, Loss, Preflight, Problem, ProblemKind};
pub use progress::{Meter, Monitor, Phase, Progress};
pub use report::{Failure, Report};
