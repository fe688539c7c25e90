//! The suite every backend must pass, on overlays.

use fs_backends::MemoryBackend;
use fs_core::conformance::{Fresh, Suite};
use fs_core::{Capabilities, Overlay};

use crate::limited::Limited;

#[test]
fn memory_over_memory() {
    Suite::new("overlay: memory over memory", || {
        Fresh::new(Overlay::new(MemoryBackend::new(), MemoryBackend::new()))
    })
    .assert();
}

#[test]
fn three_layers() {
    Suite::new("overlay: three layers", || {
        let lower = Overlay::new(MemoryBackend::new(), MemoryBackend::new());
        Fresh::new(Overlay::new(lower, MemoryBackend::new()))
    })
    .assert();
}

#[test]
fn over_an_upper_without_device_nodes_and_attributes() {
    Suite::new("overlay: marks are files", || {
        let upper = Limited {
            inner: MemoryBackend::new().into(),
            without: Capabilities::SPECIAL_FILES | Capabilities::XATTRS,
            boasts: false,
        };
        Fresh::new(Overlay::new(MemoryBackend::new(), upper))
    })
    .assert();
}
