//! Killed before the n-th call of each system call that changes a disk, for every n of a short script, until it runs through undisturbed.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use fs_backends::sqlite::Durability;
use fs_core::{Backend, Control};
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::fault::{self, Effect};
use lamina_tests::script::{Focus, Script, perform, sizes};
use lamina_tests::vessel::{Open, PASSWORDS, Vessel};

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

/// `task`: vessel, folder.
pub fn rekey(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let [old, new] = PASSWORDS;
    let open = vessel.open(&folder, old, Durability::EachCall).unwrap();
    let maintenance = open.backend.extensions().maintenance.unwrap();
    maintenance.change_password(old, new).unwrap();
    tell(format_args!("step {REKEYED}"));
    open.backend.close().unwrap();
}

/// What the child says when the new password is the only one.
const REKEYED: usize = 1;
const FILE: &str = "/d0/kept";

/// One of the passwords opens it, and nothing in it is damaged, neither as the kill left it nor after it was opened for writing.
fn examine_rekeyed(vessel: Vessel, folder: &Path, steps: usize, what: &str) {
    let passwords = &PASSWORDS[steps..];
    let opened = passwords
        .iter()
        .find_map(|password| Some((password, vessel.look(folder, password).ok()?)));
    let Some((password, open)) = opened else {
        panic!("{what}: neither password opens it");
    };
    let kept = |open: &Open| open.storage().read(FILE).unwrap() == bytes();
    is_sound(&*open.backend, &format!("{what}, as it was left"));
    assert!(kept(&open), "{what}");
    open.backend.close().unwrap();
    let open = vessel.open(folder, password, Durability::OnSync).unwrap();
    is_clean(&*open.backend, what);
    assert!(kept(&open), "{what}");
    open.backend.close().unwrap();
}

fn bytes() -> Vec<u8> {
    (0..300_000u32).flat_map(u32::to_le_bytes).collect()
}

/// A password is changed, and killed before every call of each kind, of the many that write pages before every `stride`-th.
fn rekeyed(vessel: Vessel, stride: usize) {
    let make = |folder: &Path| {
        make(vessel, folder);
        let open = vessel
            .open(folder, PASSWORDS[0], Durability::EachCall)
            .unwrap();
        open.storage().write(FILE, bytes()).unwrap();
        open.backend.close().unwrap();
    };
    let stride = |call: &str| if call == "pwrite64" { stride } else { 1 };
    killed(vessel, "rekey", &stride, REKEYED, &make, &examine_rekeyed);
}

/// A script runs, and is killed before the first call of each kind and every `stride`-th after it.
fn swept(vessel: Vessel, stride: usize) {
    let make = |folder: &Path| make(vessel, folder);
    killed(vessel, "sweep", &|_| stride, 2 * STEPS, &make, &examine);
}

type Examine = dyn Fn(Vessel, &Path, usize, &str);

/// Runs `task` in folders that `make` fills; `last` is what it tells when nothing kills it.
fn killed(
    vessel: Vessel,
    task: &str,
    stride: &dyn Fn(&str) -> usize,
    last: usize,
    make: &dyn Fn(&Path),
    examine: &Examine,
) {
    if let Err(why) = fault::can_tamper() {
        lamina_tests::left_out("kills before each system call", &why);
        return;
    }
    let mut points = Vec::new();
    for call in CALLS {
        let (stride, mut killed) = (stride(call), 0);
        for nth in (1..=MOST).step_by(stride) {
            let what = format!("{task} of {vessel:?}, killed before {call} {nth}");
            let folder = lamina_tests::folder();
            make(folder.path());
            let wrapper = fault::at_call(call, nth, Effect::Kill);
            let name = format!("{vessel:?}");
            let task = [task, &name, folder.path().to_str().unwrap()];
            let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
            examine(vessel, folder.path(), ended.number("step"), &what);
            if ended.status.success() {
                assert_eq!(ended.number("step"), last, "{what}");
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
fn changing_the_password_of_a_vault_before_many_calls() {
    rekeyed(Vessel::Encrypted, 12);
}

#[test]
fn changing_the_password_of_a_store_before_many_calls() {
    rekeyed(Vessel::EncryptedStore, 9);
}

#[test]
#[ignore = "derives keys for each call: minutes"]
fn changing_a_password_before_every_call() {
    rekeyed(Vessel::Encrypted, 1);
    rekeyed(Vessel::EncryptedStore, 1);
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
