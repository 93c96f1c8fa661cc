//! Custom rules in a process of their own, whose memory and time are bounded.
//!
//! Rego of strangers can allocate without end in one step, and nothing within a process can stop that.
//! So this program starts itself once more as `lamina rego-worker`: that process takes a limit on its
//! memory (on Unix), reads rules and report from standard input and answers one line for each rule. A
//! rule at which it dies or is ended fails; the others are given to another process.
//!
//! Input: a line of JSON ([`Task`]), then the report. Output: a line `ready`, then a line of JSON
//! ([`Outcome`]) for each rule in order.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use lamina_policy::CustomRule;
use lamina_rego::{
    Judge, Options, Outcome,
    limits::{STACK_BYTES, TIME},
};
use serde::{Deserialize, Serialize};

use crate::limits;

/// The name of the hidden command.
pub(crate) const WORKER: &str = "rego-worker";

/// What the process says when it has read the report.
const READY: &str = "ready";

/// What the process is asked.
#[derive(Serialize, Deserialize)]
struct Task {
    rules: Vec<CustomRule>,
    /// RFC 3339.
    now: String,
}

/// Judges a report by rules, in processes of `program` (which is `lamina`). Whatever goes wrong is an
/// outcome that fails.
pub fn judge(
    program: &Path,
    rules: &[CustomRule],
    report_json: &str,
    now: Timestamp,
) -> Vec<Outcome> {
    let end = Instant::now() + limits::REGO_IN_ALL;
    let mut outcomes: Vec<Outcome> = Vec::new();
    while let Some(remaining) = rules.get(outcomes.len()..)
        && let Some(first) = remaining.first()
    {
        if Instant::now() >= end {
            outcomes.push(Outcome::failed(
                &first.name,
                "the rules before it took too long",
            ));
            continue;
        }
        let ended = match Worker::start(program, remaining, report_json, now) {
            Ok(worker) => worker.collect(remaining, end, &mut outcomes),
            Err(error) => Some(format!("it cannot be judged: {error:#}")),
        };
        if let Some(reason) = ended
            && let Some(rule) = rules.get(outcomes.len())
        {
            outcomes.push(Outcome::failed(&rule.name, reason));
        }
    }
    outcomes
}

/// A process that judges. It is ended when it is dropped.
struct Worker {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn start(
        program: &Path,
        rules: &[CustomRule],
        report_json: &str,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let task = Task {
            rules: rules.to_vec(),
            now: now.to_string(),
        };
        let mut input = serde_json::to_string(&task)?;
        input.push('\n');
        input.push_str(report_json);
        let mut child = Command::new(program)
            .arg(WORKER)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("a process without pipes");
        };
        // Both end when the process does, at the latest when it is ended.
        std::thread::spawn(move || {
            let _ = stdin.write_all(input.as_bytes());
        });
        let (sender, lines) = mpsc::channel();
        let most = rules.len() as u64 * limits::REGO_ANSWER_BYTES;
        std::thread::spawn(move || {
            for line in BufReader::new(stdout.take(most)).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// Collects the outcomes of `rules`; if not all of them come, why the next one has none.
    fn collect(
        mut self,
        rules: &[CustomRule],
        end: Instant,
        outcomes: &mut Vec<Outcome>,
    ) -> Option<String> {
        match self.line(limits::REGO_START, end) {
            Ok(line) if line == READY => {}
            Ok(_) => return Some("the process that judges it is not lamina".to_owned()),
            Err(reason) => return Some(reason),
        }
        for rule in rules {
            let line = match self.line(TIME + limits::REGO_GRACE, end) {
                Ok(line) => line,
                Err(reason) => return Some(reason),
            };
            match serde_json::from_str::<Outcome>(&line) {
                Ok(outcome) if outcome.name == rule.name => outcomes.push(outcome),
                _ => return Some("the process that judges it answers something else".to_owned()),
            }
        }
        None
    }

    fn line(&mut self, wait: Duration, end: Instant) -> Result<String, String> {
        let wait = wait.min(end.saturating_duration_since(Instant::now()));
        self.lines.recv_timeout(wait).map_err(|error| match error {
            RecvTimeoutError::Timeout => "it took too long".to_owned(),
            RecvTimeoutError::Disconnected => match self.child.wait() {
                Ok(status) => {
                    format!("it took too much memory: the process that judges it ended ({status})")
                }
                Err(error) => format!("the process that judges it is gone: {error}"),
            },
        })
    }
}

/// What the process does.
///
/// # Errors
/// When it is not asked in the way that it expects, or cannot limit itself.
pub fn work() -> anyhow::Result<()> {
    limit_memory()?;
    // A main thread has the stack of the machine's settings.
    let worker = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(answer)
        .context("starting a thread")?;
    match worker.join() {
        Ok(result) => result,
        Err(_) => bail!("the thread that judges has panicked"),
    }
}

fn answer() -> anyhow::Result<()> {
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut task = String::new();
    input.read_line(&mut task).context("reading the task")?;
    let task: Task = serde_json::from_str(&task).context("reading the task")?;
    let mut report = String::new();
    input
        .read_to_string(&mut report)
        .context("reading the report")?;
    let options = Options {
        now: task.now.parse().context("reading the time")?,
        time: Some(TIME),
    };
    let judge = Judge::new(&report, &options).map_err(anyhow::Error::msg)?;
    drop(report);
    let mut output = std::io::stdout();
    writeln!(output, "{READY}")?;
    output.flush()?;
    for rule in &task.rules {
        let outcome = judge.rule(rule);
        writeln!(output, "{}", serde_json::to_string(&outcome)?)?;
        output.flush()?;
    }
    Ok(())
}

/// What is asked for beyond this is refused, which ends the process.
#[cfg(unix)]
fn limit_memory() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit {
        current: Some(limits::REGO_BYTES),
        maximum: Some(limits::REGO_BYTES),
    };
    setrlimit(Resource::As, limit).context("limiting memory")?;
    // No file of what it held is left behind when it dies.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).context("switching off core files")
}

/// Elsewhere only time is limited.
#[cfg(not(unix))]
fn limit_memory() -> anyhow::Result<()> {
    Ok(())
}
