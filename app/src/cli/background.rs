//! A command that goes on in the background when it is ready.
//!
//! The process splits in two before it has threads or anything open: one half works, asks for passwords on the same terminal and tells its errors there;
//! the other waits until it is ready (or has failed) and ends as a command does.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::Context as _;
use rustix::process::{Pid, WaitOptions};

use super::outcome::Outcome;

/// Which half of the process this is.
pub enum Side {
    /// The half that stays behind, with what it has to say.
    Stays(Outcome),
    /// The half that works.
    Works(Ready),
}

/// Lets the waiting half end well.
pub struct Ready(PipeWriter);

/// Splits the process. Must be called before there is any thread.
pub fn split() -> anyhow::Result<Side> {
    let (reader, writer) = pipe()?;
    // SAFETY: no other thread exists whose locks the copy could find taken.
    #[expect(unsafe_code, reason = "std has no fork")]
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(std::io::Error::last_os_error()).context("can't go on in the background"),
        0 => Ok(Side::Works(Ready(writer))),
        child => {
            drop(writer);
            wait(reader, child).map(Side::Stays)
        }
    }
}

fn wait(mut reader: PipeReader, child: i32) -> anyhow::Result<Outcome> {
    let mut told = Vec::new();
    reader.read_to_end(&mut told)?;
    if !told.is_empty() {
        return Ok(Outcome::Done);
    }
    // It ended without being ready, and told why.
    let status = rustix::process::waitpid(Pid::from_raw(child), WaitOptions::empty())?;
    let code = status.and_then(|(_, status)| ExitStatus::from_raw(status.as_raw()).code());
    Ok(Outcome::of_code(code))
}

impl Ready {
    /// Ready: leaves the terminal and the folder it was started in, and lets the other half end. What would be told on the standard error goes to `log`
    /// from now on, and nowhere without one.
    pub fn tell(mut self, log: Option<&File>) -> anyhow::Result<()> {
        rustix::process::setsid()?;
        rustix::process::chdir("/")?;
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        rustix::stdio::dup2_stdout(&nothing)?;
        rustix::stdio::dup2_stderr(log.unwrap_or(&nothing))?;
        self.0.write_all(b"ready")?;
        Ok(())
    }
}
