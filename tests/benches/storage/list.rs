//! W4: a folder of 100,000 entries, sorted, with metadata; and how soon its first rows are there.

use fs_core::{At, Backend, EntryBatch, VPath, Want};

use super::data::{check_count, list, list_host, make_files, make_folders};
use super::peers::PathMap;
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

const SYSTEMS: [System; 6] = [
    System::Memory,
    System::Vault,
    System::Encrypted,
    System::Store,
    System::Host,
    System::Sandbox,
];
/// What a window shows at once.
const FIRST_ROWS: usize = 200;

/// Paths of `count` files in `/large`, in an order that is not theirs.
pub fn paths(count: usize) -> Result<Vec<VPath>> {
    (0..count)
        .map(|index| {
            let name = format!("/large/file number {:06}.txt", index * 7919 % count);
            Ok(VPath::new(name)?)
        })
        .collect()
}

pub fn run(bench: &mut Bench) -> Result {
    let count = bench.size(100_000, 1000);
    let (folder, paths) = (VPath::new("/large")?, paths(count)?);
    let (disk, tmpfs) = (bench.disk()?, bench.tmpfs()?);
    for place in [&disk, &tmpfs] {
        std::fs::create_dir(place.path().join("large"))?;
        for path in &paths {
            std::fs::File::create_new(super::data::below(place.path(), path))?;
        }
    }
    let mut made = Vec::new();
    for system in SYSTEMS {
        let backend = system.make(disk.path())?;
        if !matches!(system, System::Host | System::Sandbox) {
            make_folders(&*backend, std::slice::from_ref(&folder))?;
            make_files(&*backend, &paths)?;
        }
        made.push((system.name(), backend));
    }
    let map = PathMap::default();
    map.create_dir("/large")?;
    for path in &paths {
        map.create_empty(&path.display())?;
    }

    let mut changed = Samples::new("W4 list 100,000 after a change", Unit::MS);
    let mut whole = Samples::new("W4 list 100,000 with metadata, sorted", Unit::MS);
    let mut first_changed = Samples::new("W4 first rows after a change", Unit::MS);
    let mut first = Samples::new("W4 first rows", Unit::MS);
    for round in 0..bench.rounds(9) {
        for (name, place) in [("ext4", &disk), ("tmpfs", &tmpfs)] {
            for samples in [&mut changed, &mut whole] {
                let found = samples.time(name, || list_host(&place.path().join("large")))?;
                check_count(found, count)?;
            }
        }
        for samples in [&mut changed, &mut whole] {
            check_count(samples.time("vfs::MemoryFS", || map.list("/large"))?, count)?;
        }
        for (name, backend) in &made {
            // Elsewhere, but nothing read before is trusted any more.
            make_folders(&**backend, &[VPath::new(format!("/round {round} {name}"))?])?;
            first_changed.time(name, || first_rows(&**backend, &folder))?;
            for samples in [&mut changed, &mut whole] {
                let found = samples.time(name, || list(&**backend, &folder, &Want::metadata()))?;
                check_count(found, count)?;
            }
            first.time(name, || first_rows(&**backend, &folder))?;
        }
    }
    let table = &bench.table;
    table.line(&whole, "memory", "vfs::MemoryFS", Gate::CpuIs(30.0, 10.0));
    table.line(&whole, "memory", "vfs::MemoryFS", Gate::Cpu(1.0, 0.5));
    for samples in [&changed, &whole] {
        for name in ["vault", "encrypted vault", "store"] {
            table.line(samples, name, "ext4", Gate::Cpu(0.125, 0.083));
        }
    }
    table.line(&changed, "memory", "vfs::MemoryFS", Gate::CpuIs(30.0, 10.0));
    table.line(&whole, "host", "ext4", Gate::None);
    table.line(&whole, "sandbox", "ext4", Gate::None);
    table.line(&whole, "tmpfs", "ext4", Gate::None);
    for samples in [&first_changed, &first] {
        for name in ["memory", "vault", "encrypted vault", "store"] {
            table.line(samples, name, name, Gate::WallIs(1.0, 0.2));
        }
    }
    Ok(())
}

fn first_rows(backend: &dyn Backend, folder: &VPath) -> Result {
    let mut listing = backend.list(At::path(folder), &Want::metadata())?;
    let mut rows = EntryBatch::new();
    while rows.len() < FIRST_ROWS && listing.next(&mut rows)? {}
    check_count(rows.len().min(FIRST_ROWS), FIRST_ROWS)
}
