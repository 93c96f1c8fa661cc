//! The journey of an image, from bytes to report.
