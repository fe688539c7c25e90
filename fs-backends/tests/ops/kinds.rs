//! The kinds of backend the operations are tested on.

use std::fmt;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
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

    /// Is its content there when the program starts again?
    pub fn remembers(&self) -> bool {
        self.rich && !["memory", "overlay"].contains(&self.name)
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
                kept(backend, folder)
            },
        },
        Kind {
            name: "vault",
            rich: true,
            make: || {
                let folder = tempfile::tempdir().unwrap();
                let options = VaultOptions::new().durability(Durability::OnSync);
                kept(options.create(folder.path().join("v.db")).unwrap(), folder)
            },
        },
        Kind {
            name: "store",
            rich: true,
            make: || {
                let folder = tempfile::tempdir().unwrap();
                let options = StoreOptions::new().durability(Durability::OnSync);
                let store = options.create_missing(true).open(folder.path().join("s"));
                kept(store.unwrap(), folder)
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

/// A backend that keeps the folder it lives in.
fn kept(backend: impl Backend + 'static, folder: tempfile::TempDir) -> Arc<dyn Backend> {
    Arc::new(Trace::new(backend, move |_| {
        assert!(folder.path().is_absolute());
    }))
}

/// Every kind with itself and, both ways, with memory.
pub fn pairs() -> Vec<(Kind, Kind)> {
    let all = all();
    let every = all.iter().flat_map(|a| all.iter().map(|b| (*a, *b)));
    let memory = |kind: &Kind| kind.name == "memory";
    every
        .filter(|(a, b)| a.name == b.name || memory(a) || memory(b))
        .collect()
}

/// Every kind as source and target at once.
pub fn alone() -> Vec<(Kind, Kind)> {
    all().into_iter().map(|kind| (kind, kind)).collect()
}
