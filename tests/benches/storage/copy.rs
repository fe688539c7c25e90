//! The operation engine beside `cp -r`: what a person who drags files waits for.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fs_core::ops::{Decision, Decisions, Engine, Filesystems, FsRef, Monitor, Operation, Place};
use fs_core::{Backend, Control, VPath};

use super::clock::{claim_memory, time_with_children};
use super::data::{Random, Tree, sync_host};
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

/// Of a large file that is copied, so many copies are in memory at most.
const CLAIMED: usize = 3;

/// A source on the disk and a target.
struct Pair {
    from: Arc<dyn Backend>,
    to: Arc<dyn Backend>,
}

impl Filesystems for Pair {
    fn backend(&self, fs: &FsRef) -> fs_core::Result<Arc<dyn Backend>> {
        Ok(match *fs == FsRef::new("from") {
            true => self.from.clone(),
            false => self.to.clone(),
        })
    }
}

/// 10,000 files of 4 KiB.
pub fn small(bench: &mut Bench) -> Result {
    let tree = Tree::spread(bench.size(10_000, 100), bench.size(100, 4), 4096..=4096)?;
    let disk = bench.disk()?;
    std::fs::create_dir(disk.path().join("source"))?;
    tree.write_host(&disk.path().join("source"))?;
    let samples = Samples::new("copy 10,000 files of 4 KiB", Unit::MS);
    run(bench, disk.path(), samples, 0, (1.5, 1.0))
}

/// One file of 1 GiB.
pub fn big(bench: &mut Bench) -> Result {
    let disk = bench.disk()?;
    std::fs::create_dir(disk.path().join("source"))?;
    let bytes = Random::new(3).bytes(1 << 20);
    let mut file = std::fs::File::create_new(disk.path().join("source/large.bin"))?;
    for _ in 0..bench.size(1024, 8) {
        std::io::Write::write_all(&mut file, &bytes)?;
    }
    drop(file);
    let samples = Samples::new("copy a file of 1 GiB", Unit::MS);
    let claimed = CLAIMED * bench.size(1 << 30, 8 << 20);
    run(bench, disk.path(), samples, claimed, (1.0, 0.4))
}

fn run(
    bench: &Bench,
    disk: &Path,
    mut samples: Samples,
    claimed_bytes: usize,
    (reach, goal): (f64, f64),
) -> Result {
    let source = disk.join("source");
    sync_host(&source)?;
    for round in 0..bench.rounds(7) {
        let place = disk.join(format!("round {round}"));
        for name in ["cp -r, syncfs", "host"] {
            std::fs::create_dir_all(place.join(name))?;
        }
        claim_memory(claimed_bytes);
        let (span, done) = time_with_children(|| -> Result {
            let mut copy = Command::new("cp");
            copy.arg("-r").arg(&source).arg(place.join("cp -r, syncfs"));
            match copy.status()?.success() {
                true => sync_host(&place),
                false => Err("cp failed".into()),
            }
        });
        done?;
        samples.add("cp -r, syncfs", span);
        for system in [
            System::Host,
            System::Vault,
            System::Encrypted,
            System::Store,
            System::Memory,
        ] {
            // Within the host it is one filesystem, as in the window.
            let (to, into) = match system {
                System::Host => ("from", format!("/round {round}/host")),
                _ => ("to", "/".to_owned()),
            };
            let engine = engine(disk, system.make(&place)?)?;
            let into = Place::new(FsRef::new(to), VPath::new(into)?);
            claim_memory(claimed_bytes);
            samples.time(system.name(), || copy(&engine, into))?;
        }
        std::fs::remove_dir_all(&place)?;
    }
    let table = &bench.table;
    table.line(&samples, "host", "cp -r, syncfs", Gate::Wall(reach, goal));
    for name in ["vault", "encrypted vault", "store", "memory"] {
        table.line(&samples, name, "cp -r, syncfs", Gate::None);
    }
    Ok(())
}

fn engine(disk: &Path, to: Arc<dyn Backend>) -> Result<Engine> {
    let from = System::Host.make(disk)?;
    Ok(Engine::open(Arc::new(Pair { from, to }), None)?)
}

fn copy(engine: &Engine, into: Place) -> Result {
    let source = Place::new(FsRef::new("from"), VPath::new("/source")?);
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let plan = engine.plan(Operation::copy(vec![source], into), monitor)?;
    let report = engine.run(&plan, &Decisions::all(Decision::Skip), monitor)?;
    match report.complete() {
        true => Ok(()),
        false => Err(format!("{} items failed", report.failed.len()).into()),
    }
}
