//! Opening the layers of a stack, each over those below it.

use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Overlay, Result, VPath};

use super::super::ground::{self, Clash, Ground};
use super::super::{Kind, Location, StackFile};
use super::{LAYERS_MAX, Opened, Opener};

impl Opener<'_> {
    pub(super) fn open_stack(&mut self, path: &Path, location: Location) -> Result<Opened> {
        let error = |kind, detail: String| {
            Error::new(kind, "open stack")
                .with_path(path)
                .with_detail(detail)
        };
        let file = path
            .canonicalize()
            .map_err(|e| Error::from_io(e, "open stack").with_path(path))?;
        if self.stacks.contains(&file) {
            return Err(error(
                ErrorKind::InvalidData,
                "the stack names itself as one of its layers".into(),
            ));
        }
        let stack = StackFile::read(&file)?;
        let layers = stack.locations(file.parent().unwrap_or(Path::new("/")))?;
        self.stacks.push(file);
        let mut all: Option<Opened> = None;
        let mut grounds = Vec::new();
        let top = layers.len().saturating_sub(1);
        for (index, layer) in layers.iter().enumerate() {
            if self.stacks.len() == 1 && self.how.without_layers.contains(&index) {
                continue;
            }
            self.layers += 1;
            if self.layers > LAYERS_MAX {
                let detail = format!("it has more than {LAYERS_MAX} layers");
                return Err(error(ErrorKind::InvalidData, detail));
            }
            let name = |index: usize| stack.layers.get(index).map_or("", |layer| &layer.name);
            let check = |below: &[Vec<Ground>], here: &[Ground]| match ground::clash(below, here) {
                Some((other, clash)) if index == top => Err(error(
                    ErrorKind::InvalidData,
                    match clash {
                        Clash::Same => format!(
                            "its layers {:?} and {:?} are the same",
                            name(other),
                            name(index)
                        ),
                        Clash::Inside => format!(
                            "of its layers {:?} and {:?} one lies inside the other",
                            name(other),
                            name(index)
                        ),
                    },
                )),
                _ => Ok(()),
            };
            // A stack is looked into once it is known that it ends.
            let is_stack = layer.settled()?.kind() == Kind::Stack;
            let mut here = Vec::new();
            if !is_stack {
                here = ground::grounds(layer)?;
                check(&grounds, &here)?;
            }
            let before = self.only_read;
            self.only_read |= index != top;
            let opened = self.open(layer);
            self.only_read = before;
            let opened = opened?.rooted()?;
            if is_stack {
                here = ground::grounds(layer)?;
                check(&grounds, &here)?;
            }
            grounds.push(here);
            all = Some(match all {
                None => opened,
                Some(below) => self.put_over(below, opened).map_err(|e| {
                    if e.kind() != ErrorKind::WrongBase {
                        return e;
                    }
                    let detail = format!(
                        "layer {:?} was used over another base than {:?}, and what it deleted and copied belongs to that one",
                        name(index),
                        name(index.saturating_sub(1))
                    );
                    error(ErrorKind::WrongBase, detail)
                })?,
            });
        }
        self.stacks.pop();
        let all = all.ok_or_else(|| {
            let detail = "a stack needs at least one layer";
            error(ErrorKind::UnknownFormat, detail.into())
        })?;
        Ok(Opened {
            location,
            at: VPath::root(),
            ..all
        })
    }

    /// `upper` as a layer over `below`. `WrongBase`, unless that was accepted.
    fn put_over(&self, below: Opened, upper: Opened) -> Result<Opened> {
        let overlay = Overlay::new(below.backend, upper.backend);
        let overlay = match self.how.accept_base {
            true => overlay.accepting_base(),
            false => overlay,
        };
        if self.how.accept_base && !self.how.read_only {
            overlay.adopt_base()?;
        }
        overlay.check()?;
        Ok(Opened {
            backend: Arc::new(overlay),
            is_private: below.is_private || upper.is_private,
            parts: [below.parts, upper.parts].concat(),
            saved: [below.saved, upper.saved].concat(),
            ..upper
        })
    }
}
