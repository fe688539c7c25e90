//! `lamina stat`

use std::ffi::OsString;
use std::io::Write as _;

use fs_core::At;
use fs_core::resolve::Last;

use super::context::Context;
use super::outcome::Outcome;
use super::print;

/// `lamina stat T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// What to tell about; a link at the end is told about itself.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// One attribute a line.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = print::out();
    for text in &arguments.targets {
        let place = context.place(text, Last::Keep)?;
        let backend = context.backend(&place)?;
        let at = At::path(&place.path);
        let metadata = backend.stat(at)?;
        writeln!(out, "name      {}", text.display())?;
        writeln!(out, "kind      {:?}", metadata.kind)?;
        if metadata.is_symlink() {
            writeln!(out, "target    {}", backend.read_link(at)?.display())?;
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
            let value = String::from_utf8_lossy(&value);
            writeln!(out, "xattr     {} = {value}", name.display())?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}
