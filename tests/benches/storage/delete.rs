//! W7: a tree of 100,000 files goes: first out of sight, then for good.

use fs_core::{Backend, VPath};

use super::data::Tree;
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

const SYSTEMS: [System; 3] = [System::Memory, System::Vault, System::Encrypted];

pub fn run(bench: &mut Bench) -> Result {
    // Half a KiB each: a tree is deleted, not content.
    let mut tree = Tree::spread(bench.size(100_000, 1000), bench.size(1000, 10), 500..=500)?;
    let top = VPath::new("/top")?;
    tree.folders = std::iter::once(top.clone())
        .chain(tree.folders.iter().map(|folder| top.append(folder)))
        .collect();
    for leaf in &mut tree.files {
        leaf.path = top.append(&leaf.path);
    }
    let mut hide = Samples::new("W7 delete 100,000 files: out of sight", Unit::MS);
    let mut remove = Samples::new("W7 delete 100,000 files: removed", Unit::MS);
    for _ in 0..bench.rounds(7) {
        let folder = bench.tmpfs()?;
        tree.write_host(folder.path())?;
        remove.time("tmpfs", || {
            Ok(std::fs::remove_dir_all(folder.path().join("top"))?)
        })?;
        for system in SYSTEMS {
            let folder = bench.disk()?;
            let made = system.make(folder.path())?;
            tree.import(&*made)?;
            delete(&*made, &top, system.name(), &mut hide, &mut remove)?;
        }
    }
    let table = &bench.table;
    for system in SYSTEMS {
        table.line(&hide, system.name(), system.name(), Gate::WallIs(10.0, 5.0));
    }
    for system in SYSTEMS {
        table.line(&remove, system.name(), "tmpfs", Gate::Cpu(0.5, 0.2));
        table.line(&remove, system.name(), "tmpfs", Gate::WallIs(500.0, 200.0));
    }
    Ok(())
}

fn delete(
    backend: &dyn Backend,
    top: &VPath,
    name: &'static str,
    hide: &mut Samples,
    remove: &mut Samples,
) -> Result {
    let trash = backend.extensions().trash.ok_or("it has no trash")?;
    let item = hide.time(name, || Ok(trash.discard(top)?))?;
    remove.time(name, || Ok(trash.purge(&item)?))?;
    match backend.stat(fs_core::At::path(top)) {
        Err(error) if error.kind() == fs_core::ErrorKind::NotFound => Ok(()),
        _ => Err("the tree is still there".into()),
    }
}
