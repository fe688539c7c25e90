//! From an image of a memory filesystem to the bytes of its saved file.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use super::super::store::Image;
use super::record::{DATA, HEAD, NAME, NODE, NodeEntry, Put as _, TRASH, XATTR};
use super::section::Writer;

/// Writes everything, nodes first.
pub(super) fn write(image: &Image, out: impl Write) -> std::io::Result<()> {
    let mut writer = Writer::new(out)?;
    writer.record(HEAD)?.number(image.next_ino);
    let mut contents = BTreeSet::new();
    for (ino, node) in image.nodes.nodes.iter() {
        let record = &node.record;
        contents.insert(record.content);
        writer.record(NODE)?.node(&NodeEntry {
            ino,
            kind: record.kind,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            rdev: record.rdev,
            size: record.size,
            times: [record.mtime, record.ctime, record.atime, record.btime],
            content: record.content,
            target: record.target.clone(),
        });
    }
    for (dir, node) in image.nodes.nodes.iter() {
        for (name, (ino, _)) in &node.entries {
            let out = writer.record(NAME)?;
            out.number(dir);
            out.number(*ino);
            out.text(name.as_os_str().as_bytes());
        }
    }
    for (ino, node) in image.nodes.nodes.iter() {
        for (name, value) in node.xattrs.iter().flat_map(|xattrs| xattrs.iter()) {
            let out = writer.record(XATTR)?;
            out.number(ino);
            out.text(name.as_bytes());
            out.text(value);
        }
    }
    for item in image.nodes.trash.values() {
        let out = writer.record(TRASH)?;
        out.number(item.id);
        out.number(item.ino);
        out.time(item.deleted);
        out.text(item.original.as_os_str().as_bytes());
    }
    for content in contents {
        let chunks = image.contents.get(content).into_iter();
        for (index, chunk) in chunks.flat_map(|held| held.bytes.chunks()) {
            let out = writer.record(DATA)?;
            out.number(content.0);
            out.number(index);
            out.text(chunk);
        }
    }
    writer.finish()
}
