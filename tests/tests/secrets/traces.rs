//! What is on the disk, after the program ended as it should or was killed (F15).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lamina_tests::random::{Random, setting};
use lamina_tests::{left_out, program};

use super::find;

/// Content of files, and in the names of some, inside of encrypted filesystems only.
const MARKER: &str = "Zq7-no-disk-ever-sees-this";

/// A home, a folder for temporary files and one to work in, all in one.
struct World {
    dir: tempfile::TempDir,
    /// What goes in; it may be found here.
    source: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            dir: lamina_tests::folder(),
            source: lamina_tests::folder(),
        };
        for folder in ["home", "tmp", "run", "work"] {
            std::fs::create_dir(world.at(folder)).unwrap();
        }
        let line = format!("{MARKER}\n");
        std::fs::write(world.source.path().join("small"), &line).unwrap();
        std::fs::write(world.source.path().join("large"), line.repeat(100_000)).unwrap();
        // Encrypted filesystems are asked for it; it need not be a secret here.
        std::fs::write(world.at("password"), "secret").unwrap();
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn lamina(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .arg("--password-file")
            .arg(self.at("password"))
            .current_dir(self.at("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.at("home"))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_RUNTIME_DIR", self.at("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn source(&self, name: &str) -> String {
        self.source.path().join(name).display().to_string()
    }

    /// What changes a filesystem and moves things in it, under names that are secret.
    fn steps(&self, fs: &str) -> Vec<Vec<String>> {
        let inside = |name: &str| format!("{fs}::/{name}");
        let steps = [
            vec!["mkdir".to_owned(), inside(&format!("folder {MARKER}"))],
            vec!["cp".to_owned(), self.source("large"), inside(MARKER)],
            vec!["cp".to_owned(), self.source("small"), inside("small")],
            vec![
                "mv".to_owned(),
                inside("small"),
                inside(&format!("folder {MARKER}/b")),
            ],
            vec![
                "cp".to_owned(),
                "--replace".to_owned(),
                self.source("large"),
                inside(MARKER),
            ],
            vec!["cat".to_owned(), inside(MARKER)],
            vec!["rm".to_owned(), inside(MARKER)],
        ];
        steps.into()
    }

    /// Panics when the marker is in a name or in a file below.
    fn search(&self, when: &str) {
        assert_eq!(trace_in(self.dir.path()), None, "{when}");
    }
}

/// Where the marker is below the folder, and what is around it.
fn trace_in(folder: &Path) -> Option<String> {
    std::fs::read_dir(folder).unwrap().find_map(|entry| {
        let entry = entry.unwrap();
        let path = entry.path();
        let shown = path.display().to_string();
        if shown.contains(MARKER) {
            return Some(shown);
        }
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            return trace_in(&path);
        }
        let content = kind.is_file().then(|| std::fs::read(&path).unwrap())?;
        let at = find(&content, MARKER.as_bytes())?;
        let around = &content[at.saturating_sub(100)..content.len().min(at + 100)];
        Some(format!("{shown}: {}", String::from_utf8_lossy(around)))
    })
}

/// The kinds, with what makes one and where it is.
const KINDS: [(&str, &str); 3] = [("vault", "v.db"), ("store", "store"), ("memory", "x.mem")];

#[test]
fn no_command_leaves_anything_in_clear() {
    let world = World::new();
    for (kind, place) in KINDS {
        assert!(
            world
                .lamina(&["new", kind, place])
                .status()
                .unwrap()
                .success()
        );
        for step in world.steps(place) {
            let step: Vec<_> = step.iter().map(String::as_str).collect();
            assert!(world.lamina(&step).status().unwrap().success(), "{step:?}");
            world.search(&format!("{kind}, {step:?}"));
        }
    }
    // Otherwise it would find nothing ever.
    assert!(trace_in(world.source.path()).is_some());
}

#[test]
fn no_kill_leaves_anything_in_clear() {
    let rounds = setting("LAMINA_KILL_ROUNDS", 10);
    let mut random = Random(setting("LAMINA_KILL_SEED", 1));
    println!("LAMINA_KILL_SEED={}", random.0);
    for (kind, place) in KINDS {
        let world = World::new();
        assert!(
            world
                .lamina(&["new", kind, place])
                .status()
                .unwrap()
                .success()
        );
        let steps = world.steps(place);
        for round in 0..rounds {
            let step = random.one_of(&steps);
            let step: Vec<_> = step.iter().map(String::as_str).collect();
            let mut running = world.lamina(&step).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(100_000 + random.below(400_000)));
            // It may have ended, well or because an earlier step is missing.
            running.kill().unwrap();
            running.wait().unwrap();
            world.search(&format!("{kind}, round {round}, {step:?}"));
        }
    }
}

#[test]
fn no_mount_that_is_killed_leaves_anything_in_clear() {
    if !Path::new("/dev/fuse").exists() {
        left_out("what a killed mount leaves", "there is no /dev/fuse");
        return;
    }
    for (kind, place) in KINDS {
        let world = World::new();
        let dir = world.at("run").join("mounted");
        std::fs::create_dir(&dir).unwrap();
        assert!(
            world
                .lamina(&["new", kind, place])
                .status()
                .unwrap()
                .success()
        );
        let target = dir.display().to_string();
        let mut mounted = world
            .lamina(&["mount", "--foreground", place, &target])
            .spawn()
            .unwrap();
        let is_mounted = || {
            let device = |path: &Path| std::fs::metadata(path).map(|it| it.dev()).ok();
            device(&dir) != device(&world.at("run"))
        };
        while !is_mounted() {
            assert!(mounted.try_wait().unwrap().is_none(), "{kind}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let file = dir.join(MARKER);
        std::fs::copy(world.source("large"), &file).unwrap();
        std::fs::File::open(&file).unwrap().sync_all().unwrap();
        std::fs::rename(&file, dir.join(format!("other {MARKER}"))).unwrap();
        std::fs::write(dir.join(format!("late {MARKER}")), MARKER).unwrap();
        mounted.kill().unwrap();
        mounted.wait().unwrap();
        // Unmounted by whoever watches over it.
        while is_mounted() {
            std::thread::sleep(Duration::from_millis(10));
        }
        world.search(&format!("{kind}, killed"));
    }
}
