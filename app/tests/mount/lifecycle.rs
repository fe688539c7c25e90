//! `lamina mount`: the real program, from the first refusal to the last signal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::rules::{User, is_root};
use crate::world::{Server, can_mount, copy_program, lamina, program_as};

/// A folder to work in, with a home of its own and an empty folder to mount at.
pub struct Shell {
    folder: tempfile::TempDir,
    /// Who works there, and a program they may run; this process's user by default.
    other: Option<(User, PathBuf)>,
}

impl Shell {
    pub fn new() -> Self {
        let shell = Self {
            folder: tempfile::tempdir().unwrap(),
            other: None,
        };
        fs::create_dir(shell.path("mnt")).unwrap();
        shell
    }

    /// Where all is another user's.
    pub fn of(user: User) -> Self {
        let mut shell = Self::new();
        // Where it was built, others may not look.
        let program = shell.path("lamina");
        copy_program(Path::new(env!("CARGO_BIN_EXE_lamina")), &program);
        for path in [
            &shell.folder.path().to_owned(),
            &shell.path("mnt"),
            &program,
        ] {
            std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid)).unwrap();
        }
        shell.other = Some((user, program));
        shell
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.other {
            Some((user, program)) => program_as(*user, program),
            None => lamina(),
        };
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("home"))
            .env("LAMINA_PASSWORD", "secret");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Must fail; returns what it said.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Mounts in the foreground and waits until it is there.
    pub fn mount(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&["mount", "--foreground"]);
        command.args(arguments);
        Server::start(command)
    }

    pub fn is_mounted(&self) -> bool {
        is_mounted(&self.path("mnt"))
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path("mnt").join(name), text).unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if self.is_mounted() {
            let dir = self.path("mnt");
            Command::new("umount").arg("-l").arg(dir).status().unwrap();
        }
    }
}

fn is_mounted(dir: &Path) -> bool {
    let dir = format!(
        " {} ",
        dir.canonicalize()
            .unwrap_or_else(|_| dir.to_owned())
            .display()
    );
    fs::read_to_string("/proc/mounts").unwrap().contains(&dir)
}

/// Waits for what must come; fails when it does not come within a minute.
#[track_caller]
pub fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < limit, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_unmounts_and_what_was_written_is_there() {
    if !can_mount() {
        return;
    }
    for (signal, new, location) in [
        (Signal::INT, "vault", "a.db"),
        (Signal::TERM, "store", "media"),
        (Signal::HUP, "memory", "scratch.mem"),
    ] {
        let shell = Shell::new();
        shell.ok(&["new", new, location]);
        let mounted = shell.mount(&[location, "mnt"]);
        shell.write("note", "kept");
        mounted.signal(signal);
        mounted.ends_well();
        assert!(!shell.is_mounted());
        let note = format!("{location}::/note");
        assert_eq!(shell.ok(&["cat", &note]), "kept", "{location}");
        shell.ok(&["check", location]);
    }
}

#[test]
fn it_goes_on_in_the_background_until_it_is_unmounted() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    let output = shell.run(&["mount", "a.db", "mnt"]);
    assert!(output.status.success(), "{output:?}");
    assert!(shell.is_mounted());
    let said = String::from_utf8(output.stderr).unwrap();
    let log = said
        .lines()
        .find_map(|line| line.split_once("errors go to "));
    let log = PathBuf::from(log.expect(&said).1);
    assert!(
        log.starts_with(shell.path("home")) && log.exists(),
        "{said}"
    );
    shell.write("note", "kept");
    let umount = Command::new("umount").arg(shell.path("mnt")).status();
    assert!(umount.unwrap().success());
    // The vault is let go of a moment later.
    until("the vault is free", || {
        shell.run(&["cat", "a.db::/note"]).stdout == b"kept"
    });
    until("a log of nothing goes", || !log.exists());
}

#[test]
fn what_can_not_be_opened_is_told_before_the_terminal_is_left() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    let said = shell
        .command(&["mount", "a.db", "mnt"])
        .env("LAMINA_PASSWORD", "wrong")
        .output();
    let said = said.unwrap();
    assert_eq!(said.status.code(), Some(3), "{said:?}");
    assert!(!shell.is_mounted());
    assert!(
        shell
            .fails(1, &["mount", "missing.db", "mnt"])
            .contains("not found")
    );
}

