//! What a rule of strangers may cost.

use std::time::Duration;

/// Bytes of one module.
pub const MAX_SOURCE_BYTES: usize = 64 << 10;

/// Rules and functions in one module, the parts of a rule that is written in several counted each.
pub const MAX_DEFINITIONS: usize = 400;

/// Arithmetic and set operators in one module. Chains of them nest, and what regorus takes to read one
/// grows far faster than its length: 6,000 in a row took minutes (regorus 0.14.1, 2026-11-30).
pub const MAX_OPERATORS: usize = 500;

/// Square brackets and braces within each other. regorus tries them as comprehensions first and then
/// again, so that what it takes doubles with each (regorus 0.14.1, 2026-11-30).
pub const MAX_NESTING: usize = 10;

/// Numbers in one `numbers.range`.
pub const MAX_RANGE: i64 = 100_000;

/// Messages that are kept of one rule.
pub const MAX_REASONS: usize = 100;

/// Characters that are kept of one message.
pub const MAX_REASON_CHARS: usize = 300;

/// How long one rule may take: ten times what a rule over a report of 3,000 findings takes.
pub const TIME: Duration = Duration::from_secs(2);

/// The stack that [`crate::Judge`] needs of whoever calls it, in bytes, so that no module that is within
/// the other limits overflows it, also in a build without optimisation.
pub const STACK_BYTES: usize = 256 << 20;
