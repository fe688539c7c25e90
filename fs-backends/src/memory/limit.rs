//! What a filesystem in memory may take when nobody said anything.

use std::sync::LazyLock;

/// Half of the machine's memory, as `tmpfs(5)` takes it: a copy that is too large must end in `NoSpace`, not in a kill of the program that holds
/// everything else in memory. `None` where the kernel does not tell.
pub fn default_limit_bytes() -> Option<u64> {
    static HALF: LazyLock<Option<u64>> = LazyLock::new(|| {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        total_bytes(&text).map(|total| total / 2)
    });
    *HALF
}

/// `MemTotal` of `proc_meminfo(5)`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let text = "MemFree:   1 kB\nMemTotal:       16316148 kB\nSwapTotal:  5 kB\n";
        assert_eq!(total_bytes(text), Some(16_316_148 * 1024));
        assert_eq!(total_bytes("MemTotal: much\n"), None);
    }
}
