//! Results as lines of JSON: numbers and fixed words only, so nothing needs escaping.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

/// Clock ticks of `/proc/self/stat`: fixed at 100 a second in the kernel's interface on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/self/stat` after the command's closing parenthesis: user and system time.
const USER_TIME: usize = 11;

/// A line for the parent; when that is gone nobody is left to tell, and standard input has ended too.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(USER_TIME).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / TICKS_PER_SECOND
}

/// How long threads of this process were ready to run and waited for a processor: the second field of each `schedstat`,
/// in nanoseconds. 0 where the kernel does not count it.
fn wait_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let waited = threads.filter_map(|thread| {
        let schedstat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    waited.sum::<u64>() as f64 / 1e9
}

fn percentile(sorted: &[Duration], per_thousand: usize) -> u128 {
    let index = (sorted.len() * per_thousand / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0, Duration::as_micros)
}

/// What the callers of one measurement did.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) bytes: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds another caller's.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.bytes += other.bytes;
        self.failed += other.failed;
    }

    /// Prints the line of a finished measurement.
    pub(crate) fn print(mut self, mode: &str, callers: usize, started: Instant) {
        self.latencies.sort_unstable();
        say(format_args!(
            "{{\"mode\":\"{mode}\",\"callers\":{callers},\"done\":{},\"failed\":{},\"bytes\":{},\"seconds\":{:.3},\
             \"p50_us\":{},\"p99_us\":{},\"max_us\":{},\"cpu_seconds\":{:.2},\"wait_seconds\":{:.6}}}",
            self.latencies.len(),
            self.failed,
            self.bytes,
            started.elapsed().as_secs_f64(),
            percentile(&self.latencies, 500),
            percentile(&self.latencies, 990),
            percentile(&self.latencies, 1000),
            cpu_seconds(),
            wait_seconds(),
        ));
    }
}

/// The line that says where a backend can be reached; paths come from the command line and hold no quotes.
pub(crate) fn listening(address: &str) {
    say(format_args!("{{\"listening\":\"{address}\"}}"));
}

/// The line that says how many connections are held.
pub(crate) fn holding(connections: usize, failed: u64) {
    say(format_args!("{{\"mode\":\"idle\",\"holding\":{connections},\"failed\":{failed}}}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_latencies() {
        let sorted: Vec<_> = (1..=100).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 500), 51);
        assert_eq!(percentile(&sorted, 990), 100);
        assert_eq!(percentile(&[], 500), 0);
    }
}
