//! How the panes share the window: a tree of one or two of them.

use egui::{Ui, WidgetText};
use egui_tiles::{
    Behavior, Container, Linear, SimplificationOptions, Tile, TileId, Tree, UiResponse,
};

use crate::state::{PaneId, Workspace};
use crate::theme::{global_id, metrics};

/// The tree, kept between frames.
pub struct Layout {
    tree: Tree<PaneId>,
    split: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            tree: Tree::new_horizontal(global_id("panes"), vec![PaneId::First]),
            split: false,
        }
    }
}

impl Layout {
    /// Draws the panes that are shown, each in its place. `first`: the part of the width the first of two gets; returned when the user changed it.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        first: f32,
        pane_ui: &mut dyn FnMut(&mut Ui, PaneId),
    ) -> Option<f32> {
        if workspace.is_split() != self.split {
            self.split = workspace.is_split();
            let panes = workspace.panes().map(|(id, _)| id).collect();
            self.tree = Tree::new_horizontal(global_id("panes"), panes);
            self.divide(first);
        }
        let before = self.first_share();
        self.tree.ui(&mut Panes { pane_ui }, ui);
        self.first_share().filter(|_| self.first_share() != before)
    }

    fn divide(&mut self, first: f32) {
        let first = first.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
        if let Some(row) = self.row_mut()
            && let [left, right] = *row.children
        {
            row.shares.set_share(left, first);
            row.shares.set_share(right, 1.0 - first);
        }
    }

    /// The part of the width the first of two panes has.
    fn first_share(&mut self) -> Option<f32> {
        let row = self.row_mut()?;
        let [left, right] = *row.children else {
            return None;
        };
        let (left, right) = (row.shares[left], row.shares[right]);
        Some(left / (left + right)).filter(|share| share.is_finite())
    }

    fn row_mut(&mut self) -> Option<&mut Linear> {
        match self.tree.tiles.get_mut(self.tree.root?)? {
            Tile::Container(Container::Linear(row)) => Some(row),
            _ => None,
        }
    }
}

/// However the window was left, both panes can be seen.
const LEAST_SHARE: f32 = 0.1;

struct Panes<'a> {
    pane_ui: &'a mut dyn FnMut(&mut Ui, PaneId),
}

impl Behavior<PaneId> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut PaneId) -> UiResponse {
        (self.pane_ui)(ui, *pane);
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, _pane: &PaneId) -> WidgetText {
        WidgetText::default()
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        metrics().line
    }

    fn min_size(&self) -> f32 {
        metrics().name_column_min
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: false,
            ..SimplificationOptions::default()
        }
    }

    fn resize_stroke(&self, style: &egui::Style, state: egui_tiles::ResizeState) -> egui::Stroke {
        match state {
            egui_tiles::ResizeState::Idle => style.visuals.widgets.noninteractive.bg_stroke,
            _ => style.visuals.widgets.hovered.fg_stroke,
        }
    }
}
