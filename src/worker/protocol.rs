//! What the page and its workers say to each other.

use serde::{Deserialize, Serialize};

/// From the page to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Do this. A `File` or byte buffers may come beside it.
    Start {
        /// Names the task in what comes back.
        id: u32,
        /// What to do.
        task: Box<Task>,
    },
    /// Stop that task.
    Cancel(u32),
}

/// From a worker to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToPage {
    /// It is loaded and waits for tasks.
    Ready,
    /// Something happened in a task.
    Event {
        /// Which task.
        id: u32,
        /// What.
        event: Box<Event>,
    },
    /// It is broken and must be replaced.
    Crashed(String),
}

/// What a worker can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Task {}

/// What happens in a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// The task has no result.
    Failed(TaskFailure),
}

impl Event {
    /// Whether no event of the task follows.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Failed(_) => true,
        }
    }
}

/// Why a task has no result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub advice: String,
}