#[test]
fn unsuitable_folders_are_refused_in_a_sentence() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    fs::create_dir_all(shell.path("full/x")).unwrap();
    fs::create_dir_all(shell.path("full/below")).unwrap();
    fs::write(shell.path("file"), "").unwrap();
    let refusal = |arguments: &[&str]| {
        let all = [&["mount"], arguments].concat();
        shell.fails(1, &all)
    };
    assert!(refusal(&["memory:a", "full"]).contains("choose an empty folder"));
    assert!(refusal(&["memory:a", "file"]).contains("empty folder"));
    assert!(refusal(&["memory:a", "missing"]).contains("not found"));
    assert!(refusal(&["full", "full/below"]).contains("inside the folder"));
    assert!(refusal(&["vroot:full", "full/below"]).contains("inside the folder"));
    let mounted = shell.mount(&["memory:a", "mnt"]);
    assert!(refusal(&["memory:b", "mnt"]).contains("mounted there already"));
    mounted.signal(Signal::TERM);
    mounted.ends_well();
}

#[test]
fn read_only_means_read_only() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    shell.ok(&["mkdir", "a.db::/folder"]);
    let mounted = shell.mount(&["--read-only", "a.db", "mnt"]);
    assert!(shell.path("mnt/folder").is_dir());
    let refused = fs::write(shell.path("mnt/x"), "").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EROFS));
    mounted.signal(Signal::INT);
    mounted.ends_well();
}

/// What another program changes of it is seen at once.
#[test]
fn what_somebody_writes_can_be_mounted_to_be_read() {
    if !can_mount() {
        return;
    }
    for (what, name) in [("vault", "it.db"), ("store", "it")] {
        let shell = Shell::new();
        let other = shell.path("other");
        fs::create_dir(&other).unwrap();
        // Without a password.
        let mut new = shell.command(&["new", what, name]);
        assert!(
            new.env_remove("LAMINA_PASSWORD")
                .status()
                .unwrap()
                .success()
        );
        let writer = shell.mount(&[name, "mnt"]);
        shell.write("file", "first");
        let reader = shell.mount(&["--read-only", name, "other"]);
        let read = |name: &str| fs::read_to_string(other.join(name));
        assert_eq!(read("file").unwrap(), "first");
        assert!(!other.join("new").exists());
        let open = fs::File::open(other.join("file")).unwrap();
        for text in ["other", "longer than before", "", "short"] {
            shell.write("file", text);
            assert_eq!(read("file").unwrap(), text, "{what}");
            assert_eq!(open.metadata().unwrap().len(), text.len() as u64);
        }
        shell.write("new", "text");
        assert_eq!(read("new").unwrap(), "text");
        fs::rename(shell.path("mnt/new"), shell.path("mnt/renamed")).unwrap();
        assert!(!other.join("new").exists());
        assert_eq!(read("renamed").unwrap(), "text");
        fs::remove_file(shell.path("mnt/renamed")).unwrap();
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        let refused = fs::write(other.join("file"), "mine").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        drop(open);
        for server in [reader, writer] {
            server.signal(Signal::TERM);
            server.ends_well();
        }
    }
}

#[test]
fn a_killed_process_leaves_no_dead_folder() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    let mut mounted = shell.mount(&["a.db", "mnt"]);
    shell.write("note", "kept");
    mounted.child.kill().unwrap();
    mounted.child.wait().unwrap();
    until("unmounted", || !shell.is_mounted());
    assert_eq!(fs::read_dir(shell.path("mnt")).unwrap().count(), 0);
    assert_eq!(shell.ok(&["cat", "a.db::/note"]), "kept");
}

#[test]
fn what_is_synced_in_a_saved_memory_filesystem_survives_a_kill() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "memory", "a.mem"]);
    let mut mounted = shell.mount(&["a.mem", "mnt"]);
    shell.write("note", "kept");
    let note = fs::File::open(shell.path("mnt/note")).unwrap();
    note.sync_all().unwrap();
    drop(note);
    fs::create_dir(shell.path("mnt/folder")).unwrap();
    fs::File::open(shell.path("mnt"))
        .unwrap()
        .sync_all()
        .unwrap();
    mounted.child.kill().unwrap();
    mounted.child.wait().unwrap();
    until("unmounted", || !shell.is_mounted());
    assert_eq!(shell.ok(&["cat", "a.mem::/note"]), "kept");
    shell.ok(&["ls", "a.mem::/folder"]);
}

/// Where a saved memory filesystem can't be saved: its folder is elsewhere just now.
fn take_away(shell: &Shell) {
    fs::rename(shell.path("kept"), shell.path("away")).unwrap();
}

