//! Authenticated encryption of pieces of files: AES-256-GCM of OpenSSL, which the encrypted databases need anyway.

use fs_core::{Error, ErrorKind, Result};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce. No two pieces are ever encrypted with the same key and nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes that a piece grows by: they tell whether it is what was encrypted.
pub(crate) const TAG_BYTES: usize = 16;

/// A key. Overwritten when dropped; never shown.
pub(crate) type SealKey = Zeroizing<[u8; KEY_BYTES]>;

/// Fills `into` with bytes nobody can guess.
pub(crate) fn random(into: &mut [u8]) -> Result<()> {
    openssl::rand::rand_bytes(into).map_err(|error| failed(&error))
}

/// Encrypts and decrypts with one key; the schedule of the key is computed once. Overwritten when dropped.
pub(crate) struct Sealer {
    encrypt: CipherCtx,
    decrypt: CipherCtx,
}

fn failed(error: &ErrorStack) -> Error {
    Error::new(ErrorKind::Io, "encrypt").with_detail(error.to_string())
}

impl Sealer {
    pub(crate) fn new(key: &SealKey) -> Result<Self> {
        let make = || {
            let (mut encrypt, mut decrypt) = (CipherCtx::new()?, CipherCtx::new()?);
            encrypt.encrypt_init(Some(Cipher::aes_256_gcm()), Some(&**key), None)?;
            decrypt.decrypt_init(Some(Cipher::aes_256_gcm()), Some(&**key), None)?;
            Ok(Self { encrypt, decrypt })
        };
        make().map_err(|error| failed(&error))
    }

    /// Puts `plain`, encrypted, and its tag at the end of `out`. `bound` is authenticated with it and not written.
    pub(crate) fn seal(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let start = out.len();
        out.resize(start + plain.len() + TAG_BYTES, 0);
        let (body, tag) = out
            .get_mut(start..)
            .and_then(|out| out.split_at_mut_checked(plain.len()))
            .ok_or_else(|| Error::new(ErrorKind::Io, "encrypt"))?;
        let ctx = &mut self.encrypt;
        let mut run = || {
            ctx.encrypt_init(None, None, Some(nonce))?;
            ctx.cipher_update(bound, None)?;
            if !plain.is_empty() {
                ctx.cipher_update(plain, Some(body))?;
            }
            ctx.cipher_final(&mut [])?;
            ctx.tag(tag)
        };
        run().map_err(|error| failed(&error))
    }

    /// Decrypts what [`Sealer::seal`] made into `out`, which has its length without the tag. `false`: it is not what was sealed with this key, nonce
    /// and `bound`; then `out` is zeros.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> bool {
        let Some((body, tag)) = sealed
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|at| sealed.split_at_checked(at))
            .filter(|(body, _)| body.len() == out.len())
        else {
            return false;
        };
        let ctx = &mut self.decrypt;
        let mut run = || {
            ctx.decrypt_init(None, None, Some(nonce))?;
            ctx.cipher_update(bound, None)?;
            if !body.is_empty() {
                ctx.cipher_update(body, Some(out))?;
            }
            ctx.set_tag(tag)?;
            ctx.cipher_final(&mut [])
        };
        let opened = run().is_ok();
        if !opened {
            out.fill(0);
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_nonce_bytes_and_binding_open() {
        let key = |byte: u8| SealKey::from([byte; KEY_BYTES]);
        let (nonce, other) = ([7; NONCE_BYTES], [8; NONCE_BYTES]);
        for length in [0usize, 1, 15, 16, 17, 70_000] {
            let plain: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut sealed = b"before".to_vec();
            let mut sealer = Sealer::new(&key(1)).unwrap();
            sealer.seal(&nonce, b"bound", &plain, &mut sealed).unwrap();
            let sealed = &sealed[6..];
            assert_eq!(sealed.len(), length + TAG_BYTES);
            let mut out = vec![9; length];
            assert!(sealer.open(&nonce, b"bound", sealed, &mut out));
            assert_eq!(out, plain);
            assert!(!sealer.open(&other, b"bound", sealed, &mut out));
            assert!(
                out.iter().all(|byte| *byte == 0),
                "nothing unproven comes out"
            );
            assert!(!sealer.open(&nonce, b"bounds", sealed, &mut out));
            assert!(
                !Sealer::new(&key(2))
                    .unwrap()
                    .open(&nonce, b"bound", sealed, &mut out)
            );
            let mut flipped = sealed.to_vec();
            flipped[length / 2] ^= 1;
            assert!(!sealer.open(&nonce, b"bound", &flipped, &mut out));
            assert!(!sealer.open(&nonce, b"bound", &sealed[..length], &mut out));
        }
    }

    /// Test case 14 of the GCM specification (McGrew and Viega): a key, nonce and block of zeros.
    #[test]
    fn it_is_aes_256_gcm() {
        let mut sealed = Vec::new();
        let key = SealKey::from([0; KEY_BYTES]);
        let mut sealer = Sealer::new(&key).unwrap();
        sealer
            .seal(&[0; NONCE_BYTES], b"", &[0; 16], &mut sealed)
            .unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
    }
}
