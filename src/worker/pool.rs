//! The page's pool of workers.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker};

use super::protocol::{Event, Task, ToPage, ToWorker};
use crate::{
    platform::servers::Servers,
    scanner::ScanFailure,
    state::{
        language::{fill, t},
        network_log,
    },
};

/// More workers than this gain nothing: the network is then the limit, and each costs memory.
const MAX_WORKERS: usize = 8;

/// Workers that wait for the first task: most images keep two busy from the first second on.
const WARM_WORKERS: usize = 2;

/// Hears a task's events, with the buffers that came along and the serial of the worker.
type OnEvent = Rc<dyn Fn(Event, Vec<Uint8Array>, u32)>;

struct Job {
    id: u32,
    task: Task,
    file: Option<web_sys::File>,
    buffers: Vec<Uint8Array>,
    on_event: OnEvent,
    /// The worker it must run on: the one that holds the state it asks for.
    pinned: Option<u32>,
}

struct Slot {
    /// Names the worker; a worker that replaces a crashed one has another.
    serial: u32,
    worker: Worker,
    is_ready: bool,
    job: Option<(u32, OnEvent)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::ErrorEvent)>,
}

#[derive(Default)]
struct Inner {
    slots: Vec<Slot>,
    queue: VecDeque<Job>,
    next_id: u32,
    next_serial: u32,
    /// The worker that does only what is meant for it: its image must stay.
    reserved: Option<u32>,
    /// Workers up to this serial know servers that are no longer used: they finish what they do.
    outdated: u32,
}

/// Workers, and the tasks that wait for one. One for the whole page.
#[derive(Clone, Default)]
pub struct Pool(Rc<RefCell<Inner>>);

/// A task that was given to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskId(u32);

thread_local! {
    static POOL: Pool = Pool::default();
}

impl Pool {
    /// The page's pool.
    pub fn of_page() -> Pool {
        POOL.with(Pool::clone)
    }

    /// Queues a task. `on_event` hears its events; the last one is [`Event::is_last`].
    pub fn run(
        &self,
        task: Task,
        file: Option<web_sys::File>,
        buffers: Vec<Uint8Array>,
        on_event: impl Fn(Event, Vec<Uint8Array>, u32) + 'static,
    ) -> TaskId {
        self.queue(task, file, buffers, Rc::new(on_event), None, false)
    }

    /// The same, before all that waits already.
    pub fn run_first(
        &self,
        task: Task,
        buffers: Vec<Uint8Array>,
        on_event: impl Fn(Event, Vec<Uint8Array>, u32) + 'static,
    ) -> TaskId {
        self.queue(task, None, buffers, Rc::new(on_event), None, true)
    }

    /// Starts workers ahead of the first task, so that their program is loaded and compiled by then.
    pub fn warm(&self) {
        let mut inner = self.0.borrow_mut();
        while inner.slots.len() < worker_limit().min(WARM_WORKERS) && self.add_worker(&mut inner) {}
    }

    /// Queues a task for the worker with this serial: the one that holds what it asks about.
    pub fn run_on(
        &self,
        serial: u32,
        task: Task,
        file: Option<web_sys::File>,
        buffers: Vec<Uint8Array>,
        on_event: impl Fn(Event, Vec<Uint8Array>, u32) + 'static,
    ) -> TaskId {
        self.queue(task, file, buffers, Rc::new(on_event), Some(serial), false)
    }

    /// Stops a task. No event follows. The worker that runs it is ended, which stops its transfers
    /// and frees its memory at once; another is started when one is needed.
    pub fn cancel(&self, task: TaskId) {
        let ended = {
            let mut inner = self.0.borrow_mut();
            inner.queue.retain(|job| job.id != task.0);
            let runs = |slot: &Slot| slot.job.as_ref().is_some_and(|(id, _)| *id == task.0);
            match inner.slots.iter().position(runs) {
                Some(index) => Some(inner.slots.remove(index)),
                None => None,
            }
        };
        if let Some(slot) = ended {
            slot.worker.terminate();
            network_log::stop(slot.serial);
            self.dispatch();
        }
    }

