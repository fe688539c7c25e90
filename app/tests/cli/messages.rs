//! Messages name what they are about: the place, as it was typed, and what to do.

use super::*;

/// What a command that ends with `code` says.
#[track_caller]
fn told(shell: &Shell, code: i32, arguments: &[&str]) -> String {
    let output = shell.run(arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    assert!(!told.contains("host:/"), "{arguments:?}: {told}");
    told
}

#[test]
fn what_the_target_refuses_is_told_of_the_target() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "--limit", "1M", "m.mem"]);
    fs::write(shell.path("big"), vec![7; 3 << 20]).unwrap();
    fs::write(shell.path("f"), "text").unwrap();
    for command in ["cp", "mv"] {
        let said = told(&shell, 1, &[command, "big", "m.mem::/"]);
        let target = format!("{}::/: no space left", shell.path("m.mem").display());
        assert!(said.contains(&target), "{said}");
        for part in [
            "big needs 3 MiB",
            "1 MiB are free",
            "nothing of it was stored",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert!(shell.path("big").exists());
    }
    shell.ok(&["cp", "f", "m.mem::/f"]);
    shell.ok(&["snapshot", "take", "m.mem", "one"]);
    let said = told(&shell, 1, &["cp", "f", "snapshot:one:m.mem::/g"]);
    assert!(
        said.contains("snapshot:one:") && said.contains("read-only"),
        "{said}"
    );
    // A file that is there, of the host.
    let said = told(&shell, 1, &["cp", "f", "big"]);
    let target = shell.path("big").display().to_string();
    assert!(said.contains(&target), "{said}");
}

#[test]
fn a_snapshot_of_a_file_beside_is_found_by_its_name() {
    let shell = Shell::new();
    fs::write(shell.path("f"), "before").unwrap();
    shell.ok(&["new", "memory", "m.mem"]);
    shell.ok(&["cp", "f", "m.mem::/f"]);
    shell.ok(&["snapshot", "take", "m.mem", "one"]);
    shell.ok(&["rm", "m.mem::/f"]);
    for location in ["snapshot:one:m.mem::/f", "snapshot:one:./m.mem::/f"] {
        assert_eq!(shell.ok(&["cat", location]), "before");
    }
    assert_eq!(shell.ok(&["ls", "memory:m.mem"]), "");
    told(&shell, 1, &["cat", "snapshot:two:m.mem::/f"]);
}

#[test]
fn a_folder_that_is_missing_is_told_as_that() {
    let shell = Shell::new();
    shell.ok(&["new", "vault", "v.db"]);
    for command in [
        &["new", "vault", "none/x.db"][..],
        &["new", "store", "none/x"],
        &["new", "memory", "none/x.mem"],
        &["new", "stack", "none/x.stack.ron", "v.db"],
        &["vault", "backup", "v.db", "none/x.db"],
        &["salvage", "v.db", "none/x"],
    ] {
        let said = told(&shell, 1, command);
        assert!(
            said.contains("the folder it would be in is missing"),
            "{said}"
        );
        assert!(said.contains("none"), "{said}");
        assert!(!shell.path("none").exists());
    }
}

#[test]
fn a_stack_of_what_is_not_there_is_not_made() {
    let shell = Shell::new();
    shell.ok(&["new", "vault", "v.db"]);
    let said = told(
        &shell,
        1,
        &["new", "stack", "s.stack.ron", "v.db", "none.db"],
    );
    assert!(
        said.contains("none.db") && said.contains("not found"),
        "{said}"
    );
    assert!(!shell.path("s.stack.ron").exists());
    shell.ok(&["new", "stack", "s.stack.ron", "v.db", "memory:scratch"]);
    shell.ok(&["ls", "s.stack.ron"]);
}

#[test]
fn what_is_of_another_kind_is_told_with_what_looks_after_it() {
    let shell = Shell::new();
    shell.ok(&["new", "vault", "v.db"]);
    shell.ok(&["new", "store", "s"]);
    shell.ok(&["new", "memory", "m.mem"]);
    fs::write(shell.path("f"), "text").unwrap();
    for (command, says) in [
        (&["vault", "info", "s"], "it is a store; lamina store"),
        (&["vault", "check", "s"], "it is a store; lamina store"),
        (&["store", "info", "v.db"], "it is a vault; lamina vault"),
        (&["vault", "info", "m.mem"], "lamina memory"),
    ] {
        let said = told(&shell, 1, command);
        assert!(said.contains(says), "{command:?}: {said}");
    }
    let said = told(&shell, 1, &["salvage", "f", "saved"]);
    assert!(said.contains("no vault, store or saved memory"), "{said}");
    let said = told(&shell, 1, &["cat", "v.db"]);
    assert!(said.contains("v.db: open: is a folder"), "{said}");
    let said = told(&shell, 1, &["ln", "f", "v.db::/f"]);
    assert!(
        said.contains("v.db::/f to f: link: on another filesystem"),
        "{said}"
    );
}

#[test]
fn help_helps_itself() {
    let shell = Shell::new();
    for command in [
        &["help", "--help"][..],
        &["help", "help"],
        &["help"],
        &["help", "vault", "check"],
    ] {
        assert!(shell.ok(command).contains("Usage: lamina"), "{command:?}");
    }
    assert_eq!(shell.ok(&["help", "ls"]), shell.ok(&["ls", "--help"]));
    shell.ends(2, &["help", "none"]);
}
