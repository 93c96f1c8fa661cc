//! From a module and a report to an outcome.

use std::time::Duration;

use jiff::Timestamp;
use lamina_policy::{CustomRule, Level};
use regorus::Value;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{self, Failure},
    limits::{MAX_REASON_CHARS, MAX_REASONS},
};

/// What the caller knows and this crate cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The time that `time.now_ns` answers.
    pub now: Timestamp,
    /// How long one rule may take. `None` where there is no clock (WebAssembly): the caller then ends
    /// the worker.
    pub time: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            time: None,
        }
    }
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The rule's name in the policy.
    pub name: String,
    /// Whether the image passes.
    pub level: Level,
    /// Why: the messages of `deny`, or else of `warn`, sorted; or what went wrong.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// A rule that could not be judged, and so fails.
    pub fn failed(name: &str, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            level: Level::Failed,
            reasons: vec![reason.into()],
        }
    }

    /// The reasons in a sentence, the first few of them.
    pub fn reason(&self) -> String {
        const SHOWN: usize = 5;
        let mut text = match self.reasons.as_slice() {
            [] => return "nothing is denied".to_owned(),
            reasons => reasons.iter().take(SHOWN).cloned().collect::<Vec<_>>(),
        }
        .join("; ");
        let more = self.reasons.len().saturating_sub(SHOWN);
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        text
    }
}

/// Judges a report by all rules. Errors are outcomes that fail.
///
/// Natively it has to be called with [`crate::limits::STACK_BYTES`] of stack left.
pub fn judge(rules: &[CustomRule], report_json: &str, options: &Options) -> Vec<Outcome> {
    match Judge::new(report_json, options) {
        Ok(judge) => rules.iter().map(|rule| judge.rule(rule)).collect(),
        Err(reason) => rules
            .iter()
            .map(|rule| Outcome::failed(&rule.name, reason.clone()))
            .collect(),
    }
}

/// A report that rules are judged on, one by one.
#[derive(Clone, Debug)]
pub struct Judge {
    input: Value,
    options: Options,
}

impl Judge {
    /// Takes a report.
    ///
    /// # Errors
    /// When it is no JSON: what is wrong, in a sentence.
    pub fn new(report_json: &str, options: &Options) -> Result<Self, String> {
        let input = Value::from_json_str(report_json)
            .map_err(|error| format!("the report is no JSON: {error}"))?;
        Ok(Self {
            input,
            options: options.clone(),
        })
    }

    /// Judges it by one rule.
    pub fn rule(&self, rule: &CustomRule) -> Outcome {
        match self.messages(rule) {
            Ok((level, reasons)) => Outcome {
                name: rule.name.clone(),
                level,
                reasons,
            },
            Err(failure) => Outcome::failed(&rule.name, shortened(&failure.to_string())),
        }
    }

    fn messages(&self, rule: &CustomRule) -> Result<(Level, Vec<String>), Failure> {
        let mut engine = engine::of(&rule.rego, &self.options)?;
        engine.set_input(self.input.clone());
        let mut is_defined = false;
        let mut answer = (Level::Passed, Vec::new());
        for (name, level) in [("deny", Level::Failed), ("warn", Level::Warned)] {
            let found = engine::evaluate(&mut engine, name)?;
            is_defined |= found.is_some();
            let messages = found.map_or(Ok(Vec::new()), |value| messages(name, &value))?;
            if answer.0 == Level::Passed && !messages.is_empty() {
                answer = (level, messages);
            }
        }
        match is_defined {
            true => Ok(answer),
            false => Err(Failure::new("it defines neither deny nor warn")),
        }
    }
}

/// The messages that a rule's value stands for, sorted and without repetitions.
fn messages(rule: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let mut count = 0_usize;
    let mut messages = Vec::new();
    let mut add = |value: &Value| {
        count += 1;
        if count <= MAX_REASONS {
            messages.push(message(value));
        }
    };
    match value {
        Value::Undefined | Value::Bool(false) => {}
        Value::Bool(true) => messages.push(format!("{rule} is true")),
        Value::Set(values) => values.iter_sorted().for_each(&mut add),
        Value::Array(values) => values.iter().for_each(&mut add),
        Value::String(_) => add(value),
        Value::Object(_) | Value::Null | Value::Number(_) => {
            return Err(Failure::new(format!(
                "{rule} is neither a set, a list, a text nor true or false: write \
                 \"{rule} contains message if …\""
            )));
        }
    }
    let more = count.saturating_sub(MAX_REASONS);
    messages.sort();
    messages.dedup();
    if more > 0 {
        messages.push(format!("and {more} more messages"));
    }
    Ok(messages)
}

/// A text as it is, an object's `msg`, and anything else as JSON.
fn message(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.to_string(),
        Value::Object(_) => match &value["msg"] {
            Value::String(text) => text.to_string(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    };
    match text.trim() {
        "" => "denied without a message".to_owned(),
        _ => shortened(&text),
    }
}

/// On one line, without control characters, and not too long.
fn shortened(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut chars = text.trim().chars().map(clean);
    let mut short: String = chars.by_ref().take(MAX_REASON_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
