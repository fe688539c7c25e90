//! `lamina store`

use std::ffi::OsString;

use fs_backends::location::Kind;

use super::context::Context;
use super::json::Output;
use super::kept::Kept;
use super::outcome::Outcome;
use super::upkeep::{self, tell_reclaimed};
use super::work;

/// `lamina store ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    #[command(flatten)]
    Any(upkeep::Action),
    /// Removes blobs that belong to nothing.
    Gc {
        /// The store.
        location: OsString,
        /// Only those older than this.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        grace: u64,
        #[command(flatten)]
        output: Output,
    },
}

/// Looks after a store.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Action::Any(action) => upkeep::run(context, Kind::Store, action),
        Action::Gc {
            location,
            grace,
            output,
        } => {
            let store = Kept::open(context, location, Kind::Store)?;
            let safe = "what was removed belonged to nothing; everything else is as it was";
            let reclaimed = work::run("collecting", safe, |control| {
                Ok(store.maintenance()?.collect(*grace, control)?)
            })?;
            tell_reclaimed(&store, reclaimed, output)
        }
    }
}
