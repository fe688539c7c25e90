//! Real programs on mounted filesystems, with the results they have elsewhere.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tree_listing::assert_equal_trees;
use crate::world::{Kind, World, can_mount, folder, skipped};

const KINDS: [Kind; 5] = [
    Kind::Memory,
    Kind::Vault,
    Kind::Encrypted,
    Kind::Store,
    Kind::Overlay,
];

/// Runs a program that must succeed; returns what it printed. `None` (and a line that says so) when it is not installed.
#[track_caller]
fn run(at: &Path, program: &str, arguments: &[&dyn AsRef<OsStr>]) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(AsRef::as_ref))
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Anne");
        command.env(format!("GIT_{role}_EMAIL"), "anne@example.org");
    }
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped(&format!("{program} is not installed"));
            return None;
        }
        output => output.unwrap(),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program}: {}: {said}",
        output.status
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A tree with what real trees have: many small files, some large, links, modes, times, holes.
fn tree(root: &Path) {
    for folder in ["src/deep/er", "empty", "bin"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for number in 0..120usize {
        let text = format!("line {number} of a source file\n").repeat(1 + number * number % 300);
        fs::write(root.join(format!("src/deep/{number}.rs")), text).unwrap();
    }
    let large: Vec<u8> = (0..2_500_000u32).map(|n| (n / 7 * 31) as u8).collect();
    fs::write(root.join("large.bin"), &large).unwrap();
    fs::hard_link(root.join("large.bin"), root.join("src/deep/er/same.bin")).unwrap();
    fs::write(root.join("bin/run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o2750)).unwrap();
    symlink("src/deep/1.rs", root.join("link")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(6 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", (6 << 20) - 3).unwrap();
    for (seconds, name) in [(1, "bin/run"), (1_000_000_000, "large.bin")] {
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(seconds, 123_456_789);
        fs::File::open(root.join(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

fn everywhere(test: impl Fn(&Path, &Path)) {
    if !can_mount() {
        return;
    }
    let source = folder();
    tree(source.path());
    for kind in KINDS {
        eprintln!("on {kind:?}");
        let world = World::new(kind);
        test(source.path(), &world.fresh());
        world.unmount();
    }
}

#[test]
fn cp_keeps_everything_both_ways() {
    everywhere(|source, root| {
        run(root, "cp", &[&"-a", &source, &"in"]).unwrap();
        assert_equal_trees(source, &root.join("in"));
        let back = folder();
        run(root, "cp", &[&"-a", &"in", &back.path().join("out")]).unwrap();
        assert_equal_trees(source, &back.path().join("out"));
        run(root, "diff", &[&"-r", &"--no-dereference", &source, &"in"]).unwrap();
        run(root, "rm", &[&"-r", &"in"]).unwrap();
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    });
}

#[test]
fn tar_packs_and_unpacks_the_same() {
    everywhere(|source, root| {
        fs::create_dir(root.join("in")).unwrap();
        let Some(_) = run(
            source,
            "tar",
            &[&"--format=pax", &"-cSf", &root.join("a.tar"), &"."],
        ) else {
            return;
        };
        run(root, "tar", &[&"-xpf", &"a.tar", &"-C", &"in"]).unwrap();
        assert_equal_trees(source, &root.join("in"));
        run(&root.join("in"), "tar", &[&"-df", &"../a.tar"]).unwrap();
    });
}

#[test]
fn rsync_finds_nothing_left_to_do() {
    everywhere(|source, root| {
        let mut from = source.as_os_str().to_owned();
        from.push("/");
        // Otherwise it takes times within one second for equal.
        let exact = "--modify-window=-1";
        let Some(_) = run(root, "rsync", &[&"-aHXS", &exact, &from, &"in"]) else {
            return;
        };
        assert_equal_trees(source, &root.join("in"));
        let again = run(root, "rsync", &[&"-aHXic", &exact, &from, &"in"]).unwrap();
        assert_eq!(again, "");
    });
}

#[test]
fn git_clones_and_finds_every_object_whole() {
    let source = folder();
    tree(source.path());
    let at = source.path();
    let Some(_) = run(at, "git", &[&"init", &"-q", &"-b", &"main"]) else {
        return;
    };
    for round in 0..3 {
        fs::write(at.join("changes"), format!("round {round}\n")).unwrap();
        run(at, "git", &[&"add", &"."]).unwrap();
        run(at, "git", &[&"commit", &"-q", &"-m", &"A commit"]).unwrap();
    }
    let head = run(at, "git", &[&"rev-parse", &"HEAD"]).unwrap();
    everywhere(|_, root| {
        run(
            root,
            "git",
            &[&"clone", &"-q", &"--no-local", &at, &"clone"],
        )
        .unwrap();
        let clone = root.join("clone");
        run(&clone, "git", &[&"fsck", &"--full", &"--strict"]).unwrap();
        assert_eq!(run(&clone, "git", &[&"rev-parse", &"HEAD"]).unwrap(), head);
        assert_eq!(
            run(&clone, "git", &[&"status", &"--porcelain"]).unwrap(),
            ""
        );
        fs::write(clone.join("changes"), "mine\n").unwrap();
        run(&clone, "git", &[&"commit", &"-q", &"-a", &"-m", &"Mine"]).unwrap();
        run(&clone, "git", &[&"gc", &"-q", &"--prune=now"]).unwrap();
        run(&clone, "git", &[&"fsck", &"--full", &"--strict"]).unwrap();
        assert_eq!(
            run(&clone, "git", &[&"status", &"--porcelain"]).unwrap(),
            ""
        );
    });
}

#[test]
fn sqlite_keeps_its_databases_whole() {
    everywhere(|_, root| {
        for mode in ["wal", "delete", "truncate"] {
            let sql = format!(
                "pragma journal_mode={mode}; create table t(a integer primary key, b text);
                 with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
                 insert into t select i, hex(randomblob(40)) from n;
                 begin; delete from t where a%3=0; rollback; delete from t where a%2=0;
                 create index i on t(b); vacuum;"
            );
            let file = root.join(format!("{mode}.db"));
            let Some(_) = run(root, "sqlite3", &[&file, &sql]) else {
                return;
            };
            let asked = "pragma integrity_check; select count(*), min(a), max(a) from t;";
            let said = run(root, "sqlite3", &[&file, &asked]).unwrap();
            assert_eq!(said, "ok\n1500|1|2999\n", "{mode}");
        }
    });
}

#[test]
fn cargo_builds_and_runs() {
    everywhere(|_, root| {
        let (crate_dir, cargo) = (root.join("hello"), env!("CARGO"));
        fs::create_dir_all(crate_dir.join("src")).unwrap();
        let manifest =
            "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
        fs::write(crate_dir.join("Cargo.toml"), manifest).unwrap();
        let main = "fn main() { println!(\"hello from {}\", env!(\"CARGO_PKG_NAME\")); }\n";
        fs::write(crate_dir.join("src/main.rs"), main).unwrap();
        let mut command = Command::new(cargo);
        command
            .args(["run", "--quiet", "--offline"])
            .current_dir(&crate_dir)
            .env("CARGO_TARGET_DIR", crate_dir.join("target"))
            .env_remove("RUSTFLAGS");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"hello from hello\n", "{said}");
    });
}
