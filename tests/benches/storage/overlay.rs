//! W9: 100,000 entries seen through two layers.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fs_core::{At, Backend, Change, Overlay, VPath, Want};

use super::data::{below, check_count, list, list_host, make_files, make_folders};
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

/// The kernel's overlay of two folders, mounted while this lives.
struct Kernel<'a>(&'a Path);

impl<'a> Kernel<'a> {
    fn mount(folder: &'a Path) -> Result<Self> {
        let part = |name: &str| folder.join(name).display().to_string();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            part("base"),
            part("upper"),
            part("work")
        );
        let mounted = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(folder.join("merged"))
            .output()?;
        match mounted.status.success() {
            true => Ok(Self(folder)),
            false => Err(String::from_utf8_lossy(&mounted.stderr).trim().into()),
        }
    }

    /// Forgets what it merged before: the first listing is what costs.
    fn remount(&self) -> Result {
        drop(Self(self.0));
        std::mem::forget(Self::mount(self.0)?);
        Ok(())
    }
}

impl Drop for Kernel<'_> {
    fn drop(&mut self) {
        if let Err(error) = Command::new("umount").arg(self.0.join("merged")).status() {
            eprintln!("umount: {error}");
        }
    }
}

/// Our overlay, and its layers by themselves.
struct Stack {
    name: &'static str,
    both: &'static str,
    merged: Arc<dyn Backend>,
    layers: [Arc<dyn Backend>; 2],
}

pub fn run(bench: &mut Bench) -> Result {
    let count = bench.size(100_000, 1000);
    let paths = super::list::paths(count)?;
    let folder = VPath::new("/large")?;
    // One in a hundred is changed above, one in two hundred deleted.
    let changed: Vec<VPath> = paths.iter().step_by(100).cloned().collect();
    let deleted: Vec<VPath> = paths.iter().skip(1).step_by(200).cloned().collect();
    let visible = count - deleted.len();

    let mut made = Vec::new();
    let disk = bench.disk()?;
    for (name, both, base) in [
        ("memory over memory", "memory, memory", System::Memory),
        ("memory over vault", "vault, memory", System::Vault),
    ] {
        let base = base.make(disk.path())?;
        make_folders(&*base, std::slice::from_ref(&folder))?;
        make_files(&*base, &paths)?;
        let upper = System::Memory.make(disk.path())?;
        let merged = Overlay::new(base.clone(), upper.clone());
        let owner = fs_core::SetAttr::mode(0o600);
        for path in &changed {
            merged.change(&Change::SetAttr(At::path(path), &owner))?;
        }
        for path in &deleted {
            merged.change(&Change::Unlink(At::path(path)))?;
        }
        made.push(Stack {
            name,
            both,
            merged: Arc::new(merged),
            layers: [base, upper],
        });
    }
    for part in ["base", "upper", "work", "merged"] {
        std::fs::create_dir(disk.path().join(part))?;
    }
    std::fs::create_dir(disk.path().join("base/large"))?;
    for path in &paths {
        std::fs::File::create_new(below(&disk.path().join("base"), path))?;
    }
    let kernel = Kernel::mount(disk.path());
    if kernel.is_ok() {
        let merged = disk.path().join("merged");
        for path in &changed {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(below(&merged, path), mode)?;
        }
        for path in &deleted {
            std::fs::remove_file(below(&merged, path))?;
        }
    }

    let mut samples = Samples::new("W9 list 100,000 through two layers", Unit::MS);
    for _ in 0..bench.rounds(7) {
        if let Ok(kernel) = &kernel {
            kernel.remount()?;
            let merged = disk.path().join("merged/large");
            check_count(
                samples.time("kernel overlayfs", || list_host(&merged))?,
                visible,
            )?;
        }
        for Stack {
            name,
            both,
            merged,
            layers,
        } in &made
        {
            samples.time(both, || {
                for layer in layers {
                    list(&**layer, &folder, &Want::metadata())?;
                }
                Ok(())
            })?;
            let found = samples.time(name, || list(&**merged, &folder, &Want::metadata()))?;
            check_count(found, visible)?;
        }
    }
    let table = &bench.table;
    for Stack { name, both, .. } in &made {
        match &kernel {
            Ok(_) => table.line(&samples, name, "kernel overlayfs", Gate::Cpu(0.125, 0.067)),
            Err(error) => table.note("W9", &format!("kernel overlayfs can't be mounted: {error}")),
        }
        table.line(&samples, name, both, Gate::Cpu(1.5, 1.5));
    }
    Ok(())
}
