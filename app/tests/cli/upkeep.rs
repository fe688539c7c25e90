//! Looking after vaults and stores from a script.

use super::*;

fn secret(shell: &Shell, name: &str, password: &str) {
    fs::write(shell.path(name), password).unwrap();
}

#[test]
fn a_vault_tells_what_it_is_and_changes_its_password() {
    let shell = Shell::new();
    secret(&shell, "old", "old secret\n");
    secret(&shell, "new", "new secret\n");
    let old = ["--password-file", "old"];
    let new = ["--password-file", "new"];
    let run =
        |code, arguments: &[&str], with: &[&str]| shell.ends(code, &[arguments, with].concat());
    run(0, &["new", "vault", "v.db"], &old);
    fs::write(shell.path("f"), vec![5; 300_000]).unwrap();
    run(0, &["cp", "f", "v.db::/f"], &old);
    let info = run(0, &["vault", "info", "v.db"], &old);
    assert!(info.contains("encrypted    AES-256-CBC"), "{info}");
    assert!(info.contains("1 files, 1 folders"), "{info}");
    run(3, &["vault", "info", "v.db"], &new);
    run(3, &["vault", "info", "v.db"], &[]);
    run(
        3,
        &["vault", "passwd", "v.db", "--new-password-file", "new"],
        &new,
    );
    run(2, &["vault", "passwd", "v.db"], &old);
    run(
        0,
        &["vault", "passwd", "v.db", "--new-password-file", "new"],
        &old,
    );
    run(3, &["cat", "v.db::/f"], &old);
    assert_eq!(run(0, &["cat", "v.db::/f"], &new).len(), 300_000);
    run(0, &["vault", "check", "v.db"], &new);
    run(0, &["vault", "backup", "v.db", "copy.db"], &new);
    run(1, &["vault", "backup", "v.db", "copy.db"], &new);
    run(0, &["diff", "v.db", "copy.db"], &new);
    run(0, &["rm", "v.db::/f"], &new);
    run(0, &["vault", "compact", "v.db"], &new);
    let (left, copy) = (shell.path("v.db"), shell.path("copy.db"));
    assert!(left.metadata().unwrap().len() * 2 < copy.metadata().unwrap().len());
    shell.ok(&["new", "vault", "plain.db"]);
    shell.ends(
        1,
        &["vault", "passwd", "plain.db", "--new-password-file", "new"],
    );
}

#[test]
fn damage_is_named_told_by_the_exit_code_and_repaired_only_when_asked() {
    let shell = Shell::new();
    shell.ok(&["new", "vault", "v.db"]);
    fs::create_dir(shell.path("d")).unwrap();
    fs::write(shell.path("d/f"), "found again").unwrap();
    shell.ok(&["cp", "-r", "d", "v.db::/d"]);
    let tamper = |sql: &str| {
        let db = rusqlite::Connection::open(shell.path("v.db")).unwrap();
        db.execute_batch(sql).unwrap();
    };
    tamper("DELETE FROM dentry WHERE name = 'd'; UPDATE node SET nlink = 2 WHERE ino = 1");
    let damaged = fs::read(shell.path("v.db")).unwrap();
    let told = shell.run(&["vault", "check", "v.db"]);
    assert_eq!(told.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&told.stderr).contains("nothing leads to folder"));
    shell.ends(4, &["check", "v.db"]);
    // Without a person to ask, nothing is repaired.
    shell.ends(4, &["vault", "check", "v.db", "--repair"]);
    shell.ends(2, &["vault", "check", "v.db", "--yes"]);
    assert_eq!(fs::read(shell.path("v.db")).unwrap().len(), damaged.len());
    let done = shell.ok(&["vault", "check", "v.db", "--repair", "--yes"]);
    // The folder, the row of the root, and that a name of the root is missing.
    assert!(done.contains("3 damages repaired"), "{done}");
    shell.ok(&["check", "v.db"]);
    let found = shell.ok(&["find", "v.db", "--name", "f"]);
    assert!(found.starts_with("/lost+found/#"), "{found}");
    let place = format!("v.db::{}", found.trim_end());
    assert_eq!(shell.ok(&["cat", &place]), "found again");
    // What can't be repaired stays named, with every file it concerns.
    tamper("UPDATE chunk SET data = zeroblob(length(data))");
    let told = shell.run(&["vault", "check", "v.db", "--repair", "--yes", "--json"]);
    assert_eq!(told.status.code(), Some(4));
    let report: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["damages"][0]["kind"], "content-changed");
    assert_eq!(report["damages"][0]["path"], found.trim_end());
    shell.ends(4, &["cat", &place]);
}

