//! Tools that let system calls and disks fail. Each says whether it works here.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What a system call that is picked does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The process is killed before it.
    Kill,
    /// It fails once with this error (`EIO`, `ENOSPC`).
    Once(&'static str),
    /// It and all after it fail with this error.
    FromHere(&'static str),
}

/// A wrapper that runs a program and lets its `nth` call (of each thread) of `call` fail (`strace(1)`, "Tampering").
pub fn at_call(call: &str, nth: usize, effect: Effect) -> Vec<String> {
    let inject = match effect {
        Effect::Kill => format!("inject={call}:signal=SIGKILL:when={nth}"),
        Effect::Once(error) => format!("inject={call}:error={error}:when={nth}"),
        Effect::FromHere(error) => format!("inject={call}:error={error}:when={nth}+"),
    };
    let trace = format!("trace={call}");
    let mut words = vec!["strace", "-f"];
    // With it strace 6.1 forgets all but the first signal; without it it stops at every call, which is slow.
    if effect != Effect::Kill {
        words.push("--seccomp-bpf");
    }
    words.extend(["-qqq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    words.into_iter().map(str::to_owned).collect()
}

/// A wrapper that runs a program that can't make the folder durable, nor the whole disk through it; other files it can.
pub fn without_sync_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let words = [
        "strace",
        "-f",
        "-qqq",
        "-o",
        "/dev/null",
        "-P",
        folder,
        "-e",
        "trace=fsync,syncfs",
        "-e",
        "inject=fsync,syncfs:error=EIO",
    ];
    words.map(str::to_owned).to_vec()
}

/// Runs a program.
///
/// Errors: what it said.
pub fn works(words: &[&str]) -> Result<(), String> {
    let mut command = Command::new(words[0]);
    let run = command.args(&words[1..]).stdin(Stdio::null()).output();
    match run {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{}: {error}", words[0])),
    }
}

/// Can [`at_call`] be used here? Otherwise why not.
///
/// Errors: what the tool said.
pub fn can_tamper() -> Result<(), String> {
    static ANSWER: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let mut words = at_call("fsync", 1000, Effect::Kill);
        words.push("true".to_owned());
        works(&words.iter().map(String::as_str).collect::<Vec<_>>())
    });
    ANSWER.clone()
}

/// A wrapper that runs a program with mounts nobody else sees, and that end with it.
///
/// Errors: why that is not possible here.
pub fn private_mounts() -> Result<Vec<String>, String> {
    static ANSWER: LazyLock<Result<Vec<String>, String>> = LazyLock::new(|| {
        let wrappers = [
            &["unshare", "--mount", "--propagation", "private"][..],
            &["unshare", "--map-root-user", "--mount"],
        ];
        let mut why = String::new();
        for wrapper in wrappers {
            let probe = ["mount", "-t", "tmpfs", "probe", "/mnt"];
            match works(&[wrapper, &probe].concat()) {
                Ok(()) => return Ok(wrapper.iter().map(|word| (*word).to_owned()).collect()),
                Err(error) => why = error,
            }
        }
        Err(why)
    });
    ANSWER.clone()
}

/// Runs a program that has to work.
///
/// # Panics
/// When it does not.
pub fn run(words: &[&str]) {
    works(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
}

/// A filesystem in memory at `folder`, of at most this size. Only inside [`private_mounts`].
///
/// # Panics
/// When it can't be mounted.
pub fn mount_small(folder: &Path, size_kib: u64) {
    let size = format!("size={size_kib}k");
    let folder = folder.to_str().unwrap();
    run(&["mount", "-t", "tmpfs", "-o", &size, "small", folder]);
}
