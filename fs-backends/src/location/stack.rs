//! Stack files: which layers make a stack, bottom first, the last one written.
//!
//! RON: `(name: "app", layers: [(name: "base", location: "base.db"), (name: "scratch", location: "scratch.mem")])`. Locations count from
//! the folder of the file.

use std::path::Path;

use fs_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::Location;
use crate::memory::replace_file;

/// A stack as its file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackFile {
    /// What the stack is called.
    pub name: String,
    /// The layers, bottom first.
    pub layers: Vec<StackLayer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackLayer {
    /// What the layer is called.
    pub name: String,
    /// Any location, relative to the file.
    pub location: String,
}

impl StackFile {
    /// Reads the stack file at `path`. Errors: `UnknownFormat` when it does not parse or has no layers; those of reading.
    pub fn read(path: &Path) -> Result<Self> {
        let unknown = |detail: String| {
            Error::new(ErrorKind::UnknownFormat, "read stack")
                .with_path(path)
                .with_detail(detail)
        };
        let bytes =
            std::fs::read(path).map_err(|e| Error::from_io(e, "read stack").with_path(path))?;
        let stack: Self = ron::de::from_bytes(&bytes).map_err(|e| unknown(e.to_string()))?;
        if stack.layers.is_empty() {
            return Err(unknown("a stack needs at least one layer".into()));
        }
        Ok(stack)
    }

    fn text(&self) -> Result<String> {
        ron::ser::to_string_pretty(self, ron::ser::PrettyConfig::default())
            .map_err(|e| Error::new(ErrorKind::InvalidData, "write stack").with_source(e))
    }

    /// Writes it in place of the stack file at `path`, which is the old or the new one at any moment. Who has the stack open keeps the layers it has.
    pub fn replace(&self, path: &Path) -> Result<()> {
        use std::io::Write as _;
        let text = self.text()?;
        replace_file(path, |mut file| file.write_all(text.as_bytes()))
            .map_err(|e| e.with_operation("write stack").or_path(path))
    }

    /// Writes a new stack file at `path`. Errors: `AlreadyExists`; those of writing.
    pub fn create(&self, path: &Path) -> Result<()> {
        use std::io::Write as _;
        let error = |e| Error::from_io(e, "write stack").with_path(path);
        let text = self.text()?;
        let mut file = std::fs::File::create_new(path).map_err(error)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(error)
    }

    /// The layers' locations, bottom first, for a stack file in `folder`.
    pub fn locations(&self, folder: &Path) -> Result<Vec<Location>> {
        self.layers
            .iter()
            .map(|layer| Location::parse(&layer.location, folder))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_reads_and_is_written_back() {
        let text = r#"(name: "app", layers: [(name: "base", location: "base.db"), (name: "python", location: "store:python"), (name: "scratch", location: "scratch.mem")])"#;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.stack.ron");
        std::fs::write(&path, text).unwrap();
        let stack = StackFile::read(&path).unwrap();
        assert_eq!(stack.layers.len(), 3);
        let locations = stack.locations(Path::new("/x")).unwrap();
        assert_eq!(locations[1].to_string(), "store:/x/python");
        let copy = dir.path().join("copy.stack.ron");
        stack.create(&copy).unwrap();
        assert_eq!(StackFile::read(&copy).unwrap(), stack);
        assert_eq!(
            stack.create(&copy).unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        let mut fewer = stack.clone();
        fewer.layers.pop();
        fewer.replace(&copy).unwrap();
        assert_eq!(StackFile::read(&copy).unwrap(), fewer);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_stack_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.stack.ron");
        for text in [
            "",
            "nonsense",
            "(name: \"a\", layers: [])",
            "(name: \"a\", layer: [])",
        ] {
            std::fs::write(&path, text).unwrap();
            let error = StackFile::read(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFormat, "{text}");
        }
    }
}
