//! What somebody at the window feels: reads while an import runs, and unlocking.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fs_backends::SqliteBackend;
use fs_core::{At, Backend, EntryBatch, VPath, Want};
use rusqlite::Connection;

use super::clock::Span;
use super::data::{Tree, make_files, make_folders};
use super::report::{Gate, Samples, Unit};
use super::system::{PASSWORD, System};
use super::{Bench, Result};

/// The pause of somebody who reads.
const PAUSE: Duration = Duration::from_millis(2);

/// The first rows of a folder, again and again, while 10,000 files go into another.
pub fn while_importing(bench: &mut Bench) -> Result {
    let tree = Tree::spread(bench.size(10_000, 500), bench.size(500, 10), 1024..=16_384)?;
    let folder = VPath::new("/shown")?;
    let rows: Vec<VPath> = (0..1000)
        .map(|index| VPath::new(format!("/shown/row {index:04}")))
        .collect::<fs_core::Result<_>>()?;
    let mut tail = Samples::new("first rows during an import, 99 of 100", Unit::MS);
    let mut worst = Samples::new("first rows during an import, slowest", Unit::MS);
    for _ in 0..bench.rounds(7) {
        for system in [
            System::Vault,
            System::Encrypted,
            System::Store,
            System::Memory,
        ] {
            let disk = bench.disk()?;
            let made = system.make(disk.path())?;
            make_folders(&*made, std::slice::from_ref(&folder))?;
            make_files(&*made, &rows)?;
            let mut waits = waits_during(&*made, &folder, &tree)?;
            waits.sort_unstable();
            let at = |index: usize| waits.get(index).copied().unwrap_or_default();
            let span = |wall| Span {
                wall,
                cpu: Duration::ZERO,
            };
            tail.add(system.name(), span(at(waits.len() * 99 / 100)));
            worst.add(system.name(), span(at(waits.len().saturating_sub(1))));
        }
    }
    for name in ["vault", "encrypted vault", "store", "memory"] {
        bench.table.line(&tail, name, name, Gate::WallIs(5.0, 2.0));
        bench
            .table
            .line(&worst, name, name, Gate::WallIs(50.0, 50.0));
    }
    Ok(())
}

fn waits_during(backend: &dyn Backend, folder: &VPath, tree: &Tree) -> Result<Vec<Duration>> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| -> fs_core::Result<Vec<Duration>> {
            let mut waits = Vec::new();
            while !done.load(Ordering::Relaxed) || waits.is_empty() {
                let started = Instant::now();
                let mut rows = EntryBatch::new();
                backend
                    .list(At::path(folder), &Want::metadata())?
                    .next(&mut rows)?;
                waits.push(started.elapsed());
                std::thread::sleep(PAUSE);
            }
            Ok(waits)
        });
        let imported = tree.import(backend).map_err(|error| error.to_string());
        done.store(true, Ordering::Relaxed);
        let waits = reader.join().map_err(|_| "the reader panicked")?;
        imported?;
        Ok(waits?)
    })
}

/// Unlocking an encrypted vault, beside one connection that derives the key once.
pub fn open(bench: &mut Bench) -> Result {
    let disk = bench.disk()?;
    drop(System::Encrypted.make(disk.path())?);
    let path = disk.path().join("encrypted.db");
    let mut samples = Samples::new("unlock an encrypted vault", Unit::MS);
    for _ in 0..bench.rounds(7) {
        samples.time("raw SQLCipher", || {
            let db = Connection::open(&path)?;
            db.pragma_update(None, "key", PASSWORD)?;
            db.pragma_update(None, "cipher_page_size", 16_384)?;
            let tables: i64 =
                db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 {
                return Err("it is empty".into());
            }
            Ok(())
        })?;
        samples.time("encrypted vault", || {
            drop(SqliteBackend::open_encrypted(&path, PASSWORD)?);
            Ok(())
        })?;
    }
    // Two derivations would be 2.
    bench.table.line(
        &samples,
        "encrypted vault",
        "raw SQLCipher",
        Gate::Cpu(1.3, 1.1),
    );
    Ok(())
}
