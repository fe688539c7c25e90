//! Operations on files: what a command becomes, and what is shown of it while it runs and afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_core::ops::{Operation, Place, Report};
use fs_core::{Capabilities, ErrorKind, Name};

use super::App;
use crate::background::Request;
use crate::background::message::{OpControl, OpNews};
use crate::command::{FileCommand, Pick};
use crate::state::filesystem::{HOST, host_path};
use crate::state::toast::{Level, ToastAction};
use crate::state::{Arrival, Dialog, OpId, Stage, Tab, TabId};

/// While an operation runs, what it made so far is shown this often.
const SHOW_PROGRESS: Duration = Duration::from_secs(1);

impl App {
    /// Carries out a command on files.
    pub(super) fn run_file(&mut self, command: FileCommand) {
        match command {
            FileCommand::Run(operation) => {
                self.state.dialog = None;
                self.submit(operation);
            }
            FileCommand::Answer(op, decisions) => {
                self.state.dialog = None;
                if let Some(running) = self.state.operations.get_mut(op) {
                    running.stage = Stage::Working(Default::default());
                }
                self.background.send(Request::Answer(op, decisions));
                self.ask_next();
            }
            FileCommand::Pause(op, paused) => {
                if let Some(running) = self.state.operations.get_mut(op) {
                    running.paused = paused;
                    let control = if paused {
                        OpControl::Pause
                    } else {
                        OpControl::Resume
                    };
                    self.background.send(Request::Control(op, control));
                }
            }
            FileCommand::PauseAll(paused) => {
                let active = self.state.operations.active();
                let others = active.filter(|(_, running)| running.paused != paused);
                let others: Vec<OpId> = others.map(|(op, _)| op).collect();
                for op in others {
                    self.run_file(FileCommand::Pause(op, paused));
                }
            }
            FileCommand::Cancel(op) => {
                self.state.dialog = None;
                if let Some(running) = self.state.operations.get_mut(op)
                    && matches!(running.stage, Stage::Asking(_))
                {
                    running.stage = Stage::Planning;
                }
                self.background
                    .send(Request::Control(op, OpControl::Cancel));
                self.ask_next();
            }
            FileCommand::Undo(entry) => {
                self.state.toasts.forget_undo(entry);
                self.submit(Operation::Undo(entry));
                self.decided(entry);
            }
            FileCommand::Redo(entry) => {
                self.submit(Operation::Redo(entry));
            }
            FileCommand::Finish(entry) => {
                self.submit(Operation::Finish(entry));
                self.decided(entry);
            }
            FileCommand::Leave(entry) => {
                self.background.send(Request::Leave(entry));
                self.decided(entry);
            }
            FileCommand::Clip { items, cut } => self.clip(items, cut),
            FileCommand::ClearClip => self.state.clip = None,
            FileCommand::Paste(into) => self.paste(into),
            FileCommand::FindDevice(folder) => self.background.send(Request::Device(folder)),
            FileCommand::AddFiles(into) => {
                self.background.send(Request::Pick(Pick::Files(into)));
            }
            FileCommand::Import(paths, into) => {
                self.close_dialog();
                let sources = self.host_places(&paths);
                if !sources.is_empty() {
                    self.submit(Operation::copy(sources, into));
                }
            }
            FileCommand::Rename(tab, place, name) => self.rename(tab, place, &name),
            FileCommand::Make { tab, folder } => self.make(tab, folder),
            FileCommand::OpenInProgram(place) => match host_path(&place) {
                Some(path) => self
                    .background
                    .send(Request::OpenInProgram(path.to_path_buf())),
                None => self.state.settings.show_preview = true,
            },
            FileCommand::CopyText(text) => self.context.copy_text(text),
            FileCommand::Properties(items) => self.show_properties(items),
            FileCommand::StopCounting => self.stop_counting(),
            FileCommand::Checksum => self.ask_checksum(),
            FileCommand::SetAttributes(wish) => self.set_attributes(wish),
            FileCommand::ForgetFinished => self.state.operations.forget_finished(),
        }
    }

    /// Gives an operation to the engine, unless it would go through a folder this program serves itself.
    pub(super) fn submit(&mut self, mut operation: Operation) {
        if let Some(sentence) = self.goes_through_folder(&operation) {
            return self.note(Level::Error, sentence);
        }
        if let Operation::Copy(transfer) | Operation::Move(transfer) = &mut operation {
            transfer.into = self.through_folder(transfer.into.clone());
        }
        self.mark_leaving(&operation);
        let op = OpId::fresh();
        self.state.operations.add(op, operation.clone());
        self.background.send(Request::Submit(op, operation));
    }

