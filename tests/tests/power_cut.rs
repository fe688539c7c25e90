//! The power goes while a filesystem works on a real disk (ext4, xfs; a loop device, whose shutdown ioctl drops all that is not on the disk): what was
//! acknowledged is there, what was under way is there whole or not at all, and a new filesystem exists whole or not at all.
//!
//! Needs root, mkfs.ext4 and mkfs.xfs, and takes minutes, so it runs only when told:
//! `LAMINA_POWER_ROUNDS=50 cargo test --release -p lamina-tests --test power_cut -- --ignored --nocapture --test-threads=4`
//!
//! What counts as acknowledged: what the child was told before the ioctl began, by a clock both share. The ioctl is not instant: an `fsync` that is under
//! way while it runs may succeed although nothing of it reaches the disk (ext4 looks for a transaction that the shutdown has already thrown away). No
//! disk that loses its power can answer like that, so such late answers only may be kept; how many were not is printed. `the_disk_itself` shows the same
//! of a file without anything of ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_backends::sqlite::Durability;
use fs_core::Scope;
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Ended, Worker, now_ns, tell};
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
    /// Nothing of ours: blocks are added to a file, with an `fsync` each.
    File,
}

const MODES: [Mode; 4] = [Mode::Each, Mode::OnSync, Mode::Create, Mode::File];
const SEED: u64 = 3;
/// Bytes added to the file of [`Mode::File`] at a time.
const BLOCK: usize = 5000;

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

/// Everything up to `number` will survive, as far as the child was told.
fn acknowledge(number: usize) {
    tell(format_args!("step {number} {}", now_ns()));
}

/// Works until everything fails.
fn work(vessel: Vessel, mode: Mode, disk: &Path, seed: u64) {
    match mode {
        Mode::Create => create(vessel, disk),
        Mode::File => write_blocks(disk),
        Mode::Each | Mode::OnSync => follow(vessel, mode, disk, seed),
    }
}

fn create(vessel: Vessel, disk: &Path) {
    for number in 1.. {
        let place = disk.join(format!("made{number}"));
        let folder =
            std::fs::create_dir(&place).and_then(|()| std::fs::File::open(disk)?.sync_all());
        if folder.is_err() || vessel.make(&place).is_err() {
            return;
        }
        acknowledge(number);
        if number == 1 {
            tell(format_args!("ready"));
        }
    }
}

fn write_blocks(disk: &Path) {
    let file = std::fs::File::create_new(disk.join("file")).unwrap();
    std::fs::File::open(disk).unwrap().sync_all().unwrap();
    tell(format_args!("ready"));
    for number in 1.. {
        let at = (number - 1) * BLOCK;
        let written = file.write_all_at(&[number as u8; BLOCK], at as u64);
        if written.and_then(|()| file.sync_data()).is_err() {
            return;
        }
        acknowledge(number);
    }
}

fn follow(vessel: Vessel, mode: Mode, disk: &Path, seed: u64) {
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
            acknowledge(number);
        }
    }
}

/// What the child told of its steps.
#[derive(Clone, Copy)]
struct Told {
    /// The last one acknowledged before the power went.
    durable: usize,
    /// The last one acknowledged at all.
    late: usize,
    /// The last one that returned.
    done: usize,
}

impl Told {
    fn new(ended: &Ended, cut_ns: u64) -> Self {
        let steps = ended
            .heard
            .iter()
            .filter_map(|line| line.strip_prefix("step ")?.split_once(' '))
            .map(|(number, ns)| (number.parse().unwrap(), ns.parse::<u64>().unwrap()));
        let (mut durable, mut late) = (0, 0);
        for (number, ns) in steps {
            late = number;
            if ns < cut_ns {
                durable = number;
            }
        }
        Self {
            durable,
            late,
            done: ended.number("done").max(late),
        }
    }
}

/// Cuts the power `rounds` times, in a mount namespace of its own.
fn stage(vessel: Vessel, mode: Mode, folder: &Path, kind: &str) {
    let rounds = setting("LAMINA_POWER_ROUNDS", 50);
    let seed = setting("LAMINA_POWER_SEED", SEED);
    let mut random = Random(seed);
    let (mut steps, mut late, mut not_kept) = (0, 0, 0);
    let start = Instant::now();
    // Made once: deriving a key takes its time.
    let made = folder.join("made");
    std::fs::create_dir(&made).unwrap();
    vessel.make(&made).unwrap();
    for round in 0..rounds {
        let disk = match Disk::format(folder, kind).and_then(|disk| disk.mount().map(|()| disk)) {
            Ok(disk) => disk,
            Err(why) => return tell(format_args!("left out {why}")),
        };
        if matches!(mode, Mode::Each | Mode::OnSync) {
            let from = vessel.place(&made);
            let to = disk.path().to_str().unwrap();
            fault::run(&["cp", "-a", from.to_str().unwrap(), to]);
            fault::run(&["sync", "-f", to]);
        }
        let script = random.next();
        let share = random.below(1000) as f64 / 1000.0;
        let what = format!("{vessel:?} {mode:?} on {kind}, seed {seed}, round {round}, {share}");
        let (vessel_name, mode_name) = (format!("{vessel:?}"), format!("{mode:?}"));
        let path = disk.path().to_str().unwrap();
        let task = ["work", &vessel_name, &mode_name, path, &script.to_string()];
        let began = Instant::now();
        let mut worker = Worker::start(&mut child::command(&[], &task));
        assert!(
            worker.wait_for("ready"),
            "{what}: {}",
            worker.end(&what).errors
        );
        // One was made until here: in the time of two more, with their keys.
        let whole = match mode {
            Mode::Create => 2 * began.elapsed(),
            _ => Duration::from_millis(400),
        };
        std::thread::sleep(whole.mul_f64(share));
        let cut_ns = disk.cut();
        // It may still tell what was acknowledged before; then it finds everything failing, and ends or is killed.
        std::thread::sleep(Duration::from_millis(30));
        worker.kill();
        let ended = worker.end(&what);
        disk.unmount();
        disk.mount().unwrap();
        let told = Told::new(&ended, cut_ns);
        steps += told.durable;
        late += usize::from(told.late > told.durable);
        let kept = match mode {
            Mode::Create => all_or_nothing(vessel, disk.path(), told, &what),
            Mode::File => blocks(disk.path(), told, &what),
            Mode::Each | Mode::OnSync => examine(vessel, disk.path(), script, told, &what),
        };
        not_kept += usize::from(kept < told.late);
        disk.unmount();
        tell(format_args!("round {round}"));
    }
    tell(format_args!(
        "ended: {rounds} power cuts after {steps} acknowledged steps, none lost ({late} acknowledged later, of which {not_kept} were not kept), seed {seed}, {:?}",
        start.elapsed()
    ));
}

