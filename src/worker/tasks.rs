//! The tasks.

use super::{TaskHandle, protocol::Task};

pub(super) async fn run(
    task: Task,
    _file: Option<web_sys::File>,
    _buffers: Vec<js_sys::Uint8Array>,
    _handle: &TaskHandle,
) {
    match task {}
}