#[test]
fn a_store_is_checked_collected_and_copied() {
    let shell = Shell::new();
    shell.ok(&["new", "store", "s"]);
    fs::write(shell.path("big"), vec![3; 6 << 20]).unwrap();
    shell.ok(&["cp", "big", "s::/big"]);
    shell.ok(&["store", "check", "s"]);
    let orphan = "a1b2c3d4-0000-4000-8000-000000000000-1704067200.bin";
    let orphan = shell.path("s/blobs").join(orphan);
    fs::write(&orphan, "left over").unwrap();
    // Harmless: told, and no failure.
    let told = shell.run(&["store", "check", "s"]);
    assert_eq!(told.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&told.stderr).contains("belongs to nothing"));
    shell.ok(&["store", "gc", "s"]);
    assert!(orphan.exists(), "it is younger than a day");
    let removed = shell.ok(&["store", "gc", "s", "--grace", "0"]);
    assert!(removed.contains("1 files removed"), "{removed}");
    assert!(!orphan.exists());
    shell.ok(&["store", "backup", "s", "copy"]);
    shell.ok(&["diff", "s", "copy"]);
    let blob = fs::read_dir(shell.path("s/blobs")).unwrap().next().unwrap();
    let blob = blob.unwrap().path();
    let mut bytes = fs::read(&blob).unwrap();
    bytes[5 << 20] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let told = shell.run(&["store", "check", "s"]);
    assert_eq!(told.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&told.stderr).contains("/big: blob"));
    shell.ok(&["check", "copy"]);
    // The wrong kind of thing.
    shell.ends(1, &["store", "info", "big"]);
    shell.ends(1, &["vault", "info", "s"]);
}

