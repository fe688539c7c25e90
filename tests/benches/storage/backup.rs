//! W8: a copy of an open vault, beside `cp` of its file.

use std::path::Path;
use std::process::Command;

use fs_backends::SqliteBackend;
use fs_core::{Backend as _, Control};

use super::clock::time_with_children;
use super::data::{Tree, sync_host};
use super::report::{Gate, Samples, Unit};
use super::system::{PASSWORD, System};
use super::{Bench, Result};

/// 10,000 files of 1 GiB together.
pub fn run(bench: &mut Bench) -> Result {
    let bytes = bench.size(107_374, 4096);
    let tree = Tree::spread(bench.size(10_000, 100), bench.size(100, 4), bytes..=bytes)?;
    let mut samples = Samples::new("W8 back up 1 GiB, durable", Unit::MS);
    for (system, file, baseline) in [
        (System::Vault, "vault.db", "`cp`, `syncfs`"),
        (
            System::Encrypted,
            "encrypted.db",
            "`cp`, `syncfs`, encrypted",
        ),
    ] {
        let disk = bench.disk()?;
        let made = system.make(disk.path())?;
        tree.import(&*made)?;
        made.close()?;
        let original = disk.path().join(file);
        let copy = disk.path().join("copy");
        for _ in 0..bench.rounds(7) {
            // While it is closed, for `cp` knows nothing of logs.
            let (span, done) = time_with_children(|| cp(&original, &copy));
            done?;
            samples.add(baseline, span);
            std::fs::remove_file(&copy)?;
            let vault = match system {
                System::Encrypted => SqliteBackend::open_encrypted(&original, PASSWORD)?,
                _ => SqliteBackend::open(&original)?,
            };
            samples.time(system.name(), || back_up(&vault, &copy))?;
            vault.close()?;
            std::fs::remove_file(&copy)?;
        }
        let gate = Gate::Wall(2.0, 1.0);
        bench.table.line(&samples, system.name(), baseline, gate);
    }
    Ok(())
}

fn cp(original: &Path, copy: &Path) -> Result {
    if !Command::new("cp")
        .arg(original)
        .arg(copy)
        .status()?
        .success()
    {
        return Err("cp failed".into());
    }
    sync_host(copy)
}

fn back_up(vault: &SqliteBackend, copy: &Path) -> Result {
    let maintenance = vault.extensions().maintenance;
    let maintenance = maintenance.ok_or("a vault can't look after itself")?;
    Ok(maintenance.backup(copy, &Control::new())?)
}
