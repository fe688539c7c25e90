//! The guide's sample of a vault.

use fs_backends::FileStorage;
use fs_backends::SqliteBackend;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("myfs.db");
    let vault = FileStorage::new(SqliteBackend::create(&path)?);
    vault.create_dir("/documents")?;
    vault.close()?;

    let fs = FileStorage::new(SqliteBackend::open(&path)?);
    fs.write("/documents/report.txt", b"Annual Report")?;

    assert_eq!(fs.read("/documents/report.txt")?, b"Annual Report");
    Ok(())
}
