//! `lamina new`

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use fs_backends::location::{Location, OpenHow, Root, StackFile, StackLayer, parse_size};
use fs_core::{Error, ErrorKind};

use super::context::Context;
use super::outcome::{Misuse, Outcome};

/// `lamina new (memory|vault|store|stack) PATH [LAYER...]`
#[derive(clap::Args)]
pub struct Arguments {
    /// What to make.
    kind: Kind,
    /// The file (or, of a store, the folder) it is kept in; must not be there yet.
    path: OsString,
    /// Of a filesystem in memory: what its content may take, in bytes or with K, M, G or T (of 1024); otherwise half of the machine's memory.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    limit: Option<u64>,
    /// Of a stack: its layers, each any location, bottom first, the last one written.
    layers: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A filesystem in memory, saved to a file, which is encrypted when a password is given.
    Memory,
    /// One file, encrypted when a password is given.
    Vault,
    /// An index and blobs in a folder, encrypted when a password is given.
    Store,
    /// Layers, one over the other.
    Stack,
}

fn size(text: &str) -> Result<u64, &'static str> {
    parse_size(text).ok_or("not a size")
}

/// Makes an empty filesystem.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let kind = arguments.kind;
    if kind != Kind::Stack && !arguments.layers.is_empty() {
        return Err(Misuse("only a stack has layers".to_owned()).into());
    }
    if kind != Kind::Memory && arguments.limit.is_some() {
        return Err(Misuse("only a filesystem in memory has a limit".to_owned()).into());
    }
    let path = std::env::current_dir()?.join(&arguments.path);
    let shown = || path.display().to_string();
    if std::fs::symlink_metadata(&path).is_ok() {
        return Err(Error::new(ErrorKind::AlreadyExists, "make")).with_context(shown);
    }
    in_a_folder(&path).with_context(shown)?;
    let root = match kind {
        Kind::Memory => Root::Saved(path.clone()),
        Kind::Vault => Root::Vault(path.clone()),
        Kind::Store => Root::Store(path.clone()),
        Kind::Stack => {
            stack(context, arguments, &path).with_context(shown)?;
            return Ok(Outcome::Done);
        }
    };
    let keys = context.keys();
    let location = Location::new(root);
    // A password file that can't be read must not make a filesystem without a password.
    let password = keys.given(&location)?;
    let opened = location.open(&OpenHow {
        password: &|_| password.clone(),
        create: true,
        memory_limit_bytes: arguments.limit,
        ..OpenHow::default()
    });
    let opened = opened.with_context(shown)?;
    opened.save().with_context(shown)?;
    opened.backend.close().with_context(shown)?;
    Ok(Outcome::Done)
}

fn stack(context: &Context, arguments: &Arguments, path: &Path) -> anyhow::Result<()> {
    if arguments.layers.is_empty() {
        return Err(Misuse("a stack needs at least one layer".to_owned()).into());
    }
    // What was typed means the same from the file when the file is here.
    let here = std::env::current_dir()?;
    let beside = path.parent() == Some(here.as_path());
    let mut layers = Vec::new();
    for layer in &arguments.layers {
        let location = context.location(layer)?;
        is_there(&location).with_context(|| layer.display().to_string())?;
        let text = match layer.to_str() {
            Some(text) if beside => text.to_owned(),
            _ => location.to_string(),
        };
        layers.push(StackLayer {
            name: location.title(),
            location: text,
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".ron").trim_end_matches(".stack");
    let stack = StackFile {
        name: name.to_owned(),
        layers,
    };
    stack.create(path)?;
    Ok(())
}

/// Is there a folder for what is to be made at `path`?
pub fn in_a_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match folder.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::new(ErrorKind::NotADirectory, "make").with_path(folder)),
        Err(error) => {
            let error = Error::from_io(error, "make").with_path(folder);
            Err(match error.kind() {
                ErrorKind::NotFound => error.with_detail("the folder it would be in is missing"),
                _ => error,
            })
        }
    }
}

/// A stack of what is not there could never be opened.
fn is_there(layer: &Location) -> Result<(), Error> {
    match layer.settled()?.host_path() {
        Some(path) => match path.metadata() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::from_io(error, "look at")),
        },
        None => Ok(()),
    }
}
