//! The worker's side of the desk.

use js_sys::Reflect;
use lamina_rego::Options;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::{Answer, Question, RuleAnswer, compare, files, imports, links, render};
use crate::{platform::netlog, state::session};

/// Starts the worker: hears one question, and answers it.
pub fn start() {
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let answering = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        let text = Reflect::get(&data, &"json".into())
            .ok()
            .and_then(|json| json.as_string())
            .unwrap_or_default();
        let file = Reflect::get(&data, &"file".into())
            .ok()
            .and_then(|file| file.dyn_into::<web_sys::File>().ok());
        let scope = answering.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let answer = match serde_json::from_str::<Question>(&text) {
                Ok(question) => answer(question, file).await,
                Err(_) => return,
            };
            if let Ok(json) = serde_json::to_string(&answer) {
                let _ = scope.post_message(&json.into());
            }
        });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    // It is ready; and this is what the browser loaded for it.
    let loaded = serde_json::to_string(&netlog::loaded_by_browser()).unwrap_or_default();
    let _ = scope.post_message(&JsValue::from_str(&loaded));
}

async fn answer(question: Question, file: Option<web_sys::File>) -> Answer {
    match question {
        Question::Read { name } => {
            let text = match file {
                Some(file) => files::text_of(&file).await,
                None => Err("there is no file".to_owned()),
            };
            Answer::Read(text.and_then(|text| files::read(&name, &text)))
        }
        Question::Write { target, image } => Answer::Written(files::write(target, &image)),
        Question::Render {
            format,
            shared,
            answers,
        } => Answer::Rendered(render::render(&format, *shared, &answers)),
        Question::Link { shared, budget } => Answer::Linked(links::make(&shared, budget)),
        Question::Compare { a, b, answers } => {
            Answer::Compared(Box::new(compare::run(&a, &b, &answers, session::now())))
        }
        Question::Platforms {
            reports,
            failed,
            policy,
            vex,
        } => Answer::Platforms(Box::new(compare::platforms(
            &reports,
            failed,
            &policy,
            &vex,
            session::now(),
        ))),
        Question::Open { text } => Answer::Opened(links::open(&text)),
        Question::Import => Answer::Imported(imports::read(file).await.map(Box::new)),
        Question::Beside { shared, answers } => {
            let theirs = imports::read(file).await;
            Answer::Beside(theirs.and_then(|theirs| imports::beside(*shared, &answers, &theirs)))
        }
        Question::Judge { rules, report, now } => {
            // There is no clock here: the page ends the worker.
            let options = Options {
                now: now.parse().unwrap_or_default(),
                ..Options::default()
            };
            let outcomes = lamina_rego::judge(&rules, &report, &options);
            Answer::Judged(
                outcomes
                    .into_iter()
                    .map(|outcome| RuleAnswer {
                        reason: outcome.reason(),
                        level: outcome.level,
                        name: outcome.name,
                    })
                    .collect(),
            )
        }
    }
}
