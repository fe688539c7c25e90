//! The command line, driven as a script would: the real program, its output and its exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and looks at the disk itself"
)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, str};

#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/reading.rs"]
mod reading;
#[path = "cli/salvage.rs"]
mod salvage;
#[path = "cli/snapshot.rs"]
mod snapshot;
#[path = "cli/upkeep.rs"]
mod upkeep;

#[test]
fn options_may_stand_before_the_command_and_are_refused_without_one() {
    let shell = Shell::new();
    fs::write(shell.path("pw"), "secret").unwrap();
    shell.ok(&["--password-file", "pw", "new", "vault", "v.db"]);
    shell.ok(&["--password-file", "pw", "ls", "v.db"]);
    shell.ends(3, &["ls", "v.db"]);
    // Without a command they would open the window, which asks itself.
    shell.ends(2, &["--password-file", "pw", "v.db"]);
    shell.ends(2, &["--accept-base"]);
}

#[path = "support/tree_listing.rs"]
mod tree_listing;
use tree_listing::assert_equal_trees;

/// A folder to work in, with a home of its own.
struct Shell {
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
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
            .env("XDG_STATE_HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("home"))
            .env_remove("LAMINA_PASSWORD")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(std::process::Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Must end with `code`; returns what it printed.
    #[track_caller]
    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(
            code == 0 || code == 1 || !told.is_empty(),
            "silent: {arguments:?}"
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.ends(0, arguments)
    }
}

#[test]
fn a_password_nobody_asks_for_is_told_and_nothing_is_copied_in_clear() {
    let shell = Shell::new();
    fs::write(shell.path("pw"), "secret").unwrap();
    fs::write(shell.path("s"), "text").unwrap();
    let password = ["--password-file", "pw"];
    let with = |arguments: &[&str]| shell.run(&[arguments, &password[..]].concat());
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    // A store that lost its blobs, as a backup that was half restored.
    shell.ok(&["new", "store", "es", "--password-file", "pw"]);
    fs::remove_dir_all(shell.path("es/blobs")).unwrap();
    let copied = with(&["cp", "s", "es::/s"]);
    assert_eq!(copied.status.code(), Some(4));
    assert!(told(&copied).contains("blobs is missing"), "{copied:?}");
    for command in [
        &["ls", "es"][..],
        &["check", "es"],
        &["store", "info", "es"],
    ] {
        let output = with(command);
        assert_eq!(output.status.code(), Some(4), "{command:?}: {output:?}");
        assert!(told(&output).contains("blobs is missing"), "{output:?}");
    }
    // Folders and plain filesystems don't ask for one.
    fs::create_dir(shell.path("folder")).unwrap();
    shell.ok(&["new", "vault", "plain.db"]);
    shell.ok(&["new", "vault", "secret.db", "--password-file", "pw"]);
    let host = format!("host:{}", shell.path("es").display());
    for (command, target) in [
        ("cp", &*host),
        ("cp", "folder"),
        ("mv", "folder"),
        ("cp", "plain.db::/s"),
    ] {
        let refused = with(&[command, "s", target]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = told(&refused);
        assert!(
            said.contains("pw") && said.contains("not encrypted"),
            "{said}"
        );
    }
    assert_eq!(shell.ok(&["ls", "folder"]), "");
    assert_eq!(shell.ok(&["ls", "plain.db"]), "");
    assert!(!shell.path("es/s").exists());
    // One that was meant for something else.
    let named = [
        "cp",
        "s",
        "secret.db::/s",
        "--password-file",
        "secret.db=pw",
    ];
    shell.ends(
        2,
        &[&named[..], &["--password-file", "plain.db=pw"]].concat(),
    );
    shell.ok(&named);
    // Whoever only reads is told; what the environment gives is for whatever comes.
    let read = with(&["ls", "plain.db"]);
    assert!(
        read.status.success() && told(&read).contains("not encrypted"),
        "{read:?}"
    );
    let mut by_variable = shell.command(&["cp", "s", "plain.db::/s"]);
    let by_variable = by_variable
        .env("LAMINA_PASSWORD", "secret")
        .output()
        .unwrap();
    assert!(by_variable.status.success() && told(&by_variable).is_empty());
}

/// A tree with everything a copy may lose.
fn fill(root: &Path) {
    for folder in ["", "deep/er/still", "empty", "mode"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for number in 0..60 {
        let text = format!("file {number}\n").repeat(number);
        fs::write(root.join(format!("deep/er/{number}.txt")), text).unwrap();
    }
    let big: Vec<u8> = (0..3_000_000u32).map(|n| (n * 7 / 3) as u8).collect();
    fs::write(root.join("deep/big.bin"), big).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"not utf8 \xff")), "raw").unwrap();
    fs::write(root.join(" blanks and\nlines "), "odd").unwrap();
    fs::hard_link(root.join("deep/big.bin"), root.join("deep/er/still/same")).unwrap();
    symlink("er/1.txt", root.join("deep/link")).unwrap();
    symlink("/nowhere/at all", root.join("dangling")).unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(8 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", (8 << 20) - 3).unwrap();
    for (name, mode) in [("mode/a", 0o600), ("mode/b", 0o4755), ("mode/c", 0o444)] {
        fs::write(root.join(name), name).unwrap();
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let folder = root.join("mode");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o750)).unwrap();
    for (seconds, name) in [
        (1, "mode/a"),
        (1_000_000_000, "deep/er/1.txt"),
        (5, "empty"),
    ] {
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(seconds, 123_456_789);
        let file = fs::File::open(root.join(name)).unwrap();
        file.set_modified(time).unwrap();
    }
}

/// Copies a tree in and out again; `lamina diff` and an independent listing must find no difference.
fn round_trip(shell: &Shell, source: &Path, location: &str, password: &[&str]) {
    let source_text = source.to_str().unwrap();
    let inside = format!("{location}::/in");
    let with = |arguments: &[&str]| -> Vec<String> {
        arguments
            .iter()
            .chain(password)
            .map(|s| (*s).to_owned())
            .collect()
    };
    let ok = |arguments: &[&str]| {
        let all = with(arguments);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        shell.ok(&all)
    };
    ok(&["cp", "-r", source_text, &inside]);
    assert_eq!(ok(&["diff", source_text, &inside]), "", "{location}");
    ok(&["check", location]);
    ok(&["cp", "-r", &inside, "back"]);
    assert_eq!(ok(&["diff", source_text, "back"]), "", "{location}");
    assert_equal_trees(source, &shell.path("back"));
}

fn every_kind(source: impl Fn(&Shell) -> PathBuf) {
    let shell = Shell::new();
    let tree = source(&shell);
    fs::write(shell.path("pw"), "correct horse\n").unwrap();
    let encrypted = ["--password-file", "pw"];
    shell.ok(&["new", "memory", "a.mem"]);
    shell.ok(&["new", "vault", "plain.db"]);
    shell.ok(&["new", "vault", "secret.db", "--password-file", "pw"]);
    shell.ok(&["new", "store", "media"]);
    shell.ok(&["new", "memory", "base.mem"]);
    shell.ok(&["new", "memory", "top.mem"]);
    shell.ok(&["new", "stack", "s.stack.ron", "base.mem", "top.mem"]);
    fs::create_dir(shell.path("box")).unwrap();
    let vroot = format!("vroot:{}", shell.path("box").display());
    let kinds: [(&str, &[&str]); 6] = [
        ("a.mem", &[]),
        ("plain.db", &[]),
        ("media", &[]),
        ("secret.db", &encrypted),
        (&vroot, &[]),
        ("s.stack.ron", &[]),
    ];
    for (location, password) in kinds {
        round_trip(&shell, &tree, location, password);
        shell.ok(&["rm", "-r", "back"]);
    }
    // The base of a stack is never written.
    assert_eq!(shell.ok(&["ls", "base.mem"]), "");
}

#[test]
fn a_tree_survives_every_kind_and_comes_back_equal() {
    every_kind(|shell| {
        let tree = shell.path("tree");
        fill(&tree);
        tree
    });
}

#[test]
fn real_documentation_survives_every_kind() {
    let docs = Path::new("/usr/share/doc");
    if !docs.is_dir() {
        println!("/usr/share/doc is not there");
        return;
    }
    every_kind(|shell| {
        // A part of it: the whole takes minutes without optimisation.
        let part = shell.path("doc");
        fs::create_dir(&part).unwrap();
        let mut names: Vec<_> = fs::read_dir(docs)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        names.sort();
        for name in names.iter().take(40) {
            let status = Command::new("cp").arg("-a").arg(name).arg(&part).status();
            assert!(status.unwrap().success());
        }
        part
    });
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let shell = Shell::new();
    fs::write(shell.path("pw"), "right").unwrap();
    fs::write(shell.path("other"), "wrong").unwrap();
    shell.ok(&["new", "vault", "v.db", "--password-file", "pw"]);
    shell.ok(&["ls", "v.db", "--password-file", "pw"]);
    shell.ends(3, &["ls", "v.db", "--password-file", "other"]);
    shell.ends(3, &["ls", "v.db"]);
    let named = [
        "ls",
        "v.db",
        "--password-file",
        "other",
        "--password-file",
        "v.db=pw",
    ];
    shell.ok(&named);
    let mut by_variable = shell.command(&["ls", "v.db"]);
    assert!(
        by_variable
            .env("LAMINA_PASSWORD", "right")
            .status()
            .unwrap()
            .success()
    );
    shell.ends(2, &["ls", "--no-such-flag"]);
    shell.ends(2, &["cp", "one"]);
    shell.ends(1, &["ls", "nothing-here"]);
    shell.ends(1, &["cat", "v.db::/missing", "--password-file", "pw"]);
    shell.ends(1, &["new", "vault", "v.db"]);
    fs::write(shell.path("fake.db"), vec![7; 100_000]).unwrap();
    assert_ne!(shell.run(&["ls", "vault:fake.db"]).status.code(), Some(0));
    assert_eq!(fs::read(shell.path("fake.db")).unwrap(), vec![7; 100_000]);
}

#[test]
fn copy_and_move_follow_the_rules_of_cp_and_mv() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "m.mem"]);
    shell.ok(&["mkdir", "-p", "m.mem::/a/b/c"]);
    fs::write(shell.path("f"), "one").unwrap();
    // Into a folder that is there; under a new name where nothing is.
    shell.ok(&["cp", "f", "m.mem::/a"]);
    shell.ok(&["cp", "f", "m.mem::/g"]);
    assert_eq!(shell.ok(&["ls", "m.mem"]), "a\ng\n");
    assert_eq!(shell.ok(&["cat", "m.mem::/a/f", "m.mem::/g"]), "oneone");
    // What is there is not lost without a word.
    fs::write(shell.path("f"), "two").unwrap();
    shell.ends(1, &["cp", "f", "m.mem::/g"]);
    assert_eq!(shell.ok(&["cat", "m.mem::/g"]), "one");
    shell.ok(&["cp", "--skip", "f", "m.mem::/g"]);
    assert_eq!(shell.ok(&["cat", "m.mem::/g"]), "one");
    shell.ok(&["cp", "--keep-both", "f", "m.mem::/g"]);
    assert_eq!(shell.ok(&["cat", "m.mem::/g (2)"]), "two");
    shell.ok(&["cp", "--replace", "f", "m.mem::/g"]);
    assert_eq!(shell.ok(&["cat", "m.mem::/g"]), "two");
    // A file and a folder don't replace each other, and it is told.
    fs::write(shell.path("b"), "file").unwrap();
    shell.ends(1, &["mv", "--replace", "b", "m.mem::/a"]);
    shell.ends(1, &["cp", "-r", "--replace", "m.mem::/a", "b"]);
    shell.ends(1, &["mv", "--replace", "m.mem::/a", "b"]);
    assert_eq!(fs::read(shell.path("b")).unwrap(), b"file");
    assert_eq!(shell.ok(&["ls", "m.mem::/a"]), "b\nf\n");
    // A folder needs -r; a move does not.
    shell.ends(1, &["cp", "m.mem::/a", "out"]);
    assert!(!shell.path("out").exists());
    shell.ok(&["mv", "m.mem::/a", "out"]);
    assert_eq!(fs::read(shell.path("out/f")).unwrap(), b"one");
    assert!(shell.path("out/b/c").is_dir());
    shell.ends(1, &["ls", "m.mem::/a"]);
    shell.ok(&["mv", "out/f", "renamed"]);
    assert_eq!(fs::read(shell.path("renamed")).unwrap(), b"one");
    shell.ends(1, &["rm", "out"]);
    shell.ok(&["rm", "-r", "out"]);
    assert!(!shell.path("out").exists());
}

