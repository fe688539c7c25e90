//! The guide's sample of a filesystem in memory.

use fs_backends::{FileStorage, MemoryBackend};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fs = FileStorage::new(MemoryBackend::new());
    fs.write("/data.txt", b"Hello, World!")?;

    assert_eq!(fs.read("/data.txt")?, b"Hello, World!");
    Ok(())
}
