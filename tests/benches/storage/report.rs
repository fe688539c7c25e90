//! Samples of one workload, and the lines they become.

use std::collections::BTreeMap;

use super::Result;
use super::clock::{self, Span};

/// What is shown of a span, and in which unit.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    pub name: &'static str,
    /// Milliseconds in one.
    per_ms: f64,
}

impl Unit {
    /// Milliseconds of the whole.
    pub const MS: Self = Self {
        name: "ms",
        per_ms: 1.0,
    };

    /// Microseconds for each of `count` pieces.
    pub fn us_each(count: usize) -> Self {
        Self {
            name: "us",
            per_ms: 1000.0 / count as f64,
        }
    }

    /// Milliseconds for each GiB of `bytes`.
    pub fn ms_per_gib(bytes: u64) -> Self {
        Self {
            name: "ms/GiB",
            per_ms: (1u64 << 30) as f64 / bytes as f64,
        }
    }
}

/// What is to be reached; behind it the goal. Ratios are times divided by the baseline's.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// Shown for comparison only.
    None,
    /// Time on the clock beside the baseline's.
    Wall(f64, f64),
    /// Processor time beside the baseline's.
    Cpu(f64, f64),
    /// Time on the clock in the line's unit.
    WallIs(f64, f64),
    /// Processor time in the line's unit.
    CpuIs(f64, f64),
}

/// A workload that runs.
pub struct Samples {
    title: &'static str,
    unit: Unit,
    spans: BTreeMap<&'static str, Vec<Span>>,
}

impl Samples {
    pub fn new(title: &'static str, unit: Unit) -> Self {
        Self {
            title,
            unit,
            spans: BTreeMap::new(),
        }
    }

    /// Runs `work` as one round of `system`.
    pub fn time<T>(&mut self, system: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (span, done) = clock::time(work);
        self.add(system, span);
        done.map_err(|error| format!("{}, {system}: {error}", self.title).into())
    }

    /// Takes a round that was measured elsewhere.
    pub fn add(&mut self, system: &'static str, span: Span) {
        self.spans.entry(system).or_default().push(span);
    }

    fn of(&self, system: &str) -> &[Span] {
        self.spans.get(system).map_or(&[], Vec::as_slice)
    }

    fn median(&self, system: &str, value: impl Fn(&Span) -> f64) -> f64 {
        median(self.of(system).iter().map(value).collect())
    }

    /// The median of the ratios round by round.
    fn ratio(&self, system: &str, baseline: &str, value: impl Fn(&Span) -> f64) -> f64 {
        let pairs = self.of(system).iter().zip(self.of(baseline));
        median(pairs.map(|(own, base)| value(own) / value(base)).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(f64::NAN);
    match values.len() % 2 {
        0 => (values.get(middle.wrapping_sub(1)).copied().unwrap_or(upper) + upper) / 2.0,
        _ => upper,
    }
}

fn wall(span: &Span) -> f64 {
    span.wall.as_secs_f64() * 1000.0
}

fn cpu(span: &Span) -> f64 {
    span.cpu.as_secs_f64() * 1000.0
}

/// Lines on standard output.
#[derive(Default)]
pub struct Table {
    /// Were the sizes such that gates mean something?
    pub judges: bool,
}

impl Table {
    /// The head of the table.
    pub fn head() {
        println!(
            "| workload | system | wall | CPU | against | wall ratio | CPU ratio | gate (goal) | |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
    }

    /// Prints what `system` needed beside `baseline`.
    pub fn line(&self, samples: &Samples, system: &str, baseline: &str, gate: Gate) {
        let unit = samples.unit;
        let own = (
            samples.median(system, wall) * unit.per_ms,
            samples.median(system, cpu) * unit.per_ms,
        );
        let ratio = (
            samples.ratio(system, baseline, wall),
            samples.ratio(system, baseline, cpu),
        );
        let (text, measured, reach, goal) = match gate {
            Gate::None => (String::new(), 0.0, 0.0, 0.0),
            Gate::Wall(reach, goal) => (format!("wall {reach} ({goal})"), ratio.0, reach, goal),
            Gate::Cpu(reach, goal) => (format!("CPU {reach} ({goal})"), ratio.1, reach, goal),
            Gate::WallIs(reach, goal) => (
                format!("wall {reach} {} ({goal})", unit.name),
                own.0,
                reach,
                goal,
            ),
            Gate::CpuIs(reach, goal) => (
                format!("CPU {reach} {} ({goal})", unit.name),
                own.1,
                reach,
                goal,
            ),
        };
        let verdict = match gate {
            Gate::None => "",
            _ if !self.judges => "not judged",
            _ if measured <= goal => "goal",
            _ if measured <= reach => "met",
            _ => "**missed**",
        };
        let against = if system == baseline {
            "| | | ".to_owned()
        } else {
            format!("| {baseline} | {} | {} ", number(ratio.0), number(ratio.1))
        };
        println!(
            "| {} | {system} | {} {} | {} {against}| {text} | {verdict} |",
            samples.title,
            number(own.0),
            unit.name,
            number(own.1),
        );
    }

    /// Says why a line is missing.
    pub fn note(&self, workload: &str, note: &str) {
        println!("| {workload} | {note} | | | | | | | |");
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 0.01 => format!("{value:.4}"),
        small if small < 1.0 => format!("{value:.3}"),
        small if small < 10.0 => format!("{value:.2}"),
        small if small < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
