//! What can be read of a damaged filesystem, saved in a folder with a report beside it.

use fs_backends::salvage::{Item, Report, Salvage};
use fs_core::{Backend, Control, Error, ErrorKind, FileStorage, Name, Result, VPath};

/// The report in the folder, for people and programs that look later.
const REPORT: &str = "report.json";

/// Saves it into `folder`, which is new or empty, and writes the report there. `told` hears of what is not whole. Errors: those of [`Salvage::save_to`].
pub fn save(
    salvage: &Salvage,
    to: &dyn Backend,
    folder: &VPath,
    control: &Control,
    told: &mut dyn FnMut(&Item),
) -> Result<Report> {
    let report = salvage.save_to(to, folder, control, told)?;
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|error| Error::new(ErrorKind::InvalidData, "report").with_source(error))?;
    let beside = folder.join(&Name::new(REPORT)?);
    FileStorage::new(to).write(beside.as_path(), text)?;
    Ok(report)
}
