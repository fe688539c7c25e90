//! An upper that can hold less than the others: no device nodes, or no extended attributes, as some host filesystems.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend, Capabilities, Change, Error, ErrorKind, Extensions, File, Listing, Metadata,
    NewKind, NewNode, Node, OpenOptions, Overlay, Result, Scope, Staged, Want,
};

use crate::support::{Mem, Shell, dump};

/// Memory without these powers.
pub struct Limited {
    pub inner: Mem,
    pub without: Capabilities,
    /// Says that it has them all the same.
    pub boasts: bool,
}

impl Limited {
    fn check(&self, new: &NewNode) -> Result<()> {
        let special = !matches!(
            new.kind,
            NewKind::File | NewKind::Directory | NewKind::Symlink(_)
        );
        if special && self.without.contains(Capabilities::SPECIAL_FILES) {
            return Err(Error::new(ErrorKind::NotPermitted, "mknod"));
        }
        Ok(())
    }

    fn xattrs(&self) -> Result<()> {
        if self.without.contains(Capabilities::XATTRS) {
            return Err(Error::new(ErrorKind::Unsupported, "xattr"));
        }
        Ok(())
    }
}

struct NoXattrs(Box<dyn Staged>);

impl Staged for NoXattrs {
    fn file(&mut self) -> Option<&mut dyn File> {
        self.0.file()
    }
    fn set_attr(&mut self, attr: &fs_core::SetAttr) -> Result<()> {
        self.0.set_attr(attr)
    }
    fn set_xattr(&mut self, _name: &OsStr, _value: &[u8]) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "xattr"))
    }
    fn fill_from(&mut self, source: At<'_>, control: &fs_core::Control) -> Result<bool> {
        self.0.fill_from(source, control)
    }
    fn secure(&mut self) -> Result<()> {
        self.0.secure()
    }
    fn node(&self) -> Result<Node> {
        self.0.node()
    }
    fn commit(self: Box<Self>, mode: fs_core::RenameMode) -> Result<fs_core::FileId> {
        self.0.commit(mode)
    }
}

impl Backend for Limited {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        let all = self.inner.capabilities(at);
        if self.boasts { all } else { all - self.without }
    }
    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.inner.stat(at)
    }
    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        self.inner.list(at, want)
    }
    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        self.inner.open(at, how)
    }
    fn change(&self, change: &Change<'_>) -> Result<()> {
        match change {
            Change::Create(_, new) => self.check(new)?,
            Change::SetXattr(..) => self.xattrs()?,
            _ => {}
        }
        self.inner.change(change)
    }
    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        self.check(new)?;
        let staged = self.inner.stage(at, new)?;
        Ok(match self.xattrs() {
            Ok(()) => staged,
            Err(_) => Box::new(NoXattrs(staged)),
        })
    }
    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        self.inner.sync(scope)
    }
    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.inner.pin(at)
    }
    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.inner.read_link(at)
    }
    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.xattrs()?;
        self.inner.get_xattr(at, name)
    }
    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.xattrs()?;
        self.inner.list_xattrs(at)
    }
    fn extensions(&self) -> Extensions<'_> {
        Extensions::default()
    }
}

/// Every combination of missing powers, with and without the upper saying so.
pub fn all(upper: &Mem) -> Vec<Limited> {
    let limited = |without, boasts| Limited {
        inner: upper.clone(),
        without,
        boasts,
    };
    vec![
        limited(Capabilities::XATTRS, false),
        limited(Capabilities::SPECIAL_FILES, false),
        limited(Capabilities::SPECIAL_FILES | Capabilities::XATTRS, false),
        limited(Capabilities::SPECIAL_FILES, true),
    ]
}

#[test]
fn deletions_hold_in_every_form() {
    for index in 0..4 {
        let base = Arc::new(MemoryBackend::new());
        crate::rules::sample(&base);
        base.put("/.wh.odd", "odd");
        let before = dump(&*base);
        let upper = Arc::new(MemoryBackend::new());
        let open = || Overlay::new(base.clone(), all(&upper).swap_remove(index));
        let fs = open();
        fs.put("/.wh.mine", "m");
        fs.put("/.wh..wh..opq", "o");
        fs.unlink("/.wh.odd").unwrap();
        fs.rm_r("/d");
        fs.mkdir("/d");
        fs.mkdir("/d/s");
        fs.unlink("/a").unwrap();
        fs.mv("/b", "/a").unwrap();
        for fs in [fs, open()] {
            assert_eq!(
                fs.ls("/"),
                [".wh..wh..opq", ".wh.mine", "a", "d", "l"],
                "{index}"
            );
            assert_eq!(fs.ls("/d"), ["s"]);
            assert_eq!(fs.ls("/d/s"), [""; 0]);
            assert_eq!(fs.cat("/a"), "b of the base");
        }
        let fs = open();
        fs.mkdir("/c");
        fs.put("/c/x", "");
        fs.rm_r("/d");
        fs.mv("/c", "/d").unwrap();
        fs.unlink("/a").unwrap();
        for fs in [fs, open()] {
            assert_eq!(
                fs.ls("/"),
                [".wh..wh..opq", ".wh.mine", "d", "l"],
                "{index}"
            );
            assert_eq!(fs.ls("/d"), ["x"]);
        }
        assert_eq!(dump(&*base), before);
    }
}
