//! Reads what a preview shows: the beginning of a text, a picture scaled down, or bytes. Never more than it needs.

mod highlight;
mod picture;
mod text;

use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{Backend, Error, ErrorKind, File, FileKind, OpenOptions, Result, VPath};

use crate::state::preview::{HexPreview, Preview};

/// So much of a text or of unknown bytes is shown.
const TEXT_MAX_BYTES: usize = 1 << 20;

/// Largest file that is read as a picture.
const PICTURE_MAX_BYTES: u64 = 128 << 20;

/// So much decides what a file is.
const SNIFF_BYTES: usize = 8 << 10;

/// Read in pieces of this size, so that it can be stopped.
const PIECE_BYTES: usize = 256 << 10;

/// The preview of the file at `path`, links followed. `cancel` makes it give up with `Cancelled`.
pub fn read(backend: &dyn Backend, path: &VPath, cancel: &AtomicBool) -> Result<Preview> {
    let resolved = PosixResolver.resolve(backend, path.as_path(), Last::Follow)?;
    let metadata = match resolved.metadata {
        Some(metadata) => metadata,
        None => backend.stat(resolved.at())?,
    };
    match metadata.kind {
        FileKind::File => {}
        FileKind::Directory => return Ok(Preview::Nothing("Open the folder to see what is in it")),
        _ => return Ok(Preview::Nothing("It has no content to show")),
    }
    let file = backend.open(resolved.at(), &OpenOptions::read())?;
    // The open file tells its size; some (in /proc) say 0 and have content.
    let size_bytes = file.metadata()?.size;
    let start = read_start(&*file, SNIFF_BYTES, cancel)?;
    if start.is_empty() {
        return Ok(Preview::Nothing("Empty file"));
    }
    if picture::is_picture(&start) && size_bytes <= PICTURE_MAX_BYTES {
        let limit = usize::try_from(PICTURE_MAX_BYTES).unwrap_or(usize::MAX);
        let bytes = read_start(&*file, limit, cancel)?;
        check(cancel)?;
        // What only claims to be a picture is shown as bytes.
        if let Some(preview) = picture::decode(&bytes) {
            return Ok(Preview::Image(preview));
        }
    }
    let bytes = read_start(&*file, TEXT_MAX_BYTES, cancel)?;
    let size_bytes = size_bytes.max(bytes.len() as u64);
    let name = path.file_name();
    let name = name.as_ref().map(|name| name.display());
    match text::decode(&bytes, size_bytes) {
        Some(text) => text::preview(
            text,
            name.as_deref().unwrap_or_default(),
            size_bytes,
            cancel,
        )
        .map(Preview::Text),
        None => Ok(Preview::Hex(HexPreview {
            bytes: bytes.into(),
            size_bytes,
        })),
    }
}

/// The first bytes of a file, at most `limit`.
fn read_start(file: &dyn File, limit: usize, cancel: &AtomicBool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        check(cancel)?;
        let at = bytes.len();
        bytes.resize((at + PIECE_BYTES).min(limit), 0);
        let piece = bytes.get_mut(at..).unwrap_or_default();
        let read = file.read_at(piece, at as u64)?;
        bytes.truncate(at + read);
        if read == 0 {
            break;
        }
    }
    Ok(bytes)
}

