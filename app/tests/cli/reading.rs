//! Commands that look: `tree`, `find`, `du`, and JSON from each that tells something.

use serde_json::Value;

use super::*;

fn scene(shell: &Shell) {
    let tree = shell.path("tree");
    for folder in ["b/c", ".hidden", "a"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    fs::write(tree.join("b/c/deep.TXT"), vec![7; 100_000]).unwrap();
    fs::write(tree.join("b/note.txt"), "note").unwrap();
    fs::write(tree.join(".hidden/x.txt"), "x").unwrap();
    fs::hard_link(tree.join("b/c/deep.TXT"), tree.join("a/same")).unwrap();
    symlink("../b", tree.join("a/link")).unwrap();
    shell.ok(&["new", "vault", "v.db"]);
    shell.ok(&["cp", "-r", "tree", "v.db::/t"]);
}

#[test]
fn a_tree_is_drawn_with_its_lines() {
    let shell = Shell::new();
    scene(&shell);
    let expected = "v.db::/t
├── a
│   ├── link -> ../b
│   └── same
└── b
    ├── c
    │   └── deep.TXT
    └── note.txt

3 folders, 4 files
";
    assert_eq!(shell.ok(&["tree", "v.db::/t"]), expected);
    let host = shell.ok(&["tree", "tree"]);
    assert_eq!(
        host.lines().skip(1).collect::<Vec<_>>(),
        expected.lines().skip(1).collect::<Vec<_>>()
    );
    let flat = shell.ok(&["tree", "-a", "-L", "1", "v.db::/t"]);
    assert_eq!(
        flat,
        "v.db::/t\n├── .hidden\n├── a\n└── b\n\n3 folders, 0 files\n"
    );
}

#[test]
fn names_are_found_by_pattern_and_kind() {
    let shell = Shell::new();
    scene(&shell);
    let find = |arguments: &[&str]| {
        let all = [&["find", "v.db"], arguments].concat();
        shell.ok(&all)
    };
    assert_eq!(
        find(&["--name", "*.txt"]),
        "/t/.hidden/x.txt\n/t/b/note.txt\n"
    );
    assert_eq!(
        find(&["--name", "*.txt", "--ignore-case"]),
        "/t/.hidden/x.txt\n/t/b/c/deep.TXT\n/t/b/note.txt\n"
    );
    assert_eq!(find(&["--name", "[no]*", "--type", "f"]), "/t/b/note.txt\n");
    assert_eq!(find(&["--type", "l"]), "/t/a/link\n");
    assert_eq!(
        find(&["--type", "d", "--name", "?"]),
        "/t\n/t/a\n/t/b\n/t/b/c\n"
    );
    assert_eq!(find(&["--name", "nothing"]), "");
    shell.ends(2, &["find", "v.db", "--name", "[z"]);
    shell.ends(1, &["find", "v.db::/missing"]);
}

#[test]
fn what_folders_take_counts_each_file_once() {
    let shell = Shell::new();
    scene(&shell);
    let sum = shell.ok(&["du", "--apparent-size", "v.db::/t"]);
    let expected = "1\t/t/.hidden\n100004\t/t/a\n0\t/t/b/c\n4\t/t/b\n100009\t/t\n";
    assert_eq!(sum, expected);
    let one = shell.ok(&["du", "-s", "--apparent-size", "tree"]);
    assert!(
        one.starts_with("100009\t") && one.lines().count() == 1,
        "{one}"
    );
}

#[test]
fn every_command_that_tells_something_tells_it_to_programs_too() {
    let shell = Shell::new();
    scene(&shell);
    let json = |code, arguments: &[&str]| -> Value {
        let all = [arguments, &["--json"]].concat();
        serde_json::from_str(&shell.ends(code, &all)).unwrap()
    };
    let list = json(0, &["ls", "-R", "v.db::/t"]);
    assert_eq!(list.as_array().unwrap().len(), 7);
    assert_eq!(list[0]["path"], "/t/a");
    assert_eq!(list[0]["kind"], "Directory");
    let stat = json(0, &["stat", "v.db::/t/b/note.txt"]);
    assert_eq!(stat[0]["size"], 4);
    assert_eq!(stat[0]["links"], 1);
    let found = json(0, &["find", "v.db", "--type", "l"]);
    assert_eq!(found[0]["target"], "../b");
    let tree = json(0, &["tree", "v.db::/t"]);
    assert_eq!(tree[1]["depth"], 1);
    let usage = json(0, &["du", "--apparent-size", "v.db::/t"]);
    assert_eq!(usage[4]["bytes"], 100_009);
    assert_eq!(
        json(0, &["diff", "tree", "v.db::/t"])
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let different = json(1, &["diff", "tree/a", "v.db::/t/b"]);
    assert!(!different.as_array().unwrap().is_empty());
    let checked = json(0, &["check", "v.db", "tree"]);
    assert_eq!(checked[0]["damages"].as_array().unwrap().len(), 0);
    assert_eq!(checked[1]["bytes"], 200_005);
    let info = json(0, &["vault", "info", "v.db"]);
    assert_eq!(info["kind"], "vault");
    assert_eq!(info["counts"]["files"], 3);
    // A name that is not UTF-8 keeps its bytes.
    let odd = shell.path("odd");
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let list = json(0, &["ls", "odd"]);
    let bytes = list[0]["path_bytes"].as_array().unwrap();
    assert_eq!(bytes.last().unwrap(), 0xff);
}

#[test]
fn links_out_of_a_sandbox_are_listed_and_flagged_and_never_followed() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("box/etc")).unwrap();
    fs::write(shell.path("box/etc/passwd"), "another file").unwrap();
    fs::write(shell.path("box/f"), "inside").unwrap();
    for (name, target) in [
        ("out", "/etc/passwd"),
        ("up", "../../.."),
        ("in", "f"),
        ("none", "x"),
    ] {
        symlink(target, shell.path("box").join(name)).unwrap();
    }
    let sandbox = format!("vroot:{}", shell.path("box").display());
    let at = |name: &str| format!("{sandbox}::/{name}");
    let flag = "leads outside the sandbox";
    for list in [
        shell.ok(&["ls", "-l", &sandbox]),
        shell.ok(&["tree", &sandbox]),
    ] {
        let flagged = |name: &str| {
            let line = list
                .lines()
                .find(|line| line.contains(&format!(" {name} -> ")));
            line.unwrap().contains(flag)
        };
        assert!(flagged("out") && flagged("up"), "{list}");
        assert!(!flagged("in") && !flagged("none"), "{list}");
    }
    assert!(shell.ok(&["stat", &at("out")]).contains(flag));
    assert!(!shell.ok(&["stat", &at("in")]).contains(flag));
    for command in ["ls", "stat"] {
        let targets = match command {
            "ls" => vec![sandbox.clone()],
            _ => ["out", "up", "in", "none"].map(at).to_vec(),
        };
        let arguments: Vec<&str> = targets.iter().map(String::as_str).collect();
        let list = shell.ok(&[&[command, "--json"], &arguments[..]].concat());
        let list: Vec<Value> = serde_json::from_str(&list).unwrap();
        for item in list {
            let name = item["path"].as_str().unwrap();
            let escapes = matches!(name, "/out" | "/up");
            assert_eq!(item["escapes"] == true, escapes, "{command}: {item}");
        }
    }
    for command in [
        &["cat", &at("out")][..],
        &["ls", &at("up")],
        &["ls", &at("up/etc")],
        &["cp", "-r", &at("up/etc"), "copied"],
        &["cp", "box/f", &at("up/new")],
        &["touch", &at("up/new")],
        &["check", &at("up/etc")],
    ] {
        let output = shell.run(command);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {told}");
        assert!(told.contains(flag), "{command:?}: {told}");
    }
    assert!(!shell.path("copied").exists() && !shell.path("box/new").exists());
    // The link itself is copied as any other; and on the host it leads where it always did.
    shell.ok(&["cp", &at("out"), "copied"]);
    assert_eq!(
        fs::read_link(shell.path("copied")).unwrap(),
        Path::new("/etc/passwd")
    );
    assert!(!shell.ok(&["ls", "-l", "box"]).contains(flag));
    assert_eq!(shell.ok(&["cat", &at("in")]), "inside");
}
