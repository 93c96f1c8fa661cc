//! The worker's side of a scan.

/// Starts the worker.
pub fn start() {
    console_error_panic_hook::set_once();
}