    /// Has a worker do only what is meant for it, so that the image that it holds stays; or none.
    pub fn reserve(&self, serial: Option<u32>) {
        self.0.borrow_mut().reserved = serial;
    }

    /// Ends the workers that have nothing to do, but for the one with this serial.
    pub fn release_idle(&self, keep: Option<u32>) {
        self.0.borrow_mut().slots.retain(|slot| {
            let stays = slot.job.is_some() || Some(slot.serial) == keep;
            if !stays {
                slot.worker.terminate();
            }
            stays
        });
        // A task may have waited for one of them to be ready.
        self.dispatch();
    }

    /// Gives what is asked from now on to new workers, which know the servers in use now. Those that have
    /// nothing to do are ended, but for the one with this serial, which goes on with what it holds.
    pub fn renew(&self, keep: Option<u32>) {
        {
            let mut inner = self.0.borrow_mut();
            inner.outdated = inner.next_serial;
        }
        self.release_idle(keep);
    }

    fn queue(
        &self,
        task: Task,
        file: Option<web_sys::File>,
        buffers: Vec<Uint8Array>,
        on_event: OnEvent,
        pinned: Option<u32>,
        is_first: bool,
    ) -> TaskId {
        let id = {
            let mut inner = self.0.borrow_mut();
            inner.next_id += 1;
            let id = inner.next_id;
            let job = Job {
                id,
                task,
                file,
                buffers,
                on_event,
                pinned,
            };
            match is_first {
                true => inner.queue.push_front(job),
                false => inner.queue.push_back(job),
            }
            id
        };
        self.dispatch();
        TaskId(id)
    }

    /// Gives waiting tasks to idle workers, and starts workers while there are too few.
    fn dispatch(&self) {
        let mut lost: Vec<OnEvent> = Vec::new();
        {
            let mut inner = self.0.borrow_mut();
            let inner = &mut *inner;
            let (reserved, outdated) = (inner.reserved, inner.outdated);
            let mut waiting = VecDeque::new();
            while let Some(job) = inner.queue.pop_front() {
                let fits = |slot: &&mut Slot| {
                    slot.is_ready
                        && slot.job.is_none()
                        && match job.pinned {
                            Some(serial) => serial == slot.serial,
                            None => reserved != Some(slot.serial) && slot.serial > outdated,
                        }
                };
                if let Some(slot) = inner.slots.iter_mut().find(fits) {
                    slot.job = Some((job.id, job.on_event));
                    let message = ToWorker {
                        id: job.id,
                        task: job.task,
                    };
                    send(&slot.worker, &message, job.file.as_ref(), &job.buffers);
                } else if job
                    .pinned
                    .is_some_and(|serial| inner.slots.iter().all(|slot| slot.serial != serial))
                {
                    lost.push(job.on_event);
                } else {
                    waiting.push_back(job);
                }
            }
            inner.queue = waiting;
            let unpinned = inner
                .queue
                .iter()
                .filter(|job| job.pinned.is_none())
                .count();
            let starting = inner.slots.iter().filter(|slot| !slot.is_ready).count();
            let wanted = unpinned.saturating_sub(starting);
            let free = inner
                .slots
                .iter()
                .filter(|slot| reserved != Some(slot.serial) && slot.serial > outdated);
            let free = worker_limit().saturating_sub(free.count());
            for _ in 0..wanted.min(free) {
                self.add_worker(inner);
            }
            if inner.slots.is_empty() {
                lost.extend(inner.queue.drain(..).map(|job| job.on_event));
            }
        }
        for on_event in lost {
            on_event(Event::Failed(no_worker()), Vec::new(), 0);
        }
    }

    /// Starts one more worker. Answers whether it could be.
    fn add_worker(&self, inner: &mut Inner) -> bool {
        inner.next_serial += 1;
        match self.start_worker(inner.next_serial) {
            Ok(slot) => {
                inner.slots.push(slot);
                true
            }
            Err(error) => {
                let message = crate::platform::describe(&error);
                web_sys::console::error_1(&format!("worker start failed: {message}").into());
                false
            }
        }
    }

