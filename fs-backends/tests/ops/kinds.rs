//! The kinds of backend the operations are tested on.

use std::fmt;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::Backend;
use fs_core::middleware::Trace;

#[path = "../../../fs-core/examples/tiny_backend.rs"]
#[expect(dead_code, reason = "the example has a main of its own")]
mod tiny_backend;

/// A kind of backend.
#[derive(Clone, Copy)]
pub struct Kind {
    name: &'static str,
    rich: bool,
    make: fn() -> Arc<dyn Backend>,
}

impl Kind {
    pub fn make(&self) -> Arc<dyn Backend> {
        (self.make)()
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Does it keep all that POSIX knows?
    pub fn rich(&self) -> bool {
        self.rich
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

pub fn all() -> Vec<Kind> {
    vec![
        Kind {
            name: "tiny",
            rich: false,
            make: || Arc::new(tiny_backend::tiny_backend()),
        },
        Kind {
            name: "memory",
            rich: true,
            make: || Arc::new(MemoryBackend::new()),
        },
        Kind {
            name: "sandbox",
            rich: true,
            make: || {
                let folder = tempfile::tempdir().unwrap();
                let backend = fs_backends::VRootFsBackend::new(folder.path()).unwrap();
                // The sink keeps the folder as long as the backend is there.
                Arc::new(Trace::new(backend, move |_| {
                    assert!(folder.path().is_absolute())
                }))
            },
        },
        Kind {
            name: "overlay",
            rich: true,
            make: || {
                let (base, upper) = (MemoryBackend::new(), MemoryBackend::new());
                Arc::new(fs_core::Overlay::new(base, upper))
            },
        },
    ]
}

/// Every kind with every kind, itself too.
pub fn pairs() -> Vec<(Kind, Kind)> {
    let all = all();
    all.iter()
        .flat_map(|a| all.iter().map(|b| (*a, *b)))
        .collect()
}

/// Every kind as source and target at once.
pub fn alone() -> Vec<(Kind, Kind)> {
    all().into_iter().map(|kind| (kind, kind)).collect()
}
