//! The typed tokens, read from the RON files that are part of the binary.

use std::sync::LazyLock;

use egui::{Color32, Context, Theme, Ui};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Which kind of filesystem, for its icon and hue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FsKind {
    /// A folder of this computer.
    Host,
    /// A folder of this computer behind a wall.
    Sandbox,
    /// In memory.
    Memory,
    /// One SQLite file, encrypted or not.
    Vault,
    /// An index and blobs.
    Store,
    /// A stack of layers.
    Stack,
}

impl FsKind {
    /// All kinds, in the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::Host,
        Self::Sandbox,
        Self::Memory,
        Self::Vault,
        Self::Store,
        Self::Stack,
    ];

    /// Its icon.
    pub fn icon(self) -> super::Icon {
        use super::Icon;
        match self {
            Self::Host => Icon::Host,
            Self::Sandbox => Icon::Sandbox,
            Self::Memory => Icon::Memory,
            Self::Vault => Icon::Vault,
            Self::Store => Icon::Store,
            Self::Stack => Icon::Stack,
        }
    }

    /// The word for it on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "Host folder",
            Self::Sandbox => "Sandbox folder",
            Self::Memory => "In memory",
            Self::Vault => "Vault",
            Self::Store => "Store",
            Self::Stack => "Stack of layers",
        }
    }
}

/// One hue per kind of filesystem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    #[serde(deserialize_with = "color")]
    host: Color32,
    #[serde(deserialize_with = "color")]
    sandbox: Color32,
    #[serde(deserialize_with = "color")]
    memory: Color32,
    #[serde(deserialize_with = "color")]
    vault: Color32,
    #[serde(deserialize_with = "color")]
    store: Color32,
    #[serde(deserialize_with = "color")]
    stack: Color32,
}

/// The colours of one theme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The window behind the panes.
    #[serde(deserialize_with = "color")]
    pub base: Color32,
    /// Panes.
    #[serde(deserialize_with = "color")]
    pub surface: Color32,
    /// Menus, dialogs, toasts.
    #[serde(deserialize_with = "color")]
    pub raised: Color32,
    /// Text fields.
    #[serde(deserialize_with = "color")]
    pub sunken: Color32,
    /// Lines between areas.
    #[serde(deserialize_with = "color")]
    pub line: Color32,
    /// Borders of fields.
    #[serde(deserialize_with = "color")]
    pub input_border: Color32,
    /// Text.
    #[serde(deserialize_with = "color")]
    pub text: Color32,
    /// Secondary text and icons.
    #[serde(deserialize_with = "color")]
    pub muted: Color32,
    /// Hints.
    #[serde(deserialize_with = "color")]
    pub faint: Color32,
    /// What is active; primary buttons.
    #[serde(deserialize_with = "color")]
    pub accent: Color32,
    /// Text on `accent`.
    #[serde(deserialize_with = "color")]
    pub on_accent: Color32,
    /// Destruction and errors.
    #[serde(deserialize_with = "color")]
    pub danger: Color32,
    /// Warnings; modified.
    #[serde(deserialize_with = "color")]
    pub warn: Color32,
    /// Success; added.
    #[serde(deserialize_with = "color")]
    pub ok: Color32,
    #[serde(deserialize_with = "color")]
    neutral: Color32,
    /// Shadow under raised things.
    #[serde(deserialize_with = "color")]
    pub shadow: Color32,
    kinds: Kinds,
    selection_percent: u8,
    selection_inactive_percent: u8,
    hover_percent: u8,
    pressed_percent: u8,
    drop_percent: u8,
}

fn percent(color: Color32, percent: u8) -> Color32 {
    color.gamma_multiply(f32::from(percent) / 100.0)
}

impl Tokens {
    /// The hue of a kind of filesystem.
    pub fn hue(&self, kind: FsKind) -> Color32 {
        match kind {
            FsKind::Host => self.kinds.host,
            FsKind::Sandbox => self.kinds.sandbox,
            FsKind::Memory => self.kinds.memory,
            FsKind::Vault => self.kinds.vault,
            FsKind::Store => self.kinds.store,
            FsKind::Stack => self.kinds.stack,
        }
    }

    /// Fill of a selected row; `active`: in the pane that has the keyboard.
    pub fn selection(&self, active: bool) -> Color32 {
        if active {
            percent(self.accent, self.selection_percent)
        } else {
            percent(self.neutral, self.selection_inactive_percent)
        }
    }

    /// Fill under the pointer.
    pub fn hover(&self) -> Color32 {
        percent(self.neutral, self.hover_percent)
    }

    /// Fill of what is held down, and of buttons that are not primary.
    pub fn pressed(&self) -> Color32 {
        percent(self.neutral, self.pressed_percent)
    }

    /// Fill of a drop target.
    pub fn drop_fill(&self) -> Color32 {
        percent(self.accent, self.drop_percent)
    }

    /// The focus ring and the outline of a drop target.
    pub fn ring(&self) -> egui::Stroke {
        egui::Stroke::new(metrics().ring, self.accent)
    }

    /// A line between two areas.
    pub fn line_stroke(&self) -> egui::Stroke {
        egui::Stroke::new(metrics().line, self.line)
    }

    /// The border of a field.
    pub fn input_stroke(&self) -> egui::Stroke {
        egui::Stroke::new(metrics().line, self.input_border)
    }

    /// `color`, dimmed: cut items, disabled things.
    pub fn dimmed(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.5)
    }
}

