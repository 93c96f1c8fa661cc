//! regorus, with what a module may not do switched off.

use std::{fmt, num::NonZeroU32};

use regorus::{Engine, LimitError, Value, utils::limits::ExecutionTimerConfig};

use crate::{
    judge::Options,
    limits::{MAX_DEFINITIONS, MAX_NESTING, MAX_OPERATORS, MAX_RANGE, MAX_SOURCE_BYTES},
    recursion,
};

/// The name of a module in regorus' messages, which we read the place from.
const FILE: &str = "rule.rego";

/// Steps between two looks at the clock. A step takes about a microsecond.
const STEPS: u32 = 64;

/// Why a rule cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An engine that has read a module.
pub(crate) fn of(source: &str, options: &Options) -> Result<Engine, Failure> {
    if source.len() > MAX_SOURCE_BYTES {
        let bytes = source.len();
        return Err(Failure::new(format!(
            "it has {bytes} bytes, more than {MAX_SOURCE_BYTES}"
        )));
    }
    let (operators, nesting) = measure(source);
    if nesting > MAX_NESTING {
        return Err(Failure::new(format!(
            "its brackets are nested deeper than {MAX_NESTING}"
        )));
    }
    if operators > MAX_OPERATORS {
        return Err(Failure::new(format!(
            "it has more than {MAX_OPERATORS} arithmetic and set operators"
        )));
    }
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    // They are gathered with the engine, and gone with it.
    engine.set_gather_prints(true);
    if let Some(limit) = options.time {
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit,
            check_interval: NonZeroU32::new(STEPS).unwrap_or(NonZeroU32::MIN),
        });
    }
    restrict(&mut engine, options).map_err(|error| failure(&error))?;
    let package = engine
        .add_policy(FILE.to_owned(), source.to_owned())
        .map_err(|error| failure(&error))?;
    if package != "data.lamina" {
        let package = package.trim_start_matches("data.");
        return Err(Failure::new(format!(
            "its package is {package:?}: write \"package lamina\""
        )));
    }
    // Not `get_ast_as_json`, which indents: its size grows with the square of the depth.
    let mut count = 0;
    for module in engine.get_modules().iter() {
        let tree = serde_json::to_string(&**module)
            .map_err(|error| Failure::new(format!("its tree cannot be written: {error}")))?;
        let tree: serde_json::Value = serde_json::from_str(&tree)
            .map_err(|_| Failure::new("its expressions are nested too deep"))?;
        count += recursion::check(source, &tree).map_err(Failure::new)?;
    }
    if count > MAX_DEFINITIONS {
        return Err(Failure::new(format!(
            "it has {count} rules and functions, more than {MAX_DEFINITIONS}"
        )));
    }
    Ok(engine)
}

/// How many operators a module has outside of texts and comments, and how deep its brackets are nested.
fn measure(source: &str) -> (usize, usize) {
    let mut operators = 0;
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = source.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'#' => drop(bytes.find(|byte| *byte == b'\n')),
            b'`' => drop(bytes.find(|byte| *byte == b'`')),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        // A text ends with its line, whatever regorus says of that.
                        b'"' | b'\n' => break,
                        _ => {}
                    }
                }
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' => operators += 1,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (operators, deepest)
}

/// The value of a rule; `None` if the module does not define it.
pub(crate) fn evaluate(engine: &mut Engine, rule: &str) -> Result<Option<Value>, Failure> {
    let is_defined = engine.has_declared_rule_rooted_at(FILE, rule);
    if !is_defined.map_err(|error| failure(&error))? {
        return Ok(None);
    }
    let value = engine.eval_rule(format!("data.lamina.{rule}"));
    value.map(Some).map_err(|error| failure(&error))
}

/// Puts functions of ours before regorus' own: it looks for extensions first.
fn restrict(engine: &mut Engine, options: &Options) -> anyhow::Result<()> {
    let nanoseconds = i64::try_from(options.now.as_nanosecond()).unwrap_or(i64::MAX);
    let now = move |_: Vec<Value>| Ok(Value::from(nanoseconds));
    engine.add_extension("time.now_ns".to_owned(), 0, Box::new(now))?;
    let random = |_: Vec<Value>| Err(anyhow::anyhow!("a verdict does not depend on chance"));
    engine.add_extension("rand.intn".to_owned(), 2, Box::new(random))?;
    let range = |bounds: Vec<Value>| range(&bounds);
    engine.add_extension("numbers.range".to_owned(), 2, Box::new(range))?;
    engine.add_extension("numbers.range_step".to_owned(), 3, Box::new(range))
}

/// `numbers.range(from, to)` and `numbers.range_step(from, to, step)`.
fn range(bounds: &[Value]) -> anyhow::Result<Value> {
    let mut numbers = Vec::new();
    for bound in bounds {
        numbers.push(bound.as_i64()?);
    }
    let (from, to, step) = match numbers.as_slice() {
        [from, to] => (*from, *to, 1),
        [from, to, step] => (*from, *to, *step),
        _ => anyhow::bail!("a range has two bounds"),
    };
    anyhow::ensure!(step > 0, "the step of a range has to be positive");
    let length = from.abs_diff(to) / step.unsigned_abs();
    anyhow::ensure!(
        length < MAX_RANGE.unsigned_abs(),
        "a range has at most {MAX_RANGE} numbers"
    );
    let step = if from <= to { step } else { -step };
    let mut values = Vec::new();
    let mut number = from;
    for _ in 0..=length {
        values.push(Value::from(number));
        number = number.saturating_add(step);
    }
    Ok(Value::from(values))
}

/// What regorus complains of, with its place before it.
///
/// Its messages draw the place: `--> rule.rego:3:5`, the line, a mark, and `error: …` last. Several
/// places follow each other where one thing led to another; the first is where it happened.
fn failure(error: &anyhow::Error) -> Failure {
    let text = error.to_string();
    // Errors within functions come as texts.
    if matches!(
        error.downcast_ref(),
        Some(LimitError::TimeLimitExceeded { .. })
    ) || text.contains("execution exceeded time limit")
    {
        return Failure::new("it took too long");
    }
    let place = text.lines().find_map(|line| {
        let place = line.strip_prefix("--> ")?.strip_prefix(FILE)?;
        let (line, column) = place.strip_prefix(':')?.split_once(':')?;
        Some(format!("line {line}, column {column}: "))
    });
    let what = text
        .lines()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or(&text);
    Failure(place.unwrap_or_default() + what.trim())
}
