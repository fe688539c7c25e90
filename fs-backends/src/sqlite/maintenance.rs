//! What maintenance needs of content in rows: a check of every piece, and a copy of the file.

use std::path::Path;

use fs_core::maintenance::DamageKind;
use fs_core::{Control, Result};

use super::layout::{INDEX_MAX, Layout};
use crate::catalog::{About, Database, Finding, Fix, Inspection, Leftover, corrupted, stops};
use crate::scratch::Scratch;
use crate::virtual_fs::ContentId;

/// Reads every piece of every content; what is wrong with one does not stop the others.
pub(super) fn check(layout: Layout, it: &mut Inspection<'_>) -> Result<()> {
    if it.looked_at == i64::MAX {
        return Ok(());
    }
    let contents = format!(
        "SELECT id, stored, refs FROM content WHERE id > {} ORDER BY id",
        it.looked_at
    );
    for (id, stored, refs) in it.triples(&contents)? {
        it.control.check()?;
        match pieces(layout, it, id) {
            // What nobody names is being removed piece by piece.
            Ok(bytes) if refs > 0 && bytes != stored => {
                let detail = format!("content {id} has {bytes} bytes stored and says {stored}");
                let fix = Fix::SetStored(id, bytes);
                it.note(
                    Finding::new(DamageKind::ContentCount, About::Content(id), detail)
                        .fixed_by(fix),
                );
            }
            Ok(_) => {}
            Err(error) if stops(&error) => return Err(error),
            Err(error) => {
                let detail = error.detail().map_or_else(
                    || format!("content {id} can't be read: {error}"),
                    |detail| format!("{detail} is not what was written"),
                );
                it.note(Finding::new(
                    DamageKind::ContentChanged,
                    About::Content(id),
                    detail,
                ));
                if error.detail().is_none() {
                    // SQLite said so, or rather SQLCipher, which says it of everything from then on.
                    return Err(it.go_on_behind(id, error));
                }
            }
        }
    }
    let unowned =
        "SELECT DISTINCT id >> 24 FROM chunk WHERE id >> 24 NOT IN (SELECT id FROM content)";
    let unowned = match it.numbers(unowned) {
        // What keeps them from being read was told of above.
        Err(error) if it.looked_at > i64::MIN && !stops(&error) => {
            return Err(it.go_on_behind(i64::MAX, error));
        }
        unowned => unowned?,
    };
    for content in unowned {
        let detail = format!("pieces of content {content}, which does not exist");
        let fix = Fix::RemoveRows(Leftover::Chunk, content);
        it.note(Finding::new(DamageKind::Leftover, About::Whole, detail).fixed_by(fix));
    }
    Ok(())
}

/// Reads the pieces of a content; answers how many bytes they hold.
fn pieces(layout: Layout, it: &mut Inspection<'_>, id: i64) -> Result<i64> {
    let content = u64::try_from(id)
        .map(ContentId)
        .map_err(|_| corrupted("check", format!("content {id}")))?;
    let mut bytes = 0;
    let control = it.control;
    layout.read(it.db, content, 0..=INDEX_MAX, &mut |_, data| {
        bytes += data.len() as u64;
        control.add_bytes(data.len() as u64);
        control.check()
    })?;
    it.checked.content_bytes += bytes;
    Ok(bytes.cast_signed())
}

/// Copies the vault as it is at this moment.
pub(super) fn backup(database: &Database, to: &Path, control: &Control) -> Result<()> {
    let scratch = Scratch::new_file(to, "backup")?;
    database.moment(|db| database.copy_to(db, scratch.path(), control))?;
    scratch.finish()
}
