//! Panes and their tabs.

use std::collections::BTreeMap;

use fs_core::ops::{FsRef, Place};

use super::{Arrange, Tab, TabId, tab::Visit};

/// Which of the two panes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum PaneId {
    /// The one that is always there.
    First,
    /// The one that F3 shows and hides.
    Second,
}

impl PaneId {
    /// The opposite one.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A strip of tabs and which of them is shown. Never empty.
#[derive(Debug, Default)]
pub struct Pane {
    /// Its tabs in order.
    pub tabs: Vec<TabId>,
    /// The one that is shown, by its place in `tabs`.
    pub shown: usize,
}

impl Pane {
    /// The tab that is shown.
    pub fn shown_tab(&self) -> Option<TabId> {
        self.tabs.get(self.shown).copied()
    }
}

/// One or two panes and all tabs.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The pane that is always there.
    first: Pane,
    /// The second one, when it is shown.
    second: Option<Pane>,
    second_active: bool,
    tabs: BTreeMap<TabId, Tab>,
    /// What was closed last, newest at the end.
    pub closed: Vec<Visit>,
}

impl Workspace {
    /// The pane, if it is shown.
    pub fn pane(&self, id: PaneId) -> Option<&Pane> {
        match id {
            PaneId::First => Some(&self.first),
            PaneId::Second => self.second.as_ref(),
        }
    }

    fn pane_mut(&mut self, id: PaneId) -> &mut Pane {
        match id {
            PaneId::First => &mut self.first,
            PaneId::Second => self.second.get_or_insert_default(),
        }
    }

    /// The panes that are shown.
    pub fn panes(&self) -> impl Iterator<Item = (PaneId, &Pane)> {
        [PaneId::First, PaneId::Second]
            .into_iter()
            .filter_map(|id| Some((id, self.pane(id)?)))
    }

    /// The pane commands act on.
    pub fn active_pane(&self) -> PaneId {
        if self.second_active && self.second.is_some() {
            PaneId::Second
        } else {
            PaneId::First
        }
    }

    /// Are there two?
    pub fn is_split(&self) -> bool {
        self.second.is_some()
    }

    /// The tab commands act on.
    pub fn active_tab(&self) -> Option<&Tab> {
        self.tab(self.pane(self.active_pane())?.shown_tab()?)
    }

    /// The tab shown in the other pane.
    pub fn other_tab(&self) -> Option<&Tab> {
        self.tab(self.pane(self.active_pane().other())?.shown_tab()?)
    }

    /// A tab by id.
    pub fn tab(&self, id: TabId) -> Option<&Tab> {
        self.tabs.get(&id)
    }

    /// A tab by id.
    pub fn tab_mut(&mut self, id: TabId) -> Option<&mut Tab> {
        self.tabs.get_mut(&id)
    }

    /// All tabs.
    pub fn tabs(&self) -> impl Iterator<Item = &Tab> {
        self.tabs.values()
    }

    /// All tabs.
    pub fn tabs_mut(&mut self) -> impl Iterator<Item = &mut Tab> {
        self.tabs.values_mut()
    }

    /// The tabs that are shown.
    pub fn shown_tabs(&self) -> impl Iterator<Item = &Tab> {
        self.panes()
            .filter_map(|(_, pane)| self.tab(pane.shown_tab()?))
    }

    /// The pane that holds a tab, and its place there.
    pub fn find(&self, tab: TabId) -> Option<(PaneId, usize)> {
        self.panes().find_map(|(id, pane)| {
            let at = pane.tabs.iter().position(|t| *t == tab)?;
            Some((id, at))
        })
    }

    /// Adds a tab after the shown one and shows it.
    pub fn add(&mut self, pane: PaneId, tab: Tab) -> TabId {
        let id = tab.id;
        self.tabs.insert(id, tab);
        let pane = self.pane_mut(pane);
        let at = (pane.shown + 1).min(pane.tabs.len());
        pane.tabs.insert(at, id);
        pane.shown = at;
        id
    }

    /// Keeps a tab that stands in no pane, for a file dialog; dropped with [`Self::remove_loose`].
    pub fn add_loose(&mut self, tab: Tab) -> TabId {
        let id = tab.id;
        self.tabs.insert(id, tab);
        id
    }

    /// Drops tabs that stand in no pane, except `keep`.
    pub fn remove_loose(&mut self, keep: Option<TabId>) {
        let shown: Vec<TabId> = self
            .panes()
            .flat_map(|(_, pane)| pane.tabs.iter().copied())
            .collect();
        self.tabs
            .retain(|id, _| shown.contains(id) || keep == Some(*id));
    }

    /// Shows a tab and makes its pane the active one.
    pub fn show(&mut self, tab: TabId) {
        if let Some((pane, at)) = self.find(tab) {
            self.pane_mut(pane).shown = at;
            self.activate(pane);
        }
    }

