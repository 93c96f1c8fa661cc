//! Limits on reports that come from others.

/// A share link's payload, as text. Chromium accepts addresses of 2 MiB, Firefox of 1 MiB.
pub const MAX_LINK_CHARS: usize = 4 << 20;

/// A shared report, inflated. A report of 3,000 findings and 2,000 packages is about 3 MB.
pub const MAX_REPORT_BYTES: usize = 64 << 20;

/// Values (numbers, texts, lists …) of a report in a link of version 2. A report of 3,000 findings and
/// 2,000 packages has 150,000.
pub const MAX_LINK_VALUES: usize = 2 << 20;

/// How deep lists and objects lie in one another in such a link. A report's lie 7 deep.
pub const MAX_LINK_DEPTH: usize = 32;

/// Characters of a link, from its first to its last, that every program passes on: mail, chat, issue
/// trackers and QR codes of several parts cut off longer ones now and then.
pub const LINK_BUDGET_CHARS: usize = 8_000;