#[test]
fn a_store_is_encrypted_when_a_password_is_given() {
    let shell = Shell::new();
    fs::write(shell.path("key"), "open sesame\n").unwrap();
    fs::write(shell.path("new"), "another\n").unwrap();
    fs::write(shell.path("plaintext-name"), "plaintext-marker").unwrap();
    let key = ["--password-file", "key"];
    let with = |arguments: &[&str]| shell.ok(&[arguments, &key[..]].concat());
    with(&["new", "store", "s"]);
    with(&["cp", "plaintext-name", "s::/plaintext-name"]);
    shell.ends(3, &["ls", "s"]);
    shell.ends(3, &["ls", "s", "--password-file", "new"]);
    let info = with(&["store", "info", "--json", "s"]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert!(info["cipher"]["key_derivation"].is_string(), "{info}");
    with(&["store", "check", "s"]);
    with(&["store", "backup", "s", "copy"]);
    with(&["store", "passwd", "s", "--new-password-file", "new"]);
    shell.ends(3, &[&["ls", "s"], &key[..]].concat());
    let cat = ["cat", "s::/plaintext-name", "--password-file", "new"];
    assert_eq!(shell.ok(&cat), "plaintext-marker");
    assert_eq!(with(&["cat", "copy::/plaintext-name"]), "plaintext-marker");
    for folder in ["s", "s/blobs", "copy", "copy/blobs"] {
        for file in fs::read_dir(shell.path(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                assert!(!bytes.windows(9).any(|it| it == b"plaintext"), "{path:?}");
            }
        }
    }
}

#[test]
fn a_signal_ends_what_takes_long_and_says_what_is_safe() {
    let shell = Shell::new();
    shell.ok(&["new", "store", "s"]);
    fs::write(shell.path("big"), vec![3; 48 << 20]).unwrap();
    for name in ["a", "b", "c"] {
        shell.ok(&["cp", "big", &format!("s::/{name}")]);
    }
    let mut seen = false;
    for _ in 0..30 {
        let mut command = shell.command(&["store", "backup", "s", "copy"]);
        let child = command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let is_at_work = || {
            let entries = fs::read_dir(shell.folder.path()).unwrap();
            let mut names = entries.map(|entry| entry.unwrap().file_name());
            names.any(|name| name.to_str().unwrap().starts_with(".lamina-"))
        };
        while !is_at_work() && !shell.path("copy").exists() {
            std::thread::yield_now();
        }
        let pid = rustix::process::Pid::from_child(&child);
        // It may have ended just now.
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap_or_default();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if shell.path("copy").exists() {
            // It was faster.
            fs::remove_dir_all(shell.path("copy")).unwrap();
            continue;
        }
        assert_eq!(output.status.code(), Some(130), "{told}");
        assert!(
            told.contains("stopped: there is no copy, and nothing was changed"),
            "{told}"
        );
        assert!(!is_at_work(), "something was left");
        seen = true;
        break;
    }
    assert!(seen, "never stopped in the middle");
    shell.ok(&["store", "check", "s"]);
}

/// Ends a process of a test with it.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn what_another_program_has_open_is_named_with_its_holder_and_can_still_be_read() {
    use std::io::{BufRead as _, BufReader};
    let shell = Shell::new();
    fs::write(shell.path("f"), "text").unwrap();
    fs::write(shell.path("pw"), "secret").unwrap();
    let password = ["--password-file", "pw"];
    let computer = rustix::system::uname();
    let computer = computer.nodename().to_str().unwrap();
    for (kind, name) in [("vault", "v.db"), ("store", "s"), ("memory", "m.mem")] {
        for encrypted in [false, true] {
            let with = if encrypted { &password[..] } else { &[] };
            let run = |arguments: &[&str]| shell.run(&[arguments, with].concat());
            let name = format!("{encrypted} {name}");
            let inside = |path: &str| format!("{name}::/{path}");
            let (f, g) = (inside("f"), inside("g"));
            shell.ok(&[&["new", kind, &name], with].concat());
            shell.ok(&[&["cp", "f", &f], with].concat());
            // `flock(1)` locks it as another Lamina does, says so, and waits.
            let database = match kind {
                "store" => shell.path(&name).join("index.db"),
                _ => shell.path(&name),
            };
            // What only vaults and stores can do for themselves.
            let is_for = |command: &[&str]| {
                kind != "memory" || command[0] != "memory" && command[0] != "check"
            };
            let mut other = Command::new("flock");
            other.arg("--exclusive").arg(&database);
            other.args(["sh", "-c", "echo; read wait"]);
            other.stdin(std::process::Stdio::piped());
            other.stdout(std::process::Stdio::piped());
            let mut other = Running(other.spawn().unwrap());
            let mut said = String::new();
            BufReader::new(other.0.stdout.take().unwrap())
                .read_line(&mut said)
                .unwrap();
            let holder = format!("flock, process {} on {computer}, has it open", other.0.id());
            let changes: [&[&str]; 10] = [
                &["cp", "f", &g],
                &["cp", &f, &g],
                &["mv", "f", &g],
                &["mv", &f, "h"],
                &["rm", &f],
                &["mkdir", &g],
                &["ln", "-s", "x", &g],
                &["chmod", "600", &f],
                &["touch", &f],
                &[kind, "compact", &name],
            ];
            for command in changes.into_iter().filter(|command| is_for(command)) {
                let refused = run(command);
                let told = String::from_utf8_lossy(&refused.stderr).into_owned();
                assert_eq!(refused.status.code(), Some(1), "{command:?}: {told}");
                assert!(told.contains(&holder), "{command:?}: {told}");
                assert!(
                    told.contains("can be opened read-only"),
                    "{command:?}: {told}"
                );
            }
            let reads: [(&[&str], &str); 11] = [
                (&["ls", &name], "f\n"),
                (&["stat", &f], ""),
                (&["cat", &f], "text"),
                (&["tree", &name], ""),
                (&["find", &name, "--name", "f"], ""),
                (&["du", &name], ""),
                (&["check", &name], ""),
                (&["diff", "f", &f], ""),
                (&["cp", "--keep-both", &f, "copied"], ""),
                (&[kind, "info", &name], ""),
                (&[kind, "check", &name], ""),
            ];
            for (command, said) in reads.into_iter().filter(|read| is_for(read.0)) {
                let read = run(command);
                let told = String::from_utf8_lossy(&read.stderr).into_owned();
                assert_eq!(read.status.code(), Some(0), "{command:?}: {told}");
                let out = String::from_utf8_lossy(&read.stdout).into_owned();
                assert!(said.is_empty() || out == said, "{command:?}: {out}");
            }
            assert_eq!(fs::read(shell.path("copied")).unwrap(), b"text");
            fs::remove_file(shell.path("copied")).unwrap();
            // The raw file alone would lack what was written last; one in memory is always whole.
            let raw = format!("host:{}", shell.path(&name).display());
            let copied = shell.run(&["cp", "-r", &raw, "raw"]);
            let told = String::from_utf8_lossy(&copied.stderr).into_owned();
            if kind == "memory" {
                assert_eq!(copied.status.code(), Some(0), "{told}");
            } else {
                assert_eq!(copied.status.code(), Some(1), "{told}");
                assert!(
                    told.contains(&holder) && told.contains("close it there"),
                    "{told}"
                );
                assert!(!shell.path("raw/index.db").exists());
            }
            if kind == "vault" {
                assert!(
                    told.contains("lamina vault backup copies it whole"),
                    "{told}"
                );
                for command in [["cat", &raw], ["check", &raw]] {
                    assert_eq!(shell.run(&command).status.code(), Some(1), "{command:?}");
                }
                for (from, to) in [(&*raw, "moved"), ("f", &*raw)] {
                    let moved = shell.run(&["mv", "--replace", from, to]);
                    assert_eq!(moved.status.code(), Some(1), "{from} {to}");
                }
            }
            if kind != "memory" {
                let backup = run(&[kind, "backup", &name, "backup"]);
                assert!(backup.status.success(), "{backup:?}");
                let copy = format!("{kind}:backup");
                let copied = run(&["cat", &format!("{copy}::/f")]);
                assert_eq!(copied.stdout, b"text", "{copied:?}");
                assert!(run(&[kind, "check", "backup"]).status.success());
                match kind {
                    "store" => fs::remove_dir_all(shell.path("backup")).unwrap(),
                    _ => fs::remove_file(shell.path("backup")).unwrap(),
                }
            }
            // Killed, it leaves nothing in the way.
            drop(other);
            let copied = shell.run(&["cp", "-r", "--replace", &raw, "raw"]);
            assert!(copied.status.success(), "{copied:?}");
            shell.ok(&["rm", "-r", "raw"]);
            assert_eq!(run(&["cp", "f", &g]).status.code(), Some(0));
        }
    }
}

