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

/// What a command writes to a terminal, which `script(1)` gives it.
fn on_a_terminal(shell: &Shell, arguments: &[&str]) -> String {
    let program = [env!("CARGO_BIN_EXE_lamina")];
    let quoted = program.iter().chain(arguments).map(|it| format!("'{it}'"));
    let line = quoted.collect::<Vec<_>>().join(" ");
    let mut command = Command::new("script");
    let output = command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(shell.folder.path())
        .env("XDG_STATE_HOME", shell.path("home"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn names_show_their_control_characters_on_a_terminal_and_have_them_in_a_pipe() {
    let shell = Shell::new();
    let hostile = "a\x1b[31mred\nline";
    fs::create_dir_all(shell.path("d")).unwrap();
    fs::write(shell.path("d").join(hostile), "x").unwrap();
    symlink("to\x07", shell.path("d/link")).unwrap();
    let shown = r"'a'$'\033''[31mred'$'\n''line'";
    for command in [
        &["ls", "d"][..],
        &["ls", "-l", "d"],
        &["tree", "d"],
        &["du", "d"],
        &["find", "d"],
    ] {
        let told = on_a_terminal(&shell, command);
        assert!(
            !told.contains('\x1b') && !told.contains('\x07'),
            "{command:?}: {told:?}"
        );
        let is_there = match command {
            ["ls", "d"] | ["ls", "-l", "d"] | ["tree", "d"] => told.contains(shown),
            ["find", "d"] => told.contains(r"red'$'\n''line'"),
            _ => true,
        };
        assert!(is_there, "{command:?}: {told:?}");
    }
    assert!(on_a_terminal(&shell, &["ls", "-l", "d"]).contains(r"-> 'to'$'\007'"));
    assert!(on_a_terminal(&shell, &["stat", "d/link"]).contains(r"'to'$'\007'"));
    let missing = format!("d/{hostile}/none");
    let told = on_a_terminal(&shell, &["cat", &missing]);
    assert!(
        told.contains(r"\033[31mred\nline") && !told.contains('\x1b'),
        "{told:?}"
    );
    // Programs get the bytes.
    assert_eq!(shell.ok(&["ls", "d"]), format!("{hostile}\nlink\n"));
    let plain = on_a_terminal(&shell, &["ls", "."]);
    assert_eq!(plain.lines().next(), Some("d"));
}

#[test]
fn what_is_not_there_is_told_and_the_rest_is_served_in_one_document() {
    let shell = Shell::new();
    scene(&shell);
    symlink(OsStr::from_bytes(b"to\xff"), shell.path("tree/raw")).unwrap();
    for command in ["ls", "stat", "find", "du", "tree", "check"] {
        let none = shell.ends(1, &[command, "--json", "none", "v.db::/none"]);
        assert_eq!(none, "[]\n", "{command}");
        let some = shell.ends(1, &[command, "--json", "none", "tree/a", "v.db::/none"]);
        let some: Vec<Value> = serde_json::from_str(&some).unwrap();
        assert!(!some.is_empty(), "{command}");
        let told = shell.run(&[command, "none"]);
        assert!(String::from_utf8_lossy(&told.stderr).contains("none"));
    }
    let link = shell.ok(&["stat", "--json", "tree/raw"]);
    let link: Vec<Value> = serde_json::from_str(&link).unwrap();
    assert_eq!(link[0]["target_bytes"], serde_json::json!([116, 111, 255]));
    shell.ok(&["cp", "tree/raw", "v.db::/raw"]);
    let diff = shell.ends(1, &["diff", "--json", "tree/a", "tree/b"]);
    assert!(serde_json::from_str::<Vec<Value>>(&diff).unwrap().len() > 1);
}

#[test]
fn interrupted_operations_of_one_name_are_told_apart() {
    let shell = Shell::new();
    fs::write(shell.path("src"), vec![7; 64 << 20]).unwrap();
    let pending =
        || -> Vec<Value> { serde_json::from_str(&shell.ok(&["recover", "--json"])).unwrap() };
    for (count, target) in [(1, "one.db"), (2, "two.db")] {
        shell.ok(&["new", "vault", target]);
        let journals =
            || fs::read_dir(shell.path("home/lamina/journal")).map_or(0, Iterator::count);
        for attempt in 0.. {
            assert!(attempt < 30, "never killed in the middle");
            let before = journals();
            let copy = format!("{target}::/src {attempt}");
            let mut child = shell.command(&["cp", "src", &copy]).spawn().unwrap();
            while journals() == before && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            child.kill().unwrap();
            child.wait().unwrap();
            if pending().len() == count {
                break;
            }
        }
    }
    let rows = pending();
    assert!(
        rows.iter().all(|row| row["name"] == rows[0]["name"]),
        "{rows:?}"
    );
    assert_ne!(rows[0]["id"], rows[1]["id"]);
    let list = shell.ok(&["recover"]);
    for (row, target) in rows.iter().zip(["one.db", "two.db"]) {
        assert!(row["into"].as_str().unwrap().contains(target), "{row}");
        assert!(row["began_ns"].as_i64().unwrap() > 0, "{row}");
        let id = row["id"].to_string();
        let line = list.lines().find(|line| line.contains(&id)).unwrap();
        assert!(line.contains(target) && line.contains("src"), "{line}");
    }
    // One of them, by its number.
    let id = rows[0]["id"].to_string();
    shell.ok(&["recover", "--undo", "--id", &id]);
    let left = pending();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], rows[1]["id"]);
    shell.ends(2, &["recover", "--undo", "--id", &id]);
    shell.ok(&["recover", "--finish"]);
    assert!(pending().is_empty());
}
