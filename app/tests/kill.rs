//! SIGKILL at a random moment of a copy or a move: no file torn or lost, the journal says what happened, and the operation can be finished or undone. Where
//! an encrypted vault takes part, its journal is inside it, and no name of it stands anywhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and looks at the disk itself"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fs_backends::location::{Location, OpenHow};
use fs_core::ops::{Engine, Filesystems, FsRef, Monitor, Pending};
use fs_core::{At, Backend, Control, OpenOptions, VPath};

const FILES: usize = 400;
const ROUNDS: u64 = 6;
const PASSWORD: &str = "correct horse";
/// In every name of a file; long enough that no ciphertext spells it by chance.
const MARK: &str = "zxqvwk-mark";

/// Opens what the journal names.
#[derive(Default)]
struct Mounts(Mutex<BTreeMap<FsRef, Arc<dyn Backend>>>);

impl Filesystems for Mounts {
    fn backend(&self, fs: &FsRef) -> fs_core::Result<Arc<dyn Backend>> {
        let mut open = self.0.lock().unwrap();
        if let Some(backend) = open.get(fs) {
            return Ok(backend.clone());
        }
        let location = Location::parse(fs.as_str(), Path::new("/"))?;
        let how = OpenHow {
            password: &|_| Some(PASSWORD.to_owned().into()),
            ..OpenHow::default()
        };
        let backend = location.open(&how)?.backend;
        open.insert(fs.clone(), backend.clone());
        Ok(backend)
    }
}

impl Mounts {
    fn close(&self) {
        let open = std::mem::take(&mut *self.0.lock().unwrap());
        open.into_values().for_each(|fs| fs.close().unwrap());
    }
}

/// Content that tells where it belongs, of very different lengths.
fn content(number: usize, version: &str) -> Vec<u8> {
    let line = format!("{version} {number}\n");
    let times = if number.is_multiple_of(40) {
        60_000
    } else {
        number * 5
    };
    line.repeat(times + 1).into_bytes()
}

fn name(number: usize) -> String {
    format!("{MARK}d{}/{MARK}f{number}", number % 7)
}

/// What is done, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scenario {
    MoveIntoVault,
    ReplaceInSandbox,
    MoveIntoEncrypted,
    MoveOutOfEncrypted,
    ReplaceWithinEncrypted,
    MoveBetweenEncrypted,
}

use Scenario::*;

impl Scenario {
    /// It copies over what is there; otherwise it moves to where nothing is.
    fn replaces(self) -> bool {
        matches!(self, ReplaceInSandbox | ReplaceWithinEncrypted)
    }

    fn is_encrypted(self) -> bool {
        !matches!(self, MoveIntoVault | ReplaceInSandbox)
    }

    /// Folders of source and target, as the command line names them from the folder of the scene.
    fn sides(self) -> (&'static str, &'static str) {
        match self {
            MoveIntoVault | MoveIntoEncrypted => ("/", "vault:v.db::/"),
            ReplaceInSandbox => ("/", "vroot:box::/"),
            MoveOutOfEncrypted => ("vault:v.db::/", "/out"),
            ReplaceWithinEncrypted => ("vault:v.db::/", "vault:v.db::/goal"),
            MoveBetweenEncrypted => ("vault:v.db::/", "vault:w.db::/"),
        }
    }
}

/// A folder with everything in it, made once and copied for each round.
struct Scene {
    folder: tempfile::TempDir,
    scenario: Scenario,
}

