//! The guide's sample of a writable layer over a template.

use fs_backends::{FileStorage, MemoryBackend, Overlay, VRootFsBackend};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("config.txt"), b"template")?;
    std::fs::write(dir.path().join("unwanted.txt"), b"")?;

    // Base: read-only template
    let base = VRootFsBackend::new(dir.path())?;

    // Upper: writable scratch layer
    let upper = MemoryBackend::new();

    let fs = FileStorage::new(Overlay::new(base, upper));

    // Read: checks upper first, falls back to base
    let data = fs.read("/config.txt")?;

    // Write: always goes to upper
    fs.write("/config.txt", b"modified")?;

    // Delete: creates "whiteout" in upper, shadows base
    fs.remove_file("/unwanted.txt")?;

    assert_eq!(data, b"template");
    assert_eq!(fs.read("/config.txt")?, b"modified");
    assert!(!fs.exists("/unwanted.txt")?);
    assert_eq!(std::fs::read(dir.path().join("config.txt"))?, b"template");
    assert!(dir.path().join("unwanted.txt").exists());
    Ok(())
}
