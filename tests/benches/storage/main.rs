//! How fast the filesystems are, beside what people would otherwise use, in the same run.
//!
//! ```text
//! cargo bench -p lamina-tests [-- [--quick] [--rounds N] [--dir FOLDER] [WORKLOAD...]]
//! ```
//!
//! Each workload runs its systems in turn, round after round, so that a busy moment hits all of them; what is printed are medians. A ratio is time
//! divided by the time of the baseline in the same round, so smaller is faster. A gate is what must be reached; behind it, the goal. Nothing here
//! fails for being slow; wrong answers do fail. `--quick` runs everything once and small, to see that it works: its figures mean nothing.
//! Folders of the disk are made in `--dir` (default: the build folder), those in memory in `/dev/shm`.

mod backup;
mod clock;
mod copy;
mod data;
mod delete;
mod gocryptfs;
mod import;
mod latency;
mod list;
mod overlay;
mod peers;
mod report;
mod snapshot;
mod stream;
mod system;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Table;

/// Anything that went wrong, told to whoever runs this.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What to run, and how large.
pub struct Bench {
    quick: bool,
    rounds: Option<usize>,
    disk: PathBuf,
    wanted: Vec<String>,
    /// Where the lines go.
    pub table: Table,
}

impl Bench {
    /// How often a workload runs that is usually run `usual` times.
    pub fn rounds(&self, usual: usize) -> usize {
        match self.rounds {
            Some(rounds) => rounds,
            None if self.quick => 1,
            None => usual,
        }
    }

    /// `full`, or `quick` when it is only to be seen whether it works.
    pub fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// A fresh folder on the disk, removed when it is dropped.
    pub fn disk(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::tempdir_in(&self.disk)?)
    }

    /// A fresh folder in memory, removed when it is dropped.
    pub fn tmpfs(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::tempdir_in("/dev/shm")?)
    }
}

/// A workload's name and what runs it.
type Workload = (&'static str, fn(&mut Bench) -> Result);

const WORKLOADS: [Workload; 12] = [
    ("import", import::run),
    ("stream", stream::run),
    ("list", list::run),
    ("tree", tree::run),
    ("delete", delete::run),
    ("snapshot", snapshot::run),
    ("backup", backup::run),
    ("overlay", overlay::run),
    ("read-while-importing", latency::while_importing),
    ("open", latency::open),
    ("copy-small", copy::small),
    ("copy-big", copy::big),
];

fn arguments() -> Result<Bench> {
    let mut bench = Bench {
        quick: false,
        rounds: None,
        disk: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        wanted: Vec::new(),
        table: Table::default(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--quick" => bench.quick = true,
            "--rounds" => bench.rounds = Some(value()?.parse()?),
            "--dir" => bench.disk = value()?.into(),
            name if WORKLOADS.iter().any(|(known, _)| *known == name) => {
                bench.wanted.push(argument);
            }
            _ => {
                let names: Vec<_> = WORKLOADS.iter().map(|(name, _)| *name).collect();
                return Err(format!("{argument}? The workloads are {}", names.join(", ")).into());
            }
        }
    }
    bench.table.judges = !bench.quick;
    std::fs::create_dir_all(&bench.disk)?;
    Ok(bench)
}

fn run() -> Result {
    let mut bench = arguments()?;
    Table::head();
    for (name, workload) in WORKLOADS {
        if bench.wanted.is_empty() || bench.wanted.iter().any(|wanted| wanted == name) {
            workload(&mut bench).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
