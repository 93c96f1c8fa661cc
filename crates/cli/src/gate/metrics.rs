//! What the gate counts, in the text format of Prometheus (exposition format 0.0.4).

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the histogram of scans, in seconds.
const SECONDS: [f64; 11] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By what was asked for and what came of it. Both are words of this program.
    requests: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    upstream_errors: Mutex<BTreeMap<&'static str, u64>>,
    scans: Mutex<Histogram>,
    failed_scans: AtomicU64,
    matched_again: AtomicU64,
    from_memory: AtomicU64,
    from_folder: AtomicU64,
    state_errors: AtomicU64,
    waiting: AtomicI64,
    scanning: AtomicI64,
}

#[derive(Debug, Default)]
struct Histogram {
    /// How many were not longer than each bound.
    counts: [u64; SECONDS.len()],
    count: u64,
    seconds: f64,
}

/// Counts one more as long as it lives.
#[derive(Debug)]
pub(crate) struct Gauge<'a>(&'a AtomicI64);

impl<'a> Gauge<'a> {
    fn new(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add<K: Ord>(map: &Mutex<BTreeMap<K, u64>>, key: K) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    *map.entry(key).or_default() += 1;
}

impl Metrics {
    pub(crate) fn request(&self, kind: &'static str, outcome: &'static str) {
        add(&self.requests, (kind, outcome));
    }

    pub(crate) fn upstream_error(&self, kind: &'static str) {
        add(&self.upstream_errors, kind);
    }

    /// A scan that ended with a report.
    pub(crate) fn scan(&self, took: Duration) {
        let mut scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = took.as_secs_f64();
        for (count, bound) in scans.counts.iter_mut().zip(SECONDS) {
            *count += u64::from(seconds <= bound);
        }
        scans.count += 1;
        scans.seconds += seconds;
    }

    /// A scan that ended without one.
    pub(crate) fn failed_scan(&self) {
        self.failed_scans.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn matched_again(&self) {
        self.matched_again.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn memory_used(&self) {
        self.from_memory.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn folder_used(&self) {
        self.from_folder.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn state_error(&self) {
        self.state_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody waits for a verdict.
    pub(crate) fn waits(&self) -> Gauge<'_> {
        Gauge::new(&self.waiting)
    }

    /// An image is being scanned.
    pub(crate) fn scans(&self) -> Gauge<'_> {
        Gauge::new(&self.scanning)
    }

    /// How many scans ended with a report.
    pub(crate) fn scan_count(&self) -> u64 {
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.count
    }

    /// The text. `database_days` is the age of the advisory database, if it is known.
    pub(crate) fn render(&self, kept: (usize, usize), database_days: Option<i64>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out, kept, database_days);
        out
    }

    fn write(
        &self,
        out: &mut String,
        kept: (usize, usize),
        database_days: Option<i64>,
    ) -> std::fmt::Result {
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            writeln!(
                out,
                "# HELP lamina_gate_{name} {help}\n# TYPE lamina_gate_{name} {kind}"
            )
        };
        let name = "requests_total";
        head(
            out,
            name,
            "counter",
            "Requests, by what was asked for and what came of it.",
        )?;
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((kind, outcome), count) in requests.iter() {
            writeln!(
                out,
                "lamina_gate_{name}{{kind=\"{kind}\",outcome=\"{outcome}\"}} {count}"
            )?;
        }
        let name = "upstream_errors_total";
        head(
            out,
            name,
            "counter",
            "Requests to which an upstream gave no answer.",
        )?;
        let errors = self
            .upstream_errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (kind, count) in errors.iter() {
            writeln!(out, "lamina_gate_{name}{{kind=\"{kind}\"}} {count}")?;
        }
        let name = "scan_seconds";
        head(
            out,
            name,
            "histogram",
            "How long scans took that ended with a report.",
        )?;
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        for (count, bound) in scans.counts.iter().zip(SECONDS) {
            writeln!(out, "lamina_gate_{name}_bucket{{le=\"{bound}\"}} {count}")?;
        }
        writeln!(
            out,
            "lamina_gate_{name}_bucket{{le=\"+Inf\"}} {}",
            scans.count
        )?;
        writeln!(out, "lamina_gate_{name}_sum {}", scans.seconds)?;
        writeln!(out, "lamina_gate_{name}_count {}", scans.count)?;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let name = "scans_total";
        head(out, name, "counter", "Scans, by how they ended.")?;
        writeln!(
            out,
            "lamina_gate_{name}{{result=\"report\"}} {}",
            scans.count
        )?;
        writeln!(
            out,
            "lamina_gate_{name}{{result=\"failed\"}} {}",
            load(&self.failed_scans)
        )?;
        let name = "kept_reports_used_total";
        head(
            out,
            name,
            "counter",
            "Verdicts from a report that was kept (cache hits).",
        )?;
        for (place, counter) in [("memory", &self.from_memory), ("folder", &self.from_folder)] {
            writeln!(
                out,
                "lamina_gate_{name}{{from=\"{place}\"}} {}",
                load(counter)
            )?;
        }
        for (name, kind, help, value) in [
            (
                "matched_again_total",
                "counter",
                "Kept reports that were matched with a newer database.",
                load(&self.matched_again).to_string(),
            ),
            (
                "state_errors_total",
                "counter",
                "Reports that could not be written to the folder.",
                load(&self.state_errors).to_string(),
            ),
            (
                "waiting",
                "gauge",
                "Requests that wait for a verdict.",
                self.waiting.load(Ordering::Relaxed).to_string(),
            ),
            (
                "scanning",
                "gauge",
                "Images that are being scanned.",
                self.scanning.load(Ordering::Relaxed).to_string(),
            ),
            (
                "reports_in_memory",
                "gauge",
                "Reports in memory.",
                kept.0.to_string(),
            ),
            (
                "reports_in_folder",
                "gauge",
                "Reports in the folder.",
                kept.1.to_string(),
            ),
        ] {
            head(out, name, kind, help)?;
            writeln!(out, "lamina_gate_{name} {value}")?;
        }
        if let Some(days) = database_days {
            let name = "database_age_days";
            head(
                out,
                name,
                "gauge",
                "Days since the advisory database was built.",
            )?;
            writeln!(out, "lamina_gate_{name} {days}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.request("manifest", "refused");
        metrics.request("manifest", "refused");
        metrics.scan(Duration::from_millis(300));
        let text = {
            let _waits = metrics.waits();
            metrics.render((1, 2), Some(3))
        };
        for line in [
            "lamina_gate_requests_total{kind=\"manifest\",outcome=\"refused\"} 2",
            "lamina_gate_scan_seconds_bucket{le=\"0.25\"} 0",
            "lamina_gate_scan_seconds_bucket{le=\"0.5\"} 1",
            "lamina_gate_scan_seconds_bucket{le=\"+Inf\"} 1",
            "lamina_gate_scan_seconds_sum 0.3",
            "lamina_gate_waiting 1",
            "lamina_gate_reports_in_folder 2",
            "lamina_gate_database_age_days 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        // Every series has a type, and every line two words.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split(' ').count(), 2, "{line}");
            let name = line.split(['{', ' ']).next().unwrap();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
            assert!(text.contains(&format!("# TYPE {base} ")), "{name}");
        }
        assert!(
            metrics
                .render((0, 0), None)
                .contains("lamina_gate_waiting 0")
        );
    }
}
