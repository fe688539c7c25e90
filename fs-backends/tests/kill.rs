//! SIGKILL at random moments: what was acknowledged is there, what was under way is there whole or not at all, and a check finds nothing.
//!
//! The test starts itself again as a child that works through a script both know, telling each step on its standard output when it has returned.
//! `LAMINA_KILL_ROUNDS` sets how often each case is killed, `LAMINA_KILL_SEED` the moments and scripts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_core::maintenance::Maintenance;
use fs_core::{Backend, Control, ErrorKind, FileStorage};

const CHILD: &str = "LAMINA_KILL_CHILD";
const PASSWORDS: [&str; 2] = ["first", "second"];
const STEPS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Encrypted,
    Store,
    EncryptedStore,
}

impl Kind {
    fn is_store(self) -> bool {
        matches!(self, Self::Store | Self::EncryptedStore)
    }
}

/// What runs beside the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Nothing,
    Sync,
    Compact,
    Rekey,
    Collect,
    Backup,
}

const CASES: [(&str, Kind, Task); 15] = [
    ("plain", Kind::Plain, Task::Nothing),
    ("encrypted", Kind::Encrypted, Task::Nothing),
    ("store", Kind::Store, Task::Nothing),
    ("plain-checkpoint", Kind::Plain, Task::Sync),
    ("store-checkpoint", Kind::Store, Task::Sync),
    ("plain-compact", Kind::Plain, Task::Compact),
    ("encrypted-compact", Kind::Encrypted, Task::Compact),
    ("store-compact", Kind::Store, Task::Compact),
    ("encrypted-rekey", Kind::Encrypted, Task::Rekey),
    ("store-gc", Kind::Store, Task::Collect),
    ("plain-backup", Kind::Plain, Task::Backup),
    ("store-backup", Kind::Store, Task::Backup),
    ("encrypted-store", Kind::EncryptedStore, Task::Nothing),
    ("encrypted-store-gc", Kind::EncryptedStore, Task::Collect),
    ("encrypted-store-rekey", Kind::EncryptedStore, Task::Rekey),
];

struct Random(u64);

impl Random {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(String, u64),
    Append(String, u64),
    Copy(String, String),
    Rename(String, String),
    RenameFolder(String, String),
    Remove(String),
}

/// A file: its path, and the seeds its content is made from, one after the other.
type Model = BTreeMap<String, Vec<u64>>;

fn content(seeds: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &seed in seeds {
        let mut random = Random(seed);
        // Many small files, some of several pieces, a few large ones.
        let length = match random.below(20) {
            0 => 1_500_000 + random.below(1_500_000),
            1..=4 => random.below(300_000),
            _ => random.below(5000),
        };
        for _ in 0..length.div_ceil(8) {
            bytes.extend(random.next().to_le_bytes());
        }
    }
    bytes
}

/// The step after `model`, drawn from what is there.
fn draw(random: &mut Random, model: &Model) -> Step {
    let folder = |random: &mut Random| format!("/d{}", random.below(4));
    let new = |random: &mut Random| {
        let folder = folder(random);
        format!("{folder}/f{}", random.below(12))
    };
    let names: Vec<&String> = model.keys().collect();
    let pick = random.below(names.len().max(1) as u64) as usize;
    let Some(&old) = names.get(pick) else {
        return Step::Write(new(random), random.next());
    };
    let old = old.clone();
    match random.below(10) {
        0..=3 => Step::Write(new(random), random.next()),
        4 => Step::Append(old, random.next()),
        5 => Step::Copy(old, new(random)),
        6 => Step::Rename(old, new(random)),
        7 => {
            let (from, to) = (folder(random), folder(random));
            let is_free = !model.keys().any(|name| name.starts_with(&format!("{to}/")));
            if is_free && from != to {
                Step::RenameFolder(from, to)
            } else {
                Step::Remove(old)
            }
        }
        _ => Step::Remove(old),
    }
}

fn apply(model: &mut Model, step: &Step) {
    match step {
        Step::Write(path, seed) => {
            model.insert(path.clone(), vec![*seed]);
        }
        Step::Append(path, seed) => model.get_mut(path).unwrap().push(*seed),
        Step::Copy(from, to) => {
            let seeds = model[from].clone();
            model.insert(to.clone(), seeds);
        }
        Step::Rename(from, to) => {
            let seeds = model.remove(from).unwrap();
            model.insert(to.clone(), seeds);
        }
        Step::RenameFolder(from, to) => {
            let inside = format!("{from}/");
            let names: Vec<String> = model.keys().cloned().collect();
            for name in names.iter().filter(|name| name.starts_with(&inside)) {
                let seeds = model.remove(name).unwrap();
                model.insert(name.replacen(from.as_str(), to, 1), seeds);
            }
        }
        Step::Remove(path) => {
            model.remove(path);
        }
    }
}

type Fs = FileStorage<Arc<dyn Backend>>;

