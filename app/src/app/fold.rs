//! What an event changes.

use super::App;
use crate::background::{Event, Request};
use crate::state::properties::Count;
use crate::state::toast::Level;
use crate::state::{Arrival, TabId};

impl App {
    /// Takes an event into the state. Answers to questions nobody asks any more are dropped.
    pub(super) fn fold(&mut self, event: Event) {
        match event {
            Event::Settled {
                location,
                result,
                open_in,
            } => self.settled(&location, result, open_in),
            Event::Mounted { fs, result } => self.mounted(&fs, result),
            Event::Created(result) => self.created(result),
            Event::StackEdited(fs, result) => self.stack_edited(&fs, result),
            Event::Unmounted(fs, result) => {
                if self.reopening.remove(&fs) {
                    self.mount(&fs, None);
                }
                self.closed(&fs);
                if let Err(error) = result {
                    let what = format!(
                        "{} was closed, but not everything may be written",
                        fs.label()
                    );
                    self.note(Level::Error, crate::ui::error_sentence(&what, &error));
                }
            }
            Event::Snapshots(fs, id, news) => self.snapshots_told(&fs, id, news),
            Event::Care(fs, id, news) => self.cared(&fs, id, news),
            Event::Folder(fs, id, news) => self.folder_news(&fs, id, news),
            Event::Saved(fs, path, result) => self.saved(&fs, &path, result),
            Event::View {
                tab,
                generation,
                view,
                folder,
            } => {
                if self.wants(tab, generation) {
                    if let (Some(tab), Some(folder)) = (self.state.workspace.tab_mut(tab), folder) {
                        tab.folder = Some(folder);
                    }
                    self.take_view(tab, view);
                } else {
                    self.background.send(Request::Drop(view));
                }
            }
            Event::Found {
                tab,
                generation,
                view,
                progress,
            } => {
                if self.wants(tab, generation) {
                    self.found(tab, view, progress);
                } else {
                    self.background.send(Request::Drop(view));
                }
            }
            Event::ListFailed {
                tab,
                generation,
                error,
            } => {
                if self.wants(tab, generation) {
                    self.list_failed(tab, error);
                }
            }
            Event::Activated {
                tab,
                place,
                open_in,
                result,
            } => match result {
                Ok(target) => self.activated(tab, &place, open_in, target),
                Err(error) => {
                    let what = format!("Couldn't open “{}”", place.label());
                    self.path_fails(tab, crate::ui::error_sentence(&what, &error));
                }
            },
            Event::Facts(generation, facts) => {
                if let Some(properties) = self.properties(generation) {
                    properties.facts = Some(facts);
                }
            }
            Event::Usage(generation, usage) => {
                if let Some(properties) = self.properties(generation)
                    && properties.usage.count == Count::Running
                {
                    properties.usage = usage;
                }
            }
            Event::Changes(fs, generation, result) => self.changes_found(&fs, generation, result),
            Event::Checksum(generation, checksum) => {
                if let Some(properties) = self.properties(generation) {
                    properties.checksum = Some(checksum);
                }
            }
            Event::Attributes(generation, result) => self.attributes_known(generation, result),
            Event::Folders(generation, names) => self.completed(generation, names),
            Event::Preview(generation, result) => self.previewed(generation, result),
            Event::FreeName {
                tab,
                result,
                is_folder,
            } => self.make_named(tab, result, is_folder),
            Event::Device(folder, device) => {
                if let Some(known) = self.drafts.devices.get_mut(&folder) {
                    *known = device;
                }
            }
            Event::ClipboardFiles(paths, into) => self.paste_files(paths, into),
            Event::Picked(picked) => self.picked(picked),
            Event::UserFolders(folders) => self.state.places = folders,
            Event::Appearance(appearance) => {
                self.state.appearance = appearance;
                self.apply_theme();
            }
            Event::Font(font) => crate::theme::add_fallback(&self.context, font),
            Event::Note(text) => self.note(Level::Error, text),
            Event::Operation(op, news) => self.operation_news(op, news),
            Event::History {
                undo,
                redo,
                unfinished,
            } => {
                self.state.operations.layers.told(&undo, &redo);
                self.state.operations.undo = undo;
                self.state.operations.redo = redo;
                self.unfinished(unfinished);
            }
        }
    }

    fn wants(&self, tab: TabId, generation: crate::state::Generation) -> bool {
        self.state
            .workspace
            .tab(tab)
            .is_some_and(|tab| tab.wanted == generation)
    }

    /// Shows a message in the corner.
    pub(super) fn note(&mut self, level: Level, text: impl Into<String>) {
        self.state.toasts.push(level, text, None);
    }

    /// What a view that arrives next shall show.
    pub(super) fn expect(&mut self, tab: TabId, arrival: Arrival) {
        if let Some(tab) = self.state.workspace.tab_mut(tab) {
            tab.arrival = arrival;
        }
    }
}
