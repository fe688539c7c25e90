//! Fonts for scripts that the bundled fonts lack, asked of fontconfig when a character is missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crossbeam_channel::Receiver;

use super::message::Event;
use super::outbox::Outbox;
use crate::theme::FallbackFont;

/// A larger file is not worth its memory.
const FONT_MAX_BYTES: u64 = 64 << 20;

/// Answers `missing` with `Event::Font`, until nobody asks any more.
pub fn find(missing: &Receiver<char>, outbox: &Outbox) {
    let mut asked = BTreeSet::new();
    let mut found = BTreeSet::new();
    for character in missing {
        if !asked.insert(character) {
            continue;
        }
        let Some((path, index)) = font_with(character) else {
            continue;
        };
        if !found.insert((path.clone(), index)) {
            continue;
        }
        let small = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= FONT_MAX_BYTES);
        if let (true, Ok(bytes)) = (small, std::fs::read(&path)) {
            let name = format!("{} {index}", path.display());
            outbox.send(Event::Font(FallbackFont { name, bytes, index }));
        }
    }
}

/// A font file, and which font in it, that has `character`. `None` without fontconfig, or when there is none.
fn font_with(character: char) -> Option<(PathBuf, u32)> {
    let pattern = format!(":charset={:x}:scalable=true", u32::from(character));
    let list = Command::new("fc-list")
        .args(["--format=%{file}\\t%{index}\\n", &pattern])
        .output()
        .ok()?;
    choose(&String::from_utf8(list.stdout).ok()?)
}

/// The best of fontconfig's lines `file TAB index`: sans before others, regular before bold.
fn choose(list: &str) -> Option<(PathBuf, u32)> {
    list.lines()
        .filter_map(|line| {
            let (file, index) = line.split_once('\t')?;
            // The upper half of the number is a named instance of a variable font.
            let index = index.parse::<u32>().ok()? & 0xFFFF;
            let path = Path::new(file);
            let kind = path.extension()?.to_str()?.to_lowercase();
            let known = matches!(kind.as_str(), "ttf" | "otf" | "ttc");
            let name = path.file_stem()?.to_string_lossy().to_lowercase();
            let odd = [
                "bold",
                "italic",
                "oblique",
                "light",
                "thin",
                "black",
                "condensed",
                "color",
            ];
            let odd = odd.iter().filter(|word| name.contains(**word)).count();
            known.then_some((
                odd,
                !name.contains("sans"),
                name.contains("mono"),
                file,
                index,
            ))
        })
        .min()
        .map(|(_, _, _, file, index)| (file.into(), index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_sans_font_is_chosen() {
        let list = "/f/NotoSerifCJK-Regular.ttc\t0\n/f/NotoSansCJK-Bold.ttc\t0\n\
                    /f/NotoSansCJK-Regular.ttc\t65538\n/f/NotoSansMonoCJK.ttc\t0\n/f/x.pfb\t0\nnonsense\n";
        let expected = (PathBuf::from("/f/NotoSansCJK-Regular.ttc"), 2);
        assert_eq!(choose(list), Some(expected));
        assert_eq!(choose(""), None);
    }
}
