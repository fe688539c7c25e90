//! Laid-out text, kept from frame to frame under its hash: a list then paints a row without allocating.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, Galley, Painter};

use super::elided;
use crate::theme::Type;

/// Above this many entries, those not used in the last frame are dropped.
const KEEP_MAX: usize = 2048;

struct Kept {
    galley: Arc<Galley>,
    used: u64,
}

/// Text by hash of (text, style, width). Use one per list, and [`GalleyCache::begin`] once a frame.
#[derive(Default)]
pub(crate) struct GalleyCache {
    frame: u64,
    canary: Option<Arc<Galley>>,
    kept: HashMap<u64, Kept>,
}

impl GalleyCache {
    /// Starts a frame. Forgets everything when the glyph atlas was rebuilt (scale, theme, full): galleys point into it.
    pub(crate) fn begin(&mut self, painter: &Painter) {
        self.frame += 1;
        // egui keeps a text that is laid out in every frame for as long as the atlas lives.
        let canary =
            painter.layout_no_wrap("-".to_owned(), Type::Body.font(), Color32::PLACEHOLDER);
        let same = self
            .canary
            .as_ref()
            .is_some_and(|old| Arc::ptr_eq(old, &canary));
        if !same {
            self.kept.clear();
            self.canary = Some(canary);
        }
        if self.kept.len() > KEEP_MAX {
            let frame = self.frame;
            self.kept.retain(|_, kept| kept.used + 1 >= frame);
        }
    }

    /// `text` in one line, cut in the middle when wider than `width` points.
    pub(crate) fn text(
        &mut self,
        painter: &Painter,
        text: &str,
        style: Type,
        width: f32,
    ) -> Arc<Galley> {
        let key = egui::util::hash((text, style as u8, width.to_bits()));
        let frame = self.frame;
        let kept = self.kept.entry(key).or_insert_with(|| Kept {
            galley: elided(painter, text, &style.font(), width),
            used: frame,
        });
        kept.used = frame;
        Arc::clone(&kept.galley)
    }
}
