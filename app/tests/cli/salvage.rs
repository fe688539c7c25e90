//! What is too damaged to open, from a script.

use super::*;

#[test]
fn what_is_too_damaged_to_open_is_named_and_saved() {
    let shell = Shell::new();
    fs::create_dir(shell.path("d")).unwrap();
    fs::write(shell.path("d/f"), "kept").unwrap();
    fs::write(shell.path("d/g"), vec![8; 100_000]).unwrap();
    let told = |arguments: &[&str]| {
        let output = shell.run(arguments);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    shell.ok(&["new", "vault", "v.db"]);
    shell.ok(&["cp", "-r", "d", "v.db::/d"]);
    // A whole one gives all there is.
    shell.ok(&["vault", "salvage", "v.db", "whole"]);
    assert_equal_trees(&shell.path("d"), &shell.path("whole/files/d"));
    let mut bytes = fs::read(shell.path("v.db")).unwrap();
    bytes[..16_384].fill(0x5a);
    fs::write(shell.path("v.db"), &bytes).unwrap();
    // It is told as damage, not as a wrong password: nothing of it was ever encrypted.
    shell.ends(4, &["ls", "v.db"]);
    for check in [&["vault", "check", "v.db"][..], &["check", "v.db"]] {
        let told = told(check);
        assert!(
            told.contains("page 1 of the database is not what was written"),
            "{told}"
        );
        assert!(
            told.contains("lamina salvage would save: 2 files whole"),
            "{told}"
        );
    }
    let json = shell.run(&["vault", "check", "v.db", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["damages"][0]["kind"], "database");
    told(&["vault", "salvage", "v.db", "saved"]);
    assert_equal_trees(&shell.path("d"), &shell.path("saved/files/d"));
    let report = fs::read(shell.path("saved/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["files"], 2);
    assert_eq!(fs::read(shell.path("v.db")).unwrap(), bytes);
    // Never over something else; into any other filesystem.
    shell.ends(1, &["salvage", "v.db", "saved"]);
    shell.ok(&["new", "vault", "other.db"]);
    told(&["salvage", "v.db", "other.db::/saved"]);
    assert_eq!(shell.ok(&["cat", "other.db::/saved/files/d/f"]), "kept");
    shell.ok(&["new", "store", "s"]);
    shell.ok(&["cp", "-r", "d", "s::/d"]);
    fs::remove_file(shell.path("s/index.db")).unwrap();
    let damaged = told(&["store", "check", "s"]);
    assert!(damaged.contains("index.db is missing"), "{damaged}");
    told(&["salvage", "s", "from store"]);
    let unnamed = fs::read_dir(shell.path("from store/unnamed")).unwrap();
    assert_eq!(unnamed.count(), 2);
    // What never was a filesystem stays an error.
    fs::write(shell.path("text.db"), "some text, and nothing else").unwrap();
    assert_ne!(
        shell.run(&["vault", "check", "text.db"]).status.code(),
        Some(4)
    );
    shell.ends(1, &["salvage", "d", "nowhere"]);
}

#[test]
fn findings_that_are_alike_are_counted_and_snapshots_salvaged() {
    let shell = Shell::new();
    shell.ok(&["new", "memory", "x.mem"]);
    fs::create_dir(shell.path("d")).unwrap();
    for number in 0..30 {
        fs::write(shell.path(&format!("d/{number}")), "before").unwrap();
    }
    shell.ok(&["cp", "-r", "d", "x.mem::/"]);
    shell.ok(&["snapshot", "take", "x.mem", "past"]);
    shell.ok(&["rm", "x.mem::/d/7"]);
    let mut bytes = fs::read(shell.path("x.mem")).unwrap();
    let taken = bytes.windows(4).rposition(|tag| tag == b"SNAP").unwrap();
    // With the tag, length and hash of the section the snapshot itself is whole.
    bytes.truncate(taken + 100);
    fs::write(shell.path("x.mem"), bytes).unwrap();
    let told = |arguments: &[&str]| {
        let output = shell.run(arguments);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let alike = "it may be older than it was last";
    for arguments in [&["check", "x.mem"][..], &["salvage", "x.mem", "saved"]] {
        let told = told(arguments);
        assert_eq!(told.matches(alike).count(), 21, "{told}");
        // The root, the folder and 30 files.
        assert!(told.contains(&format!("12 more: {alike}")), "{told}");
    }
    assert_equal_trees(
        &shell.path("d"),
        &shell.path("saved/snapshots/past/files/d"),
    );
}