fn perform(fs: &Fs, step: &Step) {
    match step {
        Step::Write(path, seed) => fs.write(path, content(&[*seed])).unwrap(),
        Step::Append(path, seed) => fs.append(path, content(&[*seed])).unwrap(),
        Step::Copy(from, to) if from == to => {}
        Step::Copy(from, to) => drop(fs.copy(from, to).unwrap()),
        Step::Rename(from, to) => fs.rename(from, to).unwrap(),
        Step::RenameFolder(from, to) => {
            fs.rename(from, to).unwrap();
            fs.create_dir(from).unwrap();
        }
        Step::Remove(path) => fs.remove_file(path).unwrap(),
    }
}

fn place(folder: &Path, kind: Kind) -> PathBuf {
    folder.join(if kind.is_store() { "s" } else { "v.db" })
}

fn open(path: &Path, kind: Kind, password: &str) -> fs_core::Result<Arc<dyn Backend>> {
    let vault = VaultOptions::new().durability(Durability::OnSync);
    Ok(match kind {
        Kind::Plain => Arc::new(vault.open(path)?),
        Kind::Encrypted => Arc::new(vault.password(password).open(path)?),
        Kind::Store => {
            let store = StoreOptions::new().durability(Durability::OnSync);
            Arc::new(store.open(path)?)
        }
        Kind::EncryptedStore => {
            let store = StoreOptions::new().durability(Durability::OnSync);
            Arc::new(store.password(password).open(path)?)
        }
    })
}

fn make(folder: &Path, kind: Kind) {
    let path = place(folder, kind);
    let vault = VaultOptions::new().durability(Durability::OnSync);
    let backend: Arc<dyn Backend> = match kind {
        Kind::Plain => Arc::new(vault.create(path).unwrap()),
        Kind::Encrypted => Arc::new(vault.password(PASSWORDS[0]).create(path).unwrap()),
        Kind::Store => Arc::new(StoreOptions::new().create(path).unwrap()),
        Kind::EncryptedStore => {
            let store = StoreOptions::new().password(PASSWORDS[0]);
            Arc::new(store.create(path).unwrap())
        }
    };
    let fs = FileStorage::new(backend.clone());
    for folder in 0..4 {
        fs.create_dir(format!("/d{folder}")).unwrap();
    }
    backend.close().unwrap();
}

fn tell(line: std::fmt::Arguments<'_>) {
    // One write each, so that a kill can't tear it. The test harness prints as well, hence the mark.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The child: works until it is killed or done.
#[test]
fn child() {
    let Ok(told) = std::env::var(CHILD) else {
        // In the parent there is nothing to do.
        return;
    };
    let mut told = told.splitn(3, ':');
    let case: usize = told.next().unwrap().parse().unwrap();
    let seed: u64 = told.next().unwrap().parse().unwrap();
    let folder = PathBuf::from(told.next().unwrap());
    let (_, kind, task) = CASES[case];
    let backend = open(&place(&folder, kind), kind, PASSWORDS[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| disturb(&*backend, task, &folder, &done));
        let fs = FileStorage::new(backend.clone());
        let mut random = Random(seed);
        let mut model = Model::new();
        for number in 1..=STEPS {
            let step = draw(&mut random, &model);
            perform(&fs, &step);
            apply(&mut model, &step);
            tell(format_args!("{number}"));
        }
        done.store(true, Ordering::Relaxed);
    });
    backend.close().unwrap();
}

