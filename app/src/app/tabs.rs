//! Tabs and panes.

use fs_backends::location::Location;
use fs_core::ops::{FsRef, Place};

use super::App;
use crate::background::Request;
use crate::command::TabCommand;
use crate::state::filesystem::place_of;
use crate::state::{After, Arrival, Dialog, PaneId, Tab, TabId};

impl App {
    /// Carries out a command on tabs and panes.
    pub(super) fn run_tab(&mut self, command: TabCommand) {
        match command {
            TabCommand::New(pane) => {
                let place = self.shown_place(pane);
                self.add_tab(pane, place, Arrival::Fresh);
            }
            TabCommand::Welcome => {
                let pane = self.state.workspace.active_pane();
                let welcome = self.state.workspace.panes().find_map(|(_, pane)| {
                    let is_welcome = |id: &&TabId| {
                        self.state
                            .workspace
                            .tab(**id)
                            .is_some_and(|tab| tab.place.is_none())
                    };
                    pane.tabs.iter().find(is_welcome).copied()
                });
                match welcome {
                    Some(tab) => self.state.workspace.show(tab),
                    None => {
                        self.add_tab(pane, None, Arrival::Fresh);
                    }
                }
            }
            TabCommand::Close(tab) => self.close_tab(tab),
            TabCommand::CloseAnyway(tab) => {
                self.state.dialog = None;
                self.close_tab_now(tab);
            }
            TabCommand::CloseOthers(tab) => {
                let others: Vec<TabId> = match self.state.workspace.find(tab) {
                    Some((pane, _)) => self
                        .state
                        .workspace
                        .pane(pane)
                        .map(|pane| pane.tabs.iter().copied().filter(|id| *id != tab).collect())
                        .unwrap_or_default(),
                    None => Vec::new(),
                };
                others.into_iter().for_each(|tab| self.close_tab(tab));
            }
            TabCommand::Reopen => {
                if let Some(visit) = self.state.workspace.closed.pop() {
                    let pane = self.state.workspace.active_pane();
                    let tab = self.add_tab(pane, None, Arrival::Fresh);
                    self.revisit(tab, visit);
                }
            }
            TabCommand::Duplicate(tab) => {
                if let Some((pane, _)) = self.state.workspace.find(tab) {
                    let place = self
                        .state
                        .workspace
                        .tab(tab)
                        .and_then(|tab| tab.place.clone());
                    self.add_tab(pane, place, Arrival::Fresh);
                }
            }
            TabCommand::Show(tab) => self.state.workspace.show(tab),
            TabCommand::Step(step) => self.step_tab(step),
            TabCommand::Nth(number) => {
                let pane = self.state.workspace.active_pane();
                let tab = self.state.workspace.pane(pane).and_then(|pane| {
                    let last = pane.tabs.last().filter(|_| number == usize::MAX);
                    last.or_else(|| pane.tabs.get(number)).copied()
                });
                if let Some(tab) = tab {
                    self.state.workspace.show(tab);
                }
            }
            TabCommand::Move(tab, pane, at) => self.state.workspace.move_tab(tab, pane, at),
            TabCommand::ToOtherPane(tab) => {
                if let Some((pane, _)) = self.state.workspace.find(tab) {
                    self.state.workspace.move_tab(tab, pane.other(), usize::MAX);
                }
            }
            TabCommand::Activate(pane) => self.state.workspace.activate(pane),
            TabCommand::ToggleSplit => self.toggle_split(),
            TabCommand::Swap => self.state.workspace.swap(),
        }
        self.close_orphans();
    }

    fn shown_place(&self, pane: PaneId) -> Option<Place> {
        let tab = self.state.workspace.pane(pane)?.shown_tab()?;
        self.state.workspace.tab(tab)?.place.clone()
    }

