//! `lamina stat`

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use fs_core::resolve::{Last, leaves_root};
use fs_core::{At, Backend, Metadata, Time, VPath};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;

/// `lamina stat T...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
    /// What to tell about; a link at the end is told about itself.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// All about one file, with its extended attributes; values that are not UTF-8 as bytes.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    item: json::Item,
    accessed_ns: i64,
    born_ns: Option<i64>,
    device: u64,
    xattrs: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

impl Document {
    fn new(backend: &dyn Backend, path: &VPath, metadata: &Metadata) -> fs_core::Result<Self> {
        let mut xattrs = BTreeMap::new();
        for name in backend.list_xattrs(At::path(path))? {
            let value = backend.get_xattr(At::path(path), &name)?;
            let value = String::from_utf8(value)
                .map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Text);
            xattrs.insert(name.to_string_lossy().into_owned(), value);
        }
        Ok(Self {
            item: json::Item::new(backend, path, metadata)?,
            accessed_ns: metadata.atime.nanos(),
            born_ns: metadata.btime.map(Time::nanos),
            device: metadata.rdev,
            xattrs,
        })
    }
}

/// One attribute a line.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = print::out();
    let mut documents = Vec::new();
    let mut outcome = Outcome::default();
    for text in &arguments.targets {
        if let Err(error) = target(context, arguments, &mut out, &mut documents, text) {
            outcome.pass_over(error)?;
        }
    }
    out.flush()?;
    drop(out);
    if arguments.output.json {
        json::write(&documents)?;
    }
    Ok(outcome)
}

fn target(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
    documents: &mut Vec<Document>,
    text: &OsString,
) -> anyhow::Result<()> {
    let place = context.place_to_read(text, Last::Keep)?;
    let backend = context.backend(&place)?;
    let at = At::path(&place.path);
    let metadata = backend.stat(at);
    let metadata = metadata.with_context(|| text.display().to_string())?;
    if arguments.output.json {
        documents.push(Document::new(&*backend, &place.path, &metadata)?);
        return Ok(());
    }
    line(out, "name      ", text)?;
    writeln!(out, "kind      {:?}", metadata.kind)?;
    if metadata.is_symlink() {
        line(out, "target    ", &backend.read_link(at)?)?;
        if leaves_root(&*backend, &place.path) {
            writeln!(out, "flag      {}", print::OUTSIDE)?;
        }
    }
    writeln!(out, "size      {}", metadata.size)?;
    writeln!(out, "allocated {}", metadata.allocated)?;
    writeln!(
        out,
        "mode      {:04o} {}",
        metadata.mode,
        print::mode(&metadata)
    )?;
    writeln!(out, "owner     {}:{}", metadata.uid, metadata.gid)?;
    writeln!(out, "links     {}", metadata.nlink)?;
    writeln!(out, "inode     {}", metadata.id.ino)?;
    writeln!(out, "changed   {}", print::time(metadata.mtime))?;
    for name in backend.list_xattrs(at)? {
        let value = backend.get_xattr(at, &name)?;
        write!(out, "xattr     ")?;
        print::raw(out, &name)?;
        line(out, " = ", OsStr::from_bytes(&value))?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, label: &str, value: &OsStr) -> std::io::Result<()> {
    write!(out, "{label}")?;
    print::raw(out, value)?;
    writeln!(out)
}
