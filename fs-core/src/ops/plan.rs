//! An operation that has been looked into and can be run.

use super::meter::Reporter;
use super::operation::Operation;
use super::place::{Filesystems, FsRef};
use super::preflight::{Conflict, Preflight, ProblemKind};
use super::scan::Scanner;
use super::tree::Tree;
use crate::error::{ErrorKind, Result};

/// What will happen, and what has to be asked before.
#[derive(Clone, Debug)]
pub struct Plan {
    operation: Operation,
    preflight: Preflight,
    tree: Tree,
    trashes: bool,
}

impl Plan {
    /// Looks into an operation. Errors: its target can't be reached, `Cancelled`.
    pub(super) fn new(
        filesystems: &dyn Filesystems,
        reporter: &mut Reporter<'_>,
        operation: Operation,
    ) -> Result<Self> {
        let trashes =
            matches!(&operation, Operation::Trash(_)) && has_trash(filesystems, &operation)?;
        let mut scanner = Scanner::new(filesystems, reporter);
        match &operation {
            Operation::Copy(transfer) => scanner.transfer(transfer, false)?,
            Operation::Move(transfer) => scanner.transfer(transfer, true)?,
            Operation::Duplicate(items) => scanner.duplicates(items)?,
            Operation::Trash(items) => scanner.in_place(items, !trashes)?,
            Operation::Delete(items) => scanner.in_place(items, true)?,
            Operation::SetAttr {
                items, recursive, ..
            } => scanner.in_place(items, *recursive)?,
            Operation::Reveal(items) | Operation::Revert(items) => {
                scanner.preflight.items = items.len() as u64;
            }
            _ => scanner.preflight.items = 1,
        }
        let (tree, mut preflight) = (scanner.tree, scanner.preflight);
        preflight.for_good = match &operation {
            Operation::Delete(_) => true,
            Operation::Trash(_) => !trashes,
            _ => false,
        };
        preflight.replaces_for_good = match &operation {
            Operation::Copy(transfer) | Operation::Move(transfer) => {
                preflight.conflicts.iter().any(Conflict::replaceable)
                    && !keeps(filesystems, &transfer.into.fs)?
            }
            _ => false,
        };
        Ok(Self {
            operation,
            preflight,
            tree,
            trashes,
        })
    }

    /// What was asked.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// What is known about it, and what has to be decided.
    pub fn preflight(&self) -> &Preflight {
        &self.preflight
    }

    /// Drops sources that are not there any more: an operation that was interrupted has moved them already.
    pub(super) fn forget_done(&mut self) {
        self.preflight.problems.retain(|problem| {
            !matches!(&problem.kind, ProblemKind::Unreadable(e) if e.kind() == ErrorKind::NotFound)
        });
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Does it go to the trash, and not for good?
    pub(super) fn trashes(&self) -> bool {
        self.trashes
    }
}

/// Do all filesystems of an operation have a trash?
fn has_trash(filesystems: &dyn Filesystems, operation: &Operation) -> Result<bool> {
    for fs in operation.filesystems() {
        if !keeps(filesystems, &fs)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Does it keep what is deleted?
fn keeps(filesystems: &dyn Filesystems, fs: &FsRef) -> Result<bool> {
    Ok(filesystems.backend(fs)?.extensions().trash.is_some())
}
