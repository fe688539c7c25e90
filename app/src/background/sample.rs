//! What is in the sample filesystem of the first start.

use fs_core::{Backend, FileStorage, Result};

/// Fills an empty filesystem with a few things worth looking at.
pub fn fill(backend: impl Backend) -> Result<()> {
    let fs = FileStorage::new(backend);
    fs.create_dir_all("/Notes/ideas")?;
    fs.create_dir("/Projects")?;
    fs.write("/Read me first.md", README)?;
    fs.write("/Notes/shopping.txt", "coffee\nbread\napples\n")?;
    fs.write(
        "/Notes/ideas/layers.md",
        "# Layers\n\nPut a scratch layer over a folder, try things, keep what is good.\n",
    )?;
    fs.write(
        "/Projects/hello.rs",
        "fn main() {\n    println!(\"Hello from a filesystem in memory\");\n}\n",
    )?;
    fs.write(
        "/Projects/numbers.csv",
        "month,sum\njanuary,17\nfebruary,4\n",
    )?;
    fs.symlink("/Notes/shopping.txt", "/Shopping list")?;
    Ok(())
}

const README: &str = "\
# A filesystem to try things in

Everything here is in memory. Nothing you do here touches your computer's files,
and it is all gone when Lamina ends, unless you save it (Vault, Save memory filesystem).

- Press F3 for a second pane, and drag files between the two.
- Delete something, then press Ctrl+Z.
- Press Ctrl+F and type “md”: names are found in all folders below.
- Press Ctrl+Shift+P to see everything Lamina can do.
";
