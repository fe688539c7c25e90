//! The suite any backend, ours or not, must pass.
//!
//! Cases are data: an id, what they show, a [`Level`], the [`Capabilities`] they need, and a check over a fresh, empty filesystem. Each goes through
//! the front door ([`FileStorage`]) or straight to the [`Backend`]. A test of a backend crate is one line:
//!
//! ```ignore
//! Suite::new("memory", || Fresh::new(MemoryBackend::new())).assert();
//! ```

mod again;
mod attributes;
mod batch;
mod check;
mod content;
mod copy;
mod directory;
mod edge;
mod handle;
mod inode;
mod links;
mod moments;
mod no_panic;
mod paths;
mod read;
mod rename;
mod report;
mod security;
mod stage;
mod threads;
mod write;

use std::any::Any;
use std::sync::Arc;

pub use check::{Check, Failure};
pub use report::{Outcome, Report};

use crate::backend::Backend;
use crate::capabilities::Capabilities;
use crate::resolve::{NoOpResolver, PathResolver, PosixResolver};
use crate::storage::{Durability, FileStorage};

/// What a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Files and folders.
    One,
    /// Links, permissions, times, space, sync.
    Two,
    /// Identity of files.
    Three,
    /// Handles, extended attributes, staging, pins, batches.
    Four,
    /// Resolution of raw paths.
    Path,
    /// Attacks.
    Security,
    /// Several threads at once.
    Threads,
    /// Nonsense that must come back as an error.
    NoPanic,
}

/// One thing a backend must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its number in the checklist.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What it belongs to.
    pub level: Level,
    /// What the backend must be able to do for it to make sense.
    pub needs: Capabilities,
    check: fn(&Fixture) -> Check,
}

impl Case {
    const fn new(
        level: Level,
        id: &'static str,
        title: &'static str,
        check: fn(&Fixture) -> Check,
    ) -> Self {
        Self {
            id,
            title,
            level,
            needs: Capabilities::WRITE,
            check,
        }
    }

    const fn needs(self, needs: Capabilities) -> Self {
        Self {
            needs: self.needs.union(needs),
            ..self
        }
    }
}

/// All cases.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        read::CASES,
        write::CASES,
        content::CASES,
        copy::CASES,
        rename::CASES,
        directory::CASES,
        edge::CASES,
        paths::CASES,
        links::CASES,
        attributes::CASES,
        moments::CASES,
        inode::CASES,
        handle::CASES,
        stage::CASES,
        batch::CASES,
        security::CASES,
        threads::CASES,
        again::CASES,
        no_panic::CASES,
    ]
    .into_iter()
    .flatten()
}

/// A new, empty filesystem, and what must live as long as it (a temporary folder).
pub struct Fresh {
    backend: Arc<dyn Backend>,
    guard: Box<dyn Any + Send>,
}

impl Fresh {
    /// A backend that needs nothing else.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self {
            backend: Arc::new(backend),
            guard: Box::new(()),
        }
    }

    /// Drops `guard` after the backend.
    #[must_use]
    pub fn keeping(self, guard: impl Any + Send) -> Self {
        Self {
            guard: Box::new(guard),
            ..self
        }
    }
}

/// The front door the cases use.
pub type Storage = FileStorage<Arc<dyn Backend>, Box<dyn PathResolver>>;

/// What a case works on.
pub struct Fixture {
    /// The filesystem through its front door.
    pub fs: Storage,
    /// The same, directly.
    pub backend: Arc<dyn Backend>,
    /// Its files are a host's: inode numbers come again, others use its space.
    pub on_host: bool,
    /// Take the time for the large cases.
    pub thorough: bool,
}

/// Which cases to run on which backend.
pub struct Suite<'a> {
    name: &'a str,
    make: Box<dyn Fn() -> Fresh + 'a>,
    levels: Option<Vec<Level>>,
    left_out: Vec<(&'static str, &'static str)>,
    no_op: bool,
    on_host: bool,
    thorough: bool,
}

impl<'a> Suite<'a> {
    /// All cases on the backends `make` makes, one for each case.
    pub fn new(name: &'a str, make: impl Fn() -> Fresh + 'a) -> Self {
        Self {
            name,
            make: Box::new(make),
            levels: None,
            left_out: Vec::new(),
            no_op: false,
            on_host: false,
            thorough: std::env::var_os("LAMINA_THOROUGH").is_some(),
        }
    }

    /// Only these levels.
    #[must_use]
    pub fn levels(self, levels: &[Level]) -> Self {
        Self {
            levels: Some(levels.to_vec()),
            ..self
        }
    }

    /// The backend resolves paths itself ([`NoOpResolver`]).
    #[must_use]
    pub fn self_resolving(self) -> Self {
        Self {
            no_op: true,
            ..self
        }
    }

    /// The files are a host's: inode numbers may come again, and others use the space too.
    #[must_use]
    pub fn on_host(self) -> Self {
        Self {
            on_host: true,
            ..self
        }
    }

    /// Leaves a case out; the reason is printed.
    #[must_use]
    pub fn without(mut self, id: &'static str, reason: &'static str) -> Self {
        self.left_out.push((id, reason));
        self
    }

    /// Runs the cases one after the other.
    pub fn run(&self) -> Report {
        let mut report = Report::new(self.name);
        let only = std::env::var("LAMINA_CONFORMANCE_ONLY").ok();
        for case in cases() {
            let wanted = self
                .levels
                .as_ref()
                .is_none_or(|levels| levels.contains(&case.level))
                && only
                    .as_ref()
                    .is_none_or(|only| only.split(',').any(|id| id == case.id));
            if wanted {
                let start = std::time::Instant::now();
                let outcome = self.outcome(case);
                report.add(case, outcome, start.elapsed());
            }
        }
        report
    }

    /// Runs the cases; panics with the list of those that failed.
    pub fn assert(&self) {
        self.run().assert();
    }

    fn outcome(&self, case: &Case) -> Outcome {
        if let Some((_, reason)) = self.left_out.iter().find(|(id, _)| *id == case.id) {
            return Outcome::LeftOut(reason);
        }
        let run = std::panic::AssertUnwindSafe(|| {
            let (fixture, guard) = self.fixture();
            let missing = case.needs - fixture.fs.capabilities();
            let outcome = if missing.is_empty() {
                match (case.check)(&fixture) {
                    Ok(()) => Outcome::Passed,
                    Err(failure) => Outcome::Failed(failure.to_string()),
                }
            } else {
                Outcome::Skipped(missing)
            };
            drop(fixture);
            drop(guard);
            outcome
        });
        std::panic::catch_unwind(run).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Outcome::Failed(format!("panicked: {}", text.unwrap_or("no message")))
        })
    }

    fn fixture(&self) -> (Fixture, Box<dyn Any + Send>) {
        let Fresh { backend, guard } = (self.make)();
        let resolver: Box<dyn PathResolver> = if self.no_op {
            Box::new(NoOpResolver)
        } else {
            Box::new(PosixResolver)
        };
        let fixture = Fixture {
            fs: FileStorage::with_resolver(backend.clone(), resolver)
                .with_durability(Durability::OnSync),
            backend,
            on_host: self.on_host,
            thorough: self.thorough,
        };
        (fixture, guard)
    }
}

/// Runs the cases of `levels` on the backends `make` makes.
pub fn run(name: &str, make: impl Fn() -> Fresh, levels: &[Level]) -> Report {
    Suite::new(name, make).levels(levels).run()
}
