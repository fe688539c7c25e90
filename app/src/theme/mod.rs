//! Design tokens: the only place with a colour, a size, a font or an icon.
//!
//! The values stand in `assets/themes/*.ron`. [`install`] applies them to egui once, for the dark and the light theme;
//! code that paints asks [`UiTokens::tokens`] for the ones in use. Fonts and icons are part of the binary.

mod apply;
mod fonts;
mod icons;
mod id;
mod tokens;
mod typography;
mod wheel;

pub use apply::set_motion;
pub use fonts::{FallbackFont, add_fallback, missing_characters};
pub use icons::Icon;
pub use id::global_id;
pub use tokens::{FsKind, Kinds, Metrics, Tokens, UiTokens, metrics, tokens_of};
pub use typography::Type;

/// Installs fonts, icons and both themes. Call once per context, before its first frame.
pub fn install(ctx: &egui::Context) {
    fonts::install(ctx);
    icons::install(ctx);
    apply::apply(ctx);
    wheel::install(ctx);
}
