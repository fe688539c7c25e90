//! The power goes while a filesystem works on a real disk (ext4, xfs; a loop device, whose shutdown ioctl drops all that is not on the disk): what was
//! acknowledged is there, what was under way is there whole or not at all, and a new filesystem exists whole or not at all.
//!
//! Needs root, mkfs.ext4 and mkfs.xfs, and takes minutes, so it runs only when told:
//! `LAMINA_POWER_ROUNDS=50 cargo test --release -p lamina-tests --test power_cut -- --ignored --nocapture --test-threads=1`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_backends::sqlite::Durability;
use fs_core::Scope;
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::disk::Disk;
use lamina_tests::fault;
use lamina_tests::random::{Random, setting};
use lamina_tests::script::{Files, Focus, Script, perform, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

/// What the child does until the light goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Each step is durable when it returns.
    Each,
    /// Steps are durable after the `sync` that follows some of them.
    OnSync,
    /// Makes filesystems, one after the other.
    Create,
}

const MODES: [Mode; 3] = [Mode::Each, Mode::OnSync, Mode::Create];
const SEED: u64 = 3;

/// The child, and the one that mounts for it.
#[test]
fn child() {
    let Some(task) = child::task() else {
        return;
    };
    let vessel = Vessel::named(&task[1]);
    let mode = MODES
        .into_iter()
        .find(|mode| format!("{mode:?}") == task[2])
        .unwrap();
    let folder = PathBuf::from(&task[3]);
    match task[0].as_str() {
        "stage" => stage(vessel, mode, &folder, &task[4]),
        _ => work(vessel, mode, &folder, task[4].parse().unwrap()),
    }
}

/// Works until everything fails.
fn work(vessel: Vessel, mode: Mode, disk: &Path, seed: u64) {
    if mode == Mode::Create {
        tell(format_args!("ready"));
        for number in 1.. {
            let place = disk.join(format!("made{number}"));
            let folder =
                std::fs::create_dir(&place).and_then(|()| std::fs::File::open(disk)?.sync_all());
            let made = folder.is_ok() && vessel.make(&place).is_ok();
            if !made {
                return;
            }
            tell(format_args!("step {number}"));
        }
        return;
    }
    let durability = match mode {
        Mode::Each => Durability::EachCall,
        _ => Durability::OnSync,
    };
    let open = vessel.open(disk, PASSWORDS[0], durability).unwrap();
    let fs = open.storage();
    let mut script = Script::new(seed, Focus::Mixed).small();
    tell(format_args!("ready"));
    for number in 1.. {
        let step = script.draw();
        if perform(&fs, &step).and_then(|()| open.settle()).is_err() {
            return;
        }
        script.accept(&step);
        tell(format_args!("done {number}"));
        let durable = mode == Mode::Each || number % 7 == 0;
        if durable && (mode == Mode::Each || open.backend.sync(Scope::All).is_ok()) {
            tell(format_args!("step {number}"));
        }
    }
}

/// Cuts the power `rounds` times, in a mount namespace of its own.
fn stage(vessel: Vessel, mode: Mode, folder: &Path, kind: &str) {
    let rounds = setting("LAMINA_POWER_ROUNDS", 50);
    let seed = setting("LAMINA_POWER_SEED", SEED);
    let mut random = Random(seed);
    let mut steps = 0;
    let start = Instant::now();
    for round in 0..rounds {
        let disk = match Disk::format(folder, kind).and_then(|disk| disk.mount().map(|()| disk)) {
            Ok(disk) => disk,
            Err(why) => return tell(format_args!("left out {why}")),
        };
        if mode != Mode::Create {
            vessel.make(disk.path()).unwrap();
            fault::run(&["sync", "-f", disk.path().to_str().unwrap()]);
        }
        let script = random.next();
        let moment = Duration::from_micros(random.below(400_000));
        let what = format!("{vessel:?} {mode:?} on {kind}, seed {seed}, round {round}, {moment:?}");
        let (vessel_name, mode_name) = (format!("{vessel:?}"), format!("{mode:?}"));
        let path = disk.path().to_str().unwrap();
        let task = ["work", &vessel_name, &mode_name, path, &script.to_string()];
        let mut worker = Worker::start(&mut child::command(&[], &task));
        assert!(
            worker.wait_for("ready"),
            "{what}: {}",
            worker.end(&what).errors
        );
        std::thread::sleep(moment);
        disk.cut();
        // It may still tell what was acknowledged before; then it finds everything failing, and ends or is killed.
        std::thread::sleep(Duration::from_millis(30));
        worker.kill();
        let ended = worker.end(&what);
        disk.unmount();
        disk.mount().unwrap();
        let acknowledged = ended.number("step");
        steps += acknowledged;
        match mode {
            Mode::Create => all_or_nothing(vessel, disk.path(), acknowledged, &what),
            _ => examine(
                vessel,
                disk.path(),
                script,
                (acknowledged, ended.number("done")),
                &what,
            ),
        }
        disk.unmount();
        tell(format_args!("round {round}"));
    }
    tell(format_args!(
        "done {rounds} power cuts after {steps} acknowledged steps, seed {seed}, {:?}",
        start.elapsed()
    ));
}

