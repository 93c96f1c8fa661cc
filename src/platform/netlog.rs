//! Every request is noted where it is made: [`super::fetch`] is the only place that makes one, on the
//! page's thread and in workers. Notes go to a listener: on the page to its log, in a worker to the
//! page.

use std::{cell::RefCell, rc::Rc};

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

use crate::state::network::{End, Exchange, redacted};

/// A transfer that goes on is told of again at most so often.
const TELL_EVERY_MS: f64 = 1_000.0;

/// Hears of requests: of each when it begins, while it goes on, and when it ends.
pub type Listener = Rc<dyn Fn(&Exchange)>;

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
    static NEXT: RefCell<u32> = const { RefCell::new(0) };
}

/// Who hears of this thread's requests from now on.
pub fn listen(listener: impl Fn(&Exchange) + 'static) {
    LISTENER.set(Some(Rc::new(listener)));
}

/// A request under way. Dropped before its end, it counts as stopped.
#[derive(Debug)]
pub struct Record {
    exchange: Exchange,
    began_ms: f64,
    told_ms: f64,
}

impl Record {
    /// Notes that a request is sent.
    pub fn begin(method: &str, url: &str) -> Self {
        let number = NEXT.with_borrow_mut(|next| {
            *next = next.wrapping_add(1);
            *next
        });
        let now = super::monotonic_ms();
        let record = Self {
            exchange: Exchange {
                number,
                at_ms: super::now_ms(),
                method: method.to_owned(),
                url: redacted(url),
                ..Exchange::default()
            },
            began_ms: now,
            told_ms: now,
        };
        record.tell();
        record
    }

    /// Notes the answer's head. `url` is where it came from in the end.
    pub fn answered(&mut self, status: u16, url: &str) {
        let url = redacted(url);
        self.exchange.status = Some(status);
        self.exchange.redirected = (!url.is_empty() && url != self.exchange.url).then_some(url);
        self.go_on();
    }

    /// Notes bytes of the body.
    pub fn read(&mut self, bytes: usize) {
        self.exchange.bytes += bytes as u64;
        self.go_on();
    }

    /// Notes how it ended.
    pub fn end(&mut self, end: End) {
        if self.exchange.end == End::UnderWay {
            self.exchange.end = end;
            self.exchange.took_ms = super::monotonic_ms() - self.began_ms;
            self.tell();
        }
    }

    fn go_on(&mut self) {
        let now = super::monotonic_ms();
        if now - self.told_ms > TELL_EVERY_MS {
            self.told_ms = now;
            self.exchange.took_ms = now - self.began_ms;
            self.tell();
        }
    }

    fn tell(&self) {
        let listener = LISTENER.with_borrow(Option::clone);
        if let Some(listener) = listener {
            listener(&self.exchange);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(End::Stopped);
    }
}

/// What the browser itself says this thread has loaded: the program's own files among it, which it
/// loads before anything can be noted.
pub fn loaded_by_browser() -> Vec<Exchange> {
    let performance = Reflect::get(&js_sys::global(), &"performance".into())
        .ok()
        .and_then(|performance| performance.dyn_into::<web_sys::Performance>().ok());
    let Some(performance) = performance else {
        return Vec::new();
    };
    let origin_ms = super::now_ms() - super::monotonic_ms();
    let mut loaded = Vec::new();
    for kind in ["navigation", "resource"] {
        let entries = performance.get_entries_by_type(kind);
        loaded.extend(entries.iter().map(|entry| timing(&entry, origin_ms)));
    }
    loaded
}

fn timing(entry: &JsValue, origin_ms: f64) -> Exchange {
    let field = |name: &str| Reflect::get(entry, &name.into()).unwrap_or_default();
    let number = |name: &str| field(name).as_f64().unwrap_or_default();
    let status = super::whole(number("responseStatus"));
    Exchange {
        at_ms: origin_ms + number("startTime"),
        method: "GET".to_owned(),
        url: redacted(&field("name").as_string().unwrap_or_default()),
        status: u16::try_from(status).ok().filter(|status| *status > 0),
        bytes: super::whole(number("decodedBodySize")),
        took_ms: number("duration"),
        end: End::Done,
        ..Exchange::default()
    }
}
