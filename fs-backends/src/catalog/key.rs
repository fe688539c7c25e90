//! The key of an encrypted database, derived as SQLCipher 4 derives it.
//!
//! <https://www.zetetic.net/sqlcipher/design/>: AES-256-CBC and HMAC-SHA512 per page; the key is PBKDF2-HMAC-SHA512 of the
//! passphrase, 256,000 rounds, over the salt in the first 16 bytes of the file; the key of the page authentication is
//! derived from it with 2 rounds over the salt with every byte XOR 0x3a.

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use sha2::Sha512;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of salt at the start of an encrypted file.
pub(crate) const SALT_BYTES: usize = 16;
const ROUNDS: u32 = 256_000;
const HMAC_BYTES: usize = 64;
const IV_BYTES: usize = 16;
/// What a page keeps at its end for itself: vector and authentication.
pub(super) const RESERVED_BYTES: usize = IV_BYTES + HMAC_BYTES;
/// How SQLite files that are not encrypted start.
pub(super) const PLAIN_HEADER: &[u8; SALT_BYTES] = b"SQLite format 3\0";

#[cfg(test)]
thread_local! {
    /// Keys derived on this thread.
    static DERIVED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// The key of a password over a salt, as the keys of databases are derived: the slow step.
pub(crate) fn derive_bytes(password: &str, salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    #[cfg(test)]
    DERIVED.set(DERIVED.get() + 1);
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, rounds, &mut *key);
    key
}

/// The key of one database. Overwritten when dropped; never shown.
#[derive(Clone)]
pub(crate) struct Key {
    key: Zeroizing<[u8; 32]>,
    salt: [u8; SALT_BYTES],
}

impl Key {
    /// Derives the key from a password: the slow step, done once for each unlock.
    pub(crate) fn derive(password: &str, salt: [u8; SALT_BYTES]) -> Self {
        let key = derive_bytes(password, &salt, ROUNDS);
        Self { key, salt }
    }

    /// A key with a new random salt, for a new database.
    pub(crate) fn create(password: &str) -> Self {
        let mut salt = [0; SALT_BYTES];
        // Two random UUIDs hold 244 random bits; hashing spreads them over the 128 of the salt.
        let mut random = blake3::Hasher::new();
        random.update(uuid::Uuid::new_v4().as_bytes());
        random.update(uuid::Uuid::new_v4().as_bytes());
        random.finalize_xof().fill(&mut salt);
        Self::derive(password, salt)
    }

    /// The key of another password for the same database.
    pub(super) fn with_password(&self, password: &str) -> Self {
        Self::derive(password, self.salt)
    }

    /// Is it the key of this password?
    pub(super) fn is_of(&self, password: &str) -> bool {
        *self.with_password(password).key == *self.key
    }

    /// The statement that gives a connection this key, salt included, so that SQLCipher derives nothing itself.
    pub(super) fn pragma(&self) -> Zeroizing<String> {
        self.statement("PRAGMA key = \"x'")
    }

    /// The statement that encrypts a database with this key.
    pub(super) fn rekey_pragma(&self) -> Zeroizing<String> {
        self.statement("PRAGMA rekey = \"x'")
    }

    fn statement(&self, start: &str) -> Zeroizing<String> {
        let mut sql = Zeroizing::new(String::with_capacity(128));
        sql.push_str(start);
        for byte in self.key.iter().chain(&self.salt) {
            // Writing to a String can't fail.
            write!(sql, "{byte:02x}").unwrap_or_default();
        }
        sql.push_str("'\"");
        sql
    }

    /// Was this page written with this key? `page` is the whole encrypted page, `number` counts from 1.
    pub(super) fn authenticates(&self, page: &[u8], number: u32) -> bool {
        self.authenticator().authenticates(page, number)
    }

    /// Decrypts page `number` in place, after it was authenticated; the salt at the start of the first becomes what a plain database starts with. `None`: it
    /// is no page.
    pub(super) fn decrypt(&self, page: &mut [u8], number: u32) -> Option<()> {
        let end = page.len().checked_sub(RESERVED_BYTES)?;
        let iv = page.get(end..end + IV_BYTES)?.to_vec();
        let start = if number == 1 { SALT_BYTES } else { 0 };
        let body = page.get_mut(start..end)?;
        let mut ctx = CipherCtx::new().ok()?;
        ctx.decrypt_init(Some(Cipher::aes_256_cbc()), Some(&*self.key), Some(&iv))
            .ok()?;
        ctx.set_padding(false);
        let mut plain = Zeroizing::new(Vec::with_capacity(body.len() + IV_BYTES));
        ctx.cipher_update_vec(body, &mut plain).ok()?;
        body.copy_from_slice(plain.get(..body.len())?);
        if number == 1 {
            page.get_mut(..SALT_BYTES)?.copy_from_slice(PLAIN_HEADER);
        }
        Some(())
    }

