//! The log (`-wal`) of a database, without SQLite: what it has of each page, what a failed sync makes necessary, and cutting it short
//! (<https://www.sqlite.org/fileformat2.html>, 4).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::horizon::Horizon;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// What the transactions in a log committed: the newest frame of each page.
pub(super) struct Committed {
    log: File,
    /// Size of a page.
    pub(super) page_bytes: usize,
    /// Pages of the database after the last transaction.
    pub(super) pages: u32,
    /// That of the frames so far.
    sum: Sum,
    /// Which log it is.
    salts: u64,
    /// Frames up to and with the last that ends a transaction.
    count: u64,
    frames: HashMap<u32, u64>,
}

impl Committed {
    /// The log beside `database`; `None`: there is none, or it committed nothing. Errors: the host's, that of reading it.
    pub(super) fn beside(database: &Path) -> io::Result<Option<Self>> {
        let Ok(log) = File::open(path(database)) else {
            return Ok(None);
        };
        let mut header = [0; HEADER_BYTES];
        if !fills(&log, &mut header, 0)? {
            return Ok(None);
        }
        let Some(mut committed) = Self::begun(log, &header) else {
            return Ok(None);
        };
        committed.read()?;
        Ok((committed.pages > 0).then_some(committed))
    }

    /// A log with this header, of which nothing was read yet.
    fn begun(log: File, header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let magic = number(header, 0)?;
        if magic & !1 != MAGIC {
            return None;
        }
        let page_bytes = number(header, 8)? as usize;
        let mut sum = Sum::of(magic);
        sum.add(header.get(..24)?);
        if sum.words != (number(header, 24)?, number(header, 28)?)
            || !(512..=65_536).contains(&page_bytes)
        {
            return None;
        }
        let salts = header.get(16..24)?.try_into().ok()?;
        Some(Self {
            log,
            page_bytes,
            pages: 0,
            sum,
            salts: u64::from_be_bytes(salts),
            count: 0,
            frames: HashMap::new(),
        })
    }

    /// Reads its frames.
    fn read(&mut self) -> io::Result<()> {
        let mut frame = vec![0; FRAME_HEADER_BYTES + self.page_bytes];
        let mut read = 0;
        // Frames of the transaction that is not committed yet.
        let mut open = Vec::new();
        let mut offset = HEADER_BYTES as u64;
        // The log ends where a frame is not of it: cut short, of an earlier round, or not completely written.
        while fills(&self.log, &mut frame, offset)? {
            let Some((page, pages)) = self.follows(&frame) else {
                break;
            };
            read += 1;
            open.push((page, offset + FRAME_HEADER_BYTES as u64));
            if pages != 0 {
                self.frames.extend(open.drain(..));
                self.pages = pages;
                self.count = read;
            }
            offset += frame.len() as u64;
        }
        Ok(())
    }

    /// Which page the next frame has, and how many there are after it, if it ends a transaction. `None`: it is not of this log.
    fn follows(&mut self, frame: &[u8]) -> Option<(u32, u32)> {
        let (head, page) = frame.split_at_checked(FRAME_HEADER_BYTES)?;
        self.sum.add(head.get(..8)?);
        self.sum.add(page);
        let salts = u64::from_be_bytes(head.get(8..16)?.try_into().ok()?);
        let is_next =
            salts == self.salts && self.sum.words == (number(head, 16)?, number(head, 20)?);
        is_next.then_some((number(head, 0)?, number(head, 4)?))
    }

    /// The newest committed bytes of page `number`, if the log has it.
    pub(super) fn page(&self, number: u32) -> io::Result<Option<Vec<u8>>> {
        let mut page = vec![0; self.page_bytes];
        match self.frames.get(&number) {
            Some(offset) if fills(&self.log, &mut page, *offset)? => Ok(Some(page)),
            _ => Ok(None),
        }
    }

    /// The pages it has of the database behind page `number`, in order.
    pub(super) fn beyond(&self, number: u32) -> Vec<u32> {
        let beyond = |it: &u32| *it > number && *it <= self.pages;
        let mut numbers: Vec<_> = self.numbers().filter(beyond).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The pages it has.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.frames.keys().copied()
    }
}

