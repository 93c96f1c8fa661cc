//! Limits on reports that come from others.

/// A share link's payload, as text. Chromium accepts addresses of 2 MiB, Firefox of 1 MiB.
pub const MAX_LINK_CHARS: usize = 4 << 20;

/// A shared report, inflated. A report of 3,000 findings and 2,000 packages is about 3 MB.
pub const MAX_REPORT_BYTES: usize = 64 << 20;