fn disturb(backend: &dyn Backend, task: Task, folder: &Path, done: &AtomicBool) {
    let maintenance = backend.extensions().maintenance.unwrap();
    let control = Control::new();
    let mut round = 0;
    while task != Task::Nothing && !done.load(Ordering::Relaxed) {
        round += 1;
        match task {
            Task::Nothing => {}
            Task::Sync => backend.sync(fs_core::Scope::All).unwrap(),
            Task::Compact => drop(maintenance.compact(&control).unwrap()),
            Task::Rekey => {
                let (old, new) = (PASSWORDS[(round + 1) % 2], PASSWORDS[round % 2]);
                tell(format_args!("to {}", round % 2));
                maintenance.change_password(old, new).unwrap();
                tell(format_args!("is {}", round % 2));
            }
            Task::Collect => drop(maintenance.collect(0, &control).unwrap()),
            Task::Backup => {
                let to = folder.join(format!("copy{round}"));
                maintenance.backup(&to, &control).unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(case: usize, seed: u64, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{case}:{seed}:{}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child told before it ended: the last step, and which passwords may open the vault.
fn heard(mut child: Child, what: &str, killed: bool) -> (usize, Vec<usize>) {
    let (mut out, mut told) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(killed || status.success(), "{what}: {told}");
    assert!(!told.contains("panicked"), "{what}: {told}");
    let mut steps = 0;
    let mut passwords = vec![0];
    for line in out.lines().filter_map(|line| line.strip_prefix('@')) {
        if let Some(next) = line.strip_prefix("to ") {
            passwords.push(next.parse().unwrap());
        } else if let Some(now) = line.strip_prefix("is ") {
            passwords = vec![now.parse().unwrap()];
        } else {
            steps = line.parse().unwrap();
        }
    }
    (steps, passwords)
}

/// Every file below the root, with its bytes.
fn files(fs: &Fs) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for folder in fs.read_dir("/").unwrap() {
        let folder = folder.unwrap().path().to_path_buf();
        for file in fs.read_dir(&folder).unwrap() {
            let path = file.unwrap().path().to_path_buf();
            let bytes = fs.read(&path).unwrap();
            all.insert(path.to_str().unwrap().to_owned(), bytes);
        }
    }
    all
}

fn is_sound(maintenance: &dyn Maintenance, what: &str) {
    let mut found = Vec::new();
    maintenance
        .check(&Control::new(), &mut |damage| {
            if !damage.kind.is_harmless() {
                found.push(damage);
            }
        })
        .unwrap();
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// Opens what is left, and compares it with the model after `steps` and after one more.
fn examine(kind: Kind, folder: &Path, seed: u64, steps: usize, passwords: &[usize], what: &str) {
    let path = place(folder, kind);
    let opened =
        passwords
            .iter()
            .rev()
            .find_map(|&number| match open(&path, kind, PASSWORDS[number]) {
                Ok(backend) => Some(backend),
                Err(error) if error.kind() == ErrorKind::WrongPassword => None,
                Err(error) => panic!("{what}: {error}"),
            });
    let backend = opened.unwrap_or_else(|| panic!("{what}: none of {passwords:?} opens it"));
    let maintenance = backend.extensions().maintenance.unwrap();
    is_sound(maintenance, what);
    let fs = FileStorage::new(backend.clone());
    let now = files(&fs);
    let (mut random, mut model) = (Random(seed), Model::new());
    for _ in 0..steps {
        let step = draw(&mut random, &model);
        apply(&mut model, &step);
    }
    let expand = |model: &Model| -> BTreeMap<String, Vec<u8>> {
        let pairs = model.iter();
        pairs
            .map(|(path, seeds)| (path.clone(), content(seeds)))
            .collect()
    };
    if now != expand(&model) {
        let step = draw(&mut random, &model);
        let before: Vec<String> = model.keys().cloned().collect();
        apply(&mut model, &step);
        let next = expand(&model);
        // An append may have got some of its bytes in: in place, not staged.
        let appended = match &step {
            Step::Append(path, _) => {
                let (found, whole) = (&now[path], &next[path]);
                let mut rest = now.clone();
                rest.insert(path.clone(), whole.clone());
                rest == next && whole.starts_with(found)
            }
            _ => false,
        };
        let names: Vec<&String> = now.keys().collect();
        assert!(
            now == next || appended,
            "{what}: after step {steps} comes {step:?}; before {before:?}, now {names:?}"
        );
    }
    if kind.is_store() {
        maintenance.collect(0, &Control::new()).unwrap();
        let mut found = Vec::new();
        maintenance
            .check(&Control::new(), &mut |damage| found.push(damage))
            .unwrap();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
    backend.close().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("copy") {
            let copy = open(&path, kind, PASSWORDS[0]).unwrap();
            is_sound(copy.extensions().maintenance.unwrap(), what);
            files(&FileStorage::new(copy));
        }
    }
}

fn killed_at_random(name: &str) {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().expect("a number"))
    };
    let rounds = number("LAMINA_KILL_ROUNDS", 5);
    let seed = number("LAMINA_KILL_SEED", u64::from(std::process::id()));
    let index = CASES.iter().position(|(case, ..)| *case == name).unwrap();
    let (_, kind, _) = CASES[index];
    let scene = || {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), kind);
        folder
    };
    let folder = scene();
    let begin = Instant::now();
    let (steps, passwords) = heard(start(index, seed, folder.path()), "undisturbed", false);
    let whole = begin.elapsed();
    assert_eq!(steps, STEPS);
    examine(kind, folder.path(), seed, steps, &passwords, "undisturbed");
    println!("{name}: seed {seed}, {rounds} rounds, undisturbed {whole:?}");
    let mut random = Random(seed);
    for round in 0..rounds {
        let script = random.next();
        let moment = whole.mul_f64(random.below(1000) as f64 / 1000.0);
        let what = format!("{name}, seed {seed}, round {round}, killed after {moment:?}");
        let folder = scene();
        let mut child = start(index, script, folder.path());
        std::thread::sleep(moment);
        child.kill().unwrap();
        let (steps, passwords) = heard(child, &what, true);
        examine(kind, folder.path(), script, steps, &passwords, &what);
    }
}

macro_rules! cases {
    ($($test:ident = $name:literal;)*) => {
        $(#[test] fn $test() { killed_at_random($name); })*
    };
}

cases! {
    operations_on_a_plain_vault = "plain";
    operations_on_an_encrypted_vault = "encrypted";
    operations_on_a_store = "store";
    operations_and_checkpoints_of_a_plain_vault = "plain-checkpoint";
    operations_and_checkpoints_of_a_store = "store-checkpoint";
    compacting_a_plain_vault = "plain-compact";
    compacting_an_encrypted_vault = "encrypted-compact";
    compacting_a_store = "store-compact";
    changing_a_password = "encrypted-rekey";
    collecting_garbage = "store-gc";
    backing_up_a_plain_vault = "plain-backup";
    backing_up_a_store = "store-backup";
}
