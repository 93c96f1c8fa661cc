//! What the bench reads: `window.__lamina.stats.workerBytes`, the WebAssembly memory of each worker.

use std::{cell::RefCell, collections::BTreeMap};

use js_sys::{Array, Object, Reflect};

thread_local! {
    static WORKER_BYTES: RefCell<BTreeMap<u32, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes the WebAssembly memory of the worker with this serial. It only ever grows.
pub(super) fn worker_memory(serial: u32, bytes: u64) {
    let list = WORKER_BYTES.with_borrow_mut(|workers| {
        workers.insert(serial, bytes);
        // Below 2^53.
        let numbers = workers.values().map(|bytes| *bytes as f64);
        numbers.map(wasm_bindgen::JsValue::from).collect::<Array>()
    });
    let stats = Object::new();
    let _ = Reflect::set(&stats, &"workerBytes".into(), &list);
    let lamina = Object::new();
    let _ = Reflect::set(&lamina, &"stats".into(), &stats);
    let _ = Reflect::set(&js_sys::global(), &"__lamina".into(), &lamina);
}