/// The newest first page that a transaction in the log committed; `None`: the log has none, or there is no log.
pub(super) fn first_page(database: &Path) -> io::Result<Option<Vec<u8>>> {
    match Committed::beside(database)? {
        Some(log) => log.page(1),
        None => Ok(None),
    }
}

/// Writes every byte of the log again and makes it durable; without a log there is nothing to do. Nobody else may write to it meanwhile.
///
/// After an `fsync` that failed Linux marks what it could not write as written (<https://lwn.net/Articles/752063/>), and the next `fsync` succeeds without
/// it. Transactions that were committed but not yet durable would be acknowledged and lost. SQLite does not know of them any more.
pub(super) fn write_again(database: &Path) -> io::Result<()> {
    let log = match File::options().read(true).write(true).open(path(database)) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    crate::rewrite::rewrite(&log)
}

/// Which log it is, by its salts; 0: none has begun.
pub(super) fn salts(database: &Path) -> u64 {
    let mut salts = [0; 8];
    let read = File::open(path(database)).and_then(|log| log.read_exact_at(&mut salts, 16));
    read.map_or(0, |()| u64::from_be_bytes(salts))
}

/// Takes everything behind the horizon out of the log, durably. `false`: there is nothing. The database is open nowhere.
pub(super) fn cut(database: &Path, horizon: &Horizon) -> io::Result<bool> {
    let Some(log) = Committed::beside(database)? else {
        return Ok(false);
    };
    let frames = match horizon.salts == log.salts {
        true => horizon.frames,
        // It began behind the horizon.
        false => 0,
    };
    let frame_bytes = (FRAME_HEADER_BYTES + log.page_bytes) as u64;
    let Some(end) = frames.checked_mul(frame_bytes) else {
        return Ok(false);
    };
    let end = HEADER_BYTES as u64 + end;
    if frames >= log.count {
        return Ok(false);
    }
    let file = File::options().write(true).open(path(database))?;
    file.set_len(if frames == 0 { 0 } else { end })?;
    file.sync_all()?;
    Ok(true)
}

/// Reads `bytes.len()` bytes; `false`: the file ends before.
fn fills(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// The running checksum of a log.
struct Sum {
    big_endian: bool,
    words: (u32, u32),
}

impl Sum {
    fn of(magic: u32) -> Self {
        Self {
            big_endian: magic & 1 == 1,
            words: (0, 0),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: [u8; 4]| match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        };
        let (mut first, mut second) = self.words;
        for pair in bytes.chunks_exact(8) {
            if let &[a, b, c, d, e, f, g, h] = pair {
                first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
                second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
            }
        }
        self.words = (first, second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what a transaction committed counts, and the newest of it.
    #[test]
    fn the_newest_committed_first_page_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 4; CREATE TABLE t (x)")
            .unwrap();
        assert_eq!(
            first_page(&path).unwrap().unwrap().get(..6),
            Some(&b"SQLite"[..])
        );
        let version = |page: &[u8]| number(page, 60).unwrap();
        for wanted in [7, 8] {
            db.execute_batch(&format!("PRAGMA user_version = {wanted}"))
                .unwrap();
            assert_eq!(version(&first_page(&path).unwrap().unwrap()), wanted);
        }
        // So much that pages of the open transaction are in the log already.
        db.execute_batch("BEGIN; PRAGMA user_version = 9; WITH c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300) INSERT INTO t SELECT randomblob(1000) FROM c")
            .unwrap();
        assert_eq!(version(&first_page(&path).unwrap().unwrap()), 8);
        db.execute_batch("COMMIT").unwrap();
        assert_eq!(version(&first_page(&path).unwrap().unwrap()), 9);
        // A torn last frame ends the log before it.
        let log = dir.path().join("x.db-wal");
        let whole = std::fs::read(&log).unwrap();
        db.execute_batch("PRAGMA user_version = 10").unwrap();
        let mut torn = std::fs::read(&log).unwrap();
        assert!(torn.len() > whole.len());
        let last = torn.len() - 100;
        torn[last] ^= 1;
        let copy = dir.path().join("y.db");
        std::fs::write(dir.path().join("y.db-wal"), torn).unwrap();
        assert_eq!(version(&first_page(&copy).unwrap().unwrap()), 9);
        drop(db);
        assert_eq!(first_page(&path).unwrap(), None);
    }
}
