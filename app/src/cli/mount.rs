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
    let mounted = open(context, arguments)?;
    // Lives until all is over: an empty log goes then.
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
    // Before the log: what goes wrong here is told there too.
    drop(mounted);
    Ok(Outcome::Done)
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
    let shown = || arguments.location.display().to_string();
    let location = context.location(&arguments.location)?;
    let kind = location.settled().with_context(shown)?.kind();
    let mut backend = context.backend(&place)?;
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