#[test]
fn small_commands_do_what_their_namesakes_do() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "m.mem"]);
    shell.ok(&["touch", "m.mem::/f", "m.mem::/.hidden"]);
    shell.ok(&["ln", "-s", "f", "m.mem::/l"]);
    shell.ok(&["ln", "m.mem::/f", "m.mem::/h"]);
    shell.ok(&["chmod", "u=rw,go=", "m.mem::/l"]);
    assert_eq!(shell.ok(&["ls", "m.mem"]), "f\nh\nl\n");
    assert_eq!(shell.ok(&["ls", "-a", "m.mem"]), ".hidden\nf\nh\nl\n");
    let long = shell.ok(&["ls", "-l", "m.mem"]);
    assert!(
        long.lines().next().unwrap().starts_with("-rw-------   2 "),
        "{long}"
    );
    assert!(long.lines().last().unwrap().ends_with(" l -> f"), "{long}");
    let stat = shell.ok(&["stat", "m.mem::/l"]);
    assert!(
        stat.contains("kind      Symlink") && stat.contains("target    f"),
        "{stat}"
    );
    shell.ends(1, &["mkdir", "m.mem::/f"]);
    shell.ends(1, &["mkdir", "m.mem::/x/y"]);
    shell.ok(&["rm", "m.mem::/l"]);
    assert_eq!(shell.ok(&["ls", "m.mem"]), "f\nh\n");
    shell.ok(&["mkdir", "m.mem::/d"]);
    assert_eq!(
        shell
            .ends(1, &["diff", "m.mem::/d", "m.mem"])
            .lines()
            .count(),
        4
    );
}
