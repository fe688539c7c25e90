//! `lamina snapshot`, snapshots as locations, and the limit of a filesystem in memory.

use std::fs;

use super::Shell;

#[test]
fn snapshots_are_kept_in_the_saved_file_and_read_as_locations() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "m.mem"]);
    fs::write(shell.path("f"), "one").unwrap();
    shell.ok(&["cp", "f", "m.mem::/f"]);
    shell.ok(&["mkdir", "m.mem::/gone"]);
    shell.ok(&["snapshot", "take", "m.mem", "before lunch"]);
    fs::write(shell.path("f"), "two!").unwrap();
    shell.ok(&["cp", "--replace", "f", "m.mem::/f"]);
    shell.ok(&["cp", "f", "m.mem::/new"]);
    shell.ok(&["rm", "-r", "m.mem::/gone"]);
    // The shell's folder, as the location of a snapshot is written with a path.
    let old = "snapshot:before lunch:./m.mem::/f";
    assert_eq!(shell.ok(&["cat", old, "m.mem::/f"]), "onetwo!");
    shell.ends(1, &["rm", old]);

    let differs = shell.run(&["snapshot", "diff", "m.mem", "before lunch"]);
    assert_eq!(differs.status.code(), Some(1));
    assert_eq!(differs.stdout, b"~ /f\n- /gone\n+ /new\n");
    let json = shell.run(&["snapshot", "diff", "--json", "m.mem", "before lunch"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["change"], "changed");
    assert_eq!(
        (&json[0]["size_before"], &json[0]["size_after"]),
        (&3.into(), &4.into())
    );

    let told = shell.ok(&["snapshot", "restore", "m.mem", "before lunch"]);
    assert!(told.contains("before restoring before lunch"), "{told}");
    assert_eq!(shell.ok(&["cat", "m.mem::/f"]), "one");
    shell.ok(&[
        "snapshot",
        "restore",
        "m.mem",
        "before restoring before lunch",
    ]);
    assert_eq!(shell.ok(&["cat", "m.mem::/f"]), "two!");

    let list = shell.ok(&["snapshot", "list", "--json", "m.mem"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let names: Vec<&str> = list["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "before lunch");
    assert_eq!(list["snapshots"][0]["content_bytes"], 3);
    shell.ok(&["snapshot", "delete", "m.mem", "before lunch"]);
    shell.ends(1, &["snapshot", "delete", "m.mem", "before lunch"]);
    shell.ends(1, &["snapshot", "take", "m.mem", "a/b"]);
    shell.ends(1, &["snapshot", "list", "."]);
}

#[test]
fn a_filesystem_in_memory_keeps_its_limit() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "--limit", "64K", "m.mem"]);
    fs::write(shell.path("small"), vec![1; 60_000]).unwrap();
    fs::write(shell.path("large"), vec![2; 70_000]).unwrap();
    shell.ok(&["cp", "small", "m.mem::/f"]);
    shell.ends(1, &["cp", "--replace", "large", "m.mem::/f"]);
    assert_eq!(shell.run(&["cat", "m.mem::/f"]).stdout, vec![1; 60_000]);
    shell.ends(2, &["new", "memory", "--limit", "much", "x.mem"]);
    shell.ends(2, &["new", "vault", "--limit", "1M", "x.db"]);
}

#[test]
fn a_saved_file_is_encrypted_when_a_password_is_given() {
    let shell = Shell::new();
    fs::write(shell.path("key"), "open sesame\n").unwrap();
    fs::write(shell.path("wrong"), "sesame\n").unwrap();
    fs::write(shell.path("plaintext-name"), "plaintext-marker").unwrap();
    let key = ["--password-file", "key"];
    let with = |arguments: &[&str]| shell.ok(&[arguments, &key[..]].concat());
    with(&["new", "memory", "m.mem"]);
    with(&["cp", "plaintext-name", "m.mem::/plaintext-name"]);
    with(&["snapshot", "take", "m.mem", "plaintext-moment"]);
    assert_eq!(with(&["cat", "m.mem::/plaintext-name"]), "plaintext-marker");
    let bytes = fs::read(shell.path("m.mem")).unwrap();
    assert!(!bytes.windows(9).any(|window| window == b"plaintext"));
    shell.ends(3, &["ls", "m.mem"]);
    shell.ends(3, &["ls", "m.mem", "--password-file", "wrong"]);
    assert_eq!(fs::read(shell.path("m.mem")).unwrap(), bytes);
}

#[test]
fn a_saved_file_gets_a_password_and_another_one() {
    let shell = Shell::new();
    for name in ["one", "two"] {
        fs::write(shell.path(name), name).unwrap();
    }
    shell.ok(&["new", "memory", "m.mem"]);
    shell.ok(&["mkdir", "m.mem::/kept"]);
    let passwd = ["memory", "passwd", "m.mem", "--new-password-file"];
    shell.ok(&[&passwd[..], &["one"]].concat());
    shell.ends(3, &["ls", "m.mem"]);
    shell.ends(
        3,
        &[&passwd[..], &["two", "--password-file", "two"]].concat(),
    );
    shell.ok(&[&passwd[..], &["two", "--password-file", "one"]].concat());
    shell.ends(3, &["ls", "m.mem", "--password-file", "one"]);
    let listed = shell.ok(&["ls", "m.mem", "--password-file", "two"]);
    assert!(listed.contains("kept"));
}
