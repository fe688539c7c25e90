//! Looking after a vault or store: what it is made of, what is being done about it, and what came of that.

use std::path::PathBuf;
use std::sync::Arc;

use fs_backends::location::Root;
use fs_backends::salvage::Report;
use fs_core::maintenance::{Checked, Damage, Info, Reclaimed};
use fs_core::{Control, Error};

use super::Generation;
use crate::command::Secret;

/// Blobs that belong to nothing are left alone so long, unless something else is asked for: somebody may still want to look at them.
pub const DAY_SECONDS: u64 = 24 * 60 * 60;

/// What is known of a vault or store as something to look after.
#[derive(Clone, Debug, Default)]
pub struct Care {
    /// What it is made of, once that is known.
    pub info: Option<Arc<Info>>,
    /// What is being done now.
    pub job: Option<Job>,
    /// What came of the last job.
    pub outcome: Option<Outcome>,
    /// What the last check found.
    pub found: Option<Arc<Found>>,
    /// Something in it could not be read, because it is not what was written.
    pub unreadable: bool,
}

impl Care {
    /// Is something being done that is not only looked up?
    pub fn is_busy(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.task != Task::Look)
    }

    /// Is anything in it known to be damaged?
    pub fn is_damaged(&self) -> bool {
        self.unreadable || self.found.as_ref().is_some_and(|found| found.serious > 0)
    }

    /// What a check found that can be put right.
    pub fn plan(&self) -> Vec<Damage> {
        let all = self.found.iter().flat_map(|found| &found.damages);
        all.filter(|damage| damage.repair.is_some())
            .cloned()
            .collect()
    }
}

/// Something that is being done.
#[derive(Clone, Debug)]
pub struct Job {
    /// What.
    pub task: Task,
    /// How far it is, and the way to stop it.
    pub control: Control,
    /// The question its answer belongs to.
    pub id: Generation,
    /// The filesystem is closed for it, and is opened again when it is over.
    pub reopens: bool,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Looking up what it is made of.
    Look,
    /// Reading everything and comparing it with its checksums.
    Check,
    /// Putting right what a check found.
    Repair,
    /// Giving unused space back.
    Compact,
    /// Removing blobs that belong to nothing.
    Collect,
    /// Copying it.
    Backup,
    /// Encrypting it with another password.
    Password,
    /// Copying what can be read of it, when it is too damaged to open.
    Salvage,
}

impl Task {
    /// What is being done.
    pub fn running(self) -> &'static str {
        match self {
            Self::Look => "Looking",
            Self::Check => "Checking",
            Self::Repair => "Repairing",
            Self::Compact => "Giving unused space back",
            Self::Collect => "Collecting garbage",
            Self::Backup => "Backing up",
            Self::Password => "Changing the password",
            Self::Salvage => "Saving what can be read",
        }
    }

    /// What could not be done.
    pub fn failed(self) -> &'static str {
        match self {
            Self::Look => "Couldn't look it up",
            Self::Check => "Couldn't check it",
            Self::Repair => "Couldn't repair it; nothing was changed",
            Self::Compact => "Couldn't make it smaller; nothing is lost",
            Self::Collect => "Couldn't collect all garbage; nothing is lost",
            Self::Backup => "Couldn't back it up",
            Self::Password => "The password is the old one still",
            Self::Salvage => "Couldn't save what can be read; the damaged one is unchanged",
        }
    }

    /// Can it be stopped half-way without harm?
    pub fn can_stop(self) -> bool {
        self != Self::Password
    }
}

/// An order to look after it.
#[derive(Clone, Debug)]
pub enum Work {
    /// [`Task::Look`].
    Look,
    /// [`Task::Check`].
    Check,
    /// [`Task::Repair`]: these, and then a check.
    Repair(Vec<Damage>),
    /// [`Task::Compact`].
    Compact,
    /// [`Task::Collect`]: those older than so many seconds.
    Collect(u64),
    /// [`Task::Backup`]: to this path, which must not exist.
    Backup(PathBuf),
    /// [`Task::Password`].
    Password {
        /// The one it has.
        old: Secret,
        /// The one it gets.
        new: Secret,
        /// Of a memory filesystem: the file it is saved to with it. It may have had none before.
        file: Option<PathBuf>,
    },
    /// [`Task::Salvage`].
    Salvage {
        /// The damaged filesystem, which is closed for it and never changed.
        root: Root,
        /// A new or empty folder.
        to: PathBuf,
        /// Its password, if it may have one.
        password: Option<Secret>,
    },
}

impl Work {
    /// What is done.
    pub fn task(&self) -> Task {
        match self {
            Self::Look => Task::Look,
            Self::Check => Task::Check,
            Self::Repair(_) => Task::Repair,
            Self::Compact => Task::Compact,
            Self::Collect(_) => Task::Collect,
            Self::Backup(_) => Task::Backup,
            Self::Password { .. } => Task::Password,
            Self::Salvage { .. } => Task::Salvage,
        }
    }
}

/// What came of a job.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A check is through.
    Checked(Arc<Found>),
    /// Space was given back.
    Compacted(Reclaimed),
    /// Blobs that belonged to nothing were removed.
    Collected(Reclaimed),
    /// A copy is here.
    BackedUp(PathBuf),
    /// The password is another one.
    PasswordChanged,
    /// What could be read is in this folder.
    Salvaged(PathBuf, Arc<Report>),
    /// It was stopped.
    Stopped(Task),
    /// It failed.
    Failed(Task, Error),
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What was looked at.
    pub checked: Checked,
    /// What is wrong, as far as it is listed.
    pub damages: Vec<Damage>,
    /// How much is wrong that costs more than some space.
    pub serious: u64,
    /// So many were repaired just before.
    pub repaired: u64,
}

impl Found {
    /// How many more are wrong than are listed.
    pub fn unlisted(&self) -> u64 {
        let listed = self.damages.len() as u64;
        self.checked.damages.saturating_sub(listed)
    }
}
