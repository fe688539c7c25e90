//! Keys whose byte order is the order a person expects: `a2` before `a10`, upper and lower case together.
//!
//! One key per entry is made once; sorting then only compares bytes. A key is `rank`, the column's value, the name, so that one comparison
//! answers folders-first, the column and ties at once.

use fs_core::{EntryRef, VPath};

use crate::state::rel_path::{file_name_of, folder_of};
use crate::state::{Arrange, Column, EntryFacts, file_type};

/// Appends the key of `entry` to `into`. A link to a folder sorts as a folder.
pub fn append_key(entry: &EntryRef<'_>, facts: &EntryFacts, arrange: &Arrange, into: &mut Vec<u8>) {
    let name = file_name_of(entry.name);
    let is_folder = facts.is_folder(entry.kind);
    into.push(u8::from(arrange.folders_first && !is_folder));
    let start = into.len();
    match arrange.column {
        // The layer of an entry is asked for row by row; the order by layer is the order by name.
        Column::Name | Column::Layer => {
            append_natural(name.as_encoded_bytes(), into);
            into.push(0);
        }
        Column::Folder => {
            append_natural(folder_of(entry.name).as_encoded_bytes(), into);
            into.push(0);
        }
        Column::Size => {
            let size = entry
                .metadata
                .map_or(0, |m| if is_folder { 0 } else { m.size });
            into.extend_from_slice(&size.to_be_bytes());
        }
        Column::Modified => {
            let nanos = entry.metadata.map_or(i64::MIN, |m| m.mtime.nanos());
            // Flipping the sign bit makes two's complement sort as bytes.
            into.extend_from_slice(&(nanos as u64 ^ (1 << 63)).to_be_bytes());
        }
        Column::Kind => {
            let word = file_type::word_of(entry.kind, facts.target, name);
            append_natural(word.as_bytes(), into);
            into.push(0);
        }
    }
    if arrange.descending {
        into.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
    if !matches!(arrange.column, Column::Name | Column::Layer) {
        append_natural(name.as_encoded_bytes(), into);
    }
}

/// The key of a path: folder by folder.
pub fn of_path(path: &VPath) -> Vec<u8> {
    let mut key = Vec::new();
    for name in path
        .as_os_str()
        .as_encoded_bytes()
        .split(|byte| *byte == b'/')
    {
        append_natural(name, &mut key);
        key.push(0);
    }
    key
}

/// Appends `name` so that byte order is natural order: letters in lower case, runs of digits as their length and value.
fn append_natural(name: &[u8], into: &mut Vec<u8>) {
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_ascii() => {
            let lower = text.to_lowercase();
            append_runs(lower.as_bytes(), into);
        }
        _ => append_runs(name, into),
    }
}

fn append_runs(mut rest: &[u8], into: &mut Vec<u8>) {
    while let Some((&byte, tail)) = rest.split_first() {
        if byte.is_ascii_digit() {
            let run = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (digits, after) = rest.split_at(run);
            let zeros = digits.iter().take_while(|b| **b == b'0').count();
            let value = digits.get(zeros..).unwrap_or_default();
            // `0` keeps numbers between punctuation and letters, as in ASCII; a name has at most 255 bytes, so the length fits.
            into.push(b'0');
            into.push(u8::try_from(value.len()).unwrap_or(u8::MAX).max(1));
            into.extend_from_slice(if value.is_empty() { b"0" } else { value });
            rest = after;
        } else {
            // A name stands before the same name with something added: `a.txt` before `a (2).txt`.
            into.push(if byte == b'.' {
                1
            } else {
                byte.to_ascii_lowercase()
            });
            rest = tail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut keyed: Vec<_> = names
            .iter()
            .map(|name| {
                let mut key = Vec::new();
                append_natural(name.as_bytes(), &mut key);
                (key, (*name).to_owned())
            })
            .collect();
        keyed.sort();
        keyed.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn numbers_sort_by_value_and_case_does_not_matter() {
        let expected = ["a", "a1", "A2", "a10", "a10b", "ab", "B1", "Äpfel"];
        let mut shuffled = expected;
        shuffled.reverse();
        assert_eq!(sorted(&shuffled), expected);
        assert_eq!(sorted(&["v1.10", "v1.9", "v1.009"])[2], "v1.10");
        assert_eq!(sorted(&["a (2).txt", "a.txt"])[0], "a.txt");
    }
}
