//! The service worker: what makes the page open without a network. `src/sw.js` is the worker; it is there
//! when `xtask` built the page, and not when Trunk alone did.

use js_sys::Reflect;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MessageEvent, RegistrationOptions, ServiceWorker, ServiceWorkerContainer,
    ServiceWorkerRegistration, ServiceWorkerState, ServiceWorkerUpdateViaCache,
};

use super::window;

/// The page's version, which the build writes into it.
pub fn version() -> Option<String> {
    let document = window()?.document()?;
    let meta = document.query_selector("meta[name=\"lamina-version\"]");
    meta.ok()??.get_attribute("content")
}

/// The browser's service workers, where there are any: in secure contexts only.
fn container() -> Option<ServiceWorkerContainer> {
    let navigator = window()?.navigator();
    Reflect::get(&navigator, &"serviceWorker".into())
        .ok()?
        .dyn_into()
        .ok()
}

/// The worker of this page, once it is registered.
#[derive(Clone, Debug)]
pub struct Service {
    container: ServiceWorkerContainer,
    registration: ServiceWorkerRegistration,
}

impl Service {
    /// Registers the worker. `None` if the page was built without one, or the browser takes none.
    pub async fn register() -> Option<Self> {
        version()?;
        let container = container()?;
        let options = RegistrationOptions::new();
        // The worker is small; whether there is a newer one is asked of the server.
        options.set_update_via_cache(ServiceWorkerUpdateViaCache::None);
        let registered = container.register_with_options("sw.js", &options);
        let registration = JsFuture::from(registered).await.ok()?;
        Some(Self {
            container,
            registration: registration.dyn_into().ok()?,
        })
    }

    /// Calls back with every message of a worker, and `true` if it is the one that waits to take over.
    pub fn on_message(&self, hear: impl Fn(String, bool) + 'static) {
        let registration = self.registration.clone();
        let closure = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let waits = registration.waiting().is_some_and(|waiting| {
                event
                    .source()
                    .is_some_and(|source| js_sys::Object::is(&source, &waiting))
            });
            if let Some(text) = event.data().as_string() {
                hear(text, waits);
            }
        });
        self.container
            .set_onmessage(Some(closure.as_ref().unchecked_ref()));
        closure.forget();
    }

    /// Calls back when a worker of another version is installed and waits; also now, if one does.
    pub fn on_waiting(&self, hear: impl Fn() + Clone + 'static) {
        if self.registration.waiting().is_some() {
            hear();
        }
        let registration = self.registration.clone();
        let closure = Closure::<dyn Fn()>::new(move || {
            let Some(worker) = registration.installing() else {
                return;
            };
            let (hear, changing) = (hear.clone(), worker.clone());
            let on_change = Closure::<dyn Fn()>::new(move || {
                if changing.state() == ServiceWorkerState::Installed {
                    hear();
                }
            });
            worker.set_onstatechange(Some(on_change.as_ref().unchecked_ref()));
            on_change.forget();
        });
        self.registration
            .set_onupdatefound(Some(closure.as_ref().unchecked_ref()));
        closure.forget();
    }

    /// Calls back when another worker has taken over this page.
    pub fn on_takeover(&self, hear: impl Fn() + 'static) {
        let closure = Closure::<dyn Fn()>::new(hear);
        self.container
            .set_oncontrollerchange(Some(closure.as_ref().unchecked_ref()));
        closure.forget();
    }

    /// Whether a worker answers this page's requests.
    pub fn is_controlled(&self) -> bool {
        self.container.controller().is_some()
    }

    /// Says something to the worker in force, once there is one.
    pub async fn say(&self, text: &str) {
        let Ok(ready) = self.container.ready() else {
            return;
        };
        let ready = JsFuture::from(ready).await.unwrap_or(JsValue::UNDEFINED);
        let worker = ready
            .dyn_into::<ServiceWorkerRegistration>()
            .ok()
            .and_then(|registration| registration.active());
        say(worker, text);
    }

    /// Says something to the worker that waits to take over.
    pub fn say_to_waiting(&self, text: &str) {
        say(self.registration.waiting(), text);
    }

    /// Asks the server whether there is a newer worker.
    pub async fn look_for_newer(&self) {
        if let Ok(update) = self.registration.update() {
            let _ = JsFuture::from(update).await;
        }
    }
}

fn say(worker: Option<ServiceWorker>, text: &str) {
    if let Some(worker) = worker {
        let _ = worker.post_message(&text.into());
    }
}

/// Whether the browser believes that it has a network.
pub fn is_online() -> bool {
    window().is_none_or(|window| window.navigator().on_line())
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}
