//! Another password: every page is written anew in one transaction, while nobody else has the database open.
//!
//! The salt stays, so that the key of the new password can be derived from the file whichever way a kill falls: before the
//! COMMIT the log counts for nothing, after it the first page in the log tells which key is right.

use std::time::Duration;

use fs_core::{Error, ErrorKind, Result};

use crate::catalog::connect::{Cipher, Role};
use crate::catalog::database::Database;
use crate::catalog::error::from_sql;
use crate::catalog::keeper::checkpoint;

/// How long readers may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

impl Database {
    /// Encrypts the database with another password. Readers that come wait until it is done.
    ///
    /// Errors: `Unsupported`, `WrongPassword`, `InvalidInput`, `Busy`, `ReadOnly`, `Closed`; after each the old password opens it.
    pub(crate) fn change_password(&self, old: &str, new: &str) -> Result<()> {
        let fail = |kind| Error::new(kind, "change password").with_path(self.path());
        let Some(cipher) = self.cipher() else {
            return Err(fail(ErrorKind::Unsupported).with_detail("it is not encrypted"));
        };
        if new.is_empty() {
            return Err(fail(ErrorKind::InvalidInput).with_detail("the new password is empty"));
        }
        if !cipher.key.is_of(old) {
            return Err(fail(ErrorKind::WrongPassword));
        }
        let new = Cipher {
            key: cipher.key.with_password(new),
            page_bytes: cipher.page_bytes,
        };
        self.without_readers(PATIENCE, || {
            let changed = self.exclusively(|db| {
                let sql = |error| from_sql(error, "change password");
                checkpoint(db)?;
                db.execute_batch(&new.key.rekey_pragma()).map_err(sql)?;
                checkpoint(db)
            });
            // Whatever happened, the next connection finds out which key is right now.
            let fresh = self.connector().with_cipher(new.clone());
            match fresh.connect(Role::Reader) {
                Ok(db) => {
                    self.set_connector(fresh);
                    db.close()
                        .map_err(|(_, error)| from_sql(error, "change password"))
                        .and(changed)
                }
                Err(error) => {
                    self.poison_writer();
                    let verified = from_sql(error, "change password").with_path(self.path());
                    changed.and(Err(verified))
                }
            }
        })
    }
}
