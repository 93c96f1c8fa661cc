//! What of Lamina opens without a network, and whether a newer version is ready.
//!
//! The service worker keeps the page itself when it is installed. Samples, their advisories and the tour
//! are kept when the demo is opened for the first time, or when the reader asks for it.

use std::time::Duration;

use leptos::prelude::*;
use serde::Deserialize;

use super::{
    language::{fill, t},
    words,
};
use crate::browser::{self, service::Service};

/// When the worker is registered: after the page is painted and its own requests are out.
const REGISTER_AFTER: Duration = Duration::from_millis(1500);

/// How often an open page asks for a newer version.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// What the service worker keeps, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The version that it belongs to.
    pub version: String,
    /// Bytes of the page.
    pub page: u64,
    /// Bytes of the demo; `None` if it is not kept.
    pub demo: Option<u64>,
    /// Whether the demo is being fetched.
    pub busy: bool,
    /// Why the demo could not be kept.
    pub problem: Option<String>,
}

/// What is known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Offline {
    /// There is no worker (yet): the page needs its server.
    Nothing,
    /// What it keeps.
    Kept(Kept),
}

impl Offline {
    /// In a sentence; nothing if there is nothing to say.
    pub fn words(&self, is_online: bool) -> Option<String> {
        let Self::Kept(kept) = self else { return None };
        let page = words::size(kept.page);
        Some(match (kept.demo, kept.busy, is_online) {
            (_, true, _) => t("Keeping the demo for use without a network …").to_owned(),
            (Some(demo), _, _) => fill(
                t(
                    "Available offline: the page ({page}) and the demo ({demo}: samples, their advisories, the tour)",
                ),
                &[("page", &page), ("demo", &words::size(demo))],
            ),
            (None, _, true) => fill(
                t("Available offline: the page ({page}), not yet the demo"),
                &[("page", &page)],
            ),
            (None, _, false) => fill(
                t(
                    "Available offline: the page ({page}). The demo is not kept in this browser, and there is no network",
                ),
                &[("page", &page)],
            ),
        })
    }

    /// Whether the demo can be kept now, and is not.
    pub fn can_keep_demo(&self, is_online: bool) -> bool {
        matches!(self, Self::Kept(kept) if kept.demo.is_none() && !kept.busy && is_online)
    }
}

/// Whether this page should be loaded again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newer {
    /// There is no newer version.
    #[default]
    None,
    /// One is ready.
    Ready,
    /// One has taken over from another tab.
    InForce,
}

/// What of this page opens without a network.
#[derive(Clone, Copy)]
pub struct OfflineStore {
    /// What is kept.
    pub offline: RwSignal<Offline>,
    /// Whether there is a newer version.
    pub newer: RwSignal<Newer>,
    /// Whether the browser believes that it has a network.
    pub is_online: RwSignal<bool>,
    service: StoredValue<Option<Service>, LocalStorage>,
    wants_demo: StoredValue<bool>,
    is_reloading: StoredValue<bool>,
}

impl OfflineStore {
    /// Registers the worker soon.
    pub fn start() -> Self {
        let store = Self {
            offline: RwSignal::new(Offline::Nothing),
            newer: RwSignal::new(Newer::None),
            is_online: RwSignal::new(browser::service::is_online()),
            service: StoredValue::new_local(None),
            wants_demo: StoredValue::new(false),
            is_reloading: StoredValue::new(false),
        };
        if browser::service::version().is_some() {
            for event in ["online", "offline"] {
                browser::on_window::<web_sys::Event>(event, move |_| {
                    store.is_online.set(browser::service::is_online());
                });
            }
            browser::after(REGISTER_AFTER, move || {
                leptos::task::spawn_local(store.register());
            });
        }
        store
    }

    async fn register(self) {
        let Some(service) = Service::register().await else {
            return;
        };
        self.service.set_value(Some(service.clone()));
        let own = browser::service::version().unwrap_or_default();
        let speaker = service.clone();
        service.on_message(move |text, is_waiting| {
            let Ok(kept) = serde_json::from_str::<Kept>(&text) else {
                return;
            };
            match is_waiting {
                false => self.offline.set(Offline::Kept(kept)),
                // The page came from the network and is the newer version already.
                true if kept.version == own => speaker.say_to_waiting("take-over"),
                true => self.newer.set(Newer::Ready),
            }
        });
        let speaker = service.clone();
        service.on_waiting(move || speaker.say_to_waiting("state"));
        let was_controlled = StoredValue::new(service.is_controlled());
        let speaker = service.clone();
        service.on_takeover(move || {
            if self.is_reloading.get_value() {
                return browser::service::reload();
            }
            let speaker = speaker.clone();
            // The first worker of all brings nothing new; a later one may.
            if was_controlled.get_value() && self.newer.get_untracked() != Newer::None {
                self.newer.set(Newer::InForce);
            }
            was_controlled.set_value(true);
            leptos::task::spawn_local(async move { speaker.say("state").await });
        });
        service.say("state").await;
        if self.wants_demo.get_value() {
            service.say("keep-demo").await;
        }
        self.keep_looking();
    }

    /// Keeps what the demo needs, as soon as there is a worker; asked again it brings what has changed.
    pub fn keep_demo(self) {
        self.wants_demo.set_value(true);
        if let Some(service) = self.service.get_value() {
            leptos::task::spawn_local(async move { service.say("keep-demo").await });
        }
    }

    /// Goes over to the newer version.
    pub fn take_newer(self) {
        self.is_reloading.set_value(true);
        match (self.newer.get_untracked(), self.service.get_value()) {
            (Newer::Ready, Some(service)) => service.say_to_waiting("take-over"),
            _ => browser::service::reload(),
        }
    }

    fn keep_looking(self) {
        browser::after(LOOK_EVERY, move || {
            if let Some(service) = self.service.get_value() {
                leptos::task::spawn_local(async move { service.look_for_newer().await });
            }
            self.keep_looking();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_said_with_its_size() {
        let kept = |json: &str| Offline::Kept(serde_json::from_str(json).unwrap());
        let check = |offline: &Offline, is_online: bool, expect: Option<&str>| {
            let words = offline.words(is_online);
            match (words, expect) {
                (None, None) => {}
                (Some(words), Some(expect)) => assert!(words.contains(expect), "{words}"),
                (words, _) => panic!("{words:?}, not {expect:?}"),
            }
        };
        check(&Offline::Nothing, true, None);
        let page = kept(r#"{"version":"a","page":4000000,"demo":null}"#);
        check(&page, true, Some("the page (4.0 MB), not yet the demo"));
        check(
            &page,
            false,
            Some("not kept in this browser, and there is no network"),
        );
        assert!(page.can_keep_demo(true));
        assert!(!page.can_keep_demo(false));
        let busy = kept(r#"{"page":1,"busy":true}"#);
        check(&busy, true, Some("Keeping the demo"));
        assert!(!busy.can_keep_demo(true));
        let demo = kept(r#"{"page":4000000,"demo":2600000,"later":1}"#);
        check(&demo, false, Some("the demo (2.6 MB"));
        assert!(!demo.can_keep_demo(true));
        assert!(!Offline::Nothing.can_keep_demo(true));
    }
}
