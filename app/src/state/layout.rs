//! How the window is divided and where it stands. Kept in the session.

use std::collections::BTreeMap;

use egui::ViewportInfo;

use super::Column;

/// Sizes the user gave to parts of the window, in points; `None` and what is missing is as designed.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Width of the sidebar.
    pub sidebar: Option<f32>,
    /// Width of the preview.
    pub preview: Option<f32>,
    /// The part of the width that the first of two panes has, 0 to 1.
    pub first_pane: Option<f32>,
    /// Widths of columns, for lists that are opened from now on.
    pub columns: BTreeMap<Column, f32>,
}

/// A size the user changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resize {
    /// The sidebar is so wide.
    Sidebar(f32),
    /// The preview is so wide.
    Preview(f32),
    /// The first of two panes has this part of the width.
    FirstPane(f32),
    /// A column is so wide.
    Column(Column, f32),
}

impl Sizes {
    /// Takes a change over.
    pub fn resize(&mut self, resize: Resize) {
        match resize {
            Resize::Sidebar(width) => self.sidebar = Some(width.round()),
            Resize::Preview(width) => self.preview = Some(width.round()),
            Resize::FirstPane(share) => self.first_pane = Some(share),
            Resize::Column(column, width) => {
                self.columns.insert(column, width.round());
            }
        }
    }
}

/// Where the window stands on the screen, in points.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct WindowPlace {
    /// Width and height of what is inside the frame, while it is not maximized.
    pub size: [f32; 2],
    /// The top left corner of the frame, where the desktop tells (Wayland does not).
    pub position: Option<[f32; 2]>,
    /// It fills the screen.
    pub maximized: bool,
}

impl WindowPlace {
    /// The smallest window everything has room in.
    pub const LEAST: [f32; 2] = [640.0, 400.0];
    /// Nobody has a screen that large.
    const MOST: f32 = 32_768.0;

    /// As the desktop tells it now. A maximized window keeps the size it will go back to; of a hidden one nothing is known.
    #[must_use]
    pub fn updated(mut self, now: &ViewportInfo) -> Self {
        if now.minimized == Some(true) || now.fullscreen == Some(true) {
            return self;
        }
        self.maximized = now.maximized == Some(true);
        if !self.maximized {
            if let Some(inner) = now.inner_rect {
                self.size = inner.size().round().into();
            }
            if let Some(outer) = now.outer_rect {
                self.position = Some(outer.min.round().into());
            }
        }
        self
    }

    /// What can be asked of a desktop, whatever stood in the file.
    #[must_use]
    pub fn sane(mut self) -> Self {
        for (side, (least, usual)) in self
            .size
            .iter_mut()
            .zip(Self::LEAST.into_iter().zip(Self::default().size))
        {
            *side = if side.is_finite() {
                side.clamp(least, Self::MOST)
            } else {
                usual
            };
        }
        self.position = self
            .position
            .filter(|position| position.iter().all(|at| at.abs() <= Self::MOST));
        self
    }
}

impl Default for WindowPlace {
    fn default() -> Self {
        Self {
            size: [1280.0, 800.0],
            position: None,
            maximized: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maximized_window_remembers_the_size_it_goes_back_to() {
        let rect = |w, h| {
            Some(egui::Rect::from_min_size(
                egui::pos2(10.0, 20.0),
                egui::vec2(w, h),
            ))
        };
        let normal = ViewportInfo {
            inner_rect: rect(900.0, 700.0),
            outer_rect: rect(910.0, 730.0),
            ..ViewportInfo::default()
        };
        let place = WindowPlace::default().updated(&normal);
        assert_eq!(
            (place.size, place.position),
            ([900.0, 700.0], Some([10.0, 20.0]))
        );
        let large = ViewportInfo {
            inner_rect: rect(1920.0, 1080.0),
            outer_rect: rect(1920.0, 1080.0),
            maximized: Some(true),
            ..ViewportInfo::default()
        };
        let place = place.updated(&large);
        assert_eq!((place.size, place.maximized), ([900.0, 700.0], true));
        assert!(!place.updated(&normal).maximized);
    }

    #[test]
    fn nonsense_in_the_file_opens_a_usable_window() {
        let place = WindowPlace {
            size: [f32::NAN, -5.0],
            position: Some([f32::INFINITY, 0.0]),
            maximized: false,
        };
        let place = place.sane();
        assert_eq!((place.size, place.position), ([1280.0, 400.0], None));
    }
}
