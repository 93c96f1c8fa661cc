//! The page's own log of requests: what its thread and its workers tell, and a signal that says when to
//! draw it anew.

use std::{cell::RefCell, time::Duration};

use leptos::prelude::*;

use super::network::{self, Exchange, Log};
use crate::{
    browser,
    platform::{self, netlog, servers::Servers},
};

/// How often an open log is drawn while requests come in.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// The sender that stands for the page itself; workers have their serials, from 1 on.
const PAGE: u32 = 0;

thread_local! {
    static LOG: RefCell<Log> = RefCell::new(Log::new(&platform::base_url()).with_relay(Servers::load().relay));
    static DESKS: RefCell<u32> = const { RefCell::new(0) };
    static DRAWING: RefCell<Option<Drawing>> = const { RefCell::new(None) };
}

struct Drawing {
    revision: RwSignal<u32>,
    is_due: bool,
}

/// Changes when the log does: in the page's context.
#[derive(Clone, Copy, Debug)]
pub struct LogRevision(pub RwSignal<u32>);

/// Begins to listen to the page's own requests. Answers what changes when the log does.
pub fn begin() -> LogRevision {
    let revision = RwSignal::new(0);
    DRAWING.set(Some(Drawing {
        revision,
        is_due: false,
    }));
    netlog::listen(|exchange| note(PAGE, exchange.clone()));
    LogRevision(revision)
}

/// Tells the log that the relay of another server is used from now on, or no longer.
pub fn use_relay(relay: Option<String>) {
    LOG.with_borrow_mut(|log| *log = std::mem::take(log).with_relay(relay));
}

/// Notes a request of a sender.
pub fn note(sender: u32, exchange: Exchange) {
    change(|log| log.note(sender, exchange));
}

/// Notes what the browser loaded for a sender.
pub fn note_loaded(sender: u32, loaded: Vec<Exchange>) {
    change(|log| log.note_loaded(sender, loaded));
}

/// Notes what the browser loaded for a desk, as JSON.
pub fn note_desk(loaded: &str) {
    if let Ok(loaded) = serde_json::from_str(loaded) {
        let sender = DESKS.with_borrow_mut(|desks| {
            *desks += 1;
            network::DESK.saturating_add(*desks)
        });
        note_loaded(sender, loaded);
    }
}

/// A worker was ended.
pub fn stop(sender: u32) {
    change(|log| log.stop(sender));
}

/// Says what a blob is.
pub fn name_blob(digest: &str, what: &str) {
    LOG.with_borrow_mut(|log| log.name_blob(digest, what));
}

/// Reads the log, with what the browser itself has loaded for the page by now.
pub fn read<T>(read: impl FnOnce(&Log) -> T) -> T {
    LOG.with_borrow_mut(|log| {
        log.note_loaded(PAGE, netlog::loaded_by_browser());
        read(log)
    })
}

fn change(change: impl FnOnce(&mut Log)) {
    LOG.with_borrow_mut(change);
    let is_first = DRAWING.with_borrow_mut(|drawing| match drawing {
        Some(drawing) => !std::mem::replace(&mut drawing.is_due, true),
        None => false,
    });
    if is_first {
        browser::after(DRAW_EVERY, || {
            let revision = DRAWING.with_borrow_mut(|drawing| {
                let drawing = drawing.as_mut()?;
                drawing.is_due = false;
                Some(drawing.revision)
            });
            if let Some(revision) = revision {
                let _ = revision.try_update(|revision| *revision = revision.wrapping_add(1));
            }
        });
    }
}
