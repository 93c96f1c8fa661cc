//! One module a journey, or a few that are alike.

mod agreement;
mod archive;
mod bad_input;
mod compare;
mod database;
mod habits;
mod home;
mod inventory;
mod lab;
mod performance;
mod registries;
mod report;
mod samples;
mod share;
