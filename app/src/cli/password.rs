//! Passwords: from a file, the environment or a prompt, never from an argument.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fs_backends::location::Location;
use zeroize::Zeroizing;

use super::Passwords;

/// The password every vault gets that has none of its own.
const VARIABLE: &str = "LAMINA_PASSWORD";

/// Where the password of each vault comes from.
pub struct Keys {
    files: Vec<Given>,
}

/// A password file.
struct Given {
    /// What it is for; `None`: for all that have none of their own.
    of: Option<PathBuf>,
    file: PathBuf,
    /// Did a filesystem ask for it?
    wanted: Cell<bool>,
}

impl Keys {
    /// Reads `LOCATION=FILE` and `FILE`; an argument that is the name of a file is one.
    pub fn new(passwords: &Passwords, here: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for text in &passwords.password_file {
            let (location, file) = split(text, here);
            let of = match location {
                Some(location) => Location::parse(&location, here)?
                    .host_path()
                    .map(Path::to_path_buf),
                None => None,
            };
            files.push(Given {
                of,
                file: here.join(file),
                wanted: Cell::new(false),
            });
        }
        Ok(Self { files })
    }

    /// The password given for this vault, without a prompt.
    pub fn given(&self, vault: &Location) -> anyhow::Result<Option<Zeroizing<String>>> {
        let path = vault.host_path();
        let own = self.files.iter().find(|given| {
            let of = given.of.as_deref();
            of.is_some_and(|of| path.is_some_and(|path| same(of, path)))
        });
        let given = own.or_else(|| self.files.iter().find(|given| given.of.is_none()));
        if let Some(given) = given {
            given.wanted.set(true);
            return first_line(&given.file).map(Some);
        }
        Ok(std::env::var(VARIABLE).ok().map(Zeroizing::new))
    }

    /// Says which password files nothing that was opened asked for: somebody believes something to be encrypted that is not. What the environment gives
    /// is meant for whatever comes.
    pub fn unwanted(&self) -> Option<String> {
        let files: Vec<String> = self
            .files
            .iter()
            .filter(|given| !given.wanted.get())
            .map(|given| given.file.display().to_string())
            .collect();
        (!files.is_empty()).then(|| {
            format!(
                "nothing that was opened asks for the password in {}",
                files.join(", ")
            )
        })
    }

    /// The password of this vault; asks when there is somebody to ask.
    pub fn of(&self, vault: &Location) -> Option<Zeroizing<String>> {
        match self.given(vault) {
            Ok(Some(password)) => Some(password),
            Ok(None) if std::io::stdin().is_terminal() => {
                let prompt = format!("Password of {vault}: ");
                rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
            }
            Ok(None) => None,
            Err(e) => {
                super::outcome::tell(format_args!("{e:#}"));
                None
            }
        }
    }
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn split(text: &OsStr, here: &Path) -> (Option<OsString>, OsString) {
    let whole = (None, text.to_owned());
    if here.join(text).exists() {
        return whole;
    }
    let Some(text) = text.to_str() else {
        return whole;
    };
    match text.rsplit_once('=') {
        Some((location, file)) => (Some(location.into()), file.into()),
        None => whole,
    }
}

/// The first line of a file.
pub fn first_line(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .with_context(|| format!("password file {}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}