/// What is there is the state after a step between the last that was durable and the last that began.
fn examine(vessel: Vessel, disk: &Path, seed: u64, (durable, done): (usize, usize), what: &str) {
    let open = vessel
        .open(disk, PASSWORDS[0], Durability::OnSync)
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    is_sound(&*open.backend, what);
    let now: Files = files(&open.storage()).unwrap();
    let mut script = Script::new(seed, Focus::Mixed).small().after(durable);
    let explained = (durable..=done).any(|_| {
        let step = script.draw();
        let explained = script.explains(&step, &now);
        script.accept(&step);
        explained
    });
    assert!(
        explained,
        "{what}: after {durable} durable steps of {done}: {:?}",
        sizes(&now)
    );
    is_clean(&*open.backend, what);
    open.backend.close().unwrap();
}

/// Each that was acknowledged opens and has its folders; the one after may be there, then it is whole.
fn all_or_nothing(vessel: Vessel, disk: &Path, acknowledged: usize, what: &str) {
    for number in 1..=acknowledged + 1 {
        let folder = disk.join(format!("made{number}"));
        match vessel.open(&folder, PASSWORDS[0], Durability::OnSync) {
            Ok(open) => {
                is_sound(&*open.backend, what);
                open.backend.close().unwrap();
            }
            Err(error) => {
                assert!(
                    number > acknowledged && !exists(vessel, &folder),
                    "{what}: {number} of {acknowledged}: {error:?}"
                );
            }
        }
    }
}

/// A store exists from the moment its index does.
fn exists(vessel: Vessel, folder: &Path) -> bool {
    let place = vessel.place(folder);
    match vessel {
        Vessel::Store | Vessel::EncryptedStore => place.join("index.db").exists(),
        _ => place.exists(),
    }
}

fn cut(vessel: Vessel, mode: Mode) {
    let wrapper = match fault::private_mounts() {
        Ok(wrapper) => wrapper,
        Err(why) => return lamina_tests::left_out("power cuts", &why),
    };
    for kind in ["ext4", "xfs"] {
        let folder = lamina_tests::folder();
        let what = format!("{vessel:?} {mode:?} on {kind}");
        let (vessel, mode) = (format!("{vessel:?}"), format!("{mode:?}"));
        let task = [
            "stage",
            &vessel,
            &mode,
            folder.path().to_str().unwrap(),
            kind,
        ];
        let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
        assert!(ended.status.success(), "{what}: {}", ended.errors);
        match ended.last("left out") {
            Some(why) => lamina_tests::left_out(&what, why),
            None => println!("{what}: {}", ended.last("done").expect("an end")),
        }
    }
}

macro_rules! cuts {
    ($($test:ident: $vessel:ident $mode:ident;)*) => {
        $(#[test] #[ignore = "needs root and minutes"] fn $test() { cut(Vessel::$vessel, Mode::$mode); })*
    };
}

cuts! {
    a_plain_vault_that_waits_for_the_disk: Plain Each;
    a_plain_vault_that_syncs_now_and_then: Plain OnSync;
    an_encrypted_vault_that_waits_for_the_disk: Encrypted Each;
    an_encrypted_vault_that_syncs_now_and_then: Encrypted OnSync;
    a_store_that_waits_for_the_disk: Store Each;
    a_store_that_syncs_now_and_then: Store OnSync;
    saved_memory: Memory Each;
    a_new_plain_vault: Plain Create;
    a_new_encrypted_vault: Encrypted Create;
    a_new_store: Store Create;
}
