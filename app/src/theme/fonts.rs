//! The bundled fonts. Fonts for other scripts are found on the system by a worker and added later.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

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
