//! Encryption by the browser: AES-256-GCM of WebCrypto. A key is used once, with a nonce that comes before
//! what was encrypted.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::describe;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// Encrypts with a new key: the key, and the nonce with what it encrypted.
///
/// # Errors
/// In words: a browser encrypts only on pages that came over HTTPS, or from its own machine.
pub async fn seal(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let key = random(KEY_BYTES)?;
    let nonce = random(NONCE_BYTES)?;
    let sealed = work("encrypt", &key, &nonce, bytes).await?;
    Ok((key, [nonce, sealed].concat()))
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// In words, when the key is another or a bit was changed.
pub async fn open(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, String> {
    let (nonce, sealed) = sealed
        .split_at_checked(NONCE_BYTES)
        .ok_or("the share is cut off")?;
    let opened = work("decrypt", key, nonce, sealed).await;
    opened.map_err(|problem| {
        if problem.is_empty() || problem.contains("OperationError") {
            "the key in the link does not open it: the link is damaged".to_owned()
        } else {
            problem
        }
    })
}

async fn work(what: &str, key: &[u8], nonce: &[u8], bytes: &[u8]) -> Result<Vec<u8>, String> {
    let subtle = subtle()?;
    let raw = Uint8Array::from(key);
    let uses = Array::of1(&what.into());
    let key = call(
        &subtle,
        "importKey",
        &[&"raw".into(), &raw, &"AES-GCM".into(), &false.into(), &uses],
    )
    .await?;
    let algorithm = Object::new();
    let set = |name: &str, value: &JsValue| Reflect::set(&algorithm, &name.into(), value);
    set("name", &"AES-GCM".into()).map_err(|error| describe(&error))?;
    set("iv", &Uint8Array::from(nonce)).map_err(|error| describe(&error))?;
    let done = call(&subtle, what, &[&algorithm, &key, &Uint8Array::from(bytes)]).await?;
    Ok(Uint8Array::new(&done).to_vec())
}

async fn call(subtle: &JsValue, name: &str, arguments: &[&JsValue]) -> Result<JsValue, String> {
    let words = |error: JsValue| describe(&error);
    let function = Reflect::get(subtle, &name.into()).map_err(words)?;
    let function: Function = function.dyn_into().map_err(words)?;
    let list: Array = arguments
        .iter()
        .map(|argument| (*argument).clone())
        .collect();
    let promise: Promise = function
        .apply(subtle, &list)
        .map_err(words)?
        .dyn_into()
        .map_err(words)?;
    JsFuture::from(promise).await.map_err(words)
}

fn subtle() -> Result<JsValue, String> {
    let subtle = crypto().and_then(|crypto| Reflect::get(&crypto, &"subtle".into()).ok());
    subtle
        .filter(JsValue::is_object)
        .ok_or_else(|| "this browser encrypts only on pages that come over HTTPS".to_owned())
}

fn crypto() -> Option<JsValue> {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).ok()?;
    crypto.is_object().then_some(crypto)
}

fn random(count: usize) -> Result<Vec<u8>, String> {
    let crypto = crypto().ok_or("this browser has no random numbers")?;
    let bytes = Uint8Array::new_with_length(u32::try_from(count).unwrap_or_default());
    let words = |error: JsValue| describe(&error);
    let function = Reflect::get(&crypto, &"getRandomValues".into()).map_err(words)?;
    let function: Function = function.dyn_into().map_err(words)?;
    function.call1(&crypto, &bytes).map_err(words)?;
    Ok(bytes.to_vec())
}