    /// A new tab, shown and active.
    pub(super) fn add_tab(
        &mut self,
        pane: PaneId,
        place: Option<Place>,
        arrival: Arrival,
    ) -> TabId {
        let tab = Tab::new(None, self.state.settings.arrange());
        let id = self.state.workspace.add(pane, tab);
        self.state.workspace.activate(pane);
        if place.is_some() {
            self.show(id, place, arrival);
        }
        id
    }

    fn step_tab(&mut self, step: isize) {
        let pane = self.state.workspace.active_pane();
        let tab = self.state.workspace.pane(pane).and_then(|pane| {
            let count = isize::try_from(pane.tabs.len()).ok()?;
            let at = isize::try_from(pane.shown).ok()?;
            let next = (at + step).rem_euclid(count);
            pane.tabs.get(usize::try_from(next).ok()?).copied()
        });
        if let Some(tab) = tab {
            self.state.workspace.show(tab);
        }
    }

    fn toggle_split(&mut self) {
        if self.state.workspace.is_split() {
            self.state.workspace.unsplit();
            return;
        }
        // The same folder again, to move files within it or to go on from; from the Welcome tab the home folder.
        let home = || Some(place_of(&Location::host(self.home()?)));
        let place = self.shown_place(PaneId::First).or_else(home);
        let tab = Tab::new(None, self.state.settings.arrange());
        let id = tab.id;
        self.state.workspace.split(tab);
        self.state.workspace.activate(PaneId::Second);
        if place.is_some() {
            self.show(id, place, Arrival::Fresh);
        }
    }

    /// Closes a tab; asks first when that would lose what is only in memory.
    pub(super) fn close_tab(&mut self, tab: TabId) {
        if let Some(fs) = self.closing_unmounts(tab) {
            self.state.dialog = Some(Dialog::UnmountFolder {
                fs,
                then: After::Close(tab),
                users: None,
            });
        } else if self.closing_loses(tab) {
            self.state.dialog = Some(Dialog::CloseUnsaved(tab));
        } else {
            self.close_tab_now(tab);
        }
    }

    fn closing_loses(&self, tab: TabId) -> bool {
        let Some(fs) = self.state.workspace.tab(tab).and_then(Tab::fs) else {
            return false;
        };
        let is_last = self.state.workspace.tabs_of(fs).count() == 1;
        is_last
            && self
                .state
                .filesystems
                .get(fs)
                .is_some_and(|info| info.unsaved)
    }

    fn close_tab_now(&mut self, tab: TabId) {
        if let Some(removed) = self.state.workspace.remove(tab) {
            removed
                .cancel
                .store(true, std::sync::atomic::Ordering::Relaxed);
            self.drafts.forget(tab);
            self.refreshes.remove(&tab);
            self.background.send(Request::Forget(tab));
            self.background.send(Request::Drop(removed.view));
        }
    }

    /// Closes filesystems that no tab shows and no operation uses.
    pub(super) fn close_orphans(&mut self) {
        let orphans: Vec<FsRef> = self
            .state
            .filesystems
            .keys()
            .filter(|fs| !self.is_needed(fs))
            .cloned()
            .collect();
        for fs in orphans {
            self.state.operations.layers.forget(&fs);
            let closed = self.state.filesystems.remove(&fs);
            if let Some(job) = closed.and_then(|info| info.care.job) {
                job.control.cancel();
            }
            self.background.send(Request::Unmount(fs));
        }
    }

    fn is_needed(&self, fs: &FsRef) -> bool {
        use crate::state::filesystem::{HOST, SAMPLE};
        let shown = self.state.workspace.tabs_of(fs).next().is_some();
        let used = self
            .state
            .operations
            .active()
            .any(|(_, running)| running.touches(fs));
        let layer = self
            .state
            .filesystems
            .values()
            .any(|info| info.made_of.contains(fs));
        let mounted = self
            .state
            .filesystems
            .get(fs)
            .is_some_and(|info| info.folder.is_some());
        shown || used || layer || mounted || [HOST, SAMPLE].contains(&fs.as_str())
    }
}
