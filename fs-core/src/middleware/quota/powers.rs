//! How full it is, and what its trash takes.

use super::Quota;
use super::scan::{self, OwnNodes};
use crate::backend::{At, Backend, Node, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Space, SpaceInfo, Trash, TrashId, TrashItem};
use crate::path::VPath;

/// An item that went into the trash under this quota.
pub(super) enum Trashed {
    /// Its node.
    Pinned(Node),
    /// What it held when it went, where nodes can't be pinned.
    Counted(OwnNodes),
}

impl<B: Backend + 'static> SpaceInfo for Quota<B> {
    fn space(&self, at: At<'_>) -> Result<Space> {
        let (usage, limits) = (self.usage(), self.limits());
        let below = match self.backend.extensions().space {
            Some(below) => Some(below.space(at)?),
            None => None,
        };
        let left = |total: u64| total.saturating_sub(usage.bytes);
        let room_below = below.and_then(|below| below.available_bytes);
        let room_here = limits.total_bytes.map(left);
        Ok(Space {
            total_bytes: limits
                .total_bytes
                .or_else(|| below.and_then(|below| below.total_bytes)),
            available_bytes: match (room_here, room_below) {
                (Some(here), Some(below)) => Some(here.min(below)),
                (here, below) => here.or(below),
            },
            used_bytes: usage.bytes,
            used_inodes: Some(usage.nodes),
            block_size_bytes: below.map_or(4096, |below| below.block_size_bytes),
            name_max_bytes: below.map_or(255, |below| below.name_max_bytes),
        })
    }
}

impl<B: Backend + 'static> Quota<B> {
    fn trash_below(&self) -> Result<&dyn Trash> {
        let trash = self.backend.extensions().trash;
        trash.ok_or_else(|| Error::new(ErrorKind::Unsupported, "trash"))
    }
}

impl<B: Backend + 'static> Trash for Quota<B> {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        self.discard_as(path, path)
    }

    fn discard_as(&self, path: &VPath, original: &VPath) -> Result<TrashId> {
        let _names = self.ledger.names();
        // Held on to, it can be counted when it is purged: open handles and directories may change it in the trash.
        let item = match self.backend.pin(At::path(path)) {
            Ok(node) => Trashed::Pinned(node),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                Trashed::Counted(scan::only_here(&*self.backend, At::path(path))?)
            }
            Err(error) => return Err(error),
        };
        let id = self.trash_below()?.discard_as(path, original)?;
        self.trashed.lock().insert(id.clone(), item);
        Ok(id)
    }

    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        let _names = self.ledger.names();
        let replaced = self.existing(At::path(to))?;
        self.trash_below()?.restore(id, to, mode)?;
        if let Some(old) = replaced {
            self.ledger.lost_name(&old);
        }
        if self.trashed.lock().remove(id).is_none() {
            let own = scan::only_here(&*self.backend, At::path(to))?;
            self.ledger.add(own.usage());
        }
        Ok(())
    }

    fn items(&self) -> Result<Vec<TrashItem>> {
        self.trash_below()?.items()
    }

    fn purge(&self, id: &TrashId) -> Result<()> {
        let _names = self.ledger.names();
        let root = VPath::root();
        let mut trashed = self.trashed.lock();
        let counted = match trashed.get(id) {
            Some(Trashed::Pinned(node)) => {
                Some(scan::only_here(&*self.backend, At::in_dir(node, &root))?)
            }
            Some(Trashed::Counted(_)) | None => None,
        };
        self.trash_below()?.purge(id)?;
        let own = match (trashed.remove(id), counted) {
            (Some(Trashed::Counted(own)), _) => Some(own),
            (_, counted) => counted,
        };
        if let Some(own) = own {
            self.ledger.lost_tree(&own);
        }
        Ok(())
    }
}