#[test]
fn what_can_not_be_saved_at_the_end_is_kept_until_it_can() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    fs::create_dir(shell.path("kept")).unwrap();
    shell.ok(&["new", "memory", "kept/a.mem"]);
    let said = shell.run(&["mount", "kept/a.mem", "mnt"]).stderr;
    let said = String::from_utf8(said).unwrap();
    let log = said.lines().find_map(|l| l.split_once("errors go to "));
    let log = PathBuf::from(log.expect(&said).1);
    take_away(&shell);
    shell.write("note", "kept");
    let umount = Command::new("umount").arg(shell.path("mnt")).status();
    assert!(umount.unwrap().success());
    let told = |what: &str| fs::read_to_string(&log).unwrap().contains(what);
    until("that it can't is told", || told("still in memory"));
    assert!(told("kept/a.mem") && told("not found"), "which, and why");
    fs::rename(shell.path("away"), shell.path("kept")).unwrap();
    until("it is saved", || told("saved after all"));
    until("it is free", || {
        shell.run(&["cat", "kept/a.mem::/note"]).stdout == b"kept"
    });
}

#[test]
fn a_second_signal_ends_what_can_not_be_saved() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    fs::create_dir(shell.path("kept")).unwrap();
    shell.ok(&["new", "memory", "kept/a.mem"]);
    let said = shell.path("said");
    let mut command = shell.command(&["mount", "--foreground", "kept/a.mem", "mnt"]);
    let child = command.stderr(fs::File::create(&said).unwrap()).spawn();
    let mut server = Server {
        child: child.unwrap(),
    };
    let told = |what: &str| fs::read_to_string(&said).unwrap().contains(what);
    until("mounted", || told("mounted at"));
    take_away(&shell);
    shell.write("note", "lost");
    server.signal(Signal::TERM);
    until("that it can't be saved is told", || told("another signal"));
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
    fs::rename(shell.path("away"), shell.path("kept")).unwrap();
    shell.fails(1, &["cat", "kept/a.mem::/note"]);
}

#[test]
fn programs_may_finish_with_their_files_after_a_signal() {
    if !can_mount() {
        return;
    }
    use std::io::Write as _;
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    let mounted = shell.mount(&["a.db", "mnt"]);
    let mut open = fs::File::create(shell.path("mnt/note")).unwrap();
    mounted.signal(Signal::TERM);
    until("its name is gone", || !shell.is_mounted());
    open.write_all(b"kept").unwrap();
    drop(open);
    mounted.ends_well();
    assert_eq!(shell.ok(&["cat", "a.db::/note"]), "kept");
}

#[test]
fn a_folder_in_a_filesystem_is_mounted_alone() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    shell.ok(&["new", "vault", "a.db"]);
    shell.ok(&["mkdir", "a.db::/inner"]);
    shell.ok(&["touch", "a.db::/outer", "a.db::/inner/file"]);
    let mounted = shell.mount(&["a.db::/inner", "mnt"]);
    let names: Vec<_> = fs::read_dir(shell.path("mnt")).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert!(shell.path("mnt/file").is_file());
    mounted.signal(Signal::TERM);
    mounted.ends_well();
}

/// The vault's own file, reached through a mounted folder of the host, stays out of reach while it is open.
#[test]
fn the_file_of_an_open_vault_is_in_use_in_a_mounted_stack() {
    if !can_mount() {
        return;
    }
    let shell = Shell::new();
    fs::create_dir(shell.path("base")).unwrap();
    shell.ok(&["new", "vault", "base/top.db"]);
    let stack = r#"(name: "s", layers: [(name: "base", location: "base"), (name: "top", location: "base/top.db")])"#;
    fs::write(shell.path("s.stack.ron"), stack).unwrap();
    let output = shell.run(&["ls", "s.stack.ron"]);
    if !output.status.success() {
        // Refused at once is as good.
        return;
    }
    let mounted = shell.mount(&["s.stack.ron", "mnt"]);
    let refused = fs::read(shell.path("mnt/top.db")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ETXTBSY));
    mounted.signal(Signal::TERM);
    mounted.ends_well();
}

/// A mount namespace that began meanwhile has the folder too, and nothing we do takes it away there.
#[test]
fn a_container_that_began_meanwhile_does_not_hold_up_the_end() {
    if !can_mount() || !is_root() {
        return;
    }
    let shell = Shell::new();
    let server = shell.mount(&["memory:x", "mnt"]);
    shell.write("file", "kept");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command.arg("echo mounted at >&2; exec sleep 1000");
    let container = Server::start(command);
    let inside = format!("/proc/{}/root", container.child.id());
    let inside = Path::new(&inside).join(shell.path("mnt").strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(inside.join("file")).unwrap(), "kept");
    server.signal(Signal::TERM);
    server.ends_well();
    assert!(!shell.is_mounted());
    let gone = fs::read_dir(&inside).unwrap_err();
    assert_eq!(gone.raw_os_error(), Some(libc::ENOTCONN));
}
