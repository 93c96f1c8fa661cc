//! `lamina`: scan, serve, db.
fn main() {}