impl Scene {
    fn prepare(scenario: Scenario) -> Self {
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
            scenario,
        };
        for folder in ["box", "out", "state", "data"] {
            fs::create_dir(scene.path(folder)).unwrap();
        }
        let vaults: &[&str] = match scenario {
            ReplaceInSandbox => &[],
            MoveBetweenEncrypted => &["v.db", "w.db"],
            _ => &["v.db"],
        };
        for vault in vaults {
            scene.well(&["new", "vault", vault]);
        }
        scene.fill("new", |_| true);
        let (source, target) = scenario.sides();
        if source != "/" {
            let tree = scene.tree("new");
            scene.well(&["mv", &tree, source]);
        }
        if scenario.replaces() {
            fs::rename(scene.path("new"), scene.path("kept")).unwrap_or_default();
            scene.fill("old", |number| number.is_multiple_of(3));
            let tree = scene.tree("old");
            if target.ends_with("goal") {
                scene.well(&["mkdir", target]);
            }
            scene.well(&["mv", &tree, target]);
            fs::rename(scene.path("kept"), scene.path("new")).unwrap_or_default();
        }
        // What was done so far is no concern of the test.
        fs::remove_dir_all(scene.path("state")).unwrap();
        fs::create_dir(scene.path("state")).unwrap();
        scene
    }

    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_tree(self.folder.path(), folder.path());
        Self {
            folder,
            scenario: self.scenario,
        }
    }

    /// The folder of the host that holds a tree.
    fn tree(&self, name: &str) -> String {
        format!("{name}/{MARK}tree")
    }

    fn fill(&self, version: &str, wanted: impl Fn(usize) -> bool) {
        for number in (0..FILES).filter(|number| wanted(*number)) {
            let path = self.path(&self.tree(version)).join(name(number));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content(number, version)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lamina"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env_remove("LAMINA_PASSWORD")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.scenario.is_encrypted() {
            command.env("LAMINA_PASSWORD", PASSWORD);
        }
        command
    }

    fn well(&self, arguments: &[&str]) {
        let output = self
            .command(arguments)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
    }

    fn begin(&self) -> Child {
        let (source, target) = self.scenario.sides();
        let source = match source {
            "/" => self.tree("new"),
            vault => format!("{vault}{MARK}tree"),
        };
        let target = match target {
            "/out" => "out",
            other => other,
        };
        let arguments: &[&str] = if self.scenario.replaces() {
            &["cp", "-r", "--replace", &source, target]
        } else {
            &["mv", &source, target]
        };
        self.command(arguments).spawn().unwrap()
    }

    /// Waits until the first line is in a journal: what comes before is opening and looking.
    fn await_begin(&self, child: &mut Child) {
        let journal = self.path("state/lamina/journal");
        let logs = ["v.db-wal", "w.db-wal"].map(|log| self.path(log));
        let deadline = Instant::now() + Duration::from_secs(60);
        while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            let begun = match self.scenario.is_encrypted() {
                true => logs
                    .iter()
                    .any(|log| log.metadata().is_ok_and(|log| log.len() > 0)),
                false => fs::read_dir(&journal).is_ok_and(|mut all| all.next().is_some()),
            };
            if begun {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// The filesystem and the folder in it that a side is.
    fn side(&self, side: &str) -> (FsRef, String) {
        match side.split_once("::") {
            Some((location, inner)) => {
                let (kind, file) = location.split_once(':').unwrap();
                let location = format!("{kind}:{}", self.path(file).display());
                (FsRef::new(location), inner.to_owned())
            }
            None => {
                let folder = if side == "/" { "new" } else { "out" };
                let path = self.path(folder).display().to_string();
                (FsRef::new("host:/"), path)
            }
        }
    }

    fn at(&self, mounts: &Mounts, side: &str, number: usize) -> Option<Vec<u8>> {
        let (fs, folder) = self.side(side);
        let folder = folder.trim_end_matches('/');
        let path = VPath::new(format!("{folder}/{MARK}tree/{}", name(number))).unwrap();
        let backend = mounts.backend(&fs).unwrap();
        let file = backend.open(At::path(&path), &OpenOptions::read()).ok()?;
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().size).unwrap()];
        let mut at = 0;
        while at < bytes.len() {
            at += file.read_at(&mut bytes[at..], at as u64).unwrap();
        }
        Some(bytes)
    }

    /// What was in the target before.
    fn old(&self, number: usize) -> Option<Vec<u8>> {
        let there = self.scenario.replaces() && number.is_multiple_of(3);
        there.then(|| content(number, "old"))
    }

    /// Calls `look` with the bytes at the source, those at the target and those that shall arrive.
    fn each(
        &self,
        mounts: &Mounts,
        look: impl Fn(usize, Option<Vec<u8>>, Option<Vec<u8>>, Vec<u8>),
    ) {
        let (source, target) = self.scenario.sides();
        for number in 0..FILES {
            let new = content(number, "new");
            let (here, there) = (
                self.at(mounts, source, number),
                self.at(mounts, target, number),
            );
            look(number, here, there, new);
        }
    }

    fn check(&self, mounts: &Mounts, what: &str) {
        self.each(mounts, |number, source, target, new| {
            assert!(
                source.as_ref().is_none_or(|b| *b == new),
                "{what}: torn source {number}"
            );
            let whole = target.as_ref() == Some(&new) || target == self.old(number);
            let length = target.as_ref().map(Vec::len);
            assert!(whole, "{what}: torn target {number}: {length:?}");
            let kept = source.is_some() || target == Some(new);
            assert!(kept, "{what}: {number} is lost");
        });
    }

    fn check_done(&self, mounts: &Mounts, what: &str) {
        self.each(mounts, |number, source, target, new| {
            assert!(target == Some(new), "{what}: {number} did not arrive");
            assert_eq!(source.is_some(), self.scenario.replaces(), "{what}");
        });
    }

    fn check_undone(&self, mounts: &Mounts, what: &str) {
        self.each(mounts, |number, source, target, new| {
            assert!(source == Some(new), "{what}: {number} is not back");
            assert!(
                target == self.old(number),
                "{what}: {number} is still there"
            );
        });
    }

    /// No byte beside the two trees spells a name.
    fn check_secret(&self, what: &str) {
        if !self.scenario.is_encrypted() {
            return;
        }
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let shown = path.display().to_string();
                if path.ends_with("new") || path.ends_with("out") {
                    continue;
                }
                assert!(!shown.contains(MARK), "{what}: a name in clear: {shown}");
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                let found = bytes.windows(MARK.len()).any(|it| it == MARK.as_bytes());
                assert!(!found, "{what}: a name in clear in {shown}");
            }
        }
    }

    /// The filesystems that have a journal inside.
    fn adopt(&self, engine: &Engine) {
        if self.scenario.is_encrypted() {
            for side in [self.scenario.sides().0, self.scenario.sides().1] {
                engine.adopt(&self.side(side).0).unwrap();
            }
        }
    }

    fn recover(&self, how: &str) {
        let vaults: Vec<_> = ["v.db", "w.db"]
            .into_iter()
            .filter(|vault| self.scenario.is_encrypted() && self.path(vault).exists())
            .collect();
        self.well(&[&["recover", how], &*vaults].concat());
    }
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Ends an interrupted operation, by the library or by the command line.
fn end(scene: &Scene, engine: &Engine, mounts: &Mounts, pending: &Pending, round: u64, what: &str) {
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let finish = round.is_multiple_of(2);
    if round % 4 < 2 {
        let report = match finish {
            true => engine.finish(pending.id, monitor).unwrap(),
            false => engine.undo(pending.id, monitor).unwrap(),
        };
        let told: Vec<_> = report.failed.iter().take(3).collect();
        assert!(report.failed.is_empty(), "{what}: {told:?}");
    } else {
        engine.release(&scene.side(scene.scenario.sides().1).0);
        mounts.close();
        scene.recover(if finish { "--finish" } else { "--undo" });
    }
    match finish {
        true => scene.check_done(mounts, what),
        false => scene.check_undone(mounts, what),
    }
}

