//! A picture, as large as fits, never larger than it is.

use std::sync::Arc;

use egui::{
    Align2, ColorImage, Rect, Role, Sense, TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo,
};

use crate::state::preview::ImagePreview;
use crate::theme::metrics;

/// The picture that is on the graphics card.
#[derive(Default)]
pub(super) struct Shown(Option<(Arc<ColorImage>, TextureHandle)>);

pub(super) fn picture_ui(ui: &mut Ui, shown: &mut Shown, preview: &ImagePreview) {
    let known = shown
        .0
        .take()
        .filter(|(image, _)| Arc::ptr_eq(image, &preview.image));
    let (image, texture) = known.unwrap_or_else(|| {
        let image = Arc::clone(&preview.image);
        let options = TextureOptions::LINEAR.with_mipmap_mode(Some(egui::TextureFilter::Linear));
        let texture = ui
            .ctx()
            .load_texture("preview", Arc::clone(&image), options);
        (image, texture)
    });
    // The panel leaves no margin on the right, for scroll bars.
    let size = (ui.available_size() - Vec2::splat(metrics().pad)).max(Vec2::ZERO);
    let (room, response) = ui.allocate_exact_size(size, Sense::hover());
    let [width, height] = preview.size_px;
    let size = Vec2::new(width as f32, height as f32) / ui.pixels_per_point();
    let scale = (room.width() / size.x).min(room.height() / size.y).min(1.0);
    let place = Align2::CENTER_TOP.align_size_within_rect(size * scale, room);
    let place = Rect::from_min_size(place.min.round(), place.size());
    let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
    ui.painter()
        .image(texture.id(), place, whole, egui::Color32::WHITE);
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("Picture, {width} by {height} pixels"),
        )
    });
    shown.0 = Some((image, texture));
}
