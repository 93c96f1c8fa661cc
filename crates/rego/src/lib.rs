//! Rules of one's own over a report, in [Rego](https://www.openpolicyagent.org/docs/policy-language).
//!
//! A rule is a module `package lamina` in Rego v1. Its `deny` fails the image, its `warn` warns: sets or
//! lists of messages, or of objects with a `msg`. `input` is the report, exactly as `lamina scan
//! --format json` writes it, without `policy` and `verdict`. docs/rego.md has examples.
//!
//! **What is hostile.** A module may come from a link. It reaches no network, file, environment or
//! random number; `time.now_ns` is the time that it is judged at; `print` prints nowhere. What it may
//! cost is bounded here as far as that can be done within a process:
//! - its source, definitions, nesting and messages are counted ([`limits`]);
//! - functions that call themselves, however indirectly, are refused before they run;
//! - regorus looks at the clock between steps ([`Options::time`]), and bounds regular expressions;
//! - `numbers.range` is bounded.
//!
//! What one step may allocate (`sprintf` with a width, texts that double) is not: memory is bounded by
//! running it in a process with a limit (`lamina scan` does) or in a Web Worker that is ended.
//!
//! **Errors fail.** A module that cannot be parsed, that defines neither `deny` nor `warn`, or in which
//! any step fails, fails the image. Unlike OPA by default, an error in a built-in function is an error
//! and not `undefined`: else `not f(x)` would pass when `f` cannot be evaluated.
//!
//! ```
//! use lamina_policy::{CustomRule, Level};
//!
//! let rule = CustomRule {
//!     name: "no-root".to_owned(),
//!     rego: r#"package lamina
//!         deny contains "runs as root" if input.image.config.user == """#.to_owned(),
//! };
//! let report = r#"{"image": {"config": {"user": ""}}}"#;
//! let outcomes = lamina_rego::judge(&[rule], report, &lamina_rego::Options::default());
//! assert_eq!(outcomes[0].level, Level::Failed);
//! assert_eq!(outcomes[0].reason(), "runs as root");
//! ```

mod engine;
mod judge;
pub mod limits;
mod recursion;

pub use judge::{Judge, Options, Outcome, judge};
