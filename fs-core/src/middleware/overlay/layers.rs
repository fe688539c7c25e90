//! Which layer an entry comes from, and what the top layer deleted.

use std::collections::HashSet;
use std::sync::Arc;

use super::core::Core;
use crate::backend::Want;
use crate::error::Result;
use crate::extensions::Origin;
use crate::listing::collect;
use crate::path::{Name, VPath};

impl Core {
    /// Layers of the base and one more.
    pub(super) fn layer_count(&self) -> usize {
        self.base_layer_count() + 1
    }

    fn base_layer_count(&self) -> usize {
        self.base
            .extensions()
            .layers
            .map_or(1, |layers| layers.count())
    }

    pub(super) fn layer_of(&self, path: &VPath) -> Result<Origin> {
        let entry = {
            let _tree = self.tree.read();
            self.look_full(path)?
        };
        entry.found()?;
        Ok(match (entry.upper.is_some(), entry.base.is_some()) {
            (true, true) if entry.merged() => Origin::Merged,
            (true, true) => Origin::Changed,
            (true, false) => Origin::Upper,
            (false, _) => self.layer_in_base(path)?,
        })
    }

    fn layer_in_base(&self, path: &VPath) -> Result<Origin> {
        let Some(layers) = self.base.extensions().layers else {
            return Ok(Origin::Base(0));
        };
        Ok(match layers.origin(path)? {
            Origin::Upper | Origin::Changed => Origin::Base(layers.count().saturating_sub(1)),
            lower @ (Origin::Base(_) | Origin::Merged) => lower,
        })
    }

    pub(super) fn deleted_in(self: &Arc<Self>, dir: &VPath) -> Result<Vec<Name>> {
        let listing = {
            let _tree = self.tree.read();
            let entry = self.look_full(dir)?;
            let here = entry.as_dir()?;
            if !here.upper || !entry.base.is_some_and(|base| base.is_dir()) {
                return Ok(Vec::new());
            }
            self.list_dir(dir, here, &Want::names())?
        };
        let shown = collect(listing)?;
        let shown: HashSet<_> = shown.iter().map(|entry| entry.name).collect();
        let base = collect(self.base.list(dir, &Want::names())?)?;
        let mut deleted = base
            .iter()
            .filter(|entry| !shown.contains(entry.name))
            .map(|entry| Name::new(entry.name))
            .collect::<Result<Vec<_>>>()?;
        deleted.sort_unstable();
        Ok(deleted)
    }
}
