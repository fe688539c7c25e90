//! What kind of file an entry is, by its name: for the Kind column, its icon and its preview. Content is not looked at.

use std::ffi::OsStr;

use fs_core::FileKind;

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

/// The family of an entry.
pub fn of(kind: FileKind, name: &OsStr) -> FileType {
    match kind {
        FileKind::Directory => return FileType::Folder,
        FileKind::Symlink => return FileType::Link,
        FileKind::File => {}
        _ => return FileType::Special,
    }
    match extension(name).as_str() {
        "txt" | "md" | "rst" | "log" | "tex" | "org" | "csv" => FileType::Text,
        "rs" | "c" | "h" | "cpp" | "hpp" | "py" | "js" | "ts" | "go" | "java" | "sh" | "rb"
        | "pl" | "lua" | "html" | "css" | "json" | "toml" | "yaml" | "yml" | "xml" | "ron"
        | "sql" | "ini" | "conf" => {
            if name.to_string_lossy().ends_with(".stack.ron") {
                FileType::Filesystem
            } else {
                FileType::Code
            }
        }
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "svg" | "tif" | "tiff" | "avif"
        | "heic" | "ico" => FileType::Image,
        "mp3" | "flac" | "ogg" | "opus" | "wav" | "m4a" | "aac" => FileType::Audio,
        "mp4" | "mkv" | "webm" | "mov" | "avi" | "mpg" => FileType::Video,
        "zip" | "tar" | "gz" | "xz" | "zst" | "bz2" | "7z" | "rar" | "deb" | "rpm" | "iso" => {
            FileType::Archive
        }
        "pdf" | "odt" | "ods" | "odp" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx"
        | "epub" | "ps" => FileType::Document,
        "db" | "mem" => FileType::Filesystem,
        _ => FileType::Other,
    }
}

/// The word in the Kind column.
pub fn word(kind: FileKind, name: &OsStr) -> std::borrow::Cow<'static, str> {
    match kind {
        FileKind::Directory => "Folder".into(),
        FileKind::Symlink => "Link".into(),
        FileKind::Fifo => "Pipe".into(),
        FileKind::Socket => "Socket".into(),
        FileKind::CharDevice | FileKind::BlockDevice => "Device".into(),
        FileKind::File => {
            let extension = extension(name);
            let word = match of(kind, name) {
                FileType::Filesystem if extension == "ron" => return "Stack".into(),
                FileType::Filesystem if extension == "mem" => return "Memory filesystem".into(),
                FileType::Filesystem => return "Database".into(),
                FileType::Image => "image",
                FileType::Audio => "audio",
                FileType::Video => "video",
                FileType::Archive => "archive",
                FileType::Document => "document",
                FileType::Text if extension == "txt" => return "Text".into(),
                _ if extension.is_empty() => return "File".into(),
                _ => "file",
            };
            // Longer endings are seldom kinds (`report.final version`).
            if extension.chars().count() > 8 {
                return "File".into();
            }
            format!("{} {word}", extension.to_uppercase()).into()
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
        assert_eq!(word(FileKind::File, OsStr::new("Makefile")), "File");
    }
}
