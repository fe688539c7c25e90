//! A saved file encrypted with a password: a header, then what is saved in records that can neither be changed, swapped nor left out.
//!
//! `FORMAT.md` describes it. The key of a file is made of the password's key and 32 random bytes of its own, so each save has another one, and records
//! are numbered from 0: no key and nonce are used twice. The last record has a mark in its nonce, so a file that ends early is found out.

use std::io::{self, Read, Write};

use fs_core::{Error, ErrorKind, Result};
use zeroize::{Zeroize as _, Zeroizing};

use super::section::damaged;
use crate::catalog::derive_bytes;
use crate::seal::{NONCE_BYTES, SealKey, Sealer, TAG_BYTES, random};

/// First bytes of an encrypted saved file.
pub(crate) const SEALED_MAGIC: &[u8; 8] = b"\x89LMEE\r\n\x1a";

const VERSION: u32 = 1;
/// Rounds of PBKDF2-HMAC-SHA512, as SQLCipher's.
const ROUNDS: u32 = 256_000;
/// A forged header must not keep the program deriving keys for ever.
const ROUNDS_MAX: u32 = 10_000_000;
const SALT_BYTES: usize = 16;
const RANDOM_BYTES: usize = 32;
/// Header up to its tag.
const BOUND_BYTES: usize = 8 + 4 + 4 + SALT_BYTES + RANDOM_BYTES;
const HEADER_BYTES: usize = BOUND_BYTES + TAG_BYTES;
/// Bytes of what is saved in a record; only the last may hold fewer.
const RECORD_BYTES: usize = 64 * 1024;
/// The number no record has: of the tag of the header.
const OF_HEADER: u64 = u64::MAX;

/// What makes the key of a file from its random bytes; of the key of a password and those.
const CONTEXT: &str = "Lamina 2026-11 encrypted saved memory filesystem, version 1";

/// The key that a password gives, with the salt it was derived over. Derived once; kept to save again.
#[derive(Clone)]
pub(in super::super) struct PasswordKey {
    key: SealKey,
    salt: [u8; SALT_BYTES],
    rounds: u32,
}

impl PasswordKey {
    /// With a new salt: the slow step.
    pub(in super::super) fn new(password: &str) -> Result<Self> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        Ok(Self::derive(password, salt, ROUNDS))
    }

    fn derive(password: &str, salt: [u8; SALT_BYTES], rounds: u32) -> Self {
        Self {
            key: derive_bytes(password, &salt, rounds),
            salt,
            rounds,
        }
    }

    /// Is it the key of this password?
    pub(in super::super) fn is_of(&self, password: &str) -> bool {
        let other = Self::derive(password, self.salt, self.rounds);
        openssl::memcmp::eq(&*other.key, &*self.key)
    }

    fn sealer(&self, of_file: &[u8; RANDOM_BYTES]) -> Result<Sealer> {
        let mut material = Zeroizing::new([0; 32 + RANDOM_BYTES]);
        let (key, rest) = material.split_at_mut(32);
        key.copy_from_slice(&*self.key);
        rest.copy_from_slice(of_file);
        Sealer::new(&SealKey::from(blake3::derive_key(CONTEXT, &*material)))
    }
}

#[cfg(test)]
impl PasswordKey {
    /// A key that costs nothing to derive.
    pub(super) fn cheap(password: &str) -> Self {
        Self::derive(password, [5; SALT_BYTES], 1)
    }
}

/// Does a file that begins like this need a password?
pub(crate) fn is_sealed(start: &[u8]) -> bool {
    start.starts_with(SEALED_MAGIC)
}

fn nonce(number: u64, last: bool) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    let (counter, mark) = nonce.split_at_mut(8);
    counter.copy_from_slice(&number.to_le_bytes());
    mark.fill(u8::from(last));
    nonce
}

/// Decrypts as much of a damaged file as it can; a record that is not what was written becomes zeros, and `lost` hears of it.
/// Errors: `PasswordNeeded`, `WrongPassword` (or no record is what was written), `Corrupted` (too short).
pub(super) fn unseal(
    file: &[u8],
    password: Option<&str>,
    lost: &mut dyn FnMut(u64),
) -> Result<Vec<u8>> {
    const FULL: usize = RECORD_BYTES + TAG_BYTES;
    let (header, _) = file
        .split_first_chunk::<BOUND_BYTES>()
        .ok_or_else(|| damaged("cut off"))?;
    let records = file.get(HEADER_BYTES..).unwrap_or_default();
    let mut fields = super::record::Fields(header);
    let _magic_and_version = (fields.take::<8>()?, fields.short()?);
    let rounds = fields.short()?;
    if rounds == 0 || rounds > ROUNDS_MAX {
        return Err(damaged("impossible number of rounds"));
    }
    let (salt, of_file) = (fields.take()?, fields.take()?);
    let password = password.ok_or_else(|| Error::new(ErrorKind::PasswordNeeded, "load"))?;
    let mut sealer = PasswordKey::derive(password, salt, rounds).sealer(&of_file)?;
    let mut plain = Vec::with_capacity(records.len());
    let mut opened = 0;
    for (number, record) in (0..).zip(records.chunks(FULL)) {
        let start = plain.len();
        plain.resize(start + record.len().saturating_sub(TAG_BYTES), 0);
        let into = plain.get_mut(start..).unwrap_or_default();
        // Cut off, the last one there is not the last there was.
        let mut open = |last| sealer.open(&nonce(number, last), header, record, into);
        if open(false) || open(true) {
            opened += 1;
        } else {
            lost(number);
        }
    }
    match opened {
        0 => {
            let detail = "or nothing of it is what was written";
            Err(Error::new(ErrorKind::WrongPassword, "load").with_detail(detail))
        }
        _ => Ok(plain),
    }
}

