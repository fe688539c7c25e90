//! Text, highlighted. A short one wraps; of a long one only the lines in sight are laid out.

use std::ops::Range;
use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{Label, ScrollArea, TextFormat, TextWrapMode, Ui};

use crate::state::preview::{Span, Syntax, TextPreview};
use crate::theme::{FsKind, Tokens, Type, UiTokens as _};

/// A text up to this size is laid out as a whole, wrapped.
const WHOLE_MAX_BYTES: usize = 32 << 10;

/// So much of a line is shown, bytes.
const LINE_MAX_BYTES: usize = 2000;

/// The text that was laid out last.
#[derive(Default)]
pub(super) struct LaidOut(Option<(Arc<str>, bool, LayoutJob)>);

pub(super) fn text_ui(ui: &mut Ui, laid_out: &mut LaidOut, preview: &TextPreview) {
    if preview.is_cut {
        super::cut_ui(ui, preview.text.len(), preview.size_bytes);
    }
    let tokens = ui.tokens();
    let style = ui.style_mut();
    style.interaction.selectable_labels = true;
    style.interaction.multi_widget_text_select = true;
    if preview.text.len() <= WHOLE_MAX_BYTES {
        let dark = ui.visuals().dark_mode;
        let known = laid_out
            .0
            .take()
            .filter(|(text, was_dark, _)| Arc::ptr_eq(text, &preview.text) && *was_dark == dark);
        let (text, dark, job) = known.unwrap_or_else(|| {
            let all = 0..preview.text.len() as u32;
            (Arc::clone(&preview.text), dark, job(preview, all, tokens))
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add(Label::new(job.clone()).wrap_mode(TextWrapMode::Wrap));
        });
        laid_out.0 = Some((text, dark, job));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let height = ui.text_style_height(&Type::Mono.style()).ceil();
    ScrollArea::both()
        .auto_shrink(false)
        .show_rows(ui, height, preview.lines.len(), |ui, rows| {
            for line in preview.lines.get(rows).unwrap_or_default() {
                ui.add(
                    Label::new(job(preview, cut(&preview.text, line), tokens))
                        .wrap_mode(TextWrapMode::Extend),
                );
            }
        });
}

/// The beginning of a very long line.
fn cut(text: &str, line: &Range<u32>) -> Range<u32> {
    let mut end = (line.end as usize).min(line.start as usize + LINE_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    line.start..end as u32
}

fn job(preview: &TextPreview, range: Range<u32>, tokens: &Tokens) -> LayoutJob {
    let mut job = LayoutJob::default();
    let mut append = |range: Range<u32>, syntax: Option<Syntax>| {
        let text = preview.text.get(range.start as usize..range.end as usize);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let color = syntax.map_or(tokens.text, |syntax| color(tokens, syntax));
            job.append(text, 0.0, TextFormat::simple(Type::Mono.font(), color));
        }
    };
    let mut at = range.start;
    let first = preview
        .spans
        .partition_point(|span| span.range.end <= range.start);
    let spans = preview.spans.get(first..).unwrap_or_default();
    for Span {
        range: span,
        syntax,
    } in spans.iter().take_while(|span| span.range.start < range.end)
    {
        let span = span.start.max(range.start)..span.end.min(range.end);
        append(at..span.start, None);
        at = span.end;
        append(span, Some(*syntax));
    }
    append(at..range.end, None);
    job
}

fn color(tokens: &Tokens, syntax: Syntax) -> egui::Color32 {
    match syntax {
        Syntax::Comment => tokens.faint,
        Syntax::Keyword => tokens.hue(FsKind::Memory),
        Syntax::Text => tokens.ok,
        Syntax::Number => tokens.warn,
        Syntax::Type => tokens.hue(FsKind::Vault),
        Syntax::Function => tokens.hue(FsKind::Store),
    }
}
