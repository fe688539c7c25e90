//! SIGKILL at a random moment of a copy or a move: no file torn or lost, the journal says what happened, and the operation can be finished or undone.
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
use std::time::Instant;

use fs_backends::location::{Location, OpenHow};
use fs_core::ops::{Engine, Filesystems, FsRef, Monitor};
use fs_core::{At, Backend, Control, OpenOptions, VPath};

const FILES: usize = 160;
const ROUNDS: u64 = 16;

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
        let backend = location.open(&OpenHow::default())?.backend;
        open.insert(fs.clone(), backend.clone());
        Ok(backend)
    }
}

/// Content that tells where it belongs, of very different lengths.
fn content(number: usize, version: &str) -> Vec<u8> {
    let line = format!("{version} {number}\n");
    let times = if number.is_multiple_of(20) {
        60_000
    } else {
        number * 13
    };
    line.repeat(times + 1).into_bytes()
}

fn name(number: usize) -> String {
    format!("d{}/f{number}", number % 7)
}

struct Scene {
    folder: tempfile::TempDir,
    /// Where things go, as the command line names it; and its folder, as a path inside.
    target: String,
    replaces: bool,
}

impl Scene {
    fn new(vault: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self {
            target: if vault {
                format!("vault:{}", folder.path().join("v.db").display())
            } else {
                format!("vroot:{}", folder.path().join("box").display())
            },
            folder,
            replaces: !vault,
        };
        for number in 0..FILES {
            let path = scene.path("tree").join(name(number));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content(number, "new")).unwrap();
        }
        if vault {
            let made = scene.command(&["new", "vault", "v.db"]).status().unwrap();
            assert!(made.success());
        } else {
            for number in (0..FILES).step_by(3) {
                let path = scene.path("box/tree").join(name(number));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content(number, "old")).unwrap();
            }
        }
        scene
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
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A move into the vault, or a copy that replaces in the sandbox.
    fn begin(&self) -> Child {
        let target = format!("{}::/", self.target);
        let arguments: &[&str] = if self.replaces {
            &["cp", "-r", "--replace", "tree", &target]
        } else {
            &["mv", "tree", &target]
        };
        self.command(arguments).spawn().unwrap()
    }

    fn at_source(&self, number: usize) -> Option<Vec<u8>> {
        fs::read(self.path("tree").join(name(number))).ok()
    }

    fn at_target(&self, mounts: &Mounts, number: usize) -> Option<Vec<u8>> {
        let backend = mounts.backend(&FsRef::new(self.target.as_str())).unwrap();
        let path = VPath::new(format!("/tree/{}", name(number))).unwrap();
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
        (self.replaces && number.is_multiple_of(3)).then(|| content(number, "old"))
    }

    fn check(&self, mounts: &Mounts, what: &str) {
        for number in 0..FILES {
            let new = content(number, "new");
            let (source, target) = (self.at_source(number), self.at_target(mounts, number));
            let name = name(number);
            assert!(
                source.as_ref().is_none_or(|b| *b == new),
                "{what}: torn source {name}"
            );
            let whole = target == Some(new.clone()) || target == self.old(number);
            assert!(
                whole,
                "{what}: torn target {name}: {:?}",
                target.map(|b| b.len())
            );
            assert!(
                source.is_some() || target == Some(new),
                "{what}: {name} is lost"
            );
        }
    }

    fn check_done(&self, mounts: &Mounts, what: &str) {
        for number in 0..FILES {
            let arrived = self.at_target(mounts, number);
            assert_eq!(
                arrived.map(|b| b.len()),
                Some(content(number, "new").len()),
                "{what}"
            );
            assert_eq!(self.at_source(number).is_some(), self.replaces, "{what}");
        }
    }

    fn check_undone(&self, mounts: &Mounts, what: &str) {
        for number in 0..FILES {
            assert_eq!(
                self.at_source(number),
                Some(content(number, "new")),
                "{what}"
            );
            assert_eq!(self.at_target(mounts, number), self.old(number), "{what}");
        }
    }
}

fn killed_at_random(vault: bool) {
    let whole = {
        let scene = Scene::new(vault);
        let start = Instant::now();
        assert!(scene.begin().wait().unwrap().success());
        scene.check_done(&Mounts::default(), "undisturbed");
        start.elapsed()
    };
    let seed = u64::from(std::process::id());
    println!("seed {seed}, undisturbed {whole:?}");
    let mut random = seed;
    let mut interrupted = 0;
    for round in 0..ROUNDS / 2 {
        // A linear congruential generator is random enough for a moment.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (random >> 33) as f64 / f64::from(1u32 << 31);
        let moment = whole.mul_f64(share);
        let what = format!("seed {seed}, round {round}, killed after {moment:?}");
        let scene = Scene::new(vault);
        let mut child = scene.begin();
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        let mounts = Arc::new(Mounts::default());
        scene.check(&mounts, &what);
        let journal = scene.path("state/lamina/journal");
        let engine = Engine::open(mounts.clone(), Some(&journal)).unwrap();
        let control = Control::new();
        let monitor = Monitor::silent(&control);
        let Some(pending) = engine.pending().into_iter().next() else {
            // Before it began or after it ended.
            continue;
        };
        interrupted += 1;
        let report = if round.is_multiple_of(2) {
            engine.finish(pending.id, monitor).unwrap()
        } else {
            engine.undo(pending.id, monitor).unwrap()
        };
        let told: Vec<_> = report.failed.iter().take(3).collect();
        assert!(report.failed.is_empty(), "{what}: {told:?}");
        if round.is_multiple_of(2) {
            scene.check_done(&mounts, &what);
        } else {
            scene.check_undone(&mounts, &what);
        }
    }
    println!("{interrupted} of {} rounds were interrupted", ROUNDS / 2);
}

#[test]
fn a_move_into_a_vault_survives_sigkill() {
    killed_at_random(true);
}

#[test]
fn a_copy_that_replaces_in_a_sandbox_survives_sigkill() {
    killed_at_random(false);
}
