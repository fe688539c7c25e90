//! Sections: checked pieces of a saved file.

use std::io::{Read, Write};

use fs_core::{Error, ErrorKind, Result};

/// First bytes of every saved file; the odd ones are damaged by anything that treats it as text.
pub(super) const MAGIC: &[u8; 8] = b"\x89LMEM\r\n\x1a";

/// Version of a file that tells of one moment.
pub(super) const ONE_MOMENT: u32 = 1;

/// Version of a file with snapshots or a limit, the newest this program reads.
pub(super) const MOMENTS: u32 = 2;

/// A section is written when it holds this much, and no record is larger than another such piece.
pub(super) const FULL_BYTES: usize = 1 << 20;
const LARGEST_BYTES: u64 = 2 * FULL_BYTES as u64;

/// What kind of records a section holds.
pub(super) type Tag = [u8; 4];

/// The last section.
pub(super) const END: Tag = *b"END.";
const HASH_BYTES: usize = 32;

pub(super) fn damaged(detail: &'static str) -> Error {
    Error::new(ErrorKind::Corrupted, "load").with_detail(detail)
}

fn hash(tag: Tag, payload: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&tag).update(payload);
    hasher.finalize()
}

/// The section that begins at `at` of a file: its tag, and where its payload lies. `None`: there is none whose checksum is right.
pub(super) fn section_at(file: &[u8], at: usize) -> Option<(Tag, std::ops::Range<usize>)> {
    let (tag, rest) = file.get(at..)?.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (expected, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
    let length = u64::from_le_bytes(*length);
    if length > LARGEST_BYTES {
        return None;
    }
    let payload = rest.get(..length as usize)?;
    let start = file.len() - rest.len();
    (hash(*tag, payload) == *expected).then_some((*tag, start..start + payload.len()))
}

/// Writes sections; records are put into `payload` and go out when it is full or the tag changes.
pub(super) struct Writer<W> {
    out: W,
    tag: Tag,
    payload: Vec<u8>,
    sections: u64,
    chain: blake3::Hasher,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(mut out: W, version: u32) -> std::io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&version.to_le_bytes())?;
        Ok(Self {
            out,
            tag: END,
            payload: Vec::new(),
            sections: 0,
            chain: blake3::Hasher::new(),
        })
    }

    /// Where the next record of kind `tag` goes.
    pub(super) fn record(&mut self, tag: Tag) -> std::io::Result<&mut Vec<u8>> {
        if self.tag != tag || self.payload.len() >= FULL_BYTES {
            self.write_section()?;
            self.tag = tag;
        }
        Ok(&mut self.payload)
    }

    fn write_section(&mut self) -> std::io::Result<()> {
        if self.payload.is_empty() {
            return Ok(());
        }
        let hash = hash(self.tag, &self.payload);
        self.out.write_all(&self.tag)?;
        self.out
            .write_all(&(self.payload.len() as u64).to_le_bytes())?;
        self.out.write_all(hash.as_bytes())?;
        self.out.write_all(&self.payload)?;
        self.chain.update(hash.as_bytes());
        self.sections += 1;
        self.payload.clear();
        Ok(())
    }

    /// Writes the last section.
    pub(super) fn finish(mut self) -> std::io::Result<()> {
        self.write_section()?;
        self.tag = END;
        self.payload.extend_from_slice(&self.sections.to_le_bytes());
        self.payload
            .extend_from_slice(self.chain.finalize().as_bytes());
        self.write_section()
    }
}

/// Reads sections and checks them; never asks for more memory than a section may have.
pub(super) struct Reader<R> {
    from: R,
    sections: u64,
    chain: blake3::Hasher,
    payload: Vec<u8>,
}

/// What reading failed with: an error of what is decrypted below is handed on as it is.
fn read_error(error: std::io::Error) -> Error {
    let below = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
    match below {
        Some(below) => below.clone(),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => damaged("cut off"),
        None => Error::from_io(error, "load"),
    }
}

impl<R: Read> Reader<R> {
    pub(super) fn new(mut from: R) -> Result<Self> {
        let unknown = || Error::new(ErrorKind::UnknownFormat, "load");
        let mut start = [0; MAGIC.len() + 4];
        from.read_exact(&mut start)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => unknown(),
                _ => read_error(error),
            })?;
        let (magic, version) = start.split_first_chunk().ok_or_else(unknown)?;
        let version = version
            .first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        match version {
            _ if magic != MAGIC => Err(unknown()),
            0 => Err(damaged("impossible version")),
            1..=MOMENTS => Ok(Self {
                from,
                sections: 0,
                chain: blake3::Hasher::new(),
                payload: Vec::new(),
            }),
            _ => Err(Error::new(ErrorKind::NewerFormat, "load")),
        }
    }

    /// The next section; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<(Tag, &[u8])>> {
        let mut tag = [0; 4];
        let mut len = [0; 8];
        let mut expected = [0; HASH_BYTES];
        self.fill(&mut tag)?;
        self.fill(&mut len)?;
        self.fill(&mut expected)?;
        let len = u64::from_le_bytes(len);
        if len > LARGEST_BYTES {
            return Err(damaged("impossible section length"));
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(len as usize, 0);
        self.fill(&mut payload)?;
        self.payload = payload;
        if hash(tag, &self.payload) != blake3::Hash::from_bytes(expected) {
            return Err(damaged("checksum does not match"));
        }
        if tag == END {
            self.check_end()?;
            return Ok(None);
        }
        self.chain.update(&expected);
        self.sections += 1;
        Ok(Some((tag, &self.payload)))
    }

    fn check_end(&mut self) -> Result<()> {
        let mut expected = self.sections.to_le_bytes().to_vec();
        expected.extend_from_slice(self.chain.finalize().as_bytes());
        if self.payload != expected {
            return Err(damaged("sections are missing"));
        }
        match self.from.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(damaged("bytes after the end")),
            Err(error) => Err(read_error(error)),
        }
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<()> {
        self.from.read_exact(into).map_err(read_error)
    }
}
