//! Short notes that come and go.

use std::{fmt, sync::Arc, time::Duration};

use leptos::prelude::*;

/// How long a note stays.
const STAYS: Duration = Duration::from_secs(7);

/// How long one stays that can be undone: it must be read, reached and pressed.
const STAYS_TO_UNDO: Duration = Duration::from_secs(20);

/// Takes something back. It belongs to its note, not to the view that made it, which is often gone by then.
#[derive(Clone)]
pub struct Undo(Arc<dyn Fn() + Send + Sync>);

impl Undo {
    /// Takes it back.
    pub fn run(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Undo")
    }
}

/// A note.
#[derive(Clone, Debug)]
pub struct Toast {
    /// Makes it different from the same text shown before.
    pub id: u32,
    /// What it says.
    pub text: String,
    /// Takes back what it tells of, if that can be.
    pub undo: Option<Undo>,
}

/// The notes on show.
#[derive(Clone, Copy, Debug)]
pub struct Toasts {
    /// Oldest first.
    pub list: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
}

impl Toasts {
    /// None yet.
    pub fn new() -> Self {
        Self {
            list: RwSignal::new(Vec::new()),
            next: StoredValue::new(0),
        }
    }

    /// Shows a note for a while.
    pub fn show(self, text: impl Into<String>) {
        self.push(text.into(), None);
    }

    /// Shows a note of something that a press on "Undo" takes back.
    pub fn show_with_undo(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.push(text.into(), Some(Undo(Arc::new(undo))));
    }

    fn push(self, text: String, undo: Option<Undo>) {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        let stays = match undo {
            Some(_) => STAYS_TO_UNDO,
            None => STAYS,
        };
        self.list.update(|list| {
            list.retain(|toast| toast.text != text);
            list.push(Toast { id, text, undo });
            if list.len() > 3 {
                list.remove(0);
            }
        });
        crate::browser::after(stays, move || self.dismiss(id));
    }

    /// Takes a note away.
    pub fn dismiss(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }
}

impl Default for Toasts {
    fn default() -> Self {
        Self::new()
    }
}