    /// Makes a pane the active one.
    pub fn activate(&mut self, pane: PaneId) {
        self.second_active = pane == PaneId::Second && self.second.is_some();
    }

    /// Takes a tab out; the one after it is shown, else the one before. An emptied second pane goes away; an emptied first pane takes the second one's tabs or gets the Welcome tab.
    pub fn remove(&mut self, tab: TabId) -> Option<Tab> {
        let (pane, at) = self.find(tab)?;
        detach(self.pane_mut(pane), at);
        let removed = self.tabs.remove(&tab)?;
        self.closed.push(removed.visit(0.0));
        self.closed.drain(..self.closed.len().saturating_sub(25));
        self.tidy();
        Some(removed)
    }

    /// Moves a tab to a pane (showing it) before the tab at `at`.
    pub fn move_tab(&mut self, tab: TabId, to: PaneId, at: usize) {
        let Some((from, old)) = self.find(tab) else {
            return;
        };
        let at = if from == to && old < at { at - 1 } else { at };
        detach(self.pane_mut(from), old);
        let target = self.pane_mut(to);
        let at = at.min(target.tabs.len());
        target.tabs.insert(at, tab);
        target.shown = at;
        self.tidy();
        self.show(tab);
    }

    /// Shows the second pane with `tab`.
    pub fn split(&mut self, tab: Tab) {
        if self.second.is_none() {
            self.add(PaneId::Second, tab);
        }
    }

    /// Hides the second pane; its tabs move behind those of the first.
    pub fn unsplit(&mut self) {
        if let Some(second) = self.second.take() {
            if self.second_active {
                self.first.shown = self.first.tabs.len() + second.shown;
            }
            self.first.tabs.extend(second.tabs);
            self.second_active = false;
        }
    }

    /// Exchanges the panes.
    pub fn swap(&mut self) {
        if let Some(second) = self.second.as_mut() {
            std::mem::swap(&mut self.first, second);
        }
    }

    fn tidy(&mut self) {
        if self
            .second
            .as_ref()
            .is_some_and(|pane| pane.tabs.is_empty())
        {
            self.second = None;
        }
        if self.first.tabs.is_empty() {
            if let Some(second) = self.second.take() {
                self.first = second;
            } else {
                self.add(PaneId::First, Tab::new(None, Arrange::default()));
            }
        }
        self.second_active &= self.second.is_some();
    }

    /// Tabs that show something of `fs`.
    pub fn tabs_of<'a>(&'a self, fs: &'a FsRef) -> impl Iterator<Item = &'a Tab> {
        self.tabs.values().filter(move |tab| tab.fs() == Some(fs))
    }

    /// Tabs that show exactly `place`.
    pub fn tabs_at<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Tab> {
        self.tabs
            .values()
            .filter(move |tab| tab.place.as_ref() == Some(place))
    }
}

fn detach(pane: &mut Pane, at: usize) {
    pane.tabs.remove(at);
    if pane.shown > at || pane.shown >= pane.tabs.len() {
        pane.shown = pane.shown.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab() -> Tab {
        Tab::new(None, Arrange::default())
    }

    #[test]
    fn closing_the_last_tab_leaves_a_welcome_tab() {
        let mut workspace = Workspace::default();
        let only = workspace.add(PaneId::First, tab());
        workspace.remove(only);
        assert!(
            workspace
                .active_tab()
                .is_some_and(|tab| tab.place.is_none())
        );
    }

    #[test]
    fn an_emptied_pane_goes_away_and_tabs_survive_unsplit() {
        let mut workspace = Workspace::default();
        let a = workspace.add(PaneId::First, tab());
        let b = workspace.add(PaneId::First, tab());
        workspace.split(tab());
        assert!(workspace.is_split());
        workspace.move_tab(a, PaneId::Second, 0);
        assert_eq!(workspace.active_pane(), PaneId::Second);
        assert_eq!(workspace.active_tab().unwrap().id, a);
        workspace.unsplit();
        assert_eq!(workspace.pane(PaneId::First).unwrap().tabs.len(), 3);
        assert_eq!(workspace.active_tab().unwrap().id, a);
        workspace.split(tab());
        let c = workspace.pane(PaneId::Second).unwrap().shown_tab().unwrap();
        workspace.remove(c);
        assert!(!workspace.is_split());
        assert!(workspace.find(b).is_some());
    }

    #[test]
    fn the_neighbour_is_shown_after_a_close() {
        let mut workspace = Workspace::default();
        let ids: Vec<_> = (0..3)
            .map(|_| workspace.add(PaneId::First, tab()))
            .collect();
        workspace.show(ids[1]);
        workspace.remove(ids[1]);
        assert_eq!(workspace.active_tab().unwrap().id, ids[2]);
        workspace.remove(ids[2]);
        assert_eq!(workspace.active_tab().unwrap().id, ids[0]);
    }
}
