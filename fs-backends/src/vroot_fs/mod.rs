//! A folder of the host as `/`, with nothing outside reachable.
//!
//! Links are kept verbatim and listed as links; following one that leaves the folder is `EscapesRoot`. Its trash is inside the folder, laid
//! out as on a medium of its own, and listings leave it out.

mod beneath;
#[cfg(test)]
mod tests;

use std::path::Path;

use fs_core::{Error, Result};

use crate::std_fs::HostFs;
use beneath::Beneath;

/// A sandboxed folder of the host.
pub type VRootFsBackend = HostFs<Beneath>;

impl VRootFsBackend {
    /// The folder at `root`, links in its path followed now and never again.
    ///
    /// Errors: `NotFound`, `NotADirectory`, `PermissionDenied`.
    pub fn new(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let describe = |e: Error| e.with_operation("open sandbox").with_path(root);
        Ok(Self::reaching(Beneath::new(root).map_err(describe)?, None))
    }
}
