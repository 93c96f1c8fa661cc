//! Short notes that come and go.

use std::time::Duration;

use leptos::prelude::*;

/// How long a note stays.
const STAYS: Duration = Duration::from_secs(7);

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Makes it different from the same text shown before.
    pub id: u32,
    /// What it says.
    pub text: String,
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
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        let text = text.into();
        self.list.update(|list| {
            list.retain(|toast| toast.text != text);
            list.push(Toast { id, text });
            if list.len() > 3 {
                list.remove(0);
            }
        });
        crate::browser::after(STAYS, move || self.dismiss(id));
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
