//! `lamina help`

use clap::CommandFactory as _;

use super::outcome::{Misuse, Outcome};

/// `lamina help [COMMAND...]`
#[derive(clap::Args)]
pub struct Arguments {
    /// Which, as `vault check`.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Tells what `lamina COMMAND --help` does.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let all = super::Arguments::command();
    let mut command = &all;
    for name in &arguments.command {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| Misuse(format!("there is no command {name}")))?;
    }
    let names = arguments.command.iter().map(String::as_str);
    let line = ["lamina"].into_iter().chain(names).chain(["--help"]);
    if let Err(help) = super::Arguments::command().try_get_matches_from(line) {
        help.print()?;
    }
    Ok(Outcome::Done)
}
