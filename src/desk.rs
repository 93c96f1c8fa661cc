//! The desk: reads and writes policies, other tools' files and VEX documents, writes reports in other
//! formats, makes and opens share links, and judges rules in Rego.
//!
//! It is a module and a worker of its own, started for each question and ended with the answer: the
//! page's first load need not carry readers of YAML, TOML and Rego, nor every format, and a stranger's rule that does not
//! end is ended with its worker.

mod compare;
mod files;
mod imports;
mod links;
mod render;
mod worker;

use std::time::Duration;

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Reflect;
use lamina_policy::{CustomRule, Level, Policy, presets::Settings};
use lamina_report::{
    beside::Beside,
    compare::{Comparison, platforms::Platforms},
    link::{Encoded, SharedReport},
    model::Report,
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker};

use crate::state::network_log;

pub use worker::start;

/// How long rules may take, all of a policy together.
const RULES_TIME: Duration = Duration::from_secs(5);

/// How long reading and writing files may take.
const FILES_TIME: Duration = Duration::from_secs(30);

/// What a file says that has to do with policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PolicyFile {
    /// A policy of Lamina's.
    Policy(Box<Policy>),
    /// Another tool's file.
    Tool(Box<ToolFile>),
    /// A VEX document: its text.
    Vex(String),
}

/// Another tool's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolFile {
    /// The file's name.
    pub name: String,
    /// What it says.
    pub settings: Settings,
    /// What the tool itself would warn of, or pass over.
    pub remarks: Vec<String>,
}

/// What to write to files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PolicyTarget {
    /// A policy, as Lamina's own file.
    Lamina(Box<Policy>),
    /// Another tool's settings, as its files.
    Tool(Settings),
}

/// Files that a tool reads, and how it is told to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PolicyExport {
    /// The files.
    pub files: Vec<ExportedFile>,
    /// The command line.
    pub command: String,
    /// What neither says.
    pub lost: Vec<String>,
}

/// A file to be saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What one rule in Rego says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAnswer {
    /// The rule's name.
    pub name: String,
    /// How it comes out.
    pub level: Level,
    /// Why, in a sentence.
    pub reason: String,
}

/// A report in a format.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RenderedReport {
    /// The document.
    pub text: String,
    /// The media type.
    pub media_type: String,
    /// The file name's extension.
    pub extension: String,
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Question {
    /// What does the `File` beside this say?
    Read { name: String },
    /// How is this written? `image` is what a command is to name.
    Write { target: PolicyTarget, image: String },
    /// What do these rules say of the report, whose JSON this is, at this time?
    Judge {
        rules: Vec<CustomRule>,
        report: String,
        now: String,
    },
    /// How is this report written in a format, with what its policy says at this time?
    Render {
        format: String,
        shared: Box<SharedReport>,
        answers: Vec<RuleAnswer>,
    },
    /// What is the link, of at most so many characters after `#r=`?
    Link {
        shared: Box<SharedReport>,
        budget: usize,
    },
    /// What is in the link, of which this is the text after `#r=`?
    Open { text: String },
    /// What changed from one report to another?
    Compare {
        a: Box<Report>,
        b: Box<SharedReport>,
        /// What the policy's rules in Rego say of each.
        answers: [Vec<RuleAnswer>; 2],
    },
    /// What do these reports say beside each other, each with what the rules in Rego say of it, by this
    /// policy?
    Platforms {
        reports: Vec<(Report, Vec<RuleAnswer>)>,
        failed: Vec<(String, String)>,
        policy: Box<Policy>,
        vex: Vec<String>,
    },
    /// What does the `File` beside this say, as a report?
    Import,
    /// What does it say beside this report, by its policy at this time?
    Beside {
        shared: Box<SharedReport>,
        answers: Vec<RuleAnswer>,
    },
}

/// The answer to each.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Answer {
    Read(Result<PolicyFile, String>),
    Written(Result<PolicyExport, String>),
    Judged(Vec<RuleAnswer>),
    Rendered(Result<RenderedReport, String>),
    Linked(Encoded),
    Opened(Result<Box<SharedReport>, String>),
    Compared(Box<Comparison>),
    Platforms(Box<Platforms>),
    Imported(Result<Box<Report>, String>),
    Beside(Result<Beside, String>),
}

