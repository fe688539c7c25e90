//! Lists in dialogs and panels that are as tall as what is in them.

use egui::ScrollArea;

/// As tall as what is in it, up to `most` points; then it scrolls. egui alone would keep a list as short as the dialog around it was before, or let it grow
/// only frame by frame.
pub fn scroll_list(most: f32) -> ScrollArea {
    ScrollArea::vertical()
        .max_height(most)
        .min_scrolled_height(most)
        .auto_shrink([false, true])
}
