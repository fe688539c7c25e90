//! The guide's sample of the host's files.

use fs_backends::{FileStorage, NoOpResolver, StdFsBackend};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("data.txt");

    // SelfResolving backends require explicit NoOpResolver
    let fs = FileStorage::with_resolver(StdFsBackend::new(), NoOpResolver);
    fs.write(&path, b"Hello")?; // Actually writes to that file

    assert_eq!(std::fs::read(&path)?, b"Hello");
    Ok(())
}