    fn start_worker(&self, serial: u32) -> Result<Slot, JsValue> {
        let options = web_sys::WorkerOptions::new();
        options.set_name(&Servers::load().to_name());
        let worker = Worker::new_with_options(&crate::platform::worker_url("worker"), &options)?;
        let pool = self.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            pool.hear(serial, &event.data());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let pool = self.clone();
        let on_error =
            Closure::<dyn FnMut(web_sys::ErrorEvent)>::new(move |event: web_sys::ErrorEvent| {
                pool.crashed(serial, &event.message())
            });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Slot {
            serial,
            worker,
            is_ready: false,
            job: None,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    fn hear(&self, serial: u32, data: &JsValue) {
        let json = Reflect::get(data, &"json".into())
            .ok()
            .and_then(|json| json.as_string());
        let Some(Ok(message)) = json.map(|json| serde_json::from_str::<ToPage>(&json)) else {
            return;
        };
        match message {
            ToPage::Ready => {
                if let Some(slot) = self
                    .0
                    .borrow_mut()
                    .slots
                    .iter_mut()
                    .find(|s| s.serial == serial)
                {
                    slot.is_ready = true;
                }
                self.dispatch();
            }
            ToPage::Request(exchange) => network_log::note(serial, *exchange),
            ToPage::Loaded(loaded) => network_log::note_loaded(serial, loaded),
            ToPage::Crashed(message) => self.crashed(serial, &message),
            ToPage::Event { id, event } => {
                let on_event = {
                    let mut inner = self.0.borrow_mut();
                    let Some(slot) = inner.slots.iter_mut().find(|slot| slot.serial == serial)
                    else {
                        return;
                    };
                    match &slot.job {
                        Some((job, on_event)) if *job == id => {
                            let on_event = Rc::clone(on_event);
                            if event.is_last() {
                                slot.job = None;
                            }
                            Some(on_event)
                        }
                        _ => None,
                    }
                };
                let is_last = event.is_last();
                if let Some(on_event) = on_event {
                    on_event(*event, super::take_buffers(data), serial);
                }
                if is_last {
                    self.dispatch();
                }
            }
        }
    }

    /// A worker died. Its task fails; a new one is started when one is needed.
    fn crashed(&self, serial: u32, message: &str) {
        let slot = {
            let mut inner = self.0.borrow_mut();
            let Some(index) = inner.slots.iter().position(|slot| slot.serial == serial) else {
                return;
            };
            inner.slots.remove(index)
        };
        slot.worker.terminate();
        network_log::stop(serial);
        if let Some((_, on_event)) = &slot.job {
            on_event(Event::Failed(crash(message)), Vec::new(), serial);
        }
        // The slot owns the closure that is running now: free it when this turn is over.
        wasm_bindgen_futures::spawn_local(async move {
            crate::platform::sleep(std::time::Duration::ZERO).await;
            drop(slot);
        });
        self.dispatch();
    }
}

fn no_worker() -> ScanFailure {
    ScanFailure {
        message: t("the scanner worker is gone or could not be started").to_owned(),
        advice: t("reload the page; if it happens again, the browser forbids Web Workers here")
            .to_owned(),
        ..Default::default()
    }
}

fn crash(message: &str) -> ScanFailure {
    ScanFailure {
        message: fill(t("the scanner worker crashed: {error}"), &[("error", message)]),
        advice: t("this is a bug in Lamina, or the browser ran out of memory; the other layers are not affected")
            .to_owned(),
        ..Default::default()
    }
}

/// How many workers this machine should have.
pub fn worker_limit() -> usize {
    crate::browser::machine().workers(MAX_WORKERS)
}

fn send(worker: &Worker, message: &ToWorker, file: Option<&web_sys::File>, buffers: &[Uint8Array]) {
    let Ok(json) = serde_json::to_string(message) else {
        return;
    };
    let (envelope, transfer) = super::envelope(&json, buffers);
    if let Some(file) = file {
        let _ = Reflect::set(&envelope, &"file".into(), file);
    }
    let _ = worker.post_message_with_transfer(&envelope, &transfer);
}
