//! Killed at random times.

use std::path::Path;
use std::time::Instant;

use fs_backends::sqlite::Durability;
use fs_core::ErrorKind;
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Ended, Worker};
use lamina_tests::random::{Random, setting};
use lamina_tests::script::{Focus, Script, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

use crate::make;

/// What runs beside the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Nothing,
    /// Makes all durable.
    Checkpoint,
    Compact,
    Rekey,
    Collect,
    Backup,
}

impl Task {
    /// How often, when nothing kills it before.
    pub fn rounds(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Checkpoint | Self::Collect => 20,
            Self::Compact => 5,
            Self::Rekey => 1,
            Self::Backup => 2,
        }
    }
}

pub struct Case {
    pub vessel: Vessel,
    pub focus: Focus,
    pub task: Task,
}

impl Case {
    /// What the child does, and what must be there.
    pub fn script(&self, seed: u64) -> Script {
        Script::new(seed, self.focus).over(self.vessel.files())
    }
}

macro_rules! cases {
    ($($test:ident: $vessel:ident $focus:ident $task:ident;)*) => {
        /// Every case, as the child finds it by its number.
        pub const CASES: &[Case] = &[$(Case {
            vessel: Vessel::$vessel,
            focus: Focus::$focus,
            task: Task::$task,
        }),*];
        const NAMES: &[&str] = &[$(stringify!($test)),*];
        $(#[test] fn $test() { killed_at_random(stringify!($test)); })*
    };
}

cases! {
    importing_into_a_plain_vault: Plain Import Nothing;
    importing_into_an_encrypted_vault: Encrypted Import Nothing;
    importing_into_a_store: Store Import Nothing;
    overwriting_in_a_plain_vault: Plain Overwrite Nothing;
    overwriting_in_an_encrypted_vault: Encrypted Overwrite Nothing;
    overwriting_in_a_store: Store Overwrite Nothing;
    renaming_in_a_plain_vault: Plain Rename Nothing;
    renaming_in_an_encrypted_vault: Encrypted Rename Nothing;
    renaming_in_a_store: Store Rename Nothing;
    deleting_in_a_plain_vault: Plain Delete Nothing;
    deleting_in_an_encrypted_vault: Encrypted Delete Nothing;
    deleting_in_a_store: Store Delete Nothing;
    checkpoints_of_a_plain_vault: Plain Mixed Checkpoint;
    checkpoints_of_an_encrypted_vault: Encrypted Mixed Checkpoint;
    checkpoints_of_a_store: Store Mixed Checkpoint;
    compacting_a_plain_vault: Plain Mixed Compact;
    compacting_an_encrypted_vault: Encrypted Mixed Compact;
    compacting_a_store: Store Mixed Compact;
    changing_a_password: Encrypted Mixed Rekey;
    collecting_garbage: Store Mixed Collect;
    collecting_garbage_while_importing: Store Import Collect;
    backing_up_a_plain_vault: Plain Mixed Backup;
    backing_up_a_store: Store Mixed Backup;
    saving_memory: Memory Mixed Nothing;
    working_in_an_overlay: Overlay Mixed Nothing;
    renaming_in_an_overlay: Overlay Rename Nothing;
    deleting_in_an_overlay: Overlay Delete Nothing;
    working_in_an_encrypted_store: EncryptedStore Mixed Nothing;
    collecting_garbage_of_an_encrypted_store: EncryptedStore Mixed Collect;
    changing_the_password_of_a_store: EncryptedStore Mixed Rekey;
}

/// The last step acknowledged, and which passwords may open it.
fn acknowledged(ended: &Ended) -> (usize, Vec<usize>) {
    let mut passwords = vec![0];
    for line in &ended.heard {
        if let Some(next) = line.strip_prefix("to ") {
            passwords.push(next.parse().unwrap());
        } else if let Some(now) = line.strip_prefix("is ") {
            passwords = vec![now.parse().unwrap()];
        }
    }
    (ended.number("step"), passwords)
}

/// Opens what is left, and compares it with the script after the steps acknowledged and after one more.
fn examine(case: &Case, folder: &Path, seed: u64, ended: &Ended, what: &str) {
    let (steps, passwords) = acknowledged(ended);
    let vessel = case.vessel;
    let open = |number: usize| vessel.open(folder, PASSWORDS[number], Durability::OnSync);
    let opened = passwords
        .iter()
        .rev()
        .find_map(|&number| match open(number) {
            Ok(open) => Some(open),
            Err(error) if error.kind() == ErrorKind::WrongPassword => None,
            Err(error) => panic!("{what}: {error}"),
        });
    let open = opened.unwrap_or_else(|| panic!("{what}: none of {passwords:?} opens it"));
    is_sound(&*open.checked, what);
    let now = files(&open.storage()).unwrap();
    let mut script = case.script(seed).after(steps);
    if !script.agrees(&now) {
        let before: Vec<String> = script.model.keys().cloned().collect();
        let step = script.draw();
        let told = script.explains(&step, &now);
        let found = sizes(&now);
        assert!(
            told,
            "{what}: after step {steps} comes {step:?}; before {before:?}, now {found:?}"
        );
    }
    is_clean(&*open.checked, what);
    open.backend.close().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("copy") {
            let place = tempfile::tempdir_in(folder).unwrap();
            std::fs::rename(&path, vessel.place(place.path())).unwrap();
            let copy = vessel.open(place.path(), PASSWORDS[0], Durability::OnSync);
            let copy = copy.unwrap();
            is_sound(&*copy.backend, what);
            files(&copy.storage()).unwrap();
        }
    }
}

fn killed_at_random(name: &str) {
    let rounds = setting("LAMINA_KILL_ROUNDS", 30);
    let seed = setting("LAMINA_KILL_SEED", u64::from(std::process::id()));
    let number = NAMES.iter().position(|it| *it == name).unwrap();
    let case = &CASES[number];
    let begin = |seed: u64, folder: &Path| {
        make(case.vessel, folder);
        let (number, seed) = (number.to_string(), seed.to_string());
        let task = ["work", &number, &seed, folder.to_str().unwrap()];
        Worker::start(&mut child::command(&[], &task))
    };
    let folder = lamina_tests::folder();
    let start = Instant::now();
    let mut worker = begin(seed, folder.path());
    assert!(worker.wait_for("ready"), "{:?}", worker.end(name).errors);
    let (opening, start) = (start.elapsed(), Instant::now());
    let ended = worker.end(name);
    let working = start.elapsed();
    assert!(ended.status.success(), "{name}: {}", ended.errors);
    examine(case, folder.path(), seed, &ended, "undisturbed");
    let mut random = Random(seed);
    let mut steps = 0;
    for round in 0..rounds {
        let script = random.next();
        let share = random.below(1000) as f64 / 1000.0;
        // Some are killed while they open it.
        let whole = if round % 8 == 7 { opening } else { working };
        let moment = whole.mul_f64(share);
        let what = format!("{name}, seed {seed}, round {round}, killed after {moment:?}");
        let folder = lamina_tests::folder();
        let mut worker = begin(script, folder.path());
        let began = round % 8 == 7 || worker.wait_for("ready");
        assert!(began, "{what}: {}", worker.end(&what).errors);
        std::thread::sleep(moment);
        worker.kill();
        let ended = worker.end(&what);
        steps += ended.number("step");
        examine(case, folder.path(), script, &ended, &what);
    }
    println!("{name}: seed {seed}, {rounds} kills after {steps} steps, undisturbed {working:?}");
}
