//! The properties dialog: what is asked of the background, and what its answers change.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fs_core::ops::{Operation, Place};

use super::App;
use crate::background::Request;
use crate::state::properties::{AttrWish, Checksum, Count, Properties, Usage};
use crate::state::{Dialog, Generation};

impl App {
    /// Opens the dialog; its facts follow.
    pub(super) fn show_properties(&mut self, items: Vec<Place>) {
        let items: Vec<Place> = items
            .into_iter()
            .map(|item| self.through_folder(item))
            .collect();
        let properties = Properties {
            items: items.clone(),
            facts: None,
            usage: Usage::default(),
            checksum: None,
            refused: None,
            generation: Generation::fresh(),
            stop_counting: Arc::default(),
            closed: Arc::default(),
        };
        self.background.send(Request::Properties {
            items,
            cancel: properties.stop_counting.clone(),
            generation: properties.generation,
        });
        self.state.dialog = Some(Dialog::Properties(properties));
    }

    /// The dialog, if it is open and still asks that question.
    pub(super) fn properties(&mut self, generation: Generation) -> Option<&mut Properties> {
        self.open_properties()
            .filter(|properties| properties.generation == generation)
    }

    fn open_properties(&mut self) -> Option<&mut Properties> {
        match &mut self.state.dialog {
            Some(Dialog::Properties(properties)) => Some(properties),
            _ => None,
        }
    }

    pub(super) fn stop_counting(&mut self) {
        if let Some(properties) = self.open_properties() {
            properties.stop_counting.store(true, Ordering::Relaxed);
            properties.usage.count = Count::Stopped;
        }
    }

    pub(super) fn ask_checksum(&mut self) {
        let Some(properties) = self.open_properties() else {
            return;
        };
        if let [only] = properties.items.as_slice() {
            properties.checksum = Some(Checksum::Running(0));
            let request = Request::Checksum {
                place: only.clone(),
                cancel: properties.closed.clone(),
                generation: properties.generation,
            };
            self.background.send(request);
        }
    }

    pub(super) fn set_attributes(&mut self, wish: AttrWish) {
        if let Some(properties) = self.open_properties() {
            properties.refused = None;
            let generation = properties.generation;
            self.background.send(Request::Attributes(wish, generation));
        }
    }

    /// The names in a wish were looked up.
    pub(super) fn attributes_known(
        &mut self,
        generation: Generation,
        result: Result<Operation, String>,
    ) {
        let Some(properties) = self.properties(generation) else {
            return;
        };
        match result {
            Ok(operation) => {
                self.close_dialog();
                self.submit(operation);
            }
            Err(sentence) => properties.refused = Some(sentence),
        }
    }
}