/// Copies a filesystem in one file or one folder, over the one that is there.
fn copy_over(from: &Path, to: &Path) {
    if to.is_dir() {
        fs::remove_dir_all(to).unwrap();
    }
    let done = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(done.unwrap().success());
}

#[test]
fn an_old_copy_in_the_place_of_a_newer_one_is_told_once_and_not_changed() {
    let shell = Shell::new();
    fs::write(shell.path("f"), "text").unwrap();
    fs::write(shell.path("pw"), "secret").unwrap();
    let told = |arguments: &[&str]| {
        let done = shell
            .command(arguments)
            .env("LAMINA_PASSWORD", "secret")
            .output();
        let done = done.unwrap();
        assert_eq!(done.status.code(), Some(0), "{arguments:?}");
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    for (kind, encrypted, name) in [
        ("vault", false, "v.db"),
        ("vault", true, "e.db"),
        ("store", false, "s"),
    ] {
        let with: &[&str] = if encrypted {
            &["--password-file", "pw"]
        } else {
            &[]
        };
        shell.ok(&[&["new", kind, name], with].concat());
        let (file, second) = (format!("{name}::/f"), format!("{name}::/g"));
        assert_eq!(told(&["cp", "f", &file]), "");
        copy_over(&shell.path(name), &shell.path("old"));
        // Not changed, it is as far as it was.
        assert_eq!(told(&["ls", name]), "");
        assert_eq!(told(&["cp", "f", &second]), "");
        assert_eq!(told(&["ls", name]), "");
        copy_over(&shell.path(name), &shell.path("new"));
        copy_over(&shell.path("old"), &shell.path(name));
        let said = told(&["ls", name]);
        assert!(
            said.contains(&format!(
                "{name} is older than when it was open here last, on "
            )),
            "{said}"
        );
        assert!(
            said.contains("an old copy may have taken its place"),
            "{said}"
        );
        // Whoever put it there on purpose heard it; and one that goes on is no copy.
        assert_eq!(told(&["ls", name]), "");
        copy_over(&shell.path("new"), &shell.path(name));
        assert_eq!(told(&["cat", &second]), "");
        // Wherever the copy lies, and for changes too.
        assert!(
            told(&[
                "mkdir",
                &format!(
                    "{}::/d",
                    if kind == "store" {
                        "store:old"
                    } else {
                        "vault:old"
                    }
                )
            ])
            .contains("is older")
        );
        if kind == "vault" {
            fs::remove_file(shell.path("old")).unwrap();
            fs::remove_file(shell.path("new")).unwrap();
        } else {
            fs::remove_dir_all(shell.path("old")).unwrap();
        }
    }
    // A number and a time each, nothing of what is inside.
    let seen = fs::read_dir(shell.path("home/lamina/seen")).unwrap();
    let texts = seen.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), 3);
    let known = |c: char| c.is_ascii_digit() || c.is_ascii_whitespace();
    assert!(
        texts.iter().all(|text| text.chars().all(known)),
        "{texts:?}"
    );
}

#[test]
fn an_old_copy_in_the_place_of_a_layer_is_told_with_its_name() {
    let shell = Shell::new();
    fs::write(shell.path("f"), "text").unwrap();
    for layer in ["base.db", "top.db"] {
        shell.ok(&["new", "vault", layer]);
        copy_over(&shell.path(layer), &shell.path(&format!("old {layer}")));
        shell.ok(&["cp", "f", &format!("{layer}::/of {layer}")]);
    }
    let layers = r#"(name: "base", location: "base.db"), (name: "top", location: "top.db")"#;
    let stack = format!(r#"(name: "s", layers: [{layers}])"#);
    fs::write(shell.path("s.stack.ron"), stack).unwrap();
    let told = || {
        let done = shell.run(&["ls", "s.stack.ron"]);
        assert_eq!(done.status.code(), Some(0));
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    assert_eq!(told(), "");
    for layer in ["base.db", "top.db"] {
        copy_over(&shell.path(&format!("old {layer}")), &shell.path(layer));
        let said = told();
        assert!(
            said.contains(&format!("{layer} is older than when it was open")),
            "{said}"
        );
        assert_eq!(said.matches("is older").count(), 1, "{said}");
        assert_eq!(told(), "");
    }
}
