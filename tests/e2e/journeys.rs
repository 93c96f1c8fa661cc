//! One module a journey, or a few that are alike.

mod agreement;
mod archive;
mod bad_input;
mod database;
mod home;
mod imports;
mod inventory;
mod lab;
mod registries;
mod samples;
mod share;
