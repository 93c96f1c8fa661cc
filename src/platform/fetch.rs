//! Fetch, as a stream of chunks.

use js_sys::{ArrayBuffer, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStream, ReadableStreamByobReader,
    ReadableStreamDefaultReader, ReadableStreamGetReaderOptions, ReadableStreamReaderMode, Request,
    RequestInit, Response,
};

use super::{describe, netlog::Record};
use crate::state::network::End;

/// Bytes asked of the browser at a time. Larger chunks mean fewer crossings between JavaScript and
/// WebAssembly; prototypes gained nothing beyond 1 MiB.
const CHUNK_BYTES: u32 = 1 << 20;

/// A request that got no answer, or whose answer broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The browser does not say why: no network, no such host, TLS, or CORS.
    #[error("the browser could not fetch it: {0}")]
    NoAnswer(String),
    /// The body broke off.
    #[error("the transfer broke off: {0}")]
    Broken(String),
    /// The body is larger than the caller allows.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers that the browser lets one see, lower-case names.
    pub headers: Vec<(String, String)>,
    /// Where it came from in the end, after redirects.
    pub url: String,
    response: Response,
    abort: AbortController,
    record: Record,
}

/// Sends a request. Redirects are followed by the browser, which drops `Authorization` when the
/// origin changes; cookies are never sent.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Result<Answer, FetchError> {
    let mut record = Record::begin(method, url);
    let answer = ask(method, url, headers, body).await;
    let (response, abort) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let message = describe(&error);
            record.end(End::Failed(message.clone()));
            return Err(FetchError::NoAnswer(message));
        }
    };
    let mut seen = Vec::new();
    if let Ok(Some(iterator)) = js_sys::try_iter(&response.headers()) {
        for pair in iterator.flatten() {
            let pair: js_sys::Array = pair.unchecked_into();
            if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) {
                seen.push((name.to_ascii_lowercase(), value));
            }
        }
    }
    record.answered(response.status(), &response.url());
    Ok(Answer {
        status: response.status(),
        headers: seen,
        url: response.url(),
        response,
        abort,
        record,
    })
}

async fn ask(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Result<(Response, AbortController), JsValue> {
    let abort = AbortController::new()?;
    let init = RequestInit::new();
    init.set_method(method);
    init.set_signal(Some(&abort.signal()));
    init.set_credentials(web_sys::RequestCredentials::Omit);
    // What is worth keeping is kept in IndexedDB, unpacked; the browser's own cache would write every
    // layer to the disk once more.
    init.set_cache(web_sys::RequestCache::NoStore);
    let fields = Headers::new()?;
    for (name, value) in headers {
        fields.append(name, value)?;
    }
    init.set_headers(&fields);
    if let Some(body) = body {
        init.set_body(&Uint8Array::from(body));
    }
    let request = Request::new_with_str_and_init(url, &init)?;
    let global = js_sys::global();
    let promise = if let Some(window) = global.dyn_ref::<web_sys::Window>() {
        window.fetch_with_request(&request)
    } else {
        let scope: &web_sys::WorkerGlobalScope = global.unchecked_ref();
        scope.fetch_with_request(&request)
    };
    let response: Response = JsFuture::from(promise).await?.unchecked_into();
    Ok((response, abort))
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The whole body, unless it is larger than `limit` bytes.
    pub async fn bytes(self, limit: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = self.body()?;
        let mut bytes = Vec::new();
        let mut chunk = Vec::new();
        while body.next(&mut chunk).await? {
            if bytes.len() + chunk.len() > limit {
                body.cancel();
                return Err(FetchError::TooLarge(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The body, in chunks.
    pub fn body(mut self) -> Result<Body, FetchError> {
        let Some(stream) = self.response.body() else {
            self.record.end(End::Done);
            return Ok(Body {
                reader: Reader::Empty,
                abort: None,
                record: None,
            });
        };
        let mut body = Body::new(&stream, Some(self.abort))?;
        body.record = Some(self.record);
        Ok(body)
    }
}

/// A stream of bytes: an answer's body, or a file's.
#[derive(Debug)]
pub struct Body {
    reader: Reader,
    abort: Option<AbortController>,
    record: Option<Record>,
}

#[derive(Debug)]
enum Reader {
    /// Reads into one buffer that goes back and forth.
    Byob(ReadableStreamByobReader, Option<ArrayBuffer>),
    /// For browsers and streams without BYOB.
    Default(ReadableStreamDefaultReader),
    Empty,
}

impl Body {
    /// Reads a stream.
    pub fn new(
        stream: &ReadableStream,
        abort: Option<AbortController>,
    ) -> Result<Self, FetchError> {
        let options = ReadableStreamGetReaderOptions::new();
        options.set_mode(ReadableStreamReaderMode::Byob);
        let byob = ReadableStreamByobReader::new(stream);
        let reader = match byob {
            Ok(reader) => Reader::Byob(reader, Some(ArrayBuffer::new(CHUNK_BYTES))),
            Err(_) => Reader::Default(
                ReadableStreamDefaultReader::new(stream)
                    .map_err(|error| FetchError::Broken(describe(&error)))?,
            ),
        };
        Ok(Self {
            reader,
            abort,
            record: None,
        })
    }

    /// Replaces `chunk` by the next bytes. False at the end.
    pub async fn next(&mut self, chunk: &mut Vec<u8>) -> Result<bool, FetchError> {
        let promise = match &mut self.reader {
            Reader::Empty => return Ok(false),
            Reader::Default(reader) => reader.read(),
            Reader::Byob(reader, buffer) => {
                let buffer = buffer
                    .take()
                    .unwrap_or_else(|| ArrayBuffer::new(CHUNK_BYTES));
                reader.read_with_array_buffer_view(&Uint8Array::new(&buffer))
            }
        };
        let result = match JsFuture::from(promise).await {
            Ok(result) => result,
            Err(error) => {
                let message = describe(&error);
                self.end(End::Failed(message.clone()));
                return Err(FetchError::Broken(message));
            }
        };
        let done = Reflect::get(&result, &"done".into()).is_ok_and(|done| done.is_truthy());
        let value = Reflect::get(&result, &"value".into()).unwrap_or(JsValue::UNDEFINED);
        let mut read = 0;
        if let Ok(view) = value.dyn_into::<Uint8Array>() {
            read = usize::try_from(view.length()).unwrap_or(0);
            // What is there is overwritten, so that only a longer chunk has to be cleared first.
            chunk.resize(read, 0);
            view.copy_to(chunk);
            if let Reader::Byob(_, buffer) = &mut self.reader {
                *buffer = Some(view.buffer());
            }
        }
        chunk.truncate(read);
        if let Some(record) = &mut self.record {
            record.read(read);
        }
        if done {
            self.end(End::Done);
        }
        Ok(!done)
    }

    fn end(&mut self, end: End) {
        if let Some(record) = &mut self.record {
            record.end(end);
        }
    }

    /// Stops the transfer.
    pub fn cancel(&self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
        match &self.reader {
            Reader::Byob(reader, _) => ignore(reader.cancel()),
            Reader::Default(reader) => ignore(reader.cancel()),
            Reader::Empty => {}
        }
    }
}

/// Waits for a promise whatever comes of it: an aborted stream refuses to be cancelled, and a
/// rejection that nobody takes would be reported as a crash.
fn ignore(promise: js_sys::Promise) {
    wasm_bindgen_futures::spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}
