//! The locations the program was started with: their tabs stand in that order, and the last one is shown, whichever was found first.

use fs_backends::location::Location;

use crate::state::TabId;

/// Which of them have a tab.
#[derive(Default)]
pub(super) struct Starting(Vec<(Location, Stage)>);

enum Stage {
    Wanted,
    Failed,
    Opened(TabId),
}

impl Starting {
    /// None of them has.
    pub fn new(locations: &[Location]) -> Self {
        let wanted = |location: &Location| (location.clone(), Stage::Wanted);
        Self(locations.iter().map(wanted).collect())
    }

    /// `location` was found and has this tab, or could not be opened. Answers the tabs so far in order; none if it is not one of these.
    pub fn settled(&mut self, location: &Location, tab: Option<TabId>) -> Vec<TabId> {
        let is_it =
            |(it, stage): &&mut (Location, Stage)| it == location && matches!(stage, Stage::Wanted);
        let Some((_, stage)) = self.0.iter_mut().find(is_it) else {
            return Vec::new();
        };
        *stage = tab.map_or(Stage::Failed, Stage::Opened);
        let tabs = self.0.iter().filter_map(|(_, stage)| match stage {
            Stage::Opened(tab) => Some(*tab),
            Stage::Wanted | Stage::Failed => None,
        });
        tabs.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn tabs_are_in_the_order_of_the_locations_whichever_is_found_first() {
        let location = |text| Location::parse(text, Path::new("/")).unwrap();
        let all = ["/a", "/b", "/gone", "/a"].map(location);
        let tabs = [(); 4].map(|()| TabId::fresh());
        let mut starting = Starting::new(&all);
        assert_eq!(starting.settled(&all[1], Some(tabs[1])), [tabs[1]]);
        assert_eq!(starting.settled(&all[0], Some(tabs[0])), [tabs[0], tabs[1]]);
        assert_eq!(starting.settled(&all[2], None), [tabs[0], tabs[1]]);
        assert_eq!(
            starting.settled(&all[3], Some(tabs[3])),
            [tabs[0], tabs[1], tabs[3]]
        );
        // Opened later by the user, it stays where it is.
        assert_eq!(starting.settled(&all[0], Some(tabs[2])), []);
    }
}
