//! The scanner worker, and the page's pool of them.
//!
//! The page posts a [`protocol::Task`] to a worker and hears [`protocol::Event`]s back; `File`s are
//! handed over by reference and byte buffers by transfer, never copied through JSON. A worker does
//! one task at a time; [`pool`] keeps the queue.

pub mod pool;
pub mod protocol;
mod tasks;

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use protocol::{Event, ToPage, ToWorker};

use crate::platform::netlog;

/// Starts the worker: installs its message handler and tells the page that it is ready.
pub fn start() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let crash_scope = scope.clone();
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        post(&crash_scope, &ToPage::Crashed(info.to_string()), &[]);
    }));
    let crash_scope = scope.clone();
    let on_rejection = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let reason = Reflect::get(&event, &"reason".into()).unwrap_or_default();
        post(
            &crash_scope,
            &ToPage::Crashed(crate::platform::describe(&reason)),
            &[],
        );
    });
    let _ = scope.add_event_listener_with_callback(
        "unhandledrejection",
        on_rejection.as_ref().unchecked_ref(),
    );
    on_rejection.forget();

    let task_scope = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        let json = Reflect::get(&data, &"json".into())
            .ok()
            .and_then(|json| json.as_string());
        let Some(Ok(message)) = json.map(|json| serde_json::from_str::<ToWorker>(&json)) else {
            return;
        };
        let ToWorker { id, task } = message;
        let file = Reflect::get(&data, &"file".into())
            .ok()
            .and_then(|file| file.dyn_into::<web_sys::File>().ok());
        let buffers = take_buffers(&data);
        let handle = TaskHandle {
            id,
            scope: task_scope.clone(),
        };
        wasm_bindgen_futures::spawn_local(async move {
            tasks::run(task, file, buffers, &handle).await;
        });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    let noting_scope = scope.clone();
    netlog::listen(move |exchange| {
        let request = ToPage::Request(Box::new(exchange.clone()));
        post(&noting_scope, &request, &[]);
    });
    post(&scope, &ToPage::Loaded(netlog::loaded_by_browser()), &[]);
    post(&scope, &ToPage::Ready, &[]);
}

/// How a task speaks to the page.
struct TaskHandle {
    id: u32,
    scope: DedicatedWorkerGlobalScope,
}

impl TaskHandle {
    fn emit(&self, event: Event) {
        self.emit_with(event, &[]);
    }

    fn emit_with(&self, event: Event, buffers: &[Uint8Array]) {
        post(
            &self.scope,
            &ToPage::Event {
                id: self.id,
                event: Box::new(event),
            },
            buffers,
        );
    }
}

fn post(scope: &DedicatedWorkerGlobalScope, message: &ToPage, buffers: &[Uint8Array]) {
    let Ok(json) = serde_json::to_string(message) else {
        return;
    };
    let (envelope, transfer) = envelope(&json, buffers);
    let _ = scope.post_message_with_transfer(&envelope, &transfer);
}

/// Packs a message: `{ json, buffers }`, with the buffers' memory to be transferred.
fn envelope(json: &str, buffers: &[Uint8Array]) -> (JsValue, Array) {
    let message = js_sys::Object::new();
    let _ = Reflect::set(&message, &"json".into(), &json.into());
    let transfer = Array::new();
    if !buffers.is_empty() {
        let list = Array::new();
        for buffer in buffers {
            list.push(buffer);
            transfer.push(&buffer.buffer());
        }
        let _ = Reflect::set(&message, &"buffers".into(), &list);
    }
    (message.into(), transfer)
}

fn take_buffers(data: &JsValue) -> Vec<Uint8Array> {
    let Ok(list) = Reflect::get(data, &"buffers".into()) else {
        return Vec::new();
    };
    let Ok(list) = list.dyn_into::<Array>() else {
        return Vec::new();
    };
    list.iter()
        .filter_map(|item| item.dyn_into().ok())
        .collect()
}
