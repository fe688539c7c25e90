//! Every kind of location opens; every wrong one says what is wrong and changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::path::Path;
use std::sync::Arc;

use fs_backends::location::{Kind, Location, OpenHow, Opened};
use fs_core::{Backend, ErrorKind, FileStorage, Result};
use zeroize::Zeroizing;

fn open_with(text: &str, base: &Path, how: &OpenHow<'_>) -> Result<Opened> {
    Location::parse(text, base)?.open(how)
}

fn open(text: &str, base: &Path) -> Result<Opened> {
    open_with(text, base, &OpenHow::default())
}

fn create(text: &str, base: &Path) -> Result<Opened> {
    let how = OpenHow {
        create: true,
        ..OpenHow::default()
    };
    open_with(text, base, &how)
}

fn storage(opened: &Opened) -> FileStorage<Arc<dyn Backend>> {
    FileStorage::new(opened.backend.clone())
}

fn kind(result: Result<Opened>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn folders_open_on_the_host_or_as_a_sandbox() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    std::fs::create_dir(base.join("a::b")).unwrap();
    std::fs::write(base.join("a::b/f"), b"content").unwrap();
    let host = open("a:::b", &base).unwrap();
    assert_eq!(host.kind(), Kind::Host);
    assert_eq!(host.location.to_string(), "host:/");
    assert_eq!(host.at.as_path(), base.join("a::b"));
    let sandbox = open("vroot:a::b::/f", &base).unwrap();
    assert_eq!(
        (sandbox.kind(), sandbox.at.as_path()),
        (Kind::VRoot, Path::new("/f"))
    );
    assert_eq!(storage(&sandbox).read("/f").unwrap(), b"content");
    assert_eq!(kind(open("vroot:missing", &base)), ErrorKind::NotFound);
    assert_eq!(kind(open("vroot:a:::b/f", &base)), ErrorKind::NotADirectory);
}

#[test]
fn a_saved_memory_filesystem_is_written_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(kind(open("scratch.mem", dir.path())), ErrorKind::NotFound);
    let scratch = create("scratch.mem", dir.path()).unwrap();
    assert!(scratch.is_unsaved());
    storage(&scratch).write("/f", b"kept").unwrap();
    assert!(!dir.path().join("scratch.mem").exists());
    scratch.save().unwrap();
    assert!(!scratch.is_unsaved());
    // Two at once would write over each other.
    assert_eq!(kind(open("scratch.mem", dir.path())), ErrorKind::InUse);
    drop(scratch);
    let again = open("scratch.mem", dir.path()).unwrap();
    assert_eq!(again.kind(), Kind::Memory);
    assert_eq!(storage(&again).read("/f").unwrap(), b"kept");
    assert!(!again.is_unsaved());
    storage(&again).write("/g", b"").unwrap();
    assert!(again.is_unsaved());
    let nameless = open("memory:scratch", dir.path()).unwrap();
    assert!(!nameless.is_unsaved() && nameless.save().is_ok());
}

#[test]
fn vaults_ask_for_their_password() {
    let dir = tempfile::tempdir().unwrap();
    let plain = create("plain.db", dir.path()).unwrap();
    assert!(!plain.is_private);
    drop(plain);
    let ask =
        |password: &'static str| move |_: &Location| Some(Zeroizing::new(password.to_owned()));
    let (right, wrong) = (ask("right"), ask("wrong"));
    let how = OpenHow {
        password: &right,
        create: true,
        ..OpenHow::default()
    };
    let secret = open_with("secret.db", dir.path(), &how).unwrap();
    assert!(secret.is_private);
    storage(&secret).write("/f", b"hidden").unwrap();
    secret.backend.close().unwrap();
    drop(secret);
    let before = std::fs::read(dir.path().join("secret.db")).unwrap();
    assert_eq!(
        kind(open("secret.db", dir.path())),
        ErrorKind::PasswordNeeded
    );
    let with_wrong = OpenHow {
        password: &wrong,
        ..how
    };
    assert_eq!(
        kind(open_with("secret.db", dir.path(), &with_wrong)),
        ErrorKind::WrongPassword
    );
    assert_eq!(std::fs::read(dir.path().join("secret.db")).unwrap(), before);
    let again = open_with("secret.db::/f", dir.path(), &how).unwrap();
    assert_eq!(storage(&again).read("/f").unwrap(), b"hidden");
    // A password in hand does not lock out a plain vault.
    assert_eq!(
        open_with("plain.db", dir.path(), &how).unwrap().kind(),
        Kind::Vault
    );
}

