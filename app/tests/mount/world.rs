//! Mounted filesystems of every kind, each served by a process of its own: one that waits for itself could hang (a page fault of a mapping holds what
//! the server's threads need), and one that is killed while it waits for itself never ends.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::rules::User;

/// What is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Vault,
    Encrypted,
    Store,
    /// A vault over a memory filesystem.
    Overlay,
    Host,
    /// A folder of the host from which nothing leads out.
    Sandbox,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Memory,
        Self::Vault,
        Self::Encrypted,
        Self::Store,
        Self::Overlay,
        Self::Host,
        Self::Sandbox,
    ];

    /// Does it count subdirectories as links of a folder? (Merged folders of an overlay say 1, as in overlayfs.)
    pub fn counts_folders(self) -> bool {
        self != Self::Overlay
    }
}

/// The program.
pub fn lamina() -> Command {
    // Ends with the test that started it, however that ends.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_lamina")])
        .env_remove("LAMINA_PASSWORD")
        .stdin(Stdio::null());
    command
}

/// Copies a program so that it can be run. By a process of its own: what this one has open for writing goes, for a moment, to whatever another test starts
/// just then, and is no program until that has let go of it.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args([from, to]).status().unwrap();
    assert!(copied.success(), "{copied}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(to, mode).unwrap();
}

/// The copy `path` of the program, run by another user.
pub fn program_as(user: User, path: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--clear-groups"])
        .arg(format!("--reuid={}", user.uid))
        .arg(format!("--regid={}", user.gid))
        .arg(path)
        .stdin(Stdio::null());
    command
}

/// `lamina mount --foreground`.
pub struct Server {
    pub child: Child,
}

impl Server {
    /// Waits until it is mounted.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("mounted at"), "{line}");
        std::thread::spawn(move || {
            // What it says goes where what fails is told.
            for line in said.lines().map_while(Result::ok) {
                eprintln!("server: {line}");
            }
        });
        Self { child }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended, well.
    #[track_caller]
    pub fn ends_well(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A mounted filesystem, unmounted when dropped.
pub struct World {
    server: Option<Server>,
    root: PathBuf,
    next: AtomicU64,
    _dir: tempfile::TempDir,
}

/// A folder in memory where the system has one: tests wait for no disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Can anything be mounted here? Says so when not: a container may keep `/dev/fuse` from us.
pub fn can_mount() -> bool {
    let device = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    if let Err(error) = &device {
        skipped(&format!("nothing can be mounted here: /dev/fuse: {error}"));
    }
    device.is_ok()
}

/// Says, once and where nobody overlooks it (what passing tests print is not shown), that something was not tested.
pub fn skipped(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap().insert(why.to_owned()) {
        let line = format!("NOT TESTED: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// Makes a filesystem in `dir`; answers its location.
fn make(dir: &Path, kind: Kind) -> &'static str {
    let new = |what: &str, name: &str, password: &str| {
        let mut command = lamina();
        command.args(["new", what, name]).current_dir(dir);
        if !password.is_empty() {
            command.env("LAMINA_PASSWORD", password);
        }
        assert!(command.status().unwrap().success());
    };
    match kind {
        Kind::Memory => "memory:x",
        Kind::Vault => {
            new("vault", "vault.db", "");
            "vault.db"
        }
        Kind::Encrypted => {
            new("vault", "secret.db", "secret");
            "secret.db"
        }
        Kind::Store => {
            new("store", "store", "");
            "store"
        }
        Kind::Overlay => {
            new("memory", "base.mem", "");
            new("vault", "top.db", "");
            let stack = r#"(name: "s", layers: [(name: "base", location: "base.mem"), (name: "top", location: "top.db")])"#;
            std::fs::write(dir.join("s.stack.ron"), stack).unwrap();
            "s.stack.ron"
        }
        Kind::Host => {
            std::fs::create_dir(dir.join("folder")).unwrap();
            "folder"
        }
        Kind::Sandbox => {
            std::fs::create_dir(dir.join("sandbox")).unwrap();
            "vroot:sandbox"
        }
    }
}

impl World {
    pub fn new(kind: Kind) -> Self {
        let dir = folder();
        // Other users come in too.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let root = dir.path().join("mnt");
        std::fs::create_dir(&root).unwrap();
        let mut command = lamina();
        command
            .args(["mount", "--foreground", make(dir.path(), kind), "mnt"])
            .current_dir(dir.path())
            .env("LAMINA_PASSWORD", "secret");
        Self {
            server: Some(Server::start(command)),
            root,
            next: AtomicU64::new(0),
            _dir: dir,
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A new empty folder in it.
    pub fn fresh(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(format!("case {number}"));
        std::fs::create_dir(&path).unwrap();
        path
    }

    /// Must end at once and well: nothing is open any more.
    #[track_caller]
    pub fn unmount(mut self) {
        if let Some(server) = self.server.take() {
            server.signal(Signal::TERM);
            server.ends_well();
        }
        assert_eq!(std::fs::read_dir(&self.root).unwrap().count(), 0);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::TERM);
            server.child.wait().ok();
        }
    }
}
