//! Public advisory feeds, read into an advisory database.
