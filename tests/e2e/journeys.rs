//! One module a journey, or a few that are alike.

mod agreement;
mod archive;
mod bad_input;
mod compare;
mod database;
mod files;
mod habits;
mod home;
mod imports;
mod inventory;
mod lab;
mod missing;
mod performance;
mod pwa;
mod registries;
mod report;
mod samples;
mod share;
mod tour;
