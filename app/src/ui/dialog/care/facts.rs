//! What a vault or store is made of.

use egui::{Grid, Ui};
use fs_core::Time;
use fs_core::maintenance::Info;

use super::super::properties::row_within_ui;
use crate::state::FsInfo;
use crate::theme::metrics;
use crate::ui::text;

/// The facts; those that are not known yet have their place already.
pub(super) fn facts_ui(ui: &mut Ui, info: &FsInfo) {
    let made_of = info.care.info.as_deref();
    let told = |tell: fn(&Info) -> String| made_of.map_or_else(|| "…".to_owned(), tell);
    Grid::new("care facts")
        .num_columns(2)
        .min_row_height(metrics().icon_large)
        .spacing([metrics().pad, metrics().space])
        .show(ui, |ui| {
            let wide = metrics().dialog_wide;
            let row_ui = |ui: &mut Ui, name, value: &str| row_within_ui(ui, wide, name, value);
            let path = info.location.host_path();
            let path = path.map(|path| path.display().to_string());
            row_ui(ui, "Location", &path.unwrap_or_default());
            row_ui(ui, "Kind", &told(kind));
            row_ui(ui, "Encryption", &told(encryption));
            row_ui(ui, "Against damage", &told(integrity));
            row_ui(ui, "Holds", &told(holds));
            row_ui(ui, "Size", &told(size));
            let free = |it: &Info| text::size(it.sizes.host_available_bytes);
            row_ui(ui, "Free on its disk", &told(free));
        });
}

fn kind(info: &Info) -> String {
    let name = match info.kind {
        "vault" => "Vault",
        "store" => "Store",
        other => other,
    };
    let made = text::exact_time(Time::from_nanos(info.created_ns));
    format!("{name}, format {}, made {made}", info.format)
}

fn encryption(info: &Info) -> String {
    match &info.cipher {
        Some(cipher) if info.kind == "store" => format!(
            "{}, blobs AES-256-GCM, {}",
            cipher.cipher, cipher.key_derivation
        ),
        Some(cipher) => format!(
            "{}, {}, {}",
            cipher.cipher, cipher.authentication, cipher.key_derivation
        ),
        None => "None: whoever has the file can read it".to_owned(),
    }
}

fn integrity(info: &Info) -> String {
    match info.kind == "store" && info.cipher.is_some() {
        true => format!("{} of the index, GCM tags of blobs", info.integrity),
        false => info.integrity.to_owned(),
    }
}

fn holds(info: &Info) -> String {
    let counts = &info.counts;
    // The root is no folder anybody made.
    let folders = counts.folders.saturating_sub(1) as usize;
    let mut parts = vec![
        text::count(counts.files as usize, "file", "files"),
        text::count(folders, "folder", "folders"),
    ];
    if counts.symlinks > 0 {
        parts.push(text::count(counts.symlinks as usize, "link", "links"));
    }
    if counts.special > 0 {
        parts.push(format!("{} special", text::grouped(counts.special)));
    }
    if counts.trash > 0 {
        parts.push(format!("{} in the trash", text::grouped(counts.trash)));
    }
    parts.join(", ")
}

fn size(info: &Info) -> String {
    let sizes = &info.sizes;
    let on_disk = sizes.database_bytes + sizes.log_bytes + sizes.blob_bytes;
    let mut line = format!(
        "{} in files, {} on the disk",
        text::size(sizes.content_bytes),
        text::size(on_disk)
    );
    if sizes.free_bytes > 0 {
        line.push_str(&format!(", {} of it unused", text::size(sizes.free_bytes)));
    }
    line
}
