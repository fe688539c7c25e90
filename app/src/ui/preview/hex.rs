//! Bytes: offset, hexadecimal, and what of them is ASCII.

use std::fmt::Write as _;

use egui::{Label, ScrollArea, TextWrapMode, Ui};

use crate::state::preview::HexPreview;
use crate::theme::{Type, UiTokens as _};

pub(super) fn hex_ui(ui: &mut Ui, hex: &HexPreview) {
    if hex.size_bytes > hex.bytes.len() as u64 {
        super::cut_ui(ui, hex.bytes.len(), hex.size_bytes);
    }
    let color = ui.tokens().text;
    let style = ui.style_mut();
    style.interaction.selectable_labels = true;
    style.interaction.multi_widget_text_select = true;
    ui.spacing_mut().item_spacing.y = 0.0;
    let glyph = ui.fonts_mut(|fonts| fonts.glyph_width(&Type::Mono.font(), '0'));
    let fits = (ui.available_width() / glyph) as usize;
    let per_line = if fits >= line_chars(16) + 2 { 16 } else { 8 };
    let height = ui.text_style_height(&Type::Mono.style()).ceil();
    let count = hex.bytes.len().div_ceil(per_line);
    ScrollArea::both()
        .auto_shrink(false)
        .show_rows(ui, height, count, |ui, rows| {
            for row in rows {
                let at = row * per_line;
                let bytes = hex.bytes.get(at..).unwrap_or_default();
                let text = line(at, bytes.get(..per_line).unwrap_or(bytes), per_line);
                ui.add(
                    Label::new(Type::Mono.rich(text).color(color)).wrap_mode(TextWrapMode::Extend),
                );
            }
        });
}

/// Characters in a line: six for the offset, three for each byte, one for its character, two gaps.
fn line_chars(per_line: usize) -> usize {
    6 + 1 + 3 * per_line + 1 + per_line
}

fn line(at: usize, bytes: &[u8], per_line: usize) -> String {
    let mut text = String::with_capacity(line_chars(per_line));
    write!(text, "{at:06x} ").ok();
    for index in 0..per_line {
        match bytes.get(index) {
            Some(byte) => write!(text, "{byte:02x} ").ok(),
            None => write!(text, "   ").ok(),
        };
    }
    text.push(' ');
    text.extend(bytes.iter().map(|&byte| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_xxd_writes_them() {
        assert_eq!(
            line(16, b"ab\0\xffxyz!", 8),
            "000010 61 62 00 ff 78 79 7a 21  ab..xyz!"
        );
        assert_eq!(line(0, b"a", 8), "000000 61                       a");
        assert_eq!(line(0, b"12345678", 8).chars().count(), line_chars(8));
    }
}
