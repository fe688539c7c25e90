//! How a command ended.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use fs_core::ErrorKind;
use signal_hook::consts::{SIGHUP, SIGTERM};

use super::escape;
use super::work::Stopped;

/// The worst of what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All done.
    #[default]
    Done = 0,
    /// Part failed; told on the standard error.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// A password is wrong or missing.
    Password = 3,
    /// Stored bytes are not what was written.
    Damaged = 4,
    /// Ended by SIGHUP.
    HungUp = 129,
    /// Ended by Ctrl+C.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

/// Arguments that make no sense together, found out while running.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

impl Outcome {
    /// The exit code.
    pub fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// What another process that ended with this code did; none: it was killed.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    pub fn of_code(code: Option<i32>) -> Self {
        let all = [Self::Done, Self::Usage, Self::Password, Self::Damaged];
        let known = all
            .into_iter()
            .find(|outcome| Some(*outcome as i32) == code);
        known.unwrap_or(Self::Failed)
    }

    /// What an error means; tells it.
    pub fn of_error(error: &anyhow::Error) -> Self {
        tell(format_args!("{error:#}"));
        if error.downcast_ref::<Misuse>().is_some() {
            return Self::Usage;
        }
        if let Some(stopped) = error.downcast_ref::<Stopped>() {
            return match stopped.signal {
                SIGHUP => Self::HungUp,
                SIGTERM => Self::Terminated,
                _ => Self::Interrupted,
            };
        }
        let known = error
            .chain()
            .find_map(|e| e.downcast_ref::<fs_core::Error>());
        known.map_or(Self::Failed, |e| Self::of_kind(e.kind()))
    }

    /// Tells why one of several targets could not be had, so that the others are still served. What ends the whole command is given back.
    pub fn pass_over(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        if error.downcast_ref::<Misuse>().is_some() || error.downcast_ref::<Stopped>().is_some() {
            return Err(error);
        }
        *self = (*self).max(Self::of_error(&error));
        Ok(())
    }

    /// What an error of the engine means.
    pub fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::WrongPassword | ErrorKind::PasswordNeeded => Self::Password,
            ErrorKind::Corrupted => Self::Damaged,
            _ => Self::Failed,
        }
    }

    /// Tells the error of one item, and goes on with the worse of the two.
    pub fn note(&mut self, item: impl Display, error: &fs_core::Error) {
        let detail = error
            .detail()
            .map_or_else(String::new, |d| format!(" ({d})"));
        tell(format_args!("{item}: {}{detail}", error.kind().text()));
        *self = (*self).max(Self::of_kind(error.kind()));
    }
}

/// A line on the standard error. That nobody hears it (the terminal is closed) ends nothing.
pub fn tell(what: impl Display) {
    let mut out = std::io::stderr();
    let line = what.to_string();
    // What names of files are in it must not act on a terminal.
    let line = match out.is_terminal() {
        true => escape::line(&line),
        false => line.into(),
    };
    writeln!(out, "lamina: {line}").unwrap_or_default();
}
