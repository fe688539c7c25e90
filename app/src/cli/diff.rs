//! `lamina diff`

use std::ffi::OsString;
use std::io::Write as _;

use fs_core::Control;
use fs_core::compare::{Aspects, Side, diff};
use fs_core::resolve::Last;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;

/// `lamina diff A B`
#[derive(clap::Args)]
pub struct Arguments {
    /// Compares owners too.
    #[arg(long)]
    owner: bool,
    #[command(flatten)]
    output: Output,
    /// The first tree.
    #[arg(value_name = "A")]
    first: OsString,
    /// The second tree.
    #[arg(value_name = "B")]
    second: OsString,
}

/// A difference.
#[derive(serde::Serialize)]
struct Row {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<Vec<u8>>,
    difference: String,
}

/// One difference a line.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let first = context.place_to_read(&arguments.first, Last::Follow)?;
    let second = context.place_to_read(&arguments.second, Last::Follow)?;
    let (a, b) = (context.backend(&first)?, context.backend(&second)?);
    let aspects = Aspects {
        owners: arguments.owner,
        ..Aspects::default()
    };
    let mut out = print::out();
    let mut rows = Vec::new();
    let mut outcome = Outcome::default();
    let equal = diff(
        Side {
            backend: &*a,
            root: &first.path,
        },
        Side {
            backend: &*b,
            root: &second.path,
        },
        aspects,
        &Control::new(),
        &mut |path, difference| {
            match difference {
                Ok(difference) if arguments.output.json => {
                    let (path, path_bytes) = json::text(path.as_os_str());
                    rows.push(Row {
                        path,
                        path_bytes,
                        difference: difference.to_string(),
                    });
                }
                Ok(difference) => print::raw(&mut out, path.as_os_str())
                    .and_then(|()| writeln!(out, ": {difference}"))
                    .map_err(|e| fs_core::Error::from_io(e, "print"))?,
                Err(e) => outcome.note(print::shown(path.as_os_str()), &e),
            }
            Ok(())
        },
    )?;
    out.flush()?;
    drop(out);
    if arguments.output.json {
        json::write(&rows)?;
    }
    Ok(if equal {
        outcome
    } else {
        outcome.max(Outcome::Failed)
    })
}
