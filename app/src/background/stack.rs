//! Stack files: which layers a stack has, and changing that.

use std::path::Path;

use fs_backends::location::{Kind, Location, Root, StackFile, StackLayer};
use fs_core::ops::FsRef;
use fs_core::{Error, ErrorKind, Result};

use super::mounts::Mounts;
use crate::state::filesystem::place_of;
use crate::state::layers::{LayerInfo, LayersEdit, NewLayer};

/// The layers of a stack, bottom first, without those that are `hidden` marked as such, and the open filesystems among them.
pub fn layers(
    mounts: &Mounts,
    location: &Location,
    hidden: &[usize],
) -> Result<(Vec<LayerInfo>, Vec<FsRef>)> {
    let Root::Stack(path) = location.root() else {
        return Ok(Default::default());
    };
    let mut layers = Vec::new();
    let mut made_of = Vec::new();
    for (at, (name, layer)) in named_layers(path)?.into_iter().enumerate() {
        let fs = place_of(&layer).fs;
        if mounts.get(&fs).is_ok() {
            made_of.push(fs);
        }
        // A stack at the bottom is seen layer by layer; anywhere else it is one.
        let is_inner = layers.is_empty() && layer.kind() == Kind::Stack && layer != *location;
        if is_inner && !hidden.contains(&at) {
            layers = self::layers(mounts, &layer, &[])?.0;
            for inner in &mut layers {
                inner.name = format!("{name} / {}", inner.name);
                inner.at = None;
            }
            continue;
        }
        layers.push(LayerInfo {
            name,
            kind: layer.kind(),
            location: layer.to_string(),
            at: Some(at),
            hidden: hidden.contains(&at),
        });
    }
    Ok((layers, made_of))
}

/// Names and locations of the layers in the stack file at `path`, bottom first; each location with its kind decided by what is there.
fn named_layers(path: &Path) -> Result<Vec<(String, Location)>> {
    let stack = StackFile::read(path)?;
    let locations = stack.locations(path.parent().unwrap_or(Path::new("/")))?;
    let settled = locations
        .into_iter()
        .map(|location| location.settled().unwrap_or(location));
    let names = stack.layers.into_iter().map(|layer| layer.name);
    Ok(names.zip(settled).collect())
}

/// Changes a stack file, and answers the layers it had before. `InvalidInput`: the change does not fit them.
pub fn edit(path: &Path, edit: &LayersEdit) -> Result<Vec<StackLayer>> {
    let mut stack = StackFile::read(path)?;
    let before = stack.layers.clone();
    let layers = &mut stack.layers;
    let unfit = || Error::new(ErrorKind::InvalidInput, "change layers").with_path(path);
    match edit {
        LayersEdit::Add(layer, on_top) => {
            let at = layers.len() - usize::from(!on_top);
            layers.insert(at, stack_layer(layer)?);
        }
        LayersEdit::Remove(at) if *at < layers.len() && layers.len() > 1 => {
            layers.remove(*at);
        }
        LayersEdit::Raise(at) if at + 1 < layers.len() => layers.swap(*at, at + 1),
        LayersEdit::Remove(_) | LayersEdit::Raise(_) => return Err(unfit()),
        LayersEdit::Put(all) => layers.clone_from(all),
    }
    stack.replace(path)?;
    Ok(before)
}

fn stack_layer(new: &NewLayer) -> Result<StackLayer> {
    let path = match new {
        NewLayer::Open(name, fs) => {
            return Ok(StackLayer {
                name: name.clone(),
                location: fs.as_str().to_owned(),
            });
        }
        NewLayer::At(path) => path,
    };
    let missing = || Error::new(ErrorKind::NotFound, "add layer").with_path(path);
    let is_folder = std::fs::metadata(path).map_err(|_| missing())?.is_dir();
    let found = Location::parse(path, Path::new("/"))?.settled()?;
    let location = match found.kind() {
        Kind::Host if is_folder => Location::new(Root::VRoot(path.clone())),
        Kind::Host => {
            return Err(Error::new(ErrorKind::UnknownFormat, "add layer").with_path(path));
        }
        _ => found,
    };
    Ok(StackLayer {
        name: location.title(),
        location: location.to_string(),
    })
}
