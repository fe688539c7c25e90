//! The comparison finds mistakes: filesystems that make one each are told from the kernel within as many sequences as a kind gets in a normal run.

use fs_core::conformance::{Fresh as Empty, Outcome, Suite};
use lamina_tests::mistaken::{Mistake, Mistaken};

use super::kinds::{everything, fresh};
use super::op::{Rng, draw};
use super::subject::{Fresh, Resolver};
use super::{Kind, difference};

/// Of the kinds in a normal run most get more.
const SEQUENCES: u64 = 120;

fn kind(make: fn() -> Fresh) -> Kind {
    Kind {
        make,
        resolver: Resolver::Posix,
        range: everything(),
        cases: SEQUENCES,
        counts_folders: true,
    }
}

/// The seed of the first sequence that shows a difference, and the difference.
fn found(make: fn() -> Fresh) -> Option<(u64, String)> {
    let kind = kind(make);
    (1..=kind.cases).find_map(|seed| {
        let mut rng = Rng(seed);
        let count = 20 + rng.below(120) as usize;
        let how = difference(&kind, &draw(&mut rng, count, kind.range))?;
        Some((seed, how))
    })
}

macro_rules! found {
    ($($test:ident: $mistake:ident;)*) => {
        $(#[test] fn $test() {
            let mistake = Mistake::$mistake;
            let (seed, how) = found(|| fresh(Mistaken::new(Mistake::$mistake)))
                .unwrap_or_else(|| panic!("{mistake:?} is not found in {SEQUENCES} sequences"));
            println!("{mistake:?}: found by sequence {seed}: {how}");
            assert!(!how.contains("the model"), "{how}");
        })*
    };
}

found! {
    a_rename_that_touches: RenameTouches;
    a_rename_that_takes_a_link: RenameTakesALink;
    a_rename_that_replaces_anyway: RenameReplacesAnyway;
    a_swap_that_replaces: SwapReplaces;
    a_listing_that_forgets: ListingForgets;
    gaps_that_hold_rubbish: GapsHoldRubbish;
    growth_that_holds_rubbish: GrowthHoldsRubbish;
    an_append_that_overlaps: AppendOverlaps;
    a_read_that_ends_early: ReadEndsEarly;
    a_hole_that_takes_more: HoleTakesMore;
    an_unlink_that_empties: UnlinkEmpties;
    links_that_are_not_counted: LinksAreNotCounted;
    a_rmdir_that_takes_all: RmdirTakesAll;
    a_mode_that_is_cut: ModeIsCut;
    an_attribute_that_is_kept: XattrIsKept;
    a_wrong_error: WrongError;
}

#[test]
fn nothing_is_found_where_there_is_no_mistake() {
    assert_eq!(found(|| fresh(Mistaken::new(Mistake::Nothing))), None);
}

/// The kernel's clock is too coarse to compare times of change; the suite every backend must pass looks at them.
#[test]
fn times_of_change_that_stand_still_fail_the_suite() {
    let failed = |mistake| -> Vec<&'static str> {
        let report = Suite::new("mistaken", move || Empty::new(Mistaken::new(mistake))).run();
        let failed = report
            .outcomes()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        failed.map(|(id, _)| id).collect()
    };
    assert!(failed(Mistake::Nothing).is_empty());
    for mistake in [Mistake::UnlinkIsNotNoted, Mistake::ChmodIsNotNoted] {
        let failed = failed(mistake);
        println!("{mistake:?}: {failed:?}");
        assert!(!failed.is_empty(), "{mistake:?} passes the suite");
    }
}