/// Reads a policy, another tool's file, or a VEX document.
///
/// # Errors
/// In words, with line and column where there are some, if it is none of them.
pub async fn read_policy(file: web_sys::File) -> Result<PolicyFile, String> {
    let name = file.name();
    match ask(&Question::Read { name }, Some(file), FILES_TIME).await? {
        Answer::Read(read) => read,
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Writes a policy as files.
///
/// # Errors
/// In words.
pub async fn write_policy(target: PolicyTarget, image: String) -> Result<PolicyExport, String> {
    match ask(&Question::Write { target, image }, None, FILES_TIME).await? {
        Answer::Written(written) => written,
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Judges a report, whose JSON this is, by rules in Rego.
///
/// # Errors
/// In words, when they do not come to an end.
pub async fn judge_rules(
    rules: Vec<CustomRule>,
    report: String,
    now: String,
) -> Result<Vec<RuleAnswer>, String> {
    let question = Question::Judge { rules, report, now };
    match ask(&question, None, RULES_TIME).await? {
        Answer::Judged(answers) => Ok(answers),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Writes a report in a format, with what its policy, VEX documents and custom rules say.
///
/// # Errors
/// In words.
pub async fn render(
    format: String,
    shared: SharedReport,
    answers: Vec<RuleAnswer>,
) -> Result<RenderedReport, String> {
    let shared = Box::new(shared);
    let question = Question::Render {
        format,
        shared,
        answers,
    };
    match ask(&question, None, FILES_TIME).await? {
        Answer::Rendered(rendered) => rendered,
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Makes a share link: the text after `#r=`, and what was left out so that it has at most `budget`
/// characters.
///
/// # Errors
/// In words.
pub async fn make_link(shared: SharedReport, budget: usize) -> Result<Encoded, String> {
    let shared = Box::new(shared);
    match ask(&Question::Link { shared, budget }, None, FILES_TIME).await? {
        Answer::Linked(encoded) => Ok(encoded),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Opens a share link, of which this is the text after `#r=`.
///
/// # Errors
/// In words, when it is none.
pub async fn open_link(text: String) -> Result<SharedReport, String> {
    match ask(&Question::Open { text }, None, FILES_TIME).await? {
        Answer::Opened(opened) => opened.map(|shared| *shared),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Says what changed from one report to another, by the policy of the other and what its rules in Rego
/// say of each.
///
/// # Errors
/// In words.
pub async fn compare(
    a: Report,
    b: SharedReport,
    answers: [Vec<RuleAnswer>; 2],
) -> Result<Comparison, String> {
    let (a, b) = (Box::new(a), Box::new(b));
    match ask(&Question::Compare { a, b, answers }, None, FILES_TIME).await? {
        Answer::Compared(comparison) => Ok(*comparison),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Puts the platforms of an index side by side: reports, each with what the rules in Rego say of it, and the
/// platforms that could not be scanned.
///
/// # Errors
/// In words.
pub async fn platforms(
    reports: Vec<(Report, Vec<RuleAnswer>)>,
    failed: Vec<(String, String)>,
    policy: Policy,
    vex: Vec<String>,
) -> Result<Platforms, String> {
    let policy = Box::new(policy);
    let question = Question::Platforms {
        reports,
        failed,
        policy,
        vex,
    };
    match ask(&question, None, FILES_TIME).await? {
        Answer::Platforms(platforms) => Ok(*platforms),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Reads another tool's report, or one of ours.
///
/// # Errors
/// In words, when it is none.
pub async fn import_report(file: web_sys::File) -> Result<Report, String> {
    match ask(&Question::Import, Some(file), FILES_TIME).await? {
        Answer::Imported(report) => report.map(|report| *report),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// Puts another tool's report beside ours.
///
/// # Errors
/// In words, when it is none.
pub async fn compare_report(
    file: web_sys::File,
    shared: SharedReport,
    answers: Vec<RuleAnswer>,
) -> Result<Beside, String> {
    let shared = Box::new(shared);
    let question = Question::Beside { shared, answers };
    match ask(&question, Some(file), FILES_TIME).await? {
        Answer::Beside(beside) => beside,
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// What is said when a desk ends without a word.
const NO_ANSWER: &str = "the policy module gave no answer";

/// What the page hears of a desk.
enum Heard {
    Message(JsValue),
    Broken(String),
    TimeOver,
}

/// Starts a desk, asks, and ends it.
async fn ask(
    question: &Question,
    file: Option<web_sys::File>,
    time: Duration,
) -> Result<Answer, String> {
    let json = serde_json::to_string(question).map_err(|error| error.to_string())?;
    let worker = Worker::new(&crate::platform::worker_url("desk"))
        .map_err(|error| crate::platform::describe(&error))?;
    let (say, mut heard) = mpsc::unbounded();
    let said = say.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let _ = said.unbounded_send(Heard::Message(event.data()));
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let said = say.clone();
    let on_error =
        Closure::<dyn FnMut(web_sys::ErrorEvent)>::new(move |event: web_sys::ErrorEvent| {
            let _ = said.unbounded_send(Heard::Broken(event.message()));
        });
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));

    let mut answer = Err(NO_ANSWER.to_owned());
    let mut is_asked = false;
    while let Some(event) = heard.next().await {
        answer = match event {
            // The first message says that it is loaded; the time runs from there.
            Heard::Message(loaded) if !is_asked => {
                is_asked = true;
                network_log::note_desk(&loaded.as_string().unwrap_or_default());
                let message = js_sys::Object::new();
                let _ = Reflect::set(&message, &"json".into(), &json.as_str().into());
                if let Some(file) = &file {
                    let _ = Reflect::set(&message, &"file".into(), file);
                }
                if let Err(error) = worker.post_message(&message) {
                    Err(crate::platform::describe(&error))
                } else {
                    let say = say.clone();
                    crate::browser::after(time, move || {
                        let _ = say.unbounded_send(Heard::TimeOver);
                    });
                    continue;
                }
            }
            Heard::Message(data) => data
                .as_string()
                .and_then(|json| serde_json::from_str::<Answer>(&json).ok())
                .ok_or_else(|| NO_ANSWER.to_owned()),
            Heard::Broken(message) => Err(format!("the policy module failed: {message}")),
            Heard::TimeOver => Err(format!("it took more than {} s", time.as_secs())),
        };
        break;
    }
    worker.terminate();
    answer
}
