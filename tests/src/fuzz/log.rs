//! The log beside a database (<https://www.sqlite.org/fileformat2.html>, 4).

use std::path::PathBuf;
use std::process::Command;

use fs_backends::location::Kind;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_core::FileStorage;

use super::catalog::{copy, examine};
use super::sealed::salvaged;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The bytes of the log beside a vault: as they are, and with the sums put right, so that SQLite believes them.
///
/// # Panics
/// When a rule is broken.
pub fn log(data: &[u8]) {
    for log in [data.to_vec(), summed(data)] {
        let folder = crate::folder();
        let path = folder.path().join("v.db");
        copy(&vault(), &path);
        std::fs::write(folder.path().join("v.db-wal"), &log).unwrap();
        salvaged(Kind::Vault, &path, "");
        if let Ok(vault) = VaultOptions::new().open(&path) {
            examine(&vault);
        }
    }
}

/// A log as a kill leaves it beside that vault.
///
/// # Panics
/// When the vault can't be changed.
pub fn log_seed() -> Vec<u8> {
    let (working, killed) = (crate::folder(), crate::folder());
    let path = working.path().join("v.db");
    copy(&vault(), &path);
    let open = VaultOptions::new().durability(Durability::OnSync);
    let open = open.open(&path).unwrap();
    let fs = FileStorage::new(&open).with_durability(fs_core::Durability::OnSync);
    fs.write("/new", vec![5; 20_000]).unwrap();
    fs.rename("/new", "/moved").unwrap();
    let log = killed.path().join("v.db-wal");
    // By another program: closing the file of an open database here would drop its locks.
    let copied = Command::new("cp")
        .args([&working.path().join("v.db-wal"), &log])
        .status();
    assert!(copied.unwrap().success());
    std::fs::read(log).unwrap()
}

/// A closed vault that stays the same: a log belongs to one.
fn vault() -> PathBuf {
    crate::project().join("fs-backends/tests/golden/v3/plain.db")
}

/// The same frames with the sums and salts SQLite wants.
fn summed(data: &[u8]) -> Vec<u8> {
    let mut log = data.to_vec();
    if log.len() < HEADER_BYTES {
        return log;
    }
    let (header, mut rest) = log.split_at_mut(HEADER_BYTES);
    let magic = u32::from_be_bytes(header[..4].try_into().unwrap());
    let is_big = magic & 1 == 1;
    let page_bytes = u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    let mut sum = (0, 0);
    add(&mut sum, is_big, &header[..24]);
    put(&mut header[24..], sum);
    let salts = header[16..24].to_vec();
    if !(512..=65_536).contains(&page_bytes) {
        return log;
    }
    while rest.len() >= FRAME_HEADER_BYTES + page_bytes {
        let (frame, after) = rest.split_at_mut(FRAME_HEADER_BYTES + page_bytes);
        frame[8..16].copy_from_slice(&salts);
        add(&mut sum, is_big, &frame[..8]);
        add(&mut sum, is_big, &frame[FRAME_HEADER_BYTES..]);
        put(&mut frame[16..24], sum);
        rest = after;
    }
    log
}

fn put(into: &mut [u8], sum: (u32, u32)) {
    into[..4].copy_from_slice(&sum.0.to_be_bytes());
    into[4..8].copy_from_slice(&sum.1.to_be_bytes());
}

fn add(sum: &mut (u32, u32), is_big: bool, bytes: &[u8]) {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap();
        if is_big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    };
    for pair in bytes.chunks_exact(8) {
        sum.0 = sum.0.wrapping_add(word(&pair[..4])).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word(&pair[4..])).wrapping_add(sum.0);
    }
}
