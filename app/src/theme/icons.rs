//! One set of icons, drawn as glyphs so that they take the colour of the text around them and stay crisp at any scale.
//!
//! Phosphor (MIT): outlines for actions, filled or two-tone for kinds and file types. An icon never stands in a text:
//! paint it ([`Icon::paint`]) or give it to a widget as an atom ([`Icon::atom`]), so that names stay readable aloud.

use std::sync::OnceLock;

use egui::{
    Align2, Atom, Color32, Context, FontFamily, FontId, FontPriority, GlyphRasterizer, Painter,
    Rect, Vec2,
};
use egui_extras::SvgGlyph;

use super::metrics;

/// First code point of the private use area, where the icons live.
const FIRST: u32 = 0xE000;

macro_rules! icons {
    ($($name:ident => $file:literal,)*) => {
        /// An icon of the set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each is what its name says")]
        pub enum Icon { $($name,)* }

        impl Icon {
            /// All icons.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }

        static SVGS: &[&[u8]] =
            &[$(include_bytes!(concat!("../../../assets/icons/", $file, ".svg")),)*];
    };
}

icons! {
    Host => "hard-drives-fill",
    Sandbox => "kind-sandbox",
    Memory => "lightning-fill",
    Vault => "vault-fill",
    Locked => "lock-fill",
    Store => "kind-store",
    Stack => "stack-fill",
    Folder => "folder-fill",
    FolderOpen => "folder-open",
    FolderPlus => "folder-plus",
    FolderOutline => "folder",
    File => "file-duotone",
    FilePlus => "file-plus",
    FileText => "file-text-duotone",
    FileCode => "file-code-duotone",
    FileImage => "file-image-duotone",
    FileAudio => "file-audio-duotone",
    FileVideo => "file-video-duotone",
    FileArchive => "file-archive-duotone",
    FilePdf => "file-pdf-duotone",
    FileSheet => "file-csv-duotone",
    FileFont => "text-aa-duotone",
    FileApp => "app-window-duotone",
    FileBinary => "binary-duotone",
    Link => "link-simple",
    LinkBroken => "link-break",
    Pipe => "pipe-duotone",
    Socket => "plugs-connected-duotone",
    Device => "cpu-duotone",
    Home => "house",
    Downloads => "download-simple",
    Documents => "file-text",
    Pictures => "image",
    Music => "music-notes",
    Videos => "film-strip",
    Desktop => "desktop",
    Trash => "trash",
    Star => "star",
    Clock => "clock-counter-clockwise",
    Computer => "hard-drives",
    Back => "caret-left",
    Forward => "caret-right",
    Up => "arrow-up",
    Down => "arrow-down",
    Refresh => "arrow-clockwise",
    More => "dots-three-vertical",
    Plus => "plus",
    Minus => "minus",
    Close => "x",
    Check => "check",
    CaretDown => "caret-down",
    CaretUp => "caret-up",
    CaretRight => "caret-right",
    Search => "magnifying-glass",
    Filter => "funnel-simple",
    Eye => "eye",
    EyeClosed => "eye-closed",
    Lock => "lock-simple",
    Unlock => "lock-simple-open",
    Key => "key",
    Copy => "copy",
    Cut => "scissors",
    Paste => "clipboard-text",
    Move => "arrow-square-right",
    Rename => "pencil-simple",
    Undo => "arrow-u-up-left",
    Redo => "arrow-u-up-right",
    Pause => "pause",
    Play => "play",
    Stop => "stop",
    Info => "info",
    Warning => "warning",
    Error => "x-circle",
    Success => "check-circle",
    Properties => "sliders-horizontal",
    Settings => "gear-six",
    Preview => "sidebar-simple",
    SplitPane => "columns",
    List => "list",
    Export => "export",
    Import => "tray-arrow-down",
    OpenWith => "arrow-square-out",
    Terminal => "terminal-window",
    Palette => "command",
    Help => "question",
    Drag => "dots-six-vertical",
    NotAllowed => "prohibit",
    Spinner => "circle-notch",
    Sun => "sun",
    Moon => "moon",
    Tag => "tag",
    Layers => "stack",
    Snapshot => "camera",
    Sort => "arrows-down-up",
    Hash => "hash",
}

impl Icon {
    /// The code point under which it is drawn.
    fn glyph(self) -> char {
        char::from_u32(FIRST + self as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Paints it in the middle of `rect`, `size` points large, on whole pixels.
    pub fn paint(self, painter: &Painter, rect: Rect, size: f32, color: Color32) {
        let font = FontId::new(size, FontFamily::Proportional);
        let galley = painter.layout_no_wrap(self.glyph().to_string(), font, Color32::PLACEHOLDER);
        let Some(row) = galley.rows.first() else {
            return;
        };
        let Some(glyph) = row.glyphs.first() else {
            return;
        };
        // The glyph hangs somewhere in a row as high as the font; find its top left corner and put that on a pixel.
        let in_galley = row.pos.to_vec2() + glyph.pos.to_vec2() + glyph.uv_rect.offset;
        let corner = Align2::CENTER_CENTER
            .align_size_within_rect(glyph.uv_rect.size, rect)
            .min;
        let ppp = painter.pixels_per_point();
        let corner = (corner.to_vec2() * ppp).round() / ppp;
        painter.galley((corner - in_galley).to_pos2(), galley, color);
    }

    /// It as a part of a button or label, in the text's colour.
    pub fn atom(self) -> Atom<'static> {
        self.atom_sized(metrics().icon, None)
    }

    /// It as a part of a button or label, with a size in points and a colour.
    pub fn atom_sized(self, size: f32, color: Option<Color32>) -> Atom<'static> {
        Atom::paint(Vec2::splat(size), move |ui, args| {
            let color = color.unwrap_or(args.fallback_text_color);
            self.paint(ui.painter(), args.rect, size, color);
        })
    }

    /// It as a widget of its own, which tells a screen reader nothing.
    pub fn show(self, ui: &mut egui::Ui, size: f32, color: Color32) -> egui::Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), egui::Sense::hover());
        self.paint(ui.painter(), rect, size, color);
        response
    }
}

/// Makes the icons known to the text layout; each is parsed when it is first drawn.
pub(super) fn install(ctx: &Context) {
    let parsed: Vec<OnceLock<Option<SvgGlyph>>> = SVGS.iter().map(|_| OnceLock::new()).collect();
    let rasterizer = GlyphRasterizer::new("lamina icons", move |request| {
        let index = u32::from(request.cluster.chars().next()?).checked_sub(FIRST)? as usize;
        let svg = SVGS.get(index)?;
        let glyph = parsed
            .get(index)?
            .get_or_init(|| Some(SvgGlyph::from_bytes(svg).ok()?.with_color(false)));
        glyph.as_ref()?.rasterize(request.font_size_px)
    });
    ctx.add_glyph_rasterizer(rasterizer.with_priority(FontPriority::Highest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_parses_and_leaves_a_mark() {
        for (icon, svg) in Icon::ALL.iter().zip(SVGS) {
            let glyph = SvgGlyph::from_bytes(svg).unwrap().with_color(false);
            let drawn = glyph.rasterize(16.0).unwrap().bitmap.image;
            assert_eq!(drawn.size, [16, 16], "{icon:?}");
            assert!(drawn.pixels.iter().any(|p| p.a() > 100), "{icon:?}");
        }
    }
}
