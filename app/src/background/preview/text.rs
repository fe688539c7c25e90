//! Text: is it one, and where are its lines?

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use fs_core::Result;

use super::highlight;
use crate::state::preview::TextPreview;

/// The beginning of a file as text; `None` when it is none. `size_bytes`: of the whole file.
pub(super) fn decode(bytes: &[u8], size_bytes: u64) -> Option<String> {
    if let Some(utf16) = utf16(bytes) {
        return Some(utf16);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if memchr::memchr(0, bytes).is_some() {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(error) => {
            // A character may be cut in two where reading stopped, nowhere else.
            let is_cut = error.error_len().is_none() && (bytes.len() as u64) < size_bytes;
            let valid = bytes.get(..error.valid_up_to()).filter(|_| is_cut)?;
            String::from_utf8(valid.to_vec()).ok()
        }
    }
}

/// UTF-16 with a byte order mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (from, rest): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (u16::from_le_bytes, rest),
        [0xFE, 0xFF, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let (pairs, _) = rest.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| from(*pair)).collect();
    Some(String::from_utf16_lossy(&units))
}

/// Splits and highlights a text; `name` tells the language.
pub(super) fn preview(
    text: String,
    name: &str,
    size_bytes: u64,
    cancel: &AtomicBool,
) -> Result<TextPreview> {
    let spans = highlight::spans(&text, name, cancel)?;
    Ok(TextPreview {
        lines: lines(&text).into(),
        spans: spans.into(),
        is_cut: size_bytes > super::TEXT_MAX_BYTES as u64,
        text: text.into(),
        size_bytes,
    })
}

fn lines(text: &str) -> Vec<Range<u32>> {
    let mut start = 0u32;
    text.split_inclusive('\n')
        .map(|line| {
            let content = line.trim_end_matches(['\n', '\r']);
            let range = start..start + content.len() as u32;
            start += line.len() as u32;
            range
        })
        .collect()
}