    /// Notes in the tabs that show it what an operation takes away.
    fn mark_leaving(&mut self, operation: &Operation) {
        let items = match operation {
            Operation::Move(transfer) => &transfer.sources,
            Operation::Trash(items) | Operation::Delete(items) | Operation::Revert(items) => items,
            _ => return,
        };
        // They come from one list.
        let Some(first) = items.first() else {
            return;
        };
        let folder = first.path.parent();
        for tab in self.state.workspace.tabs_mut() {
            let found = tab.shows_found();
            let shows = |place: &Place| {
                place.fs == first.fs && (found || folder.as_ref() == Some(&place.path))
            };
            if tab.place.as_ref().is_some_and(shows) {
                tab.leaving = Some(tab.selection.clone());
            }
        }
    }

    /// Operations that neither wait for an answer nor are over.
    pub(super) fn running_operations(&self) -> usize {
        self.state
            .operations
            .active()
            .filter(|(_, running)| !matches!(running.stage, Stage::Asking(_)) && !running.paused)
            .count()
    }

    /// News of an operation.
    pub(super) fn operation_news(&mut self, op: OpId, news: OpNews) {
        let Some(running) = self.state.operations.get_mut(op) else {
            return;
        };
        match news {
            OpNews::Queued => {}
            OpNews::Ask(preflight) => {
                running.stage = Stage::Asking(preflight);
                self.ask_next();
            }
            OpNews::Progress(progress) => running.stage = Stage::Working(progress),
            OpNews::Done(report) => {
                let report: Arc<Report> = Arc::from(report);
                running.stage = Stage::Done(report.clone());
                self.done(op, &report);
            }
            OpNews::Failed(error) if error.kind() == ErrorKind::Cancelled => {
                // Whoever said no knows that nothing was done.
                self.state.operations.forget(op);
                self.close_orphans();
            }
            OpNews::Failed(error) => {
                let what = format!("Couldn't start: {}", running.name());
                let text = crate::ui::error_sentence(&what, &error);
                running.stage = Stage::Failed(error);
                self.note(Level::Error, text);
                self.close_orphans();
            }
        }
    }

    /// Shows the question of the first operation that has one, unless another dialog is open.
    pub(super) fn ask_next(&mut self) {
        if self.state.dialog.is_none()
            && let Some((op, preflight)) = self.state.operations.asking()
        {
            let dialog = Dialog::Preflight {
                op,
                preflight: preflight.clone(),
            };
            self.drafts.begin_preflight();
            self.state.dialog = Some(dialog);
        }
        if self.state.dialog.is_none() && std::mem::take(&mut self.drafts.offer_unfinished) {
            self.state.dialog = Some(Dialog::Unfinished);
        }
    }

    fn done(&mut self, op: OpId, report: &Report) {
        let changed = report.items > 0 || report.entry.is_some();
        for failure in &report.failed {
            self.note_damage(&failure.place.fs, &failure.error);
        }
        for fs in about(report).written() {
            if let Some(info) = self.state.filesystems.get_mut(&fs)
                && info.capabilities.contains(Capabilities::VOLATILE)
            {
                info.unsaved |= changed;
            }
        }
        self.tell(op, report);
        self.show_results(report);
        let touched = about(report).filesystems();
        self.search_again(&touched);
        self.layers_changed(&touched);
        touched.iter().for_each(|fs| self.look_at_snapshots(fs));
        self.close_orphans();
    }

    fn tell(&mut self, op: OpId, report: &Report) {
        let operation = &report.operation;
        let name = report.name();
        let undo = report.entry.map(ToastAction::Undo);
        let show = Some(ToastAction::ShowReport(op));
        let failed = report.failed.len();
        if failed > 0 {
            let all = report.items + failed as u64;
            let text = match report.failed.first() {
                Some(only) if failed == 1 && all == 1 => crate::ui::error_sentence(
                    &format!("Couldn't {}", lower_first(&name)),
                    &only.error,
                ),
                _ => format!("{name}: {failed} of {all} failed"),
            };
            self.state.toasts.push(Level::Error, text, show);
        } else if report.cancelled {
            let text = format!("Stopped: {name}");
            self.state.toasts.push(Level::Note, text, undo);
        } else if is_worth_telling(operation) && (report.items > 0 || report.entry.is_some()) {
            self.state.toasts.push(Level::Done, report.done(), undo);
        }
    }

