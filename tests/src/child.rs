//! A test that starts itself again as a process of its own, which works, tells what it has done, and is killed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// What the child is to do.
const TASK: &str = "LAMINA_TEST_CHILD";
/// A child that is silent for longer hangs, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(600);

/// What this process was started for; `None`: it is no child.
pub fn task() -> Option<Vec<String>> {
    let told = std::env::var(TASK).ok()?;
    Some(told.split('\n').map(str::to_owned).collect())
}

/// Tells the parent something; one write, so that a kill can't tear it. (The mark: the test harness prints as well.)
///
/// # Panics
/// When the parent is gone.
pub fn tell(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Nanoseconds on a clock that parent and child share.
///
/// # Panics
/// Never: the clock counts from the start of the machine.
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap()
}

/// This test binary, started for its test `child`, below the program `wrapper` (if it is not empty).
///
/// # Panics
/// When this program has no path.
pub fn command(wrapper: &[String], task: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(&this),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&this);
            command
        }
    };
    command
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(TASK, task.join("\n"));
    command
}

/// What a child writes to standard output, without waiting for more.
struct Voice {
    out: ChildStdout,
    /// The beginning of a line.
    begun: Vec<u8>,
    told: Sender<String>,
}

impl Voice {
    /// Passes on what was told until now; `false`: no more will come.
    fn drain(&mut self) -> bool {
        let mut bytes = [0; 4096];
        loop {
            match self.out.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.begun.extend(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
            }
            while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                if let Some(told) = line[..end].strip_prefix(b"@") {
                    let told = String::from_utf8_lossy(told).into_owned();
                    // Nobody listens any more: the test has failed.
                    self.told.send(told).unwrap_or_default();
                }
            }
        }
    }
}

/// A running child.
pub struct Worker {
    child: Child,
    /// Read by a thread, so that the child never waits for a full pipe.
    voice: Arc<Mutex<Option<Voice>>>,
    lines: Receiver<String>,
    heard: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// A child that ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// All it told.
    pub heard: Vec<String>,
    /// What it wrote to standard error.
    pub errors: String,
}

impl Worker {
    /// Starts one.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, lines) = channel();
        let out = child.stdout.take().unwrap();
        rustix::io::ioctl_fionbio(&out, true).unwrap();
        let watched = out.as_fd().try_clone_to_owned().unwrap();
        let begun = Vec::new();
        let voice = Arc::new(Mutex::new(Some(Voice { out, begun, told })));
        let heard = voice.clone();
        std::thread::spawn(move || {
            loop {
                // An interrupted wait is a short one.
                poll(&mut [PollFd::new(&watched, PollFlags::IN)], None).unwrap_or_default();
                let mut voice = heard.lock().unwrap();
                if !voice.as_mut().is_some_and(Voice::drain) {
                    // Whoever listens hears that this is the end.
                    *voice = None;
                    return;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut all = Vec::new();
            err.read_to_end(&mut all).unwrap_or_default();
            String::from_utf8_lossy(&all).into_owned()
        });
        Self {
            child,
            voice,
            lines,
            heard: Vec::new(),
            errors: Some(errors),
        }
    }

    /// Waits until it tells `line`; `false`: it ended before.
    pub fn wait_for(&mut self, line: &str) -> bool {
        while let Ok(told) = self.lines.recv_timeout(PATIENCE) {
            let found = told == line;
            self.heard.push(told);
            if found {
                return true;
            }
        }
        false
    }

    /// Kills it (SIGKILL).
    ///
    /// # Panics
    /// When that is not possible.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Stops it where it is (SIGSTOP), until [`Worker::go_on`]; what it told before has been heard then.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
        // When the last of its threads stands still; its end is left to be seen by whoever waits for that.
        let still = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), still).unwrap();
        if let Some(voice) = self.voice.lock().unwrap().as_mut() {
            voice.drain();
        }
        self.heard.extend(self.lines.try_iter());
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = Pid::from_child(&self.child);
        rustix::process::kill_process(child, signal).unwrap();
    }

    /// The number last told with this word in front until now, or 0.
    ///
    /// # Panics
    /// When it is no number.
    pub fn number(&self, word: &str) -> usize {
        let told = self.heard.iter().rev();
        told.filter_map(|line| line.strip_prefix(word))
            .next()
            .map_or(0, |text| text.trim().parse().unwrap())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it panicked, or hangs.
    pub fn end(mut self, what: &str) -> Ended {
        let ended = self.collect(what);
        assert!(
            !ended.errors.contains("panicked"),
            "{what}: {}",
            ended.errors
        );
        ended
    }

    fn collect(&mut self, what: &str) -> Ended {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.heard.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    self.kill();
                    panic!("{what}: silent after {:?}", self.heard.last());
                }
            }
        }
        let status = self.child.wait().unwrap();
        let errors = self.errors.take().map(JoinHandle::join);
        Ended {
            status,
            heard: std::mem::take(&mut self.heard),
            errors: errors.and_then(Result::ok).unwrap_or_default(),
        }
    }
}

impl Ended {
    /// The last line told with this word in front, without it.
    pub fn last(&self, word: &str) -> Option<&str> {
        let told = self.heard.iter().rev();
        told.filter_map(|line| line.strip_prefix(word))
            .next()
            .map(str::trim_start)
    }

    /// The number last told with this word in front, or 0.
    ///
    /// # Panics
    /// When it is no number.
    pub fn number(&self, word: &str) -> usize {
        self.last(word).map_or(0, |text| text.parse().unwrap())
    }
}