#[test]
fn what_is_no_filesystem_says_so_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for name in ["empty.db", "empty.mem", "empty.stack.ron"] {
        std::fs::write(at(name), b"").unwrap();
    }
    std::fs::write(at("text.db"), b"just some text").unwrap();
    std::fs::write(at("text.mem"), b"just some text").unwrap();
    for name in [
        "empty.db",
        "text.db",
        "empty.mem",
        "text.mem",
        "empty.stack.ron",
    ] {
        let before = std::fs::read(at(name)).unwrap();
        for attempt in [open(name, dir.path()), create(name, dir.path())] {
            let error = attempt.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFormat, "{name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(std::fs::read(at(name)).unwrap(), before);
    }
    assert_eq!(open("host:text.db", dir.path()).unwrap().kind(), Kind::Host);
    assert_eq!(kind(open("missing.db", dir.path())), ErrorKind::NotFound);
    let long = format!("{}.db", "x".repeat(300));
    assert_eq!(kind(open(&long, dir.path())), ErrorKind::NameTooLong);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
}

fn write_stack(path: &Path, layers: &[&str]) {
    let layers: Vec<_> = layers
        .iter()
        .enumerate()
        .map(|(i, layer)| format!("(name: \"{i}\", location: {layer:?})"))
        .collect();
    let text = format!("(name: \"test\", layers: [{}])", layers.join(", "));
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_stack_shows_its_layers_and_writes_the_last() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["base", "middle/inner"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("base/a"), b"base").unwrap();
    std::fs::write(dir.path().join("base/b"), b"base").unwrap();
    std::fs::write(dir.path().join("middle/inner/b"), b"middle").unwrap();
    create("top.mem", dir.path()).unwrap().save().unwrap();
    let stack = dir.path().join("app.stack.ron");
    write_stack(&stack, &["base", "vroot:middle::/inner", "top.mem"]);
    let app = open("app.stack.ron", dir.path()).unwrap();
    assert_eq!(app.kind(), Kind::Stack);
    let fs = storage(&app);
    assert_eq!(fs.read("/a").unwrap(), b"base");
    assert_eq!(fs.read("/b").unwrap(), b"middle");
    fs.write("/a", b"top").unwrap();
    fs.remove_file("/b").unwrap();
    assert!(app.is_unsaved());
    app.save().unwrap();
    assert_eq!(std::fs::read(dir.path().join("base/a")).unwrap(), b"base");
    drop((fs, app));
    let again = storage(&open("app.stack.ron", dir.path()).unwrap());
    assert_eq!(again.read("/a").unwrap(), b"top");
    assert!(!again.exists("/b").unwrap());
    let how = OpenHow {
        read_only: true,
        ..OpenHow::default()
    };
    let read_only = storage(&open_with("app.stack.ron", dir.path(), &how).unwrap());
    assert_eq!(read_only.read("/a").unwrap(), b"top");
    assert_eq!(
        read_only.write("/a", b"").unwrap_err().kind(),
        ErrorKind::ReadOnly
    );
}

