//! Measuring a piece of work: how long it took, and what it cost.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Time on the clock and processor time of all threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub wall: Duration,
    pub cpu: Duration,
}

fn process_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// Processor time of programs that were started and have ended (`proc_pid_stat(5)`, fields 16 and 17), in hundredths of a second.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_ascii_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Touches so much memory and gives it back. The host of a virtual machine may have taken away what was free, and whoever uses it next, for the page cache
/// of what it writes, say, would wait for it: a system in some rounds and not in others.
pub fn claim_memory(bytes: usize) {
    const PAGE_BYTES: usize = 4096;
    let mut memory = Vec::<u8>::with_capacity(bytes);
    for page in memory.spare_capacity_mut().chunks_mut(PAGE_BYTES) {
        if let Some(first) = page.first_mut() {
            std::hint::black_box(first.write(1));
        }
    }
}

/// Runs `work` and measures it.
pub fn time<T>(work: impl FnOnce() -> T) -> (Span, T) {
    let (started, cpu) = (Instant::now(), process_cpu());
    let done = work();
    let span = Span {
        wall: started.elapsed(),
        cpu: process_cpu().saturating_sub(cpu),
    };
    (span, done)
}

/// As [`time`], with the programs that `work` starts and waits for.
pub fn time_with_children<T>(work: impl FnOnce() -> T) -> (Span, T) {
    let before = children_cpu();
    let (mut span, done) = time(work);
    span.cpu += children_cpu().saturating_sub(before);
    (span, done)
}
