//! Failures on demand, for tests: errors, delays, short reads and torn writes at the n-th matching call. Deterministic.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::intercept::{Call, Hook, Intercept, Op, Verdict};
use crate::backend::Backend;
use crate::error::{Error, ErrorKind};
use crate::path::VPath;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails and does nothing.
    Error(ErrorKind),
    /// It is late.
    Delay(Duration),
    /// A read gives at most so many bytes; other calls pass.
    ShortRead(usize),
    /// A write leaves only its first bytes and fails; other calls fail.
    TornWrite(usize, ErrorKind),
}

/// Which calls fail, and how.
#[derive(Clone, Debug)]
pub struct FaultRule {
    op: Option<Op>,
    below: VPath,
    skip: u64,
    times: u64,
    effect: Effect,
}

impl FaultRule {
    /// The effect on every call of `op`.
    pub fn on(op: Op, effect: Effect) -> Self {
        Self {
            op: Some(op),
            below: VPath::root(),
            skip: 0,
            times: u64::MAX,
            effect,
        }
    }

    /// The effect on every call that changes something.
    pub fn on_changes(effect: Effect) -> Self {
        Self {
            op: None,
            ..Self::on(Op::Write, effect)
        }
    }

    /// Only for `path` and what is below it.
    #[must_use]
    pub fn below(self, path: VPath) -> Self {
        Self {
            below: path,
            ..self
        }
    }

    /// Only the `nth` matching call, counted from 1.
    #[must_use]
    pub fn at(self, nth: u64) -> Self {
        Self {
            skip: nth.saturating_sub(1),
            times: 1,
            ..self
        }
    }

    /// The `nth` matching call, counted from 1, and all after it: a device that is gone.
    #[must_use]
    pub fn from(self, nth: u64) -> Self {
        Self {
            skip: nth.saturating_sub(1),
            times: u64::MAX,
            ..self
        }
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        let op = match self.op {
            Some(op) => op == call.op,
            None => call.op.is_change(),
        };
        op && call.path.starts_with(&self.below)
    }

    /// Counts a matching call; is it one to fail?
    fn hit(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let hit = self.times > 0;
        self.times = self.times.saturating_sub(1);
        hit
    }
}

/// The rules in force; they can be changed while the backend is used.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    /// One more rule; each counts for itself, the first that hits decides.
    pub fn add(&self, rule: FaultRule) {
        self.0.lock().push(rule);
    }

    /// Everything works again.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

/// A backend that fails as told.
pub type Fault<B> = Intercept<B, Faults>;

impl<B: Backend> Fault<B> {
    /// A backend without rules yet; see [`Fault::faults`].
    pub fn new(backend: B) -> Self {
        Self::wrap(backend, Arc::default())
    }

    /// The rules, to add some.
    pub fn faults(&self) -> &Faults {
        self.hook()
    }
}

impl Hook for Faults {
    fn before(&self, call: &Call<'_>) -> Verdict {
        let effect = {
            let mut rules = self.0.lock();
            let matching = rules.iter_mut().filter(|rule| rule.matches(call));
            let hits: Vec<Effect> = matching
                .filter_map(|rule| rule.hit().then_some(rule.effect))
                .collect();
            hits.into_iter().next()
        };
        let error = |kind| Error::new(kind, "injected fault");
        match effect {
            None => Verdict::Go,
            Some(Effect::Error(kind)) => Verdict::Fail(error(kind)),
            Some(Effect::Delay(time)) => {
                std::thread::sleep(time);
                Verdict::Go
            }
            Some(Effect::ShortRead(len)) if call.op == Op::Read => {
                Verdict::Short(len, error(ErrorKind::Io))
            }
            Some(Effect::ShortRead(_)) => Verdict::Go,
            Some(Effect::TornWrite(len, kind)) if call.op == Op::Write => {
                Verdict::Short(len, error(kind))
            }
            Some(Effect::TornWrite(_, kind)) => Verdict::Fail(error(kind)),
        }
    }
}
