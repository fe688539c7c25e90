//! What the beginning of a file tells without a password: may it be a database of ours?

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::key::PLAIN_HEADER;
use super::schema::Format;

/// The least that a page of an encrypted database has; its file is a multiple of this.
const PAGE_BYTES: usize = 4096;
/// Where an SQLite file says whose it is (<https://www.sqlite.org/fileformat.html>, 1.3).
const APPLICATION_AT: usize = 68;

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// A plain database of this format.
    Plain(Format),
    /// Noise, as an encrypted database.
    Encrypted,
    /// Something else.
    Other,
}

/// Looks at the first page of a file. Errors: those of reading it.
pub(crate) fn glance(file: &File) -> std::io::Result<Glance> {
    let mut page = [0; PAGE_BYTES];
    match file.read_exact_at(&mut page, 0) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(Glance::Other),
        Err(e) => return Err(e),
    }
    if page.starts_with(PLAIN_HEADER) {
        return Ok(format(&page).map_or(Glance::Other, Glance::Plain));
    }
    let is_paged = file.metadata()?.len().is_multiple_of(PAGE_BYTES as u64);
    Ok(match is_paged && is_noise(&page) {
        true => Glance::Encrypted,
        false => Glance::Other,
    })
}

fn format(page: &[u8]) -> Option<Format> {
    let application = page.get(APPLICATION_AT..APPLICATION_AT + 4)?;
    let application = i64::from(u32::from_be_bytes(application.try_into().ok()?));
    [Format::Vault, Format::Index]
        .into_iter()
        .find(|format| format.application_id() == application)
}

/// In 4096 random bytes each value comes 16 times, give or take 4; files of other programs (`index.db` of man-db, say) have zeros and structure.
fn is_noise(page: &[u8; PAGE_BYTES]) -> bool {
    let mut counts = [0_u32; 256];
    for byte in page {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    counts.iter().filter(|count| **count == 0).count() < 8 && counts.iter().all(|count| *count < 64)
}
