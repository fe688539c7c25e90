//! `lamina store`

use std::ffi::OsString;

use fs_backends::location::Kind;
use fs_core::Control;

use super::check;
use super::context::Context;
use super::json::Output;
use super::outcome::Outcome;
use super::upkeep::{Kept, copy, info, tell_reclaimed};
use super::vault::change_password;

/// `lamina store ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Tells what it is made of.
    Info {
        /// The store.
        store: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Reads everything and tells what is damaged.
    Check {
        /// The store.
        store: OsString,
        #[command(flatten)]
        repair: check::Repair,
        #[command(flatten)]
        output: Output,
    },
    /// Gives it another password; blobs stay as they are.
    Passwd {
        /// The store.
        store: OsString,
        /// The first line of FILE is the new password; otherwise LAMINA_NEW_PASSWORD, otherwise a prompt.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<OsString>,
    },
    /// Gives unused space of its index back to the disk.
    Compact {
        /// The store.
        store: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Removes blobs that belong to nothing.
    Gc {
        /// The store.
        store: OsString,
        /// Only those older than this.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        grace: u64,
        #[command(flatten)]
        output: Output,
    },
    /// Copies index and blobs as they are at this moment.
    Backup {
        /// The store.
        store: OsString,
        /// The new folder.
        to: OsString,
    },
}

/// Looks after a store.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let open = |text| Kept::open(context, text, Kind::Store);
    let look = |text| Kept::look(context, text, Kind::Store);
    match &arguments.action {
        Action::Info { store, output } => info(&look(store)?, output),
        Action::Check {
            store,
            repair,
            output,
        } => match repair.is_wanted() {
            true => check::kept(&open(store)?, repair, output),
            false => check::kept(&look(store)?, repair, output),
        },
        Action::Passwd {
            store,
            new_password_file,
        } => change_password(context, &open(store)?, new_password_file.as_ref()),
        Action::Compact { store, output } => {
            let store = open(store)?;
            let reclaimed = store.maintenance()?.compact(&Control::new())?;
            tell_reclaimed(&store, reclaimed, output)
        }
        Action::Gc {
            store,
            grace,
            output,
        } => {
            let store = open(store)?;
            let reclaimed = store.maintenance()?.collect(*grace, &Control::new())?;
            tell_reclaimed(&store, reclaimed, output)
        }
        Action::Backup { store, to } => copy(&open(store)?, to),
    }
}
