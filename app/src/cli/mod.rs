//! The same engine without a window: `lamina ls`, `lamina cp`, … on any location, for scripts.
//!
//! Every command is a file of its own that works on [`Context`], which opens what locations name. Exit codes: 0 done, 1 part failed (each told on
//! the standard error), 2 bad usage, 3 wrong password, 4 damaged,
//! 128 and its number ended by a signal.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "commands touch filesystems themselves: there is no window that could wait"
)]

#[cfg(all(feature = "mount", target_os = "linux"))]
mod background;
mod cat;
mod check;
mod chmod;
mod context;
mod copy;
mod diff;
mod du;
mod escape;
mod find;
mod help;
mod json;
mod kept;
mod link;
mod list;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod log;
mod make;
mod memory;
mod mkdir;
mod mode;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod mount;
mod outcome;
mod passwd;
mod password;
mod print;
mod recover;
mod remove;
mod salvage;
mod snapshot;
mod stat;
mod store;
mod touch;
mod tree;
mod upkeep;
mod vault;
mod walk;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use context::Context;
pub use outcome::Outcome;

/// A file manager in which every tab is a filesystem.
///
/// LOCATION is a folder (/x, host:/x), a sandboxed folder (vroot:/x), a filesystem in memory (memory:NAME, memory:NAME:512M, x.mem), one of its
/// snapshots (snapshot:NAME:x.mem), a vault (x.db), a store (a folder
/// with index.db) or a stack (x.stack.ron); LOCATION::/inner/path is a place inside.
#[derive(Parser)]
#[command(name = "lamina", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// Works without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Each opens as a tab of the window.
    #[arg(value_name = "LOCATION")]
    pub locations: Vec<OsString>,
    /// How filesystems are opened.
    #[command(flatten)]
    pub access: Access,
}

/// How filesystems are opened.
#[derive(Args)]
pub struct Access {
    #[command(flatten)]
    passwords: Passwords,
    /// Use layers that were used over another base over this one from now on, with all they deleted and copied.
    #[arg(long, global = true)]
    accept_base: bool,
}

impl Access {
    /// Was anything said? The window asks itself.
    pub fn is_given(&self) -> bool {
        self.accept_base || !self.passwords.password_file.is_empty()
    }
}

/// Where passwords come from; otherwise LAMINA_PASSWORD, otherwise a prompt.
#[derive(Args)]
pub struct Passwords {
    /// The first line of FILE is the password (of one vault, when several are opened: LOCATION=FILE).
    #[arg(long, global = true, value_name = "[LOCATION=]FILE")]
    password_file: Vec<OsString>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Tells what a command does.
    Help(help::Arguments),
    /// Lists folders.
    Ls(list::Arguments),
    /// Tells all about files.
    Stat(stat::Arguments),
    /// Prints files.
    Cat(cat::Arguments),
    /// Copies, keeping all that the target can hold.
    Cp(copy::CopyArguments),
    /// Moves or renames; a source goes only when all of it has arrived.
    Mv(copy::MoveArguments),
    /// Removes for good.
    Rm(remove::Arguments),
    /// Makes folders.
    Mkdir(mkdir::Arguments),
    /// Makes a link.
    Ln(link::Arguments),
    /// Changes permissions.
    Chmod(chmod::Arguments),
    /// Makes empty files, or sets the time of the last change to now.
    Touch(touch::Arguments),
    /// Compares two trees; exit code 1 when they differ.
    Diff(diff::Arguments),
    /// Makes a filesystem; it is encrypted when a password is given.
    New(make::Arguments),
    /// Reads everything and tells what is damaged.
    Check(check::Arguments),
    /// Saves what can be read of a damaged vault, store or saved memory filesystem.
    Salvage(salvage::Arguments),
    /// Lists operations that a crash interrupted, finishes or undoes them.
    Recover(recover::Arguments),
    /// Draws folders with what is below them.
    Tree(tree::Arguments),
    /// Looks for names.
    Find(find::Arguments),
    /// Tells how much folders take.
    Du(du::Arguments),
    /// Keeps moments of a filesystem in memory: list, take, restore, delete, diff.
    Snapshot(snapshot::Arguments),
    /// Looks after a saved memory filesystem: passwd.
    Memory(memory::Arguments),
    /// Looks after a vault: info, check, passwd, compact, backup, salvage.
    Vault(vault::Arguments),
    /// Looks after a store: info, check, passwd, compact, gc, backup, salvage.
    Store(store::Arguments),
    /// Shows a filesystem as a real folder, for other programs.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    Mount(mount::Arguments),
}

/// Runs a command to its exit code.
pub fn run(command: &Command, access: &Access) -> ExitCode {
    let outcome = Context::new(access).and_then(|context| {
        let done = dispatch(command, &context);
        let done = match command {
            Command::Recover(_) => done,
            // Tells before it closes all itself.
            #[cfg(all(feature = "mount", target_os = "linux"))]
            Command::Mount(_) => done,
            _ => {
                if let (Ok(_), Some(unwanted)) = (&done, context.keys().unwanted()) {
                    outcome::tell(format_args!("{unwanted}: it is not encrypted"));
                }
                done.and_then(|outcome| context.tell_interrupted().map(|()| outcome))
            }
        };
        // Saves what changed in memory even when part failed.
        let finished = context.finish();
        done.and_then(|outcome| finished.map(|()| outcome))
    });
    let outcome = outcome.unwrap_or_else(|e| Outcome::of_error(&e));
    outcome.code()
}

fn dispatch(command: &Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Help(arguments) => help::run(arguments),
        Command::Ls(arguments) => list::run(context, arguments),
        Command::Stat(arguments) => stat::run(context, arguments),
        Command::Cat(arguments) => cat::run(context, arguments),
        Command::Cp(arguments) => copy::copy(context, arguments),
        Command::Mv(arguments) => copy::move_(context, arguments),
        Command::Rm(arguments) => remove::run(context, arguments),
        Command::Mkdir(arguments) => mkdir::run(context, arguments),
        Command::Ln(arguments) => link::run(context, arguments),
        Command::Chmod(arguments) => chmod::run(context, arguments),
        Command::Touch(arguments) => touch::run(context, arguments),
        Command::Diff(arguments) => diff::run(context, arguments),
        Command::New(arguments) => make::run(context, arguments),
        Command::Check(arguments) => check::run(context, arguments),
        Command::Salvage(arguments) => salvage::run(context, arguments),
        Command::Recover(arguments) => recover::run(context, arguments),
        Command::Tree(arguments) => tree::run(context, arguments),
        Command::Find(arguments) => find::run(context, arguments),
        Command::Du(arguments) => du::run(context, arguments),
        Command::Snapshot(arguments) => snapshot::run(context, arguments),
        Command::Memory(arguments) => memory::run(context, arguments),
        Command::Vault(arguments) => vault::run(context, arguments),
        Command::Store(arguments) => store::run(context, arguments),
        #[cfg(all(feature = "mount", target_os = "linux"))]
        Command::Mount(arguments) => mount::run(context, arguments),
    }
}
