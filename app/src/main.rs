//! Starts Lamina.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use fs_backends::location::Location;
use lamina::background::Folders;
use lamina::{Start, cli};

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAMINA_LOG");
    // Who is killed while it waits for a mounted filesystem gets no answer: that is no error.
    let told = "warn,fuser::reply=off";
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(told));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let arguments = cli::Arguments::parse();
    if let Some(command) = &arguments.command {
        return cli::run(command, &arguments.access);
    }
    if arguments.access.is_given() {
        let text = "--password-file and --accept-base go with a command; the window asks itself";
        let error = cli::Arguments::command().error(ErrorKind::MissingSubcommand, text);
        error.exit();
    }
    match run(&arguments.locations) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lamina: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(locations: &[OsString]) -> anyhow::Result<()> {
    let here = std::env::current_dir().unwrap_or_else(|_| Path::new("/").to_path_buf());
    let locations = locations
        .iter()
        .map(|text| {
            Location::parse(text, &here).with_context(|| text.to_string_lossy().into_owned())
        })
        .collect::<Result<Vec<_>, _>>()?;
    let folders =
        Folders::of_user().context("there is no home folder to keep the settings in; set HOME")?;
    lamina::open_window(Start {
        saved: folders.load(),
        folders,
        locations,
        restore: true,
        uses_portal: true,
        gets_drops: !lamina::is_wayland(),
    })
}
