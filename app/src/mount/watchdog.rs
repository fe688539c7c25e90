//! A killed process leaves no dead folder behind: a shell of its own group waits for a line, and unmounts when it gets an end of file instead.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The folder is the script's first argument, so that no name in it is ever part of the script.
const SCRIPT: &str = r#"read -r _ || fusermount3 -u -q -z -- "$1" 2>&- || umount -l -- "$1" 2>&-"#;

/// Unmounts a folder when this process ends without dropping it.
pub struct Watchdog(Child);

impl Watchdog {
    /// Watches over what is mounted at `dir`. Errors: there is no shell.
    pub fn over(dir: &Path) -> io::Result<Self> {
        // A group of its own: Ctrl+C is for us, who unmount then.
        Command::new("/bin/sh")
            .args(["-c", SCRIPT, "lamina-mount"])
            .arg(dir)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut line) = self.0.stdin.take()
            && let Err(error) = line.write_all(b"\n")
        {
            tracing::debug!("the watchdog of a mount is gone: {error}");
        }
        if let Err(error) = self.0.wait() {
            tracing::debug!("the watchdog of a mount can't be waited for: {error}");
        }
    }
}
