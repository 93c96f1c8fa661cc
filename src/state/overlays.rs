//! What lies over the page: one thing at a time.

use leptos::prelude::*;

/// Something over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The list of shortcuts.
    Help,
    /// The command palette.
    Palette,
    /// The settings.
    Settings,
    /// The log of requests.
    NetworkLog,
    /// Ways to share the report.
    Share,
}

/// Which one is open.
#[derive(Clone, Copy, Debug)]
pub struct Overlays {
    /// The open one.
    pub open: RwSignal<Option<Overlay>>,
}

impl Overlays {
    /// None is open.
    pub fn new() -> Self {
        Self {
            open: RwSignal::new(None),
        }
    }

    /// Opens one, in place of what is open.
    pub fn show(self, overlay: Overlay) {
        self.open.set(Some(overlay));
    }

    /// Closes one, if it is the open one.
    pub fn close(self, overlay: Overlay) {
        if self.open.get_untracked() == Some(overlay) {
            self.open.set(None);
        }
    }
}

impl Default for Overlays {
    fn default() -> Self {
        Self::new()
    }
}