fn killed_at_random(scenario: Scenario) {
    let prepared = Scene::prepare(scenario);
    let whole = {
        let scene = prepared.copy();
        let mut child = scene.begin();
        scene.await_begin(&mut child);
        let start = Instant::now();
        assert!(child.wait().unwrap().success());
        let whole = start.elapsed();
        scene.check_done(&Mounts::default(), "undisturbed");
        whole
    };
    let seed = u64::from(std::process::id());
    println!("seed {seed}, undisturbed {whole:?}");
    let mut random = seed;
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        // A linear congruential generator is random enough for a moment.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (random >> 33) as f64 / f64::from(1u32 << 31);
        let moment = whole.mul_f64(share);
        let what = format!("{scenario:?}, seed {seed}, round {round}, killed after {moment:?}");
        let scene = prepared.copy();
        let mut child = scene.begin();
        scene.await_begin(&mut child);
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        scene.check_secret(&what);
        let mounts = Arc::new(Mounts::default());
        scene.check(&mounts, &what);
        let journal = scene.path("state/lamina/journal");
        let engine = Engine::open(mounts.clone(), Some(&journal)).unwrap();
        scene.adopt(&engine);
        let pending = engine.pending();
        assert!(pending.len() < 2, "{what}");
        // Before it began or after it ended there is nothing to do.
        if let Some(pending) = pending.first() {
            interrupted += 1;
            end(&scene, &engine, &mounts, pending, round, &what);
        }
        mounts.close();
        scene.check_secret(&what);
    }
    println!("{interrupted} of {ROUNDS} rounds were interrupted");
}

#[test]
fn a_move_into_a_vault_survives_sigkill() {
    killed_at_random(MoveIntoVault);
}

#[test]
fn a_copy_that_replaces_in_a_sandbox_survives_sigkill() {
    killed_at_random(ReplaceInSandbox);
}

#[test]
fn a_move_into_an_encrypted_vault_survives_sigkill() {
    killed_at_random(MoveIntoEncrypted);
}

#[test]
fn a_move_out_of_an_encrypted_vault_survives_sigkill() {
    killed_at_random(MoveOutOfEncrypted);
}

#[test]
fn a_copy_that_replaces_within_an_encrypted_vault_survives_sigkill() {
    killed_at_random(ReplaceWithinEncrypted);
}

#[test]
fn a_move_between_two_encrypted_vaults_survives_sigkill() {
    killed_at_random(MoveBetweenEncrypted);
}