#[test]
fn a_stack_on_a_host_folder_keeps_its_changes_there() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["base", "upper"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("base/a"), b"base").unwrap();
    write_stack(&dir.path().join("a.stack.ron"), &["base", "upper"]);
    let fs = storage(&open("a.stack.ron", dir.path()).unwrap());
    fs.write("/b", b"new").unwrap();
    fs.remove_file("/a").unwrap();
    assert_eq!(std::fs::read(dir.path().join("upper/b")).unwrap(), b"new");
    assert!(dir.path().join("base/a").exists());
    let again = storage(&open("a.stack.ron", dir.path()).unwrap());
    assert!(!again.exists("/a").unwrap());
}

#[test]
fn a_stack_that_names_itself_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    write_stack(&at("self.stack.ron"), &["self.stack.ron"]);
    write_stack(&at("one.stack.ron"), &["memory:a", "two.stack.ron"]);
    write_stack(&at("two.stack.ron"), &["./one.stack.ron", "memory:b"]);
    for name in ["self.stack.ron", "one.stack.ron"] {
        let error = open(name, dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("names itself"), "{error}");
    }
    // The same stack twice, side by side, is no circle.
    write_stack(&at("leaf.stack.ron"), &["memory:a"]);
    write_stack(
        &at("twice.stack.ron"),
        &["leaf.stack.ron", "leaf.stack.ron", "memory:c"],
    );
    open("twice.stack.ron", dir.path()).unwrap();
}

#[test]
fn stacks_of_stacks_of_stacks_end() {
    let dir = tempfile::tempdir().unwrap();
    write_stack(&dir.path().join("0.stack.ron"), &["memory:a"; 10]);
    for i in 1..8 {
        let below = format!("{}.stack.ron", i - 1);
        write_stack(
            &dir.path().join(format!("{i}.stack.ron")),
            &[below.as_str(); 10],
        );
    }
    assert_eq!(
        kind(open("7.stack.ron", dir.path())),
        ErrorKind::InvalidData
    );
}

#[test]
fn a_writable_layer_inside_another_or_the_same_again_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("base/upper")).unwrap();
    std::os::unix::fs::symlink("base", at("link")).unwrap();
    for name in ["a.db", "base/b.db", "a.mem"] {
        create(name, dir.path()).unwrap().save().unwrap();
    }
    create("store:base/store", dir.path()).unwrap();
    let vault = storage(&open("a.db", dir.path()).unwrap());
    vault.create_dir_all("/x/y").unwrap();
    drop(vault);
    write_stack(&at("inner.stack.ron"), &["base", "memory:a"]);
    let refusal = |layers: &[&str]| {
        write_stack(&at("a.stack.ron"), layers);
        let error = open("a.stack.ron", dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{layers:?}: {error}");
        error.to_string()
    };
    for layers in [
        ["base", "base/upper"],
        ["base/upper", "base"],
        ["base", "vroot:base::/upper"],
        ["base", "link/upper"],
        ["base", "store:base/store"],
        ["inner.stack.ron", "base/upper"],
        ["a.db::/x", "a.db::/x/y"],
    ] {
        let text = refusal(&layers);
        assert!(text.contains("inside the other"), "{layers:?}: {text}");
    }
    for layers in [
        ["base", "link"],
        ["base", "vroot:base"],
        ["a.db", "a.db"],
        ["a.mem", "a.mem"],
    ] {
        let text = refusal(&layers);
        assert!(text.contains("are the same"), "{layers:?}: {text}");
    }
    // Two folders that are only read may hold each other, and a vault's file is no part of the folder it lies in.
    for layers in [
        ["base", "base/upper", "memory:a"],
        ["base", "a.mem", "base/b.db"],
    ] {
        write_stack(&at("a.stack.ron"), &layers);
        open("a.stack.ron", dir.path()).unwrap();
    }
}

