//! `lamina vault`

use fs_backends::location::Kind;

use super::context::Context;
use super::outcome::Outcome;
use super::upkeep::{self, Action};

/// `lamina vault ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// Looks after a vault.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    upkeep::run(context, Kind::Vault, &arguments.action)
}
