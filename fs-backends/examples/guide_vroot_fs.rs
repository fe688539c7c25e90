//! The guide's sample of a sandboxed folder.

use fs_backends::{FileStorage, NoOpResolver, VRootFsBackend};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("etc"))?;
    std::fs::write(dir.path().join("etc/passwd"), b"of the sandbox")?;

    // The folder becomes the virtual "/"
    // SelfResolving backends require explicit NoOpResolver
    let fs = FileStorage::with_resolver(VRootFsBackend::new(dir.path())?, NoOpResolver);
    fs.write("/data.txt", b"Hello")?;
    // Actually writes to: data.txt in the folder

    fs.read("/../../../etc/passwd")?;
    // Resolves to: etc/passwd in the folder (clamped!)

    assert_eq!(std::fs::read(dir.path().join("data.txt"))?, b"Hello");
    assert_eq!(fs.read("/../../../etc/passwd")?, b"of the sandbox");
    Ok(())
}
