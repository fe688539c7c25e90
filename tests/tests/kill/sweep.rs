//! Killed before the n-th call of each system call that changes a disk, for every n of a short script, until it runs through undisturbed.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use fs_backends::sqlite::Durability;
use fs_core::{Backend, Control};
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::fault::{self, Effect};
use lamina_tests::script::{Focus, Script, perform, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

use crate::make;

/// One seed: a sweep is exhaustive, not random.
const SEED: u64 = 7;
/// Steps of the script before and after the maintenance.
const STEPS: usize = 6;
/// All ways our files change.
const CALLS: [&str; 10] = [
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "syncfs",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "unlink,unlinkat",
];
/// Calls of the process before it begins (writes of the test harness) are no points of interest, but are counted.
const MOST: usize = 4000;

fn script(vessel: Vessel) -> Script {
    Script::new(SEED, Focus::Mixed).small().over(vessel.files())
}

/// What comes in the middle of the script.
fn maintain(backend: &dyn Backend, folder: &Path) {
    backend.sync(fs_core::Scope::All).unwrap();
    if let Some(maintenance) = backend.extensions().maintenance {
        let control = Control::new();
        maintenance.collect(0, &control).unwrap();
        maintenance.compact(&control).unwrap();
        maintenance.backup(&folder.join("copy"), &control).unwrap();
    }
}

/// `task`: vessel, folder.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let open = vessel
        .open(&folder, PASSWORDS[0], Durability::EachCall)
        .unwrap();
    let fs = open.storage();
    let mut script = script(vessel);
    for number in 1..=2 * STEPS {
        let step = script.draw();
        perform(&fs, &step).unwrap();
        script.accept(&step);
        open.settle().unwrap();
        tell(format_args!("step {number}"));
        if number == STEPS {
            maintain(&*open.checked, &folder);
        }
    }
    open.backend.close().unwrap();
}

fn examine(vessel: Vessel, folder: &Path, steps: usize, what: &str) {
    let open = vessel
        .open(folder, PASSWORDS[0], Durability::OnSync)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    is_sound(&*open.checked, what);
    let now = files(&open.storage()).unwrap();
    let mut script = script(vessel).after(steps);
    let step = script.draw();
    assert!(
        script.explains(&step, &now),
        "{what}: after step {steps} comes {step:?}; now {:?}",
        sizes(&now)
    );
    is_clean(&*open.checked, what);
    open.backend.close().unwrap();
}

/// Kills before the first call of each kind and every `stride`-th after it.
fn swept(vessel: Vessel, stride: usize) {
    if let Err(why) = fault::can_tamper() {
        lamina_tests::left_out("kills before each system call", &why);
        return;
    }
    let mut points = Vec::new();
    for call in CALLS {
        let mut killed = 0;
        for nth in (1..=MOST).step_by(stride) {
            let what = format!("{vessel:?}, killed before {call} {nth}");
            let folder = lamina_tests::folder();
            make(vessel, folder.path());
            let wrapper = fault::at_call(call, nth, Effect::Kill);
            let name = format!("{vessel:?}");
            let task = ["sweep", &name, folder.path().to_str().unwrap()];
            let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
            examine(vessel, folder.path(), ended.number("step"), &what);
            if ended.status.success() {
                assert_eq!(ended.number("step"), 2 * STEPS, "{what}");
                break;
            }
            assert_eq!(ended.status.signal(), Some(9), "{what}: {}", ended.errors);
            killed += 1;
            assert!(nth + stride <= MOST, "{what}: it never ends");
        }
        points.push(format!("{call} {killed}"));
    }
    println!("{vessel:?}: killed before each {}", points.join(", "));
}

#[test]
fn a_plain_vault_before_every_call() {
    swept(Vessel::Plain, 1);
}

#[test]
#[ignore = "derives a key for each call: minutes"]
fn an_encrypted_vault_before_every_call() {
    swept(Vessel::Encrypted, 1);
}

#[test]
fn a_store_before_every_call() {
    swept(Vessel::Store, 1);
}

/// Between what an upper has to do no deleted file of the base comes back.
#[test]
fn an_overlay_before_every_thirteenth_call() {
    swept(Vessel::Overlay, 13);
}

#[test]
#[ignore = "an upper writes often: many minutes"]
fn an_overlay_before_every_call() {
    swept(Vessel::Overlay, 1);
}

#[test]
fn saved_memory_before_every_call() {
    swept(Vessel::Memory, 1);
}
