//! The bundled fonts. Fonts for other scripts are found on the system by a worker and added later.

use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};
use egui::{
    Context, FallbackRequest, FontData, FontDefinitions, FontFamily, FontInsert, FontPriority,
    InsertFontFamily,
};

use super::typography::STRONG_FAMILY;

const SANS: &str = "Lamina Sans";
const SANS_STRONG: &str = "Lamina Sans SemiBold";
const MONO: &str = "Lamina Mono";

/// Puts the bundled fonts first; egui's own icons (check marks, menu arrows) stay as a fallback.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that installs fonts"
)]
pub(super) fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    let bundled: [(&str, &'static [u8]); 3] = [
        (
            SANS,
            include_bytes!("../../../assets/fonts/LaminaSans-Regular.otf"),
        ),
        (
            SANS_STRONG,
            include_bytes!("../../../assets/fonts/LaminaSans-SemiBold.otf"),
        ),
        (
            MONO,
            include_bytes!("../../../assets/fonts/LaminaMono-Regular.ttf"),
        ),
    ];
    for (name, bytes) in bundled {
        let data = Arc::new(FontData::from_static(bytes));
        fonts.font_data.insert(name.to_owned(), data);
    }
    let fallbacks = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let families = [
        (FontFamily::Proportional, [SANS, MONO]),
        (FontFamily::Monospace, [MONO, SANS]),
        (FontFamily::Name(STRONG_FAMILY.into()), [SANS_STRONG, SANS]),
    ];
    for (family, names) in families {
        let chain = names.map(str::to_owned).into_iter();
        let chain = chain.chain(fallbacks.iter().cloned()).collect();
        fonts.families.insert(family, chain);
    }
    ctx.set_fonts(fonts);
}

/// A font of the system that has a character the bundled ones lack.
#[derive(Debug)]
pub struct FallbackFont {
    /// Its name; a font is added once.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Which font in it.
    pub index: u32,
}

/// Characters that were to be drawn and that no font has. Whoever receives them looks for a font.
pub fn missing_characters(ctx: &Context) -> Receiver<char> {
    let (missing, wanted) = unbounded();
    // Asked while text is laid out: must not wait, so it never finds a font itself.
    ctx.add_font_provider(Arc::new(move |request: &FallbackRequest<'_>| {
        let character = request.cluster.chars().next()?;
        missing.send(character).ok();
        None
    }));
    wanted
}

/// Adds a font behind all others.
pub fn add_fallback(ctx: &Context, font: FallbackFont) {
    let families = [
        FontFamily::Proportional,
        FontFamily::Monospace,
        FontFamily::Name(STRONG_FAMILY.into()),
    ];
    let families = families.map(|family| InsertFontFamily {
        family,
        priority: FontPriority::Lowest,
    });
    let mut data = FontData::from_owned(font.bytes);
    data.index = font.index;
    ctx.add_font(FontInsert::new(&font.name, data, families.into()));
}
