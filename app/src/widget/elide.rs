//! Names that do not fit are cut in the middle, so that the extension stays; epaint itself cuts only ends.

use std::borrow::Cow;
use std::sync::Arc;

use egui::{Color32, FontId, Galley, Painter};
use unicode_segmentation::UnicodeSegmentation as _;

const ELLIPSIS: &str = "…";

/// Longest extension, in graphemes, that is kept whole.
const EXTENSION_MAX: usize = 12;

/// Graphemes kept before the extension: `report-…final.pdf` says more than `report-final-ver….pdf`.
const BEFORE_EXTENSION: usize = 4;

/// `name` with control characters, and marks that reorder text, made visible: a name must not look like another one.
pub fn displayable(name: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if name.contains(bad) {
        name.replace(bad, "\u{FFFD}").into()
    } else {
        name.into()
    }
}

/// `text` laid out in one line at most `width` points wide, cut in the middle where it must be.
/// The colour is the one given when it is painted.
pub fn elided(painter: &Painter, text: &str, font: &FontId, width: f32) -> Arc<Galley> {
    let lay_out = |text: String| painter.layout_no_wrap(text, font.clone(), Color32::PLACEHOLDER);
    let text = displayable(text);
    let full = lay_out(text.clone().into_owned());
    if full.size().x <= width {
        return full;
    }
    let ellipsis_width = lay_out(ELLIPSIS.to_owned()).size().x;
    let advances = advances(&text, &full);
    let (head, tail) = cut(&text, &advances, width - ellipsis_width);
    lay_out(format!("{}{ELLIPSIS}{tail}", head.trim_end()))
}

/// As [`elided`], but what does not fit is left out at the beginning: of a path, the name stays.
pub fn elided_start(painter: &Painter, text: &str, font: &FontId, width: f32) -> Arc<Galley> {
    let lay_out = |text: String| painter.layout_no_wrap(text, font.clone(), Color32::PLACEHOLDER);
    let full = lay_out(text.to_owned());
    if full.size().x <= width {
        return full;
    }
    let ellipsis_width = lay_out(ELLIPSIS.to_owned()).size().x;
    let tail = end(text, &advances(text, &full), width - ellipsis_width);
    lay_out(format!("{ELLIPSIS}{tail}"))
}

/// The end of `text` that is at most `width` wide, given each grapheme's width.
fn end<'a>(text: &'a str, advances: &[f32], width: f32) -> &'a str {
    let mut left = width;
    let all = text.grapheme_indices(true).rev().zip(advances.iter().rev());
    let fitting = all.take_while(|(_, advance)| {
        left -= **advance;
        left >= 0.0
    });
    let start = fitting.last().map_or(text.len(), |((at, _), _)| at);
    text.get(start..).unwrap_or_default()
}

/// Width of each grapheme of `text` in its layout.
fn advances(text: &str, galley: &Galley) -> Vec<f32> {
    let mut glyphs = galley.rows.iter().flat_map(|row| row.glyphs.iter());
    text.graphemes(true)
        .map(|grapheme| {
            let glyphs = glyphs.by_ref().take(grapheme.chars().count());
            glyphs.map(|glyph| glyph.advance_width).sum()
        })
        .collect()
}

/// The beginning and the end of `text` that together are at most `width` wide, given each grapheme's width.
fn cut<'a>(text: &'a str, advances: &[f32], width: f32) -> (&'a str, &'a str) {
    let starts: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    let count = starts.len();
    let byte = |grapheme: usize| starts.get(grapheme).copied().unwrap_or(text.len());

    let extension = text.rfind('.').filter(|&dot| dot > 0);
    let wanted_tail = extension.map_or(BEFORE_EXTENSION, |dot| {
        let extension = starts.iter().filter(|&&start| start >= dot).count();
        if extension <= EXTENSION_MAX {
            extension + BEFORE_EXTENSION
        } else {
            BEFORE_EXTENSION
        }
    });

    let mut left = width;
    let mut take = |widths: &mut dyn Iterator<Item = &f32>, at_most: f32| {
        let mut taken = 0.0;
        let mut graphemes = 0;
        for advance in widths {
            if taken + advance > at_most {
                break;
            }
            taken += advance;
            graphemes += 1;
        }
        left -= taken;
        (graphemes, left)
    };
    // The end may have half of the room, the beginning what is left.
    let (tail, left) = take(&mut advances.iter().rev().take(wanted_tail), width / 2.0);
    let (head, _) = take(&mut advances.iter().take(count.saturating_sub(tail)), left);
    let head = text.get(..byte(head)).unwrap_or_default();
    let tail = text.get(byte(count - tail)..).unwrap_or_default();
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_text(text: &str, graphemes: usize) -> String {
        let advances = vec![1.0; text.graphemes(true).count()];
        let (head, tail) = cut(text, &advances, graphemes as f32);
        format!("{head}|{tail}")
    }

    #[test]
    fn the_extension_stays() {
        assert_eq!(
            cut_text("annual-report-2026-final.pdf", 18),
            "annual-rep|inal.pdf"
        );
        assert_eq!(cut_text("annual-report-2026-final.pdf", 10), "annua|l.pdf");
    }

    #[test]
    fn a_name_without_extension_keeps_its_end() {
        assert_eq!(cut_text("abcdefghijklmnopqrstuvwxyz", 10), "abcdef|wxyz");
        assert_eq!(cut_text(".abcdefghijklmnopqrstuvwxyz", 10), ".abcde|wxyz");
    }

    #[test]
    fn of_a_path_the_end_stays() {
        let end_of = |text: &'static str, room| {
            let advances = vec![1.0; text.graphemes(true).count()];
            end(text, &advances, room)
        };
        assert_eq!(end_of("/a/long/way/to/x.db", 8.0), "/to/x.db");
        assert_eq!(end_of("/e\u{301}e\u{301}", 1.5), "e\u{301}");
        assert_eq!(end_of("/a", 0.5), "");
        assert_eq!(end_of("/a", 9.0), "/a");
    }

    #[test]
    fn no_grapheme_is_split_and_no_room_is_exceeded() {
        let text = "e\u{301}te\u{301}🇩🇪👨\u{200D}👩\u{200D}👧-x.tar.gz";
        let whole: Vec<&str> = text.graphemes(true).collect();
        for room in 0..whole.len() {
            let shown = cut_text(text, room);
            let (head, tail) = shown.split_once('|').unwrap();
            let kept = head.graphemes(true).count() + tail.graphemes(true).count();
            assert!(kept <= room);
            assert!(text.starts_with(head) && text.ends_with(tail));
            assert!(
                head.graphemes(true)
                    .eq(whole.iter().copied().take(head.graphemes(true).count()))
            );
        }
    }

    #[test]
    fn marks_that_reorder_text_become_visible() {
        assert_eq!(
            displayable("invoice\u{202E}fdp.exe"),
            "invoice\u{FFFD}fdp.exe"
        );
        assert_eq!(displayable("two\nlines"), "two\u{FFFD}lines");
        assert!(matches!(displayable("plain.txt"), Cow::Borrowed(_)));
    }
}
