//! The guide's sample of a store.

use fs_backends::FileStorage;
use fs_backends::IndexedBackend;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let storage = dir.path().join("storage");
    let pdf_bytes = b"%PDF-1.7 and what follows".repeat(1000);
    let store = FileStorage::new(IndexedBackend::create(&storage)?);
    store.create_dir("/documents")?;
    store.close()?;

    // Files stored in ./storage/, index in ./storage/index.db
    let fs = FileStorage::new(IndexedBackend::open(&storage)?);
    fs.write("/documents/report.pdf", &pdf_bytes)?;
    // Actually stored as: ./storage/blobs/a1b2c3d4-5678-...-1704067200.bin

    assert_eq!(fs.read("/documents/report.pdf")?, pdf_bytes);
    fs.close()?;
    assert!(storage.join("index.db").is_file());
    assert_eq!(std::fs::read_dir(storage.join("blobs"))?.count(), 1);
    Ok(())
}