/// Sizes in points, equal in both themes. Their meaning stands in `assets/themes/metrics.ron`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described where the values are")]
pub struct Metrics {
    pub space: f32,
    pub gap: f32,
    pub pad: f32,
    pub row: f32,
    pub row_compact: f32,
    pub row_comfortable: f32,
    pub header: f32,
    pub menu: f32,
    pub tab: f32,
    pub tab_width_min: f32,
    pub tab_width_max: f32,
    pub path: f32,
    pub status: f32,
    pub sidebar: f32,
    pub sidebar_narrow: f32,
    pub sidebar_narrow_below: f32,
    pub sidebar_min: f32,
    pub sidebar_max: f32,
    pub sidebar_row: f32,
    pub preview: f32,
    pub preview_share: f32,
    pub pane_min: f32,
    pub strip: f32,
    pub layer_row: f32,
    pub snapshot_rows: f32,
    pub layer_chip_min: f32,
    pub layers_share: f32,
    pub layer_faintest: f32,
    pub control: f32,
    pub field: f32,
    pub lock_screen: f32,
    pub lock_screen_top: f32,
    pub block_top: f32,
    pub welcome_top: f32,
    pub card_height: f32,
    pub dialog: f32,
    pub dialog_wide: f32,
    pub dialog_grows: f32,
    pub facts: f32,
    pub value_share: f32,
    pub dialog_margin: f32,
    pub field_short: f32,
    pub field_octal: f32,
    pub dialog_rows: f32,
    pub dialog_rows_few: f32,
    pub palette: f32,
    pub dialog_list_min: f32,
    pub toast: f32,
    pub name_column_min: f32,
    pub column_min: f32,
    pub column_max: f32,
    pub column_size: f32,
    pub column_modified: f32,
    pub column_kind: f32,
    pub column_layer: f32,
    pub column_folder: f32,
    pub column_grab: f32,
    pub edge: f32,
    pub scroll_bar: f32,
    pub scroll_handle_min: f32,
    pub icon: f32,
    pub badge: f32,
    pub icon_large: f32,
    pub icon_hero: f32,
    pub radius: u8,
    pub radius_popover: u8,
    pub radius_dialog: u8,
    pub line: f32,
    pub ring: f32,
    pub text_body: f32,
    pub text_secondary: f32,
    pub text_caption: f32,
    pub text_title: f32,
    pub text_welcome: f32,
    pub text_mono: f32,
    pub caption_letter_spacing: f32,
    pub animation_secs: f32,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes colours"
)]
fn color<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Color32, D::Error> {
    let hex = String::deserialize(deserializer)?;
    Color32::from_hex(&hex).map_err(|err| D::Error::custom(format!("{err:?} in {hex:?}")))
}

#[expect(
    clippy::expect_used,
    reason = "the text is a constant of the binary, and a test reads it"
)]
fn parse<T: serde::de::DeserializeOwned>(ron: &str) -> T {
    ron::from_str(ron).expect("the bundled theme files parse")
}

static DARK: LazyLock<Tokens> =
    LazyLock::new(|| parse(include_str!("../../../assets/themes/dark.ron")));
static LIGHT: LazyLock<Tokens> =
    LazyLock::new(|| parse(include_str!("../../../assets/themes/light.ron")));
static METRICS: LazyLock<Metrics> =
    LazyLock::new(|| parse(include_str!("../../../assets/themes/metrics.ron")));

/// The colours of `theme`.
pub fn tokens_of(theme: Theme) -> &'static Tokens {
    match theme {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    }
}

/// The sizes.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

/// Access to the colours of the theme in use.
pub trait UiTokens {
    /// The colours of the theme in use.
    fn tokens(&self) -> &'static Tokens;
}

impl UiTokens for Context {
    fn tokens(&self) -> &'static Tokens {
        tokens_of(self.theme())
    }
}

impl UiTokens for Ui {
    fn tokens(&self) -> &'static Tokens {
        tokens_of(self.ctx().theme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast ratio of two opaque colours (WCAG 2.1, relative luminance).
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let c = egui::Rgba::from(c);
            0.2126 * c.r() + 0.7152 * c.g() + 0.0722 * c.b()
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn texts_and_hues_reach_4_5_to_1_on_every_background() {
        for theme in [Theme::Dark, Theme::Light] {
            let t = tokens_of(theme);
            let texts = [
                ("text", t.text),
                ("muted", t.muted),
                ("faint", t.faint),
                ("danger", t.danger),
                ("warn", t.warn),
                ("ok", t.ok),
            ];
            let hues = FsKind::ALL.map(|kind| (kind.word(), t.hue(kind)));
            let grounds = [
                ("base", t.base),
                ("surface", t.surface),
                ("raised", t.raised),
                ("sunken", t.sunken),
            ];
            for (name, fg) in texts.into_iter().chain(hues) {
                for (ground, bg) in grounds {
                    let ratio = contrast(fg, bg);
                    assert!(ratio >= 4.5, "{theme:?}: {name} on {ground} has {ratio:.2}");
                }
            }
            assert!(contrast(t.on_accent, t.accent) >= 4.5);
            assert!(contrast(t.text, t.surface.blend(t.selection(true))) >= 4.5);
        }
    }

    #[test]
    fn sizes_lie_on_the_grid() {
        let m = metrics();
        for size in [
            m.row,
            m.row_compact,
            m.row_comfortable,
            m.header,
            m.menu,
            m.tab,
            m.path,
            m.status,
            m.sidebar_row,
            m.strip,
            m.layer_row,
            m.control,
            m.field,
        ] {
            assert_eq!(size % m.space, 0.0);
        }
    }
}
