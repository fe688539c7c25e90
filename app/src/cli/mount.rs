//! `lamina mount`

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fs_backends::location::Kind;
use fs_core::middleware::{ReadOnly, Subtree};
use fs_core::resolve::Last;
use fs_core::{Backend, ErrorKind};
use signal_hook::iterator::Signals;

use super::background::{self, Side};
use super::context::Context;
use super::log::Log;
use super::outcome::{Outcome, tell};
use crate::mount::{Mounted, Options, mount};
use crate::signals::ENDING;

/// How long programs may take to let go of their files after a signal.
const PATIENCE: Duration = Duration::from_secs(10);
/// What could not be saved is tried again after this time, after twice as long when it fails again, and so on up to the longest.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));
/// How often signals are looked for meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// `lamina mount LOCATION DIR`
#[derive(clap::Args)]
pub struct Arguments {
    /// What to mount: a filesystem, or a folder in one.
    location: OsString,
    /// An empty folder.
    dir: PathBuf,
    /// Nothing can be changed through the folder; another program may have it open, and what that changes is seen.
    #[arg(long)]
    read_only: bool,
    /// Stays in the foreground; Ctrl+C unmounts.
    #[arg(long)]
    foreground: bool,
}

/// Mounts; in the background until somebody unmounts it (`fusermount3 -u DIR`, `umount DIR`) or it gets a SIGINT or SIGTERM.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let ready = if arguments.foreground {
        None
    } else {
        match background::split()? {
            Side::Stays(outcome) => return Ok(outcome),
            Side::Works(ready) => Some(ready),
        }
    };
    let signals = Signals::new(ENDING)?;
    // Heard of at the end, when those above are not heard any more.
    let later = Signals::new(ENDING)?;
    let mounted = open(context, arguments)?;
    // Lives until all is closed: what goes wrong is told there, and an empty log goes then.
    let log = ready.as_ref().and_then(|_| Log::of_mount(mounted.dir()));
    match ready {
        Some(ready) => {
            tell_how_it_goes_on(&mounted, log.as_ref());
            ready.tell(log.as_ref().map(Log::file))?;
        }
        None => tell(format_args!(
            "mounted at {}; Ctrl+C unmounts",
            mounted.dir().display()
        )),
    }
    let closer = signals.handle();
    std::thread::scope(|scope| {
        scope.spawn(|| unmount_at(signals, &mounted));
        mounted.wait(None);
        closer.close();
    });
    drop(mounted);
    let told = context.tell_interrupted();
    let saved = save(context, later);
    let ended = told.and(saved).and(context.finish());
    Ok(ended.map_or_else(|error| Outcome::of_error(&error), |()| Outcome::Done))
}

/// Saves what is in memory, which is gone when this process ends: so it goes on until that is done, or until a signal comes after another one or after it
/// was told that it can't be done.
fn save(context: &Context, mut signals: Signals) -> anyhow::Result<()> {
    let mut asked = signals.pending().next().is_some();
    let mut told = String::new();
    let (mut rest, longest) = AGAIN;
    while let Err(error) = context.save() {
        let sentence = format!("{error:#}");
        if sentence != told {
            tell(&sentence);
            tell(format_args!(
                "what was written is still in memory, and saving it is tried again and again: make room; {} ends this program without it",
                if asked {
                    "another signal"
                } else {
                    "a second signal"
                }
            ));
            told = sentence;
        }
        let until = Instant::now() + rest;
        rest = longest.min(rest * 2);
        while Instant::now() < until {
            if signals.pending().next().is_some() {
                if asked {
                    return Err(error);
                }
                asked = true;
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
    if !told.is_empty() {
        tell("saved after all");
    }
    Ok(())
}

fn tell_how_it_goes_on(mounted: &Mounted, log: Option<&Log>) {
    let dir = mounted.dir().display();
    tell(format_args!(
        "mounted at {dir}; fusermount3 -u '{dir}' unmounts"
    ));
    if let Some(log) = log {
        tell(format_args!("errors go to {}", log.path().display()));
    }
}

fn open(context: &Context, arguments: &Arguments) -> anyhow::Result<Mounted> {
    let place = match arguments.read_only {
        true => context.place_to_read(&arguments.location, Last::Follow)?,
        false => context.place(&arguments.location, Last::Follow)?,
    };
    context.refuse_unwanted_passwords()?;
    let shown = || arguments.location.display().to_string();
    let location = context.location(&arguments.location)?;
    let kind = location.settled().with_context(shown)?.kind();
    let mut backend = context.backend(&place)?;
    context.save_on_sync();
    if !place.path.is_root() || kind == Kind::Host {
        let folder = Subtree::new(backend, &place.path).with_context(shown)?;
        backend = Arc::new(folder) as Arc<dyn Backend>;
    }
    if arguments.read_only {
        backend = Arc::new(ReadOnly::new(backend));
    }
    let in_database = matches!(kind, Kind::Vault | Kind::Store);
    let host_folders = match kind {
        Kind::Host => vec![place.path.as_path().to_owned()],
        Kind::VRoot => Vec::from_iter(location.host_path().map(ToOwned::to_owned)),
        _ => Vec::new(),
    };
    let options = Options {
        source: shown(),
        read_only: arguments.read_only,
        // Opened for changes it is open in this process only; what is only read, another one may be changing. Layers tell whether all of them are.
        exclusive: kind == Kind::Memory
            || (in_database || kind == Kind::Stack) && !arguments.read_only,
        shared: in_database && arguments.read_only,
        host_folders,
        listener: None,
    };
    Ok(mount(backend, &arguments.dir, &options)?)
}

/// The first signal takes the folder away and lets programs finish; the second one, or the end of all patience, ends it for them.
fn unmount_at(mut signals: Signals, mounted: &Mounted) {
    if signals.wait().next().is_none() {
        return;
    }
    match mounted.unmount() {
        Ok(()) => return,
        Err(error) if error.kind() == ErrorKind::Busy => tell(format_args!(
            "{} files are open; waiting up to {} seconds for them to be closed",
            mounted.open_files(),
            PATIENCE.as_secs()
        )),
        Err(error) => tell(error),
    }
    if let Err(error) = mounted.detach() {
        tell(error);
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !mounted.wait(Some(Duration::from_millis(50))) {
        if signals.pending().next().is_some() {
            break;
        }
    }
    mounted.abandon();
}