fn check(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) {
        return Err(Error::new(ErrorKind::Cancelled, "preview"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_backends::MemoryBackend;
    use fs_core::FileStorage;
    use std::path::Path;

    fn storage() -> FileStorage<MemoryBackend> {
        FileStorage::new(MemoryBackend::new())
    }

    fn preview(storage: &FileStorage<MemoryBackend>, path: &str) -> Result<Preview> {
        read(
            storage.backend(),
            &VPath::new(path).unwrap(),
            &AtomicBool::new(false),
        )
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbaImage::new(width, height)
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn text_has_its_lines_and_ends_at_the_limit() {
        let storage = storage();
        storage
            .write(Path::new("/a.txt"), "one\r\ntwo\n\nfour")
            .unwrap();
        let Preview::Text(text) = preview(&storage, "/a.txt").unwrap() else {
            panic!("no text")
        };
        let lines: Vec<&str> = text
            .lines
            .iter()
            .map(|l| &text.text[l.start as usize..l.end as usize])
            .collect();
        assert_eq!(lines, ["one", "two", "", "four"]);
        assert!(!text.is_cut);

        storage
            .write(Path::new("/b.txt"), "é".repeat(TEXT_MAX_BYTES))
            .unwrap();
        let Preview::Text(text) = preview(&storage, "/b.txt").unwrap() else {
            panic!("no text")
        };
        assert!(text.is_cut && text.text.len() <= TEXT_MAX_BYTES);
        assert_eq!(text.size_bytes, 2 * TEXT_MAX_BYTES as u64);
    }

    #[test]
    fn source_code_is_highlighted_in_order() {
        let storage = storage();
        storage
            .write(
                Path::new("/main.rs"),
                "// hello\nfn main() { let x = \"é\"; }\n",
            )
            .unwrap();
        let Preview::Text(text) = preview(&storage, "/main.rs").unwrap() else {
            panic!("no text")
        };
        let of = |what: &str| {
            let at = text.text.find(what).unwrap() as u32;
            text.spans
                .iter()
                .find(|s| s.range.contains(&at))
                .map(|s| s.syntax)
        };
        use crate::state::preview::Syntax;
        assert_eq!(of("// hello"), Some(Syntax::Comment));
        assert_eq!(of("fn"), Some(Syntax::Keyword));
        assert_eq!(of("main"), Some(Syntax::Function));
        assert_eq!(of("é"), Some(Syntax::Text));
        assert!(text.spans.is_sorted_by_key(|s| s.range.start));
        assert!(
            text.spans
                .windows(2)
                .all(|w| w[0].range.end <= w[1].range.start)
        );
    }

    #[test]
    fn pictures_are_scaled_down_and_keep_their_shape() {
        let storage = storage();
        storage.write(Path::new("/p.png"), png(4000, 1000)).unwrap();
        let Preview::Image(image) = preview(&storage, "/p.png").unwrap() else {
            panic!("no picture")
        };
        assert_eq!(image.size_px, [4000, 1000]);
        let [width, height] = image.image.size;
        assert!(width <= picture::SIDE_MAX as usize && width == height * 4);
        assert_eq!(image.format, "PNG");
    }

    #[test]
    fn a_broken_picture_is_shown_as_bytes() {
        let storage = storage();
        let mut bytes = png(10, 10);
        bytes.truncate(40);
        storage.write(Path::new("/p.png"), &bytes).unwrap();
        assert!(matches!(
            preview(&storage, "/p.png").unwrap(),
            Preview::Hex(_)
        ));
    }

    #[test]
    fn a_picture_that_would_need_gigabytes_is_not_decoded() {
        // "Decompression bomb": a few bytes that claim to be 60,000 x 60,000 pixels.
        let storage = storage();
        let mut bytes = png(10, 10);
        bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        storage.write(Path::new("/bomb.png"), &bytes).unwrap();
        assert!(matches!(
            preview(&storage, "/bomb.png").unwrap(),
            Preview::Hex(_)
        ));
    }

    #[test]
    fn bytes_are_bytes_and_nothing_is_said() {
        let storage = storage();
        storage
            .write(Path::new("/x.bin"), [0u8, 159, 146, 150].repeat(10))
            .unwrap();
        let Preview::Hex(hex) = preview(&storage, "/x.bin").unwrap() else {
            panic!("no bytes")
        };
        assert_eq!(hex.size_bytes, 40);
        storage.write(Path::new("/empty"), "").unwrap();
        assert!(matches!(
            preview(&storage, "/empty").unwrap(),
            Preview::Nothing("Empty file")
        ));
        storage.create_dir(Path::new("/folder")).unwrap();
        assert!(matches!(
            preview(&storage, "/folder").unwrap(),
            Preview::Nothing("Open the folder to see what is in it")
        ));
    }

    #[test]
    fn a_cancelled_preview_reads_nothing() {
        let storage = storage();
        storage.write(Path::new("/a.txt"), "text").unwrap();
        let result = read(
            storage.backend(),
            &VPath::new("/a.txt").unwrap(),
            &AtomicBool::new(true),
        );
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
