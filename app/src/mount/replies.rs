//! Answers in the form the kernel wants.

use std::sync::Arc;
use std::time::Duration;

use fs_core::Metadata;
use fuser::{
    Errno, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyEmpty, ReplyEntry, ReplyXattr,
};

use super::attributes::{Answer, attributes};
use super::inodes::Inode;
use super::server::Server;

/// Numbers of nodes are never used for another node while the kernel knows them.
pub const GENERATION: Generation = Generation(0);

impl Server {
    /// What the kernel may do with an open file.
    pub(super) fn open_flags(&self) -> FopenFlags {
        if self.caching.keeps() {
            FopenFlags::FOPEN_KEEP_CACHE
        } else {
            FopenFlags::empty()
        }
    }

    /// For how long the kernel may believe that a name stands for this node. Of layers, a file's other names stand for another one when it is copied up.
    pub(super) fn name_lasts(&self, metadata: &Metadata) -> Duration {
        match self.repin && metadata.nlink > 1 && !metadata.is_dir() {
            true => Duration::ZERO,
            false => self.caching.names(),
        }
    }

    /// A name, and what it stands for.
    pub(super) fn entry(&self, reply: ReplyEntry, answer: Answer<(Arc<Inode>, Metadata)>) {
        match answer {
            Ok((inode, metadata)) => {
                let attr = attributes(inode.number(), &metadata);
                let (attributes, names) = (self.caching.attributes(), self.name_lasts(&metadata));
                reply.entry_with_ttls(&attributes, &names, &attr, GENERATION);
            }
            Err(failure) => reply.error(failure.into()),
        }
    }

    /// Attributes of the node with this number.
    pub(super) fn attr(&self, reply: ReplyAttr, number: INodeNo, answer: Answer<Metadata>) {
        match answer {
            Ok(metadata) => {
                reply.attr(&self.caching.attributes(), &attributes(number.0, &metadata))
            }
            Err(failure) => reply.error(failure.into()),
        }
    }
}

/// That it is done.
pub fn empty(reply: ReplyEmpty, answer: Answer<()>) {
    match answer {
        Ok(()) => reply.ok(),
        Err(failure) => reply.error(failure.into()),
    }
}

/// An answer of bytes to a caller with room for `room` of them; with no room it only asks how many.
pub fn sized(reply: ReplyXattr, room: u32, answer: Answer<Vec<u8>>) {
    match answer {
        Ok(bytes) => match u32::try_from(bytes.len()) {
            Ok(len) if room == 0 => reply.size(len),
            Ok(len) if len <= room => reply.data(&bytes),
            _ => reply.error(Errno::ERANGE),
        },
        Err(failure) => reply.error(failure.into()),
    }
}
