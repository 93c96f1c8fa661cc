//! What every list with a drawer does: one row has the focus, keys move it, a click or Enter opens
//! it, and closing gives the focus back.

use std::sync::Arc;

use leptos::prelude::*;

use super::virtual_list::Scroller;
use crate::{
    browser,
    state::{
        address::Address,
        session::Session,
        settings,
        shortcuts::{self, Action, Place},
    },
};

/// Rem of the column heads and what is above them, which stay at the top of the window.
const HEAD_REM: f64 = 6.5;

/// Focus and keys of one list.
#[derive(Clone, Copy)]
pub struct RowKeys {
    session: Session,
    rows: Memo<Arc<Vec<usize>>>,
    opened: Memo<Option<usize>>,
    write: Callback<(Address, Option<usize>), Address>,
    prefix: &'static str,
    /// The row that has the focus, or had it last.
    pub active: RwSignal<usize>,
    /// Scrolls the list.
    pub scroller: Scroller,
}

impl RowKeys {
    /// For a list of `rows`, indexes into the report, of which `opened` is in the drawer. `write`
    /// puts what is opened into an address; `prefix` begins the ids of rows.
    pub fn new(
        session: Session,
        prefix: &'static str,
        rows: Memo<Arc<Vec<usize>>>,
        opened: Memo<Option<usize>>,
        write: impl Fn(&mut Address, Option<usize>) + Send + Sync + 'static,
    ) -> Self {
        let at = opened.get_untracked();
        let position = rows.with_untracked(|rows| rows.iter().position(|row| Some(*row) == at));
        let keys = Self {
            session,
            rows,
            opened,
            write: Callback::new(move |(mut address, index): (Address, Option<usize>)| {
                write(&mut address, index);
                address
            }),
            prefix,
            active: RwSignal::new(position.unwrap_or_default()),
            scroller: Scroller::new(),
        };
        // j and k work wherever the focus is, as long as nothing is typed.
        let listener = window_event_listener(leptos::ev::keydown, move |event| {
            if browser::has_dialog() || browser::is_typing(&event) || has_modifier(&event) {
                return;
            }
            if !settings::takes(&event.key()) {
                return;
            }
            let step = match shortcuts::find(&event.key(), Place::Rows) {
                Some(Action::NextRow) => "ArrowDown",
                Some(Action::PreviousRow) => "ArrowUp",
                _ => return,
            };
            if keys.step(step) {
                event.prevent_default();
            }
        });
        on_cleanup(move || listener.remove());
        Effect::new(move |_| {
            let count = rows.with(|rows| rows.len());
            if keys.active.get_untracked() >= count {
                keys.active.set(count.saturating_sub(1));
            }
        });
        keys
    }

    /// The id of a row's element.
    pub fn id(self, position: usize) -> String {
        format!("{}-{position}", self.prefix)
    }

    /// Whether a row is the list's stop of the tab key.
    pub fn tabindex(self, position: usize) -> &'static str {
        if self.active.get() == position {
            "0"
        } else {
            "-1"
        }
    }

    /// Whether something is in the drawer.
    pub fn is_open(self, index: usize) -> bool {
        self.opened.get() == Some(index)
    }

    /// Opens what is at an index of the report.
    pub fn open(self, index: usize) {
        let write = self.write;
        let change = |address: &mut Address| *address = write.run((address.clone(), Some(index)));
        if self.opened.get_untracked().is_some() {
            self.session.refine(change);
        } else {
            self.session.select(change);
        }
    }

    /// Opens a row that was clicked.
    pub fn click(self, position: usize, index: usize) {
        self.active.set(position);
        self.open(index);
    }

    /// Closes the drawer.
    pub fn close(self) {
        let write = self.write;
        self.session
            .select(|address| *address = write.run((address.clone(), None)));
        // A dialog that closes hands the focus back to where it was: ours comes after.
        let row = self.id(self.active.get_untracked());
        request_animation_frame(move || browser::focus(&row));
    }

    /// Moves by a key. False if the key moves nothing.
    pub fn step(self, key: &str) -> bool {
        let now = self.active.get_untracked();
        let page = self.scroller.page();
        let next = match key {
            "j" | "ArrowDown" => now + 1,
            "k" | "ArrowUp" => now.saturating_sub(1),
            "PageDown" => now + page,
            "PageUp" => now.saturating_sub(page),
            "Home" => 0,
            "End" => usize::MAX,
            _ => return false,
        };
        self.move_to(next);
        true
    }

    /// What the list does with a key.
    pub fn on_key(self, event: &leptos::ev::KeyboardEvent) {
        if has_modifier(event) {
            return;
        }
        if shortcuts::find(&event.key(), Place::Row) == Some(Action::OpenRow) {
            // A button within a row is pressed, not the row.
            if browser::is_on_button(event) {
                return;
            }
            if let Some(index) = self.at(self.active.get_untracked()) {
                event.prevent_default();
                self.open(index);
            }
        } else if !shortcuts::is_character(&event.key()) && self.step(&event.key()) {
            event.prevent_default();
        }
    }

    fn at(self, position: usize) -> Option<usize> {
        self.rows.with_untracked(|rows| rows.get(position).copied())
    }

    fn move_to(self, position: usize) {
        let count = self.rows.with_untracked(|rows| rows.len());
        if count == 0 {
            return;
        }
        let position = position.min(count - 1);
        self.active.set(position);
        self.scroller.reveal(position, HEAD_REM * browser::rem());
        if self.opened.get_untracked().is_some() {
            if let Some(index) = self.at(position) {
                self.open(index);
            }
        } else {
            let row = self.id(position);
            request_animation_frame(move || browser::focus(&row));
        }
    }
}

fn has_modifier(event: &leptos::ev::KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}