/// What is there is the state after a step between the last that was durable and the one after the last that returned; answers which.
fn examine(vessel: Vessel, disk: &Path, seed: u64, told: Told, what: &str) -> usize {
    let Told { durable, done, .. } = told;
    let open = vessel
        .open(disk, PASSWORDS[0], Durability::OnSync)
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    is_sound(&*open.backend, what);
    let now: Files = files(&open.storage()).unwrap();
    let mut script = Script::new(seed, Focus::Mixed).small().after(durable);
    let mut kept = None;
    for number in durable..=done {
        // Steps that change nothing leave several that explain it: the last one counts.
        if script.agrees(&now) {
            kept = Some(number);
        }
        let step = script.draw();
        if kept.is_none() && script.explains(&step, &now) {
            kept = Some(number);
        }
        script.accept(&step);
    }
    if script.agrees(&now) {
        kept = Some(done + 1);
    }
    let found = kept.unwrap_or_else(|| {
        panic!(
            "{what}: after {durable} durable steps of {done}: {:?}, which is {}, and not {}",
            sizes(&now),
            whence(seed, durable, &now),
            wanted(seed, durable)
        )
    });
    is_clean(&*open.backend, what);
    open.backend.close().unwrap();
    found
}

/// For the message: which earlier step was the last one kept.
fn whence(seed: u64, durable: usize, now: &Files) -> String {
    let mut script = Script::new(seed, Focus::Mixed).small();
    for number in 0..durable {
        if script.agrees(now) {
            return format!("the state after step {number}");
        }
        let step = script.draw();
        script.accept(&step);
    }
    "no state there ever was".to_owned()
}

/// For the message: what is durable, and what came next.
fn wanted(seed: u64, durable: usize) -> String {
    let mut script = Script::new(seed, Focus::Mixed).small().after(durable);
    let before = script.model.clone();
    format!("{before:?} and then {:?}", script.draw())
}

/// Each that was acknowledged opens and has its folders; those after may be there, then they are whole. Answers how many are there.
fn all_or_nothing(vessel: Vessel, disk: &Path, told: Told, what: &str) -> usize {
    let mut kept = 0;
    for number in 1..=told.done + 1 {
        let folder = disk.join(format!("made{number}"));
        match vessel.open(&folder, PASSWORDS[0], Durability::OnSync) {
            Ok(open) => {
                is_sound(&*open.backend, what);
                let found = open.storage().read_dir("/").unwrap().count();
                assert!(
                    found == lamina_tests::script::FOLDERS.len() || number > told.durable,
                    "{what}: {number} of {}: {found} folders",
                    told.durable
                );
                open.backend.close().unwrap();
                kept = number;
            }
            Err(error) => {
                assert!(
                    number > told.durable && !exists(vessel, &folder),
                    "{what}: {number} of {}: {error:?}",
                    told.durable
                );
            }
        }
    }
    kept
}

/// A store exists from the moment its index does.
fn exists(vessel: Vessel, folder: &Path) -> bool {
    let place = vessel.place(folder);
    match vessel {
        Vessel::Store | Vessel::EncryptedStore => place.join("index.db").exists(),
        _ => place.exists(),
    }
}

/// Every block that was acknowledged is whole; answers how many are.
fn blocks(disk: &Path, told: Told, what: &str) -> usize {
    let bytes = std::fs::read(disk.join("file")).unwrap();
    let whole = |(index, block): (usize, &[u8])| {
        block.len() == BLOCK && block.iter().all(|&byte| byte == (index + 1) as u8)
    };
    let kept = bytes
        .chunks(BLOCK)
        .enumerate()
        .take_while(|block| whole(*block))
        .count();
    assert!(
        kept >= told.durable,
        "{what}: {kept} blocks of {}",
        told.durable
    );
    kept
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
            None => println!("{what}: {}", ended.last("ended:").expect("an end")),
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
    an_encrypted_store_that_waits_for_the_disk: EncryptedStore Each;
    an_encrypted_store_that_syncs_now_and_then: EncryptedStore OnSync;
    saved_memory: Memory Each;
    a_new_plain_vault: Plain Create;
    a_new_encrypted_vault: Encrypted Create;
    a_new_store: Store Create;
    a_new_encrypted_store: EncryptedStore Create;
    newly_saved_memory: Memory Create;
    the_disk_itself: Host File;
}