#[test]
fn a_layer_used_over_another_base_is_refused_until_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for folder in ["base", "other", "plain"] {
        std::fs::create_dir(at(folder)).unwrap();
        std::fs::write(at(folder).join("gone"), folder).unwrap();
        std::fs::write(at(folder).join("kept"), folder).unwrap();
    }
    create("base.db", dir.path()).unwrap();
    create("other.db", dir.path()).unwrap();
    for (base, other) in [
        ("base", "other"),
        ("base.db", "other.db"),
        ("base", "other.db"),
    ] {
        for upper in ["upper.db", "upper.mem", "store:upper", "folder"] {
            let dir_of = tempfile::tempdir().unwrap();
            let upper = match upper.strip_prefix("store:") {
                Some(name) => format!("store:{}", dir_of.path().join(name).display()),
                None => dir_of.path().join(upper).display().to_string(),
            };
            if upper.ends_with("folder") {
                std::fs::create_dir(&upper).unwrap();
            } else {
                create(&upper, dir.path()).unwrap().save().unwrap();
            }
            let stack = |base: &str| write_stack(&at("a.stack.ron"), &[base, &upper]);
            let use_it = || {
                let opened = open("a.stack.ron", dir.path())?;
                storage(&opened).write("/new", b"new")?;
                opened.save()
            };
            stack(base);
            use_it().unwrap();
            use_it().unwrap();
            stack(other);
            let error = use_it().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongBase, "{base} {other} {upper}");
            assert!(
                error
                    .to_string()
                    .contains("layer \"1\" was used over another base than \"0\""),
                "{error}"
            );
            let wanted = OpenHow {
                accept_base: true,
                ..OpenHow::default()
            };
            let only_to_look = OpenHow {
                read_only: true,
                ..wanted
            };
            let looked = open_with("a.stack.ron", dir.path(), &only_to_look).unwrap();
            assert_eq!(storage(&looked).read("/new").unwrap(), b"new");
            drop(looked);
            assert_eq!(use_it().unwrap_err().kind(), ErrorKind::WrongBase);
            let opened = open_with("a.stack.ron", dir.path(), &wanted).unwrap();
            opened.save().unwrap();
            drop(opened);
            use_it().unwrap();
            stack(base);
            assert_eq!(use_it().unwrap_err().kind(), ErrorKind::WrongBase);
        }
    }
}

#[test]
fn what_is_open_already_is_shared() {
    let dir = tempfile::tempdir().unwrap();
    let vault = create("a.db", dir.path()).unwrap();
    storage(&vault).write("/f", b"shared").unwrap();
    write_stack(&dir.path().join("a.stack.ron"), &["a.db", "memory:top"]);
    assert_eq!(kind(open("a.stack.ron", dir.path())), ErrorKind::InUse);
    let how = OpenHow {
        open_already: &|location| (*location == vault.location).then(|| vault.backend.clone()),
        ..OpenHow::default()
    };
    let stack = open_with("a.stack.ron", dir.path(), &how).unwrap();
    assert_eq!(storage(&stack).read("/f").unwrap(), b"shared");
}

#[test]
fn a_store_without_its_blobs_is_damaged_and_no_plain_folder() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |_: &Location| Some(Zeroizing::new("right".to_owned()));
    for (name, how) in [
        ("plain", OpenHow::default()),
        (
            "secret",
            OpenHow {
                password: &ask,
                ..OpenHow::default()
            },
        ),
    ] {
        let create = OpenHow {
            create: true,
            ..how
        };
        drop(open_with(&format!("store:{name}"), dir.path(), &create).unwrap());
        let blobs = dir.path().join(name).join("blobs");
        std::fs::remove_dir_all(&blobs).unwrap();
        // With its password, without one, and to read.
        let read_only = OpenHow {
            read_only: true,
            ..how
        };
        for how in [&how, &OpenHow::default(), &read_only, &create] {
            let error = open_with(name, dir.path(), how).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupted, "{name}: {error}");
            assert!(error.to_string().contains("blobs is missing"), "{error}");
        }
        assert!(!blobs.exists());
        let folder = open(&format!("host:{name}"), dir.path()).unwrap();
        assert_eq!(folder.kind(), Kind::Host);
    }
}