    /// Lists the tabs that show a folder something appeared in or vanished from, and selects what appeared.
    fn show_results(&mut self, report: &Report) {
        let mut folders: Vec<Place> = report.results.iter().filter_map(Place::parent).collect();
        folders.extend(about(report).subjects().iter().filter_map(Place::parent));
        if let Operation::Copy(transfer) | Operation::Move(transfer) = about(report) {
            folders.push(transfer.into.clone());
        }
        folders.sort();
        folders.dedup();
        let reveal = report.results.first();
        for folder in &folders {
            let tabs: Vec<TabId> = self
                .state
                .workspace
                .tabs_at(folder)
                .map(|tab| tab.id)
                .collect();
            for id in tabs {
                if self.state.workspace.tab(id).is_some_and(Tab::shows_found) {
                    continue;
                }
                let first = reveal.filter(|place| place.parent().as_ref() == Some(folder));
                if let Some(name) = first.and_then(|place| place.path.file_name())
                    && is_worth_revealing(&report.operation)
                {
                    let renaming = self.drafts.rename_on_arrival(id, &name);
                    self.expect(
                        id,
                        Arrival::Reveal {
                            name: name.into(),
                            rename: renaming,
                        },
                    );
                }
                self.list(id, false);
            }
        }
    }

    /// While something is copied, its target shows what is there already.
    pub(super) fn operations_turn(&mut self) -> bool {
        if self
            .drafts
            .progress_shown
            .is_some_and(|at| at.elapsed() < SHOW_PROGRESS)
        {
            return false;
        }
        let targets: Vec<Place> = self
            .state
            .operations
            .active()
            .filter(|(_, running)| matches!(running.stage, Stage::Working(_)))
            .filter_map(|(_, running)| match &running.operation {
                Operation::Copy(transfer) | Operation::Move(transfer) => {
                    Some(transfer.into.clone())
                }
                _ => None,
            })
            .collect();
        if targets.is_empty() {
            return false;
        }
        self.drafts.progress_shown = Some(Instant::now());
        for target in targets {
            let tabs: Vec<TabId> = self
                .state
                .workspace
                .tabs_at(&target)
                .map(|tab| tab.id)
                .collect();
            for id in tabs {
                if self
                    .state
                    .workspace
                    .tab(id)
                    .is_some_and(|tab| !tab.view.streaming && !tab.shows_found())
                {
                    self.drafts.changed.insert(id);
                }
            }
        }
        self.context.request_repaint_after(SHOW_PROGRESS);
        true
    }

    fn rename(&mut self, id: TabId, item: Place, name: &str) {
        if let Some(tab) = self.state.workspace.tab_mut(id) {
            tab.rename = None;
        }
        let old = item.path.file_name();
        match Name::new(name) {
            Ok(name) if Some(&name) == old.as_ref() => {}
            Ok(name) => {
                self.submit(Operation::Rename { item, name });
            }
            Err(error) => self.note(
                Level::Error,
                crate::ui::error_sentence("Couldn't rename", &error),
            ),
        }
    }

    fn make(&mut self, tab: TabId, folder: bool) {
        let Some(place) = self
            .state
            .workspace
            .tab(tab)
            .and_then(|tab| tab.place.clone())
        else {
            return;
        };
        let wish = if folder { "New folder" } else { "New file" };
        self.background.send(Request::FreeName {
            tab,
            folder: place,
            wish,
            is_folder: folder,
        });
    }

    /// A free name was found: the entry is made and, once it is seen, renamed.
    pub(super) fn make_named(
        &mut self,
        tab: TabId,
        result: fs_core::Result<Place>,
        is_folder: bool,
    ) {
        match result {
            Ok(place) => {
                self.drafts.will_rename = place.path.file_name().map(|name| (tab, name));
                let make = if is_folder {
                    Operation::CreateFolder
                } else {
                    Operation::CreateFile
                };
                self.submit(make(place));
            }
            Err(error) => {
                let what = if is_folder {
                    "Couldn't make a folder"
                } else {
                    "Couldn't make a file"
                };
                self.note(Level::Error, crate::ui::error_sentence(what, &error));
            }
        }
    }
}

/// What a report is about: of undo and redo the operation that was undone or done again.
fn about(report: &Report) -> &Operation {
    report.subject.as_ref().unwrap_or(&report.operation)
}

/// What is seen at once in the list needs no message, except where undoing it is worth a button.
fn is_worth_telling(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::Rename { .. } | Operation::CreateFolder(_) | Operation::CreateFile(_)
    )
}

fn is_worth_revealing(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::Trash(_)
            | Operation::Delete(_)
            | Operation::SetAttr { .. }
            | Operation::Revert(_)
    )
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Whether dropping or pasting between two places moves: within one filesystem, and on the host within one device.
pub fn moves_by_default(
    source: &Place,
    source_device: Option<u64>,
    target: &Place,
    target_device: Option<u64>,
) -> bool {
    source.fs == target.fs && (source.fs.as_str() != HOST || source_device == target_device)
}
