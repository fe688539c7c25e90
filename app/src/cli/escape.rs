//! Names and messages for a terminal: control characters are shown, not obeyed.

use std::borrow::Cow;

/// A name as GNU `ls` quotes it for a shell, where it has a control character or is not UTF-8: `'a'$'\\033''[31m'`. Any other stays as it is.
pub fn quoted(name: &[u8]) -> Cow<'_, [u8]> {
    if !std::str::from_utf8(name).is_ok_and(|text| !text.contains(char::is_control)) {
        return Cow::Owned(quote(name));
    }
    Cow::Borrowed(name)
}

fn quote(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 16);
    // Inside of `'…'`.
    let mut open = false;
    let mut enter = |out: &mut Vec<u8>, wanted: bool| {
        if open != wanted {
            out.push(b'\'');
            open = wanted;
        }
    };
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let bytes = char.encode_utf8(&mut bytes).as_bytes();
            if char.is_control() {
                enter(&mut out, false);
                bytes.iter().for_each(|byte| escape(&mut out, *byte));
            } else if char == '\'' {
                enter(&mut out, false);
                out.extend_from_slice(b"\\'");
            } else {
                enter(&mut out, true);
                out.extend_from_slice(bytes);
            }
        }
        if !chunk.invalid().is_empty() {
            enter(&mut out, false);
            chunk
                .invalid()
                .iter()
                .for_each(|byte| escape(&mut out, *byte));
        }
    }
    enter(&mut out, false);
    out
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'\n' => Some("n"),
        b'\t' => Some("t"),
        b'\r' => Some("r"),
        _ => None,
    };
    let code = short.map_or_else(|| format!("{byte:03o}"), str::to_owned);
    out.extend_from_slice(format!("$'\\{code}'").as_bytes());
}

/// A line for a terminal: what would act is written as `\033`.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            char if char.is_control() => out.push_str(&format!("\\{:03o}", u32::from(char))),
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_act_are_quoted_as_ls_does_and_others_left_alone() {
        let cases: [(&[u8], &str); 8] = [
            (b"plain name", "plain name"),
            (b"it's", "it's"),
            ("ä\u{200d}".as_bytes(), "ä\u{200d}"),
            (b"a\x1b[31mred", "'a'$'\\033''[31mred'"),
            (b"two\nlines", "'two'$'\\n''lines'"),
            (b"\xff", "$'\\377'"),
            (b"it's\x07", "'it'\\''s'$'\\007'"),
            ("\u{9b}1m".as_bytes(), "$'\\302'$'\\233''1m'"),
        ];
        for (name, expected) in cases {
            assert_eq!(quoted(name), expected.as_bytes(), "{name:?}");
        }
        assert_eq!(line("a: \x1b[2J\u{7f}b\nc"), "a: \\033[2J\\177b\\nc");
        assert_eq!(line("ä"), "ä");
    }
}
