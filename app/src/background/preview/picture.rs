//! Pictures: decoded within limits and scaled to what a screen shows.

use std::io::Cursor;
use std::sync::Arc;

use egui::ColorImage;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::state::preview::ImagePreview;

/// Longest side of what is shown, pixels; every renderer has textures of this size.
pub(super) const SIDE_MAX: u32 = 2048;

/// Most pixels on a side of a picture that is decoded.
const DECODE_SIDE_MAX: u32 = 32_768;

/// Most memory for decoding.
const DECODE_MAX_BYTES: u64 = 512 << 20;

/// Does a file that begins so hold a picture we can decode?
pub(super) fn is_picture(start: &[u8]) -> bool {
    image::guess_format(start).is_ok_and(|format| format.reading_enabled())
}

/// The picture in `bytes`, upright; `None` when it is broken or larger than the limits.
pub(super) fn decode(bytes: &[u8]) -> Option<ImagePreview> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let format = name(reader.format()?);
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODE_SIDE_MAX);
    limits.max_image_height = Some(DECODE_SIDE_MAX);
    limits.max_alloc = Some(DECODE_MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) * 4 > DECODE_MAX_BYTES {
        return None;
    }
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let size_px = [picture.width(), picture.height()];
    if size_px.iter().any(|&side| side > SIDE_MAX) {
        picture = picture.thumbnail(SIDE_MAX, SIDE_MAX);
    }
    let pixels = picture.into_rgba8();
    let size = [pixels.width() as usize, pixels.height() as usize];
    let image = ColorImage::from_rgba_unmultiplied(size, pixels.as_raw());
    Some(ImagePreview {
        image: Arc::new(image),
        size_px,
        format,
    })
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        _ => "Picture",
    }
}
