//! What kind of file an entry is, by its name: for the Kind column, its icon and its preview. Content is not looked at.

use std::borrow::Cow;
use std::ffi::OsStr;

use fs_core::FileKind;

use super::LinkTarget;

/// Families of files that have an icon of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A fifo, socket or device.
    Special,
    /// Plain or marked-up text.
    Text,
    /// Source code and configuration.
    Code,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// An archive.
    Archive,
    /// A document to print or present.
    Document,
    /// A filesystem of ours in a file.
    Filesystem,
    /// Anything else.
    Other,
}

/// The extension in lower case; empty for names like `.bashrc` and `Makefile`.
fn extension(name: &OsStr) -> String {
    std::path::Path::new(name)
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

/// Family and word of a file whose whole name says what it is.
fn by_name(name: &OsStr) -> Option<(FileType, &'static str)> {
    Some(match name.to_str()? {
        "Makefile" | "GNUmakefile" | "makefile" => (FileType::Code, "Makefile"),
        "Dockerfile" | "Containerfile" => (FileType::Code, "Container recipe"),
        name if name.ends_with(".stack.ron") => (FileType::Filesystem, "Stack"),
        name if name.starts_with("LICENSE")
            || name.starts_with("COPYING")
            || ["README", "NEWS", "AUTHORS", "CHANGELOG", "TODO"].contains(&name) =>
        {
            (FileType::Text, "Text")
        }
        _ => return None,
    })
}

/// Family and word of an extension in lower case. A word in lower case wants the extension before it (`PDF document`).
fn by_extension(extension: &str) -> (FileType, &'static str) {
    use FileType::{Archive, Audio, Code, Document, Filesystem, Image, Other, Text, Video};
    match extension {
        "txt" | "text" => (Text, "Text"),
        "md" | "markdown" => (Text, "Markdown"),
        "log" => (Text, "Log"),
        "csv" | "tsv" => (Text, "Table"),
        "rst" | "tex" | "org" | "adoc" => (Text, "text"),
        "diff" | "patch" => (Text, "Patch"),
        "rs" => (Code, "Rust source"),
        "c" => (Code, "C source"),
        "h" => (Code, "C header"),
        "cpp" | "cc" | "cxx" => (Code, "C++ source"),
        "hpp" | "hh" => (Code, "C++ header"),
        "py" => (Code, "Python source"),
        "js" | "mjs" => (Code, "JavaScript source"),
        "ts" | "tsx" => (Code, "TypeScript source"),
        "go" => (Code, "Go source"),
        "java" => (Code, "Java source"),
        "rb" => (Code, "Ruby source"),
        "pl" | "pm" => (Code, "Perl source"),
        "lua" => (Code, "Lua source"),
        "sh" | "bash" => (Code, "Shell script"),
        "html" | "htm" => (Code, "Web page"),
        "css" => (Code, "Style sheet"),
        "sql" => (Code, "SQL script"),
        "lock" => (Text, "Lock file"),
        "json" | "toml" | "yaml" | "yml" | "xml" | "ron" => (Code, "file"),
        "ini" | "conf" | "cfg" => (Code, "Settings"),
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "svg" | "tif" | "tiff" | "avif"
        | "heic" | "ico" => (Image, "image"),
        "mp3" | "flac" | "ogg" | "opus" | "wav" | "m4a" | "aac" => (Audio, "audio"),
        "mp4" | "mkv" | "webm" | "mov" | "avi" | "mpg" => (Video, "video"),
        "zip" | "tar" | "gz" | "xz" | "zst" | "bz2" | "7z" | "rar" => (Archive, "archive"),
        "deb" | "rpm" => (Archive, "package"),
        "iso" => (Archive, "disc image"),
        "pdf" | "odt" | "ods" | "odp" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx"
        | "epub" | "ps" => (Document, "document"),
        "db" => (Filesystem, "Database"),
        "mem" => (Filesystem, "Memory filesystem"),
        _ => (Other, "file"),
    }
}

/// The family of an entry.
pub fn of(kind: FileKind, name: &OsStr) -> FileType {
    match kind {
        FileKind::Directory => FileType::Folder,
        FileKind::Symlink => FileType::Link,
        FileKind::File => {
            by_name(name)
                .unwrap_or_else(|| by_extension(&extension(name)))
                .0
        }
        _ => FileType::Special,
    }
}

/// The word in the Kind column, once it is known where a link leads.
pub fn word_of(kind: FileKind, target: LinkTarget, name: &OsStr) -> Cow<'static, str> {
    match target {
        LinkTarget::To(FileKind::Directory) => "Link to folder".into(),
        LinkTarget::To(FileKind::File) => "Link to file".into(),
        LinkTarget::Nowhere => "Broken link".into(),
        LinkTarget::Outside => "Link out of the sandbox".into(),
        LinkTarget::To(_) | LinkTarget::Unknown => word(kind, name),
    }
}

/// The word for an entry by its name and kind.
pub fn word(kind: FileKind, name: &OsStr) -> Cow<'static, str> {
    match kind {
        FileKind::Directory => "Folder".into(),
        FileKind::Symlink => "Link".into(),
        FileKind::Fifo => "Pipe".into(),
        FileKind::Socket => "Socket".into(),
        FileKind::CharDevice | FileKind::BlockDevice => "Device".into(),
        FileKind::File => {
            if let Some((_, word)) = by_name(name) {
                return word.into();
            }
            let extension = extension(name);
            let (_, word) = by_extension(&extension);
            if word.starts_with(char::is_uppercase) {
                return word.into();
            }
            // Longer endings are seldom kinds (`report.final version`), nor are those with signs.
            let is_kind = (1..=8).contains(&extension.len())
                && extension.bytes().all(|b| b.is_ascii_alphanumeric());
            if is_kind {
                format!("{} {word}", extension.to_uppercase()).into()
            } else {
                "File".into()
            }
        }
    }
}

/// The part of a name that renaming selects: without the extension, except for folders and dot files.
pub fn stem_len(kind: FileKind, name: &str) -> usize {
    if kind == FileKind::Directory {
        return name.len();
    }
    let double = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".stack.ron"];
    let stem = double
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .or_else(|| name.rsplit_once('.').map(|(stem, _)| stem));
    match stem {
        Some(stem) if !stem.is_empty() => stem.len(),
        _ => name.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_keep_what_belongs_to_the_name() {
        let stem = |name: &str| name[..stem_len(FileKind::File, name)].to_owned();
        assert_eq!(stem("report.pdf"), "report");
        assert_eq!(stem("backup.tar.gz"), "backup");
        assert_eq!(stem(".bashrc"), ".bashrc");
        assert_eq!(stem("Makefile"), "Makefile");
        assert_eq!(stem_len(FileKind::Directory, "v1.2"), 4);
    }

    #[test]
    fn kinds_have_words() {
        assert_eq!(word(FileKind::File, OsStr::new("a.PDF")), "PDF document");
        assert_eq!(word(FileKind::File, OsStr::new("x.stack.ron")), "Stack");
        assert_eq!(word(FileKind::File, OsStr::new("Makefile")), "Makefile");
        assert_eq!(word(FileKind::File, OsStr::new("notes.md")), "Markdown");
        assert_eq!(word(FileKind::File, OsStr::new("data.Q9")), "Q9 file");
        assert_eq!(word(FileKind::File, OsStr::new("unknown")), "File");
        assert_eq!(
            word(FileKind::File, OsStr::new("minutes.final version")),
            "File"
        );
    }
}
