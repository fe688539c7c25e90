//! A folder of very many entries. Memory is measured from outside of any allocator, as the peak that the kernel saw, in a process of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::{At, Backend, Change, EntryBatch, NewNode, Overlay, Scope, Subtree, VPath, Want};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::random::setting;

/// Changes in one transaction.
const BATCH: u64 = 4096;
/// What an entry may take while its folder is listed, whatever is kept of it: its name, and all about it.
const BYTES_PER_ENTRY: u64 = 200;
/// What listing may take however small the folder is, and what the allocator keeps.
const BYTES: u64 = 32 << 20;

fn backend(kind: &str, folder: &Path) -> Arc<dyn Backend> {
    match kind {
        "memory" => Arc::new(MemoryBackend::new()),
        "vault" => {
            let options = VaultOptions::new().durability(Durability::OnSync);
            Arc::new(options.create(folder.join("v.db")).unwrap())
        }
        "host" => {
            let host = StdFsBackend::with_home_trash(VPath::new(folder.join("trash")).unwrap());
            Arc::new(Subtree::new(host, &VPath::new(folder).unwrap()).unwrap())
        }
        _ => {
            let base = MemoryBackend::new();
            fill(&base, setting("LAMINA_LIMIT_ENTRIES", ENTRIES));
            Arc::new(Overlay::new(base, MemoryBackend::new()))
        }
    }
}

const ENTRIES: u64 = 1_000_000;

fn name(number: u64) -> String {
    format!("/entry {number:08}")
}

fn fill(backend: &dyn Backend, entries: u64) {
    let new = NewNode::file();
    let mut number = 0;
    while number < entries {
        let end = (number + BATCH).min(entries);
        let paths: Vec<VPath> = (number..end)
            .map(|number| VPath::new(name(number)).unwrap())
            .collect();
        let changes: Vec<Change<'_>> = paths
            .iter()
            .map(|path| Change::Create(At::path(path), &new))
            .collect();
        for made in backend.change_all(&changes) {
            made.unwrap();
        }
        number = end;
        // On a slow machine all of it takes longer than anybody waits for a sign of life.
        tell(format_args!("made {number}"));
    }
    backend.sync(Scope::All).unwrap();
}

/// The most memory this process had at once since [`forget_peak`], and what it has now, in bytes (`proc_pid_status(5)`).
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() << 10
    };
    (of("VmHWM:"), of("VmRSS:"))
}

/// From now on the peak is counted anew (`proc_pid_clear_refs(5)`).
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Lists the root; `keep`: as the window does, all in one batch. Otherwise nothing is kept.
fn list(backend: &dyn Backend, keep: bool) -> u64 {
    let root = VPath::root();
    let want = match keep {
        true => Want::default(),
        false => Want::metadata(),
    };
    let mut listing = backend.list(At::path(&root), &want).unwrap();
    let mut all = EntryBatch::new();
    let mut count = 0;
    loop {
        let before = all.len();
        let more = listing.next(&mut all).unwrap();
        count += (all.len() - before) as u64;
        if !keep {
            all = EntryBatch::new();
        }
        if !more {
            return count;
        }
    }
}

/// `task`: kind, folder. Tells what each way of listing took.
pub fn work(task: &[String]) {
    let folder = PathBuf::from(&task[1]);
    let entries = setting("LAMINA_LIMIT_ENTRIES", ENTRIES);
    let backend = backend(&task[0], &folder);
    if task[0] != "overlay" {
        fill(&*backend, entries);
    }
    let first = VPath::new(name(0)).unwrap();
    backend.change(&Change::Unlink(At::path(&first))).unwrap();
    for (what, keep) in [("streamed", false), ("kept", true)] {
        forget_peak();
        let (_, before) = memory();
        assert_eq!(list(&*backend, keep), entries - 1);
        let (peak, _) = memory();
        tell(format_args!("{what} {}", peak.saturating_sub(before)));
    }
    let last = VPath::new(name(entries - 1)).unwrap();
    backend.stat(At::path(&last)).unwrap();
    backend.close().unwrap();
    tell(format_args!("done"));
}

fn listed(kind: &str) {
    let entries = setting("LAMINA_LIMIT_ENTRIES", ENTRIES);
    let folder = lamina_tests::folder();
    let path: OsString = folder.path().into();
    let task = [kind, path.to_str().unwrap()];
    let ended = Worker::start(&mut child::command(&[], &task)).end(kind);
    assert!(ended.status.success(), "{kind}: {}", ended.errors);
    assert!(ended.last("done").is_some(), "{kind}: {:?}", ended.heard);
    for what in ["streamed", "kept"] {
        let bytes = ended.number(what) as u64;
        let each = bytes.saturating_sub(BYTES) / entries;
        println!("{kind}: {what}: {bytes} bytes for {entries} entries");
        assert!(
            each <= BYTES_PER_ENTRY,
            "{kind}: {what}: {bytes} bytes, {each} for each entry"
        );
    }
}

#[test]
fn a_folder_in_memory() {
    listed("memory");
}

#[test]
fn a_folder_in_a_vault() {
    listed("vault");
}

#[test]
fn a_folder_of_the_host() {
    listed("host");
}

#[test]
fn a_folder_in_an_overlay() {
    listed("overlay");
}
