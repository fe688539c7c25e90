//! Which part of a source code is what, by syntect's grammars; the colours are the theme's.

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use fs_core::Result;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use crate::state::preview::{Span, Syntax};

/// So much is highlighted; the rest stays plain.
const MAX_BYTES: usize = 256 << 10;

/// A longer line is data, not code, and would keep the grammar busy for long.
const LINE_MAX_BYTES: usize = 4000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// First match wins, so the special comes before the general.
static MEANINGS: LazyLock<Vec<(Scope, Syntax)>> = LazyLock::new(|| {
    [
        ("comment", Syntax::Comment),
        ("string", Syntax::Text),
        ("markup.raw", Syntax::Text),
        ("constant.numeric", Syntax::Number),
        ("constant", Syntax::Number),
        ("entity.name.function", Syntax::Function),
        ("support.function", Syntax::Function),
        ("variable.function", Syntax::Function),
        ("support.macro", Syntax::Function),
        ("entity.name.section", Syntax::Keyword),
        ("markup.heading", Syntax::Keyword),
        ("entity.name", Syntax::Type),
        ("support.type", Syntax::Type),
        ("support.class", Syntax::Type),
        ("entity.other.attribute-name", Syntax::Type),
        ("storage", Syntax::Keyword),
        ("keyword", Syntax::Keyword),
    ]
    .into_iter()
    .filter_map(|(name, syntax)| Some((Scope::new(name).ok()?, syntax)))
    .collect()
});

/// The parts of `text` with a meaning, in order; none when the language of `name` is not known.
pub(super) fn spans(text: &str, name: &str, cancel: &AtomicBool) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    let Some(syntax) = language(text, name) else {
        return Ok(spans);
    };
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut start = 0usize;
    for line in text.split_inclusive('\n') {
        super::check(cancel)?;
        if start + line.len() > MAX_BYTES || line.len() > LINE_MAX_BYTES {
            break;
        }
        let Ok(changes) = state.parse_line(line, &SYNTAXES) else {
            break;
        };
        let mut from = 0;
        for (at, change) in changes {
            push(&mut spans, start + from..start + at, &stack);
            from = at;
            if stack.apply(&change).is_err() {
                return Ok(spans);
            }
        }
        push(&mut spans, start + from..start + line.len(), &stack);
        start += line.len();
    }
    Ok(spans)
}

fn push(spans: &mut Vec<Span>, range: std::ops::Range<usize>, stack: &ScopeStack) {
    if range.is_empty() {
        return;
    }
    let Some(syntax) = meaning(stack) else {
        return;
    };
    let range = range.start as u32..range.end as u32;
    match spans.last_mut() {
        Some(last) if last.syntax == syntax && last.range.end == range.start => {
            last.range.end = range.end;
        }
        _ => spans.push(Span { range, syntax }),
    }
}

/// What the innermost scope with a meaning means.
fn meaning(stack: &ScopeStack) -> Option<Syntax> {
    stack.as_slice().iter().rev().find_map(|scope| {
        let of =
            |(prefix, syntax): &(Scope, Syntax)| prefix.is_prefix_of(*scope).then_some(*syntax);
        MEANINGS.iter().find_map(of)
    })
}

fn language(text: &str, name: &str) -> Option<&'static SyntaxReference> {
    let extension = name
        .rsplit_once('.')
        .map_or(name, |(_, extension)| extension);
    // Grammars that the set lacks, by one that is near enough.
    let near = match extension {
        "ron" => "rs",
        "ts" | "tsx" | "jsx" | "mjs" => "js",
        "toml" | "ini" | "conf" | "desktop" | "service" => "properties",
        "bash" | "zsh" | "bashrc" | "profile" => "sh",
        "lock" => "json",
        other => other,
    };
    let set: &'static SyntaxSet = &SYNTAXES;
    let found = set
        .find_syntax_by_extension(name)
        .or_else(|| set.find_syntax_by_extension(near))
        .or_else(|| set.find_syntax_by_first_line(text));
    found.filter(|syntax| syntax.name != set.find_syntax_plain_text().name)
}
