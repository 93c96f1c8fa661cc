//! What the page knows: pure functions over the report, and the stores that components read.
//!
//! Everything but [`session`], [`report`], [`settings`], [`offline`] and [`toasts`] is a function of values and is tested without a
//! browser.

pub mod accounts;
pub mod address;
pub mod advice;
pub mod beside;
pub mod columns;
pub mod compare;
pub mod content;
pub mod counts;
pub mod cvss;
pub mod database;
pub mod dockerfile;
pub mod files;
pub mod findings;
pub mod fixes;
pub mod grouping;
pub mod issues;
pub mod json_tree;
pub mod language;
pub mod licences;
pub mod links;
pub mod machine;
pub mod markdown;
pub mod network;
pub mod network_log;
pub mod offline;
pub mod overlays;
pub mod packages;
pub mod palette;
pub mod policies;
pub mod problem;
pub mod query;
pub mod report;
pub mod scan;
pub mod session;
pub mod settings;
pub mod shortcuts;
pub mod steps;
pub mod strata;
pub mod toasts;
pub mod tour;
pub mod treemap;
pub mod uploads;
pub mod windowing;
pub mod words;
