//! One module a journey, or a few that are alike.

mod agreement;
mod archive;
mod bad_input;
mod database;
mod files;
mod home;
mod inventory;
mod lab;
mod registries;
mod samples;
mod share;
