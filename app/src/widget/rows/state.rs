//! What a list keeps between frames.

use std::ops::Range;

use egui::Modifiers;

use super::{Column, How};
use crate::theme::metrics;
use crate::widget::galley_cache::GalleyCache;

/// Position, column widths and the gesture under way. One per tab.
#[derive(Default)]
pub struct RowsState {
    /// First visible row and the part of it that is scrolled away. A double counts rows exactly up to 2^53.
    position: f64,
    reveal: Option<usize>,
    widths: Vec<f32>,
    pub(super) press: Option<Press>,
    pub(super) band: Option<Band>,
    pub(super) grab: Option<f64>,
    pub(super) keyboard_used: bool,
    pub(super) galleys: GalleyCache,
}

/// A button went down on a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub(super) key: u64,
    pub(super) on_handle: bool,
    /// What is still to be done when the button comes up without a drag.
    pub(super) on_release: Option<How>,
}

/// A rubber band under way.
#[derive(Clone, Debug)]
pub(super) struct Band {
    /// Where it began: points from the left edge, rows from the first one.
    pub(super) origin: (f32, f64),
    pub(super) rows: Range<usize>,
    pub(super) how: How,
}

impl Band {
    pub(super) fn how(modifiers: Modifiers) -> How {
        if modifiers.command {
            How::Toggle
        } else if modifiers.shift {
            How::AddRange
        } else {
            How::Only
        }
    }
}

impl RowsState {
    /// First visible row, with the part of it that is scrolled away.
    pub fn position(&self) -> f64 {
        self.position
    }

    /// Scrolls to `position`, as [`RowsState::position`] gave it.
    pub fn set_position(&mut self, position: f64) {
        self.position = position;
        self.reveal = None;
    }

    /// Scrolls as little as needed to show `row`, in the next frame.
    pub fn reveal(&mut self, row: usize) {
        self.reveal = Some(row);
    }

    /// The widths the user gave the columns, to keep them in the session.
    pub fn column_widths(&self) -> &[f32] {
        &self.widths
    }

    /// Restores what [`RowsState::column_widths`] gave.
    pub fn set_column_widths(&mut self, widths: Vec<f32>) {
        self.widths = widths;
    }

    /// Shows the cursor as one does for a user of the keyboard.
    pub fn keyboard_used(&mut self) {
        self.keyboard_used = true;
    }

    pub(super) fn widths(&mut self, columns: &[Column]) -> &[f32] {
        if self.widths.len() != columns.len() {
            self.widths = columns.iter().map(|column| column.width).collect();
        }
        &self.widths
    }

    pub(super) fn set_width(&mut self, column: usize, width: f32) {
        if let Some(old) = self.widths.get_mut(column) {
            *old = width.max(metrics().column_min).round();
        }
    }

    /// Moves by whole rows, and ends on one.
    pub(super) fn scroll_rows(&mut self, rows: f64) {
        self.position = (self.position + rows).round();
    }

    pub(super) fn scroll_by(&mut self, rows: f64) {
        self.position += rows;
    }

    /// Brings the position into the list, `visible` rows of which fit, and does what [`RowsState::reveal`] asked for.
    pub(super) fn settle(&mut self, len: usize, visible: f64) {
        if let Some(row) = self.reveal.take() {
            let row = row as f64;
            if row < self.position {
                self.position = row;
            } else if row + 1.0 > self.position + visible {
                self.position = row + 1.0 - visible;
            }
        }
        let last = (len as f64 - visible).max(0.0);
        self.position = if self.position.is_finite() {
            self.position.clamp(0.0, last)
        } else {
            0.0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reveal_scrolls_as_little_as_needed() {
        let mut state = RowsState::default();
        for (row, position) in [(5, 0.0), (10, 1.0), (3, 1.0), (0, 0.0), (99, 90.0)] {
            state.reveal(row);
            state.settle(100, 10.0);
            assert_eq!(state.position(), position, "row {row}");
        }
    }

    #[test]
    fn positions_stay_exact_far_down() {
        let mut state = RowsState::default();
        state.set_position(9_999_990.0);
        state.scroll_rows(-3.0);
        state.settle(10_000_000, 20.0);
        assert_eq!(state.position(), 9_999_980.0, "clamped");
        state.scroll_rows(-3.0);
        state.settle(10_000_000, 20.0);
        assert_eq!(state.position(), 9_999_977.0);
    }

    #[test]
    fn a_list_that_shrank_scrolls_back() {
        let mut state = RowsState::default();
        state.set_position(50.0);
        state.settle(5, 10.0);
        assert_eq!(state.position(), 0.0);
    }
}
