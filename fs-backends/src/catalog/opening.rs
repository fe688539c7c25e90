//! What opening a vault and opening a store have in common.

use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::database::{Database, Durability, OpenRequest, Prove, Secret};
use super::key::Key;
use super::schema::Format;
use crate::scratch;

/// How to open, and whether to make what is not there.
#[derive(Clone, Default)]
pub(crate) struct Opening {
    password: Option<Zeroizing<String>>,
    pub(crate) durability: Durability,
    pub(crate) create_missing: bool,
    pub(crate) read_only: bool,
}

impl Opening {
    /// With this password.
    pub(crate) fn set_password(&mut self, password: &str) {
        self.password = Some(Zeroizing::new(password.to_owned()));
    }

    /// What opens it.
    pub(crate) fn secret(&self) -> Secret<'_> {
        self.password
            .as_ref()
            .map_or(Secret::None, |password| Secret::Password(password))
    }

    /// May it be made when nothing is there?
    pub(crate) fn makes_missing(&self) -> bool {
        self.create_missing && !self.read_only
    }

    /// The key for something new at `path`; `None`: it will be plain. `InvalidInput`: the password is empty.
    pub(crate) fn new_key(&self, path: &Path) -> Result<Option<Key>> {
        match self.secret() {
            Secret::Password("") => Err(Error::new(ErrorKind::InvalidInput, "create")
                .with_detail("the password is empty")
                .with_path(path)),
            Secret::Password(password) => Ok(Some(Key::create(password))),
            Secret::Key(_) | Secret::None => Ok(None),
        }
    }

    /// Opens the database at `path`, and takes away what killed programs left beside it; `prove`: where its bytes lie beside it. Errors: those of
    /// [`Database::open`].
    pub(crate) fn open(
        &self,
        path: &Path,
        format: Format,
        secret: Secret<'_>,
        prove: Option<&Prove<'_>>,
    ) -> Result<Arc<Database>> {
        let database = Database::open(&OpenRequest {
            path,
            format,
            secret,
            durability: self.durability,
            read_only: self.read_only,
            prove,
        })?;
        if !database.is_read_only() {
            scratch::sweep(scratch::folder_of(database.path()));
        }
        Ok(Arc::new(database))
    }
}

/// The methods by which vaults and stores are told how to be opened.
macro_rules! opening_methods {
    ($what:literal) => {
        #[doc = concat!("The password of an encrypted ", $what, ".")]
        #[must_use]
        pub fn password(mut self, password: &str) -> Self {
            self.opening.set_password(password);
            self
        }

        /// When changes survive a power cut.
        #[must_use]
        pub fn durability(mut self, durability: Durability) -> Self {
            self.opening.durability = durability;
            self
        }

        #[doc = concat!("Makes the ", $what, " when nothing is there (a store: also in an empty folder).")]
        #[must_use]
        pub fn create_missing(mut self, create_missing: bool) -> Self {
            self.opening.create_missing = create_missing;
            self
        }

        /// Only to read: nothing needs to be writable, and another program may have it open.
        #[must_use]
        pub fn read_only(mut self, read_only: bool) -> Self {
            self.opening.read_only = read_only;
            self
        }
    };
}
pub(crate) use opening_methods;
