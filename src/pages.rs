//! The pages: what fills the window for each phase of the session.

pub mod home;
pub mod problem;
pub mod report;
pub mod scan;
