//! The memory of a process, as whoever may read `/proc/PID/mem` sees it.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fs_backends::MemoryBackend;
use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::VaultOptions;
use fs_core::{Backend, FileStorage, Result};
use lamina_tests::child::{self, Worker};
use sha2::Sha512;
use zeroize::Zeroizing;

use super::find;

/// A kind of encrypted filesystem; makes or opens the one in the folder.
type Open = fn(&Path, &str) -> Result<Arc<dyn Backend>>;
/// With its file that begins with the salt of its key, and where in it.
type Kind = (&'static str, Open, &'static str, u64);

const KINDS: [Kind; 3] = [
    (
        "vault",
        |folder, password| {
            let vault = VaultOptions::new().password(password);
            let place = folder.join("v.db");
            Ok(Arc::new(match place.exists() {
                true => vault.open(&place)?,
                false => vault.create(&place)?,
            }))
        },
        "v.db",
        0,
    ),
    (
        "store",
        |folder, password| {
            let store = StoreOptions::new().password(password);
            let place = folder.join("store");
            Ok(Arc::new(match place.exists() {
                true => store.open(&place)?,
                false => store.create(&place)?,
            }))
        },
        "store/index.db",
        0,
    ),
    (
        "memory",
        |folder, password| {
            let place = folder.join("x.mem");
            if !place.exists() {
                let memory = MemoryBackend::new();
                memory.set_password(Some(password))?;
                memory.save_to(&place)?;
            }
            Ok(Arc::new(MemoryBackend::open_saved(&place, Some(password))?))
        },
        "x.mem",
        16,
    ),
];

const ROUNDS: u32 = 256_000;

/// In the child: the kind, the folder; the password comes in a file, for what a process is started with stays in its memory.
pub fn work(task: &[String]) {
    let (_, open, ..) = KINDS.into_iter().find(|kind| kind.0 == task[0]).unwrap();
    let folder = Path::new(&task[1]);
    let told = folder.join("password");
    let password = Zeroizing::new(std::fs::read_to_string(&told).unwrap());
    let backend = open(folder, &password).unwrap();
    drop(password);
    let fs = FileStorage::new(backend);
    fs.write("/file", vec![7; 100_000]).unwrap();
    // Readers have connections, and keys, of their own.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(fs.read("/file").unwrap().len(), 100_000));
        }
    });
    child::tell(format_args!("open"));
    while told.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    fs.close().unwrap();
    child::tell(format_args!("closed"));
    // Until it is killed.
    std::thread::sleep(Duration::from_secs(600));
}

/// All that a process has in memory that it could write to.
fn memory_of(process: u32) -> Vec<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (number(start), number(end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // What is mapped and can't be read holds nothing.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            found.push(bytes);
        }
    }
    found
}

/// Which of the secrets are in the memory of the process.
fn found(process: u32, secrets: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    let memory = memory_of(process);
    let is_there =
        |(_, secret): &&(_, Vec<u8>)| memory.iter().any(|bytes| find(bytes, secret).is_some());
    secrets.iter().filter(is_there).map(|it| it.0).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().into_bytes()
}

/// F16
#[test]
fn neither_password_nor_key_stays_in_memory() {
    const PASSWORD: &str = "correct horse battery staple 5e1f";
    for kind in KINDS {
        let (name, open, salted, at) = kind;
        let dir = lamina_tests::folder();
        let folder = dir.path();
        open(folder, PASSWORD).unwrap().close().unwrap();
        let mut salt = [0; 16];
        let file = File::open(folder.join(salted)).unwrap();
        file.read_exact_at(&mut salt, at).unwrap();
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha512>(PASSWORD.as_bytes(), &salt, ROUNDS, &mut key);
        // SQLCipher's key for the sums of pages is the key again, over another salt.
        let other_salt = salt.map(|byte| byte ^ 0x3a);
        let mut sums = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha512>(&key, &other_salt, 2, &mut sums);
        let secrets = [
            ("password", PASSWORD.as_bytes().to_vec()),
            ("key", key.to_vec()),
            ("key in hexadecimal", hex(&key)),
            ("key in hexadecimal", hex(&key).to_ascii_uppercase()),
            ("key of the sums", sums.to_vec()),
        ];
        let told = folder.join("password");
        File::create(&told)
            .and_then(|mut file| file.write_all(PASSWORD.as_bytes()))
            .unwrap();
        let task = [name, folder.to_str().unwrap()];
        let mut child = Worker::start(&mut child::command(&[], &task));
        assert!(child.wait_for("open"), "{name}");
        let open_secrets = found(child.id(), &secrets);
        // The key must be there as long as something is enciphered with it: it can be found.
        assert_eq!(open_secrets, ["key"], "{name}, open");
        std::fs::remove_file(&told).unwrap();
        assert!(child.wait_for("closed"), "{name}");
        let left = found(child.id(), &secrets);
        assert_eq!(left, [""; 0], "{name}, closed");
        child.kill();
        child.end(name);
    }
}
