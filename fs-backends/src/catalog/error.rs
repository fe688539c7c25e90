//! SQLite's result codes in our words.

use fs_core::{Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use super::failed_read;

/// The error of a statement. What the code says decides the kind; SQLite's own text stays as the source.
pub(crate) fn from_sql(error: rusqlite::Error, operation: &'static str) -> Error {
    let kind = kind_of(&error);
    if matches!(kind, ErrorKind::Corrupted | ErrorKind::Io)
        && let Err(failed) = failed_read::none(operation)
    {
        return failed;
    }
    match kind {
        ErrorKind::NoSpace | ErrorKind::ReadOnly => Error::new(kind, operation),
        _ => Error::new(kind, operation).with_source(error),
    }
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    use rusqlite::Error as E;
    match error {
        // The index of the log could not grow.
        E::SqliteFailure(failure, _) if failure.extended_code == SQLITE_IOERR_SHMSIZE => {
            ErrorKind::NoSpace
        }
        E::SqliteFailure(failure, _) => match failure.code {
            // A constraint only fails where the rows are not those that were written.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch => ErrorKind::Corrupted,
            ErrorCode::DiskFull => ErrorKind::NoSpace,
            ErrorCode::ReadOnly => ErrorKind::ReadOnly,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Busy,
            ErrorCode::PermissionDenied => ErrorKind::PermissionDenied,
            ErrorCode::TooBig => ErrorKind::FileTooLarge,
            // It was built in a way we don't use.
            ErrorCode::ApiMisuse => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        },
        // A column of another type than the schema promises, or a row that must be there and is not.
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..)
        | E::QueryReturnedNoRows => ErrorKind::Corrupted,
        _ => ErrorKind::Io,
    }
}

/// Stored data that breaks a promise of the format.
pub(crate) fn corrupted(
    operation: &'static str,
    detail: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::new(ErrorKind::Corrupted, operation).with_detail(detail)
}
