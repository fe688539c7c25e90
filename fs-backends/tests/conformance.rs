//! Every filesystem of ours passes the suite that any backend must pass.

use fs_backends::MemoryBackend;
use fs_core::conformance::{Fresh, Suite};

#[test]
fn memory() {
    Suite::new("memory", || Fresh::new(MemoryBackend::new())).assert();
}
