//! Making a file durable after a sync of it failed.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

const BUFFER_BYTES: usize = 1 << 20;

/// Writes every stored byte of `file` again and syncs it: what the page cache holds becomes dirty, so that the sync has to write it. Holes stay holes.
/// Nobody else may write to it meanwhile.
pub(crate) fn rewrite(file: &File) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut end = 0;
    while let Some(data) = next_data(file, end)? {
        let mut at = data.start;
        while at < data.end {
            let length = (data.end - at).min(BUFFER_BYTES as u64) as usize;
            let piece = buffer.get_mut(..length).unwrap_or_default();
            file.read_exact_at(piece, at)?;
            file.write_all_at(piece, at)?;
            at += length as u64;
        }
        end = data.end;
    }
    file.sync_all()
}

/// The next stored range. The position of the descriptor is used by nothing else.
fn next_data(file: &File, from: u64) -> std::io::Result<Option<Range<u64>>> {
    match rustix::fs::seek(file, SeekFrom::Data(from)) {
        Ok(start) => Ok(Some(start..rustix::fs::seek(file, SeekFrom::Hole(start))?)),
        Err(Errno::NXIO) => Ok(None),
        // A filesystem without knowledge of holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => {
            let length = file.metadata()?.len();
            Ok((from < length).then_some(from..length))
        }
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_stays_and_holes_too() {
        use std::os::unix::fs::MetadataExt as _;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"start", 0).unwrap();
        file.write_all_at(&[7; 3_000_000], 40 << 20).unwrap();
        let before = file.metadata().unwrap();
        rewrite(&file).unwrap();
        let after = file.metadata().unwrap();
        assert_eq!(after.len(), before.len());
        assert!(after.blocks() <= before.blocks() + 4096);
        let mut bytes = vec![0; 3_000_000];
        file.read_exact_at(&mut bytes, 40 << 20).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 7));
        file.read_exact_at(&mut bytes[..6], 0).unwrap();
        assert_eq!(&bytes[..6], b"start\0");
    }
}
