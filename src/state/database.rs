//! The advisory database, as the page sees it: how old it is, whether a newer one is being looked for, and
//! what a newer one changed in kept reports.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    language::{fill, t},
    session::Session,
    toasts::Toasts,
    words,
};
use crate::{
    browser, platform,
    scanner::{self, CHECK_AGAIN_MS, DatabaseState, KeptChanges},
};

/// When the start page asks for the first time: after it is painted and its own requests are out.
const FIRST: Duration = Duration::from_millis(800);

/// How often an open page looks whether an hour has passed.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Images that an announcement names; the rest is counted.
const NAMED: usize = 2;

/// What is known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing yet.
    Nothing,
    /// How it stands.
    State(Box<DatabaseState>),
    /// There is none, and why.
    Missing(String),
}

/// The database of this page.
#[derive(Clone, Copy)]
pub struct DatabaseStore {
    /// What is known of it.
    pub known: RwSignal<Known>,
    /// Whether the server is being asked.
    pub is_asking: RwSignal<bool>,
    /// Raised when the user has asked, and the server has answered.
    pub answers: RwSignal<u32>,
    /// Whether the user asked while the page was asking on its own: that question is asked next.
    is_wanted: StoredValue<bool>,
    session: Session,
    toasts: Toasts,
}

impl DatabaseStore {
    /// Knows nothing yet.
    pub fn new(session: Session, toasts: Toasts) -> Self {
        Self {
            known: RwSignal::new(Known::Nothing),
            is_asking: RwSignal::new(false),
            answers: RwSignal::new(0),
            is_wanted: StoredValue::new(false),
            session,
            toasts,
        }
    }

    /// Looks for a newer one soon, and from then on every hour.
    pub fn begin(self) {
        if self.known.with_untracked(|known| *known == Known::Nothing) {
            browser::after(FIRST, move || self.update(false));
        }
    }

    /// Looks for a newer one now; unless forced to, at most once an hour. What the user asks for while the
    /// page asks on its own is not lost: it is asked when that answer is there.
    pub fn update(self, is_forced: bool) {
        if self.is_asking.get_untracked() {
            if is_forced {
                self.is_wanted.set_value(true);
            }
            return;
        }
        if is_forced {
            self.is_wanted.set_value(false);
        }
        self.is_asking.set(true);
        leptos::task::spawn_local(async move {
            let answer = scanner::update_database(is_forced).await;
            self.is_asking.set(false);
            if let Ok(state) = &answer {
                if is_forced {
                    self.answers
                        .update(|answers| *answers = answers.wrapping_add(1));
                }
                if state.is_new {
                    self.session.forget_matched();
                }
                if let Some(news) = announcement(&state.changed) {
                    self.toasts.show(news);
                } else if is_forced {
                    self.toasts.show(outcome(state));
                }
            }
            let is_first = self.known.with_untracked(|known| *known == Known::Nothing);
            self.known.set(match answer {
                Ok(state) => Known::State(Box::new(state)),
                Err(problem) => Known::Missing(problem),
            });
            if is_first {
                self.keep_looking();
            }
            if self.is_wanted.get_value() {
                self.update(true);
            }
        });
    }

    /// Forgets what this browser holds of it.
    pub fn clear(self) {
        leptos::task::spawn_local(async move {
            scanner::clear_database().await;
            self.toasts.show(t(
                "This browser holds no advisories any more; the next scan fetches what it needs",
            ));
            self.session.kept_has_changed();
            self.known.update(|known| {
                if let Known::State(state) = known {
                    state.held_bytes = 0;
                    state.held_shards = 0;
                }
            });
        });
    }

    fn keep_looking(self) {
        browser::after(LOOK_EVERY, move || {
            let is_due = self.known.with_untracked(|known| match known {
                Known::State(state) => platform::now_ms() - state.checked_ms > CHECK_AGAIN_MS,
                _ => true,
            });
            if is_due {
                self.update(false);
            }
            self.keep_looking();
        });
    }
}

/// What changed in kept reports, in a sentence; `None` if nothing.
fn announcement(changed: &[(String, KeptChanges)]) -> Option<String> {
    let named: Vec<String> = changed
        .iter()
        .take(NAMED)
        .map(|(name, changes)| format!("{name}: {}", changes.words()))
        .collect();
    let rest = changed.len().saturating_sub(NAMED);
    let named = named.join("; ");
    match (named.is_empty(), rest) {
        (true, _) => None,
        (_, 0) => Some(fill(t("New advisories. {changes}"), &[("changes", &named)])),
        (_, rest) => Some(fill(
            t("New advisories. {changes}; and {n} more"),
            &[("changes", &named), ("n", &rest.to_string())],
        )),
    }
}

/// What an update that was asked for came to.
fn outcome(state: &DatabaseState) -> String {
    match &state.problem {
        Some(problem) => words::sentence(problem),
        None if state.is_new => fill(
            t("Brought up to date ({size} fetched): no kept report changes"),
            &[("size", &words::size(state.fetched_bytes))],
        ),
        None => t("There is no newer advisory database").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_names_two_images_and_counts_the_rest() {
        let changes = KeptChanges {
            added: 2,
            ..KeptChanges::default()
        };
        let list = |count: usize| -> Vec<(String, KeptChanges)> {
            (0..count)
                .map(|n| (format!("shop:{n}"), changes.clone()))
                .collect()
        };
        assert_eq!(announcement(&[]), None);
        let check = |count, expect: &str| assert_eq!(announcement(&list(count)).unwrap(), expect);
        check(1, "New advisories. shop:0: 2 new");
        check(2, "New advisories. shop:0: 2 new; shop:1: 2 new");
        check(
            4,
            "New advisories. shop:0: 2 new; shop:1: 2 new; and 2 more",
        );
    }
}