    /// What tells pages written with this key from others.
    pub(super) fn authenticator(&self) -> Authenticator {
        let mut mac_salt = self.salt;
        mac_salt.iter_mut().for_each(|byte| *byte ^= 0x3a);
        let mut mac_key = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha512>(&*self.key, &mac_salt, 2, &mut *mac_key);
        Authenticator(mac_key)
    }
}

/// The key of the page authentication.
pub(super) struct Authenticator(Zeroizing<[u8; 32]>);

impl Authenticator {
    /// As [`Key::authenticates`].
    pub(super) fn authenticates(&self, page: &[u8], number: u32) -> bool {
        let start = if number == 1 { SALT_BYTES } else { 0 };
        let Some((body, tag)) = page
            .len()
            .checked_sub(HMAC_BYTES)
            .map(|at| page.split_at(at))
        else {
            return false;
        };
        let (Some(body), Ok(mut mac)) = (
            body.get(start..),
            <Hmac<Sha512> as hmac::Mac>::new_from_slice(&*self.0),
        ) else {
            return false;
        };
        mac.update(body);
        mac.update(&number.to_le_bytes());
        mac.verify_slice(tag).is_ok()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use fs_core::{At, Backend, Capabilities, FileStorage, Result, VPath};

    use super::*;
    use crate::indexed::StoreOptions;
    use crate::memory::MemoryBackend;
    use crate::sqlite::VaultOptions;

    /// Opens it, reads with several threads, writes and closes; and answers how many keys were derived.
    fn derived<B: Backend>(open: impl FnOnce() -> Result<B>) -> u32 {
        let before = DERIVED.get();
        let fs = FileStorage::new(open().unwrap());
        std::thread::scope(|scope| {
            let read = || {
                let before = DERIVED.get();
                assert_eq!(fs.read("/file").unwrap(), b"bytes");
                assert_eq!(DERIVED.get(), before);
            };
            (0..4).for_each(|_| drop(scope.spawn(read)));
        });
        let root = VPath::root();
        let capabilities = fs.backend().capabilities(At::path(&root));
        if capabilities.contains(Capabilities::WRITE) {
            fs.write("/other", "bytes").unwrap();
        }
        fs.backend().close().unwrap();
        DERIVED.get() - before
    }

    #[test]
    fn an_unlock_derives_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let vault = VaultOptions::new().password("secret");
        let store = StoreOptions::new().password("secret");
        let memory = MemoryBackend::new();
        memory.set_password(Some("secret")).unwrap();
        let fill = |fs: &dyn Backend| FileStorage::new(fs).write("/file", "bytes").unwrap();
        fill(&vault.create(at("v.db")).unwrap());
        fill(&store.create(at("store")).unwrap());
        fill(&memory);
        memory.save_to(at("x.mem")).unwrap();
        drop(memory);
        assert_eq!(derived(|| vault.open(at("v.db"))), 1);
        assert_eq!(
            derived(|| vault.clone().read_only(true).open(at("v.db"))),
            1
        );
        assert_eq!(derived(|| store.open(at("store"))), 1);
        assert_eq!(
            derived(|| store.clone().read_only(true).open(at("store"))),
            1
        );
        let open = || MemoryBackend::open_saved(at("x.mem"), Some("secret"));
        assert_eq!(derived(open), 1);
        // A wrong one costs as much, and no more.
        let before = DERIVED.get();
        let wrong = VaultOptions::new().password("wrong").open(at("v.db"));
        assert_eq!(
            wrong.err().unwrap().kind(),
            fs_core::ErrorKind::WrongPassword
        );
        assert_eq!(DERIVED.get() - before, 1);
    }

    /// What `PRAGMA key` with the passphrase "test" makes of this salt, computed with Python's `hashlib.pbkdf2_hmac`.
    #[test]
    fn keys_are_those_of_sqlcipher() {
        let key = Key::derive("test", *b"0123456789abcdef");
        assert_eq!(
            *key.pragma(),
            "PRAGMA key = \"x'15a4c06cf65ef95135f1f58a9cf4451fe92bda6aaeeb52b068624e417964430f30313233343536373839616263646566'\""
        );
    }
}