/// Encrypts what is written to it.
pub(super) struct SealedWriter<W> {
    out: W,
    sealer: Sealer,
    header: [u8; BOUND_BYTES],
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
    records: u64,
}

fn to_io(error: Error) -> io::Error {
    io::Error::other(error)
}

impl<W: Write> SealedWriter<W> {
    /// Writes the header.
    pub(super) fn new(mut out: W, key: &PasswordKey) -> io::Result<Self> {
        let mut of_file = [0; RANDOM_BYTES];
        random(&mut of_file).map_err(to_io)?;
        let mut start = Vec::with_capacity(HEADER_BYTES);
        start.extend_from_slice(SEALED_MAGIC);
        start.extend_from_slice(&VERSION.to_le_bytes());
        start.extend_from_slice(&key.rounds.to_le_bytes());
        start.extend_from_slice(&key.salt);
        start.extend_from_slice(&of_file);
        let header = <[u8; BOUND_BYTES]>::try_from(&*start).map_err(io::Error::other)?;
        let mut sealer = key.sealer(&of_file).map_err(to_io)?;
        sealer
            .seal(&nonce(OF_HEADER, false), &header, b"", &mut start)
            .map_err(to_io)?;
        out.write_all(&start)?;
        Ok(Self {
            out,
            sealer,
            header,
            plain: Zeroizing::new(Vec::with_capacity(RECORD_BYTES)),
            sealed: Vec::with_capacity(RECORD_BYTES + TAG_BYTES),
            records: 0,
        })
    }

    fn record(&mut self, last: bool) -> io::Result<()> {
        self.sealed.clear();
        self.sealer
            .seal(
                &nonce(self.records, last),
                &self.header,
                &self.plain,
                &mut self.sealed,
            )
            .map_err(to_io)?;
        self.out.write_all(&self.sealed)?;
        self.records += 1;
        self.plain.clear();
        Ok(())
    }

    /// Writes the last record.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.record(true)?;
        self.out.flush()
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        // A full record goes when more comes: it may have been the last.
        if self.plain.len() == RECORD_BYTES {
            self.record(false)?;
        }
        let taken = from.len().min(RECORD_BYTES - self.plain.len());
        self.plain
            .extend_from_slice(from.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts a file. Gives out nothing that was not proven to be what was written.
pub(super) struct SealedReader<R> {
    from: R,
    sealer: Sealer,
    header: [u8; BOUND_BYTES],
    /// One record, and the first byte of the next: the end of the file is known before the last record is opened.
    sealed: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    taken: usize,
    records: u64,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    /// Reads the header, its first bytes included. Errors: `PasswordNeeded`, `WrongPassword`, `NewerFormat`, `Corrupted`.
    pub(super) fn new(mut from: R, password: Option<&str>) -> Result<(Self, PasswordKey)> {
        let mut start = [0; HEADER_BYTES];
        from.read_exact(&mut start)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged("cut off"),
                _ => Error::from_io(error, "load"),
            })?;
        let (header, tag) = start
            .split_first_chunk::<BOUND_BYTES>()
            .ok_or_else(|| damaged("cut off"))?;
        let mut fields = super::record::Fields(header);
        if fields.take::<8>()? != *SEALED_MAGIC {
            return Err(Error::new(ErrorKind::UnknownFormat, "load"));
        }
        let version = fields.short()?;
        if version != VERSION {
            let kind = match version {
                0 => ErrorKind::Corrupted,
                _ => ErrorKind::NewerFormat,
            };
            return Err(Error::new(kind, "load"));
        }
        let rounds = fields.short()?;
        if rounds == 0 || rounds > ROUNDS_MAX {
            return Err(damaged("impossible number of rounds"));
        }
        let (salt, of_file) = (fields.take()?, fields.take()?);
        let password = password.ok_or_else(|| Error::new(ErrorKind::PasswordNeeded, "load"))?;
        let key = PasswordKey::derive(password, salt, rounds);
        let mut sealer = key.sealer(&of_file)?;
        if !sealer.open(&nonce(OF_HEADER, false), header, tag, &mut []) {
            return Err(Error::new(ErrorKind::WrongPassword, "load"));
        }
        let reader = Self {
            from,
            sealer,
            header: *header,
            sealed: Vec::with_capacity(RECORD_BYTES + TAG_BYTES + 1),
            plain: Zeroizing::new(Vec::with_capacity(RECORD_BYTES)),
            taken: 0,
            records: 0,
            ended: false,
        };
        Ok((reader, key))
    }

    fn next_record(&mut self) -> io::Result<()> {
        const FULL: usize = RECORD_BYTES + TAG_BYTES;
        let missing = (FULL + 1 - self.sealed.len()) as u64;
        Read::by_ref(&mut self.from)
            .take(missing)
            .read_to_end(&mut self.sealed)?;
        let last = self.sealed.len() <= FULL;
        let length = self.sealed.len().min(FULL);
        let wrong = || {
            to_io(damaged(
                "a record is not what was written, or records are missing",
            ))
        };
        let body = length.checked_sub(TAG_BYTES).ok_or_else(wrong)?;
        self.plain.zeroize();
        self.plain.resize(body, 0);
        let sealed = self.sealed.get(..length).unwrap_or_default();
        if !self.sealer.open(
            &nonce(self.records, last),
            &self.header,
            sealed,
            &mut self.plain,
        ) {
            return Err(wrong());
        }
        self.sealed.drain(..length);
        self.records += 1;
        self.taken = 0;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_record()?;
        }
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(into.len());
        if let (Some(into), Some(rest)) = (into.get_mut(..length), rest.get(..length)) {
            into.copy_from_slice(rest);
        }
        self.taken += length;
        Ok(length)
    }
}
