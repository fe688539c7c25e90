//! Paths that are typed: what they mean, which folders complete them, and what is wrong with them.

use std::path::Path;

use fs_backends::location::{Location, Root};
use fs_core::VPath;
use fs_core::ops::Place;

use super::App;
use crate::background::Request;
use crate::command::OpenIn;
use crate::state::filesystem::{HOST, location_of, place_of};
use crate::state::{Generation, TabId};

/// What a typed path means.
enum Meaning {
    /// A path in a filesystem that is open.
    Place(Place),
    /// A location, whatever is there.
    Location(Location),
}

impl App {
    /// Goes where a typed path leads, once it is known that it leads somewhere.
    pub(super) fn typed(&mut self, id: TabId, text: &str) {
        match self.meaning(id, text.trim()) {
            Ok(Meaning::Place(place)) => self.background.send(Request::Activate {
                tab: id,
                place,
                open_in: OpenIn::Tab(id),
            }),
            Ok(Meaning::Location(location)) => self.background.send(Request::Settle {
                location,
                open_in: OpenIn::Tab(id),
            }),
            Err(error) => self.path_fails(id, error.to_string()),
        }
    }

    /// The path that was typed into a tab leads nowhere.
    pub(super) fn path_fails(&mut self, id: TabId, why: String) {
        if !self.drafts.path_fails(id, &why) {
            self.note(crate::state::toast::Level::Error, why);
        }
    }

    /// Asks which folders are in the folder a path begins with.
    pub(super) fn complete(&mut self, id: TabId, folder: &str) {
        let place = match self.meaning(id, folder) {
            Ok(Meaning::Place(place)) => place,
            Ok(Meaning::Location(location)) => match location.root() {
                Root::Path(path) => place_of(&Location::host(path).at(location.inner().clone())),
                _ => place_of(&location),
            },
            Err(_) => return,
        };
        let place = self.through_folder(place);
        let is_open = |info: &crate::state::FsInfo| info.is_open();
        let known =
            place.fs.as_str() == HOST || self.state.filesystems.get(&place.fs).is_some_and(is_open);
        let Some(draft) = self.drafts.path.as_mut().filter(|_| known) else {
            return;
        };
        let generation = Generation::fresh();
        draft.completion.wanted = Some(generation);
        self.background.send(Request::Folders {
            place,
            cancel: draft.completion.cancel.clone(),
            generation,
        });
    }

    /// The answer: folders that complete a path.
    pub(super) fn completed(&mut self, generation: Generation, names: Vec<String>) {
        if let Some(draft) = &mut self.drafts.path
            && draft.completion.wanted == Some(generation)
        {
            draft.completion.names = names;
        }
    }

    /// In a filesystem of ours a path starts at its root, or where the tab is; otherwise it is a location, and `~` is home.
    fn meaning(&self, id: TabId, text: &str) -> fs_core::Result<Meaning> {
        let here = self
            .state
            .workspace
            .tab(id)
            .and_then(|tab| tab.place.as_ref());
        let inside = here.filter(|place| place.fs.as_str() != HOST);
        let stays = |place: &&Place| place.path.as_os_str() == text;
        if let Some(place) = inside.filter(|place| is_inner(text) || stays(place)) {
            let path = Path::new(place.path.as_os_str()).join(text);
            return Ok(Meaning::Place(place.with_path(VPath::lexical(path)?)));
        }
        let text = match (text.strip_prefix('~'), self.home()) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.display())
            }
            _ => text.to_owned(),
        };
        let base = here.and_then(location_of);
        let base = base
            .as_ref()
            .and_then(Location::host_path)
            .unwrap_or(Path::new("/"));
        let location = Location::parse(&text, base)?;
        Ok(match self.inside_folder(&location) {
            Some(place) => Meaning::Place(place),
            None => Meaning::Location(location),
        })
    }
}

/// Neither a location with its kind or with a place inside, nor the home folder.
fn is_inner(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    !first.contains(':') && !first.starts_with('~') && !Location::leads_inside(text)
}
