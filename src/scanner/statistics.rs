//! What the bench reads: `window.laminaStatistics`.

use std::cell::Cell;

use js_sys::{Object, Reflect};

thread_local! {
    static WORKER_MEMORY: Cell<u64> = const { Cell::new(0) };
}

/// Notes the WebAssembly memory of a worker; the largest is shown.
pub(super) fn worker_memory(bytes: u64) {
    let largest = WORKER_MEMORY.get().max(bytes);
    WORKER_MEMORY.set(largest);
    let statistics = Object::new();
    // Below 2^53.
    let value = largest as f64;
    let _ = Reflect::set(&statistics, &"workerMemoryBytes".into(), &value.into());
    let _ = Reflect::set(&js_sys::global(), &"laminaStatistics".into(), &statistics);
}
