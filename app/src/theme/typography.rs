//! The few styles of text.

use egui::{FontFamily, FontId, RichText, TextStyle};

use super::metrics;

/// Family of the bold cut.
pub(super) const STRONG_FAMILY: &str = "strong";

/// A style of text. [`Type::rich`] makes text of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 13: names, menus, buttons.
    Body,
    /// 13, bolder: what a row is about.
    Strong,
    /// 12: columns, status, hints.
    Secondary,
    /// 11, letter-spaced: section captions.
    Caption,
    /// 16: dialog titles.
    Title,
    /// 22: the Welcome tab, lock screens.
    Welcome,
    /// 12, fixed width: hex, hashes, code.
    Mono,
}

impl Type {
    /// All styles.
    pub const ALL: [Self; 7] = [
        Self::Body,
        Self::Strong,
        Self::Secondary,
        Self::Caption,
        Self::Title,
        Self::Welcome,
        Self::Mono,
    ];

    /// Its font.
    pub fn font(self) -> FontId {
        let m = metrics();
        let strong = || FontFamily::Name(STRONG_FAMILY.into());
        match self {
            Self::Body => FontId::new(m.text_body, FontFamily::Proportional),
            Self::Strong => FontId::new(m.text_body, strong()),
            Self::Secondary => FontId::new(m.text_secondary, FontFamily::Proportional),
            Self::Caption => FontId::new(m.text_caption, strong()),
            Self::Title => FontId::new(m.text_title, strong()),
            Self::Welcome => FontId::new(m.text_welcome, strong()),
            Self::Mono => FontId::new(m.text_mono, FontFamily::Monospace),
        }
    }

    /// Its name in [`egui::Style::text_styles`].
    pub fn style(self) -> TextStyle {
        match self {
            Self::Body => TextStyle::Body,
            Self::Strong => TextStyle::Name("strong".into()),
            Self::Secondary => TextStyle::Small,
            Self::Caption => TextStyle::Name("caption".into()),
            Self::Title => TextStyle::Heading,
            Self::Welcome => TextStyle::Name("welcome".into()),
            Self::Mono => TextStyle::Monospace,
        }
    }

    /// `text` in this style; its colour is the surrounding one unless set.
    pub fn rich(self, text: impl Into<String>) -> RichText {
        let rich = RichText::new(text).text_style(self.style());
        match self {
            Self::Caption => rich.extra_letter_spacing(metrics().caption_letter_spacing),
            _ => rich,
        }
    }
}
