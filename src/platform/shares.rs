//! Encrypted reports on the server of the page: `docs/share.md` has the protocol.

use serde::Deserialize;

use super::{base_url, fetch, now_ms};
use crate::state::uploads::Upload;

/// Bytes of a share that is fetched.
const MOST_BYTES: usize = 64 << 20;

/// Bytes of any other answer.
const MOST_ANSWER: usize = 64 << 10;

#[derive(Deserialize)]
struct Uploaded {
    id: String,
    token: String,
    expires: u64,
}

/// Uploads what is encrypted.
///
/// # Errors
/// In the server's words.
pub async fn upload(name: &str, sealed: &[u8], days: u32) -> Result<Upload, String> {
    let url = format!("{}share?days={days}", base_url());
    let headers = [
        ("lamina-share".to_owned(), "1".to_owned()),
        (
            "content-type".to_owned(),
            "application/octet-stream".to_owned(),
        ),
    ];
    let answer = fetch::send("POST", &url, &headers, Some(sealed)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status;
    let body = answer
        .bytes(MOST_ANSWER)
        .await
        .map_err(|error| error.to_string())?;
    if status != 201 {
        return Err(words(status, &body));
    }
    let uploaded: Uploaded =
        serde_json::from_slice(&body).map_err(|_| "the server gave no answer".to_owned())?;
    Ok(Upload {
        id: uploaded.id,
        token: uploaded.token,
        expires: uploaded.expires,
        name: name.to_owned(),
    })
}

/// Fetches what was uploaded.
///
/// # Errors
/// In words: that it was deleted, has expired, or never was.
pub async fn fetch(id: &str) -> Result<Vec<u8>, String> {
    let url = format!("{}share/{id}", base_url());
    let answer = fetch::send("GET", &url, &[], None).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status;
    let body = answer
        .bytes(MOST_BYTES)
        .await
        .map_err(|error| error.to_string())?;
    match (status, body.as_slice()) {
        (200, _) => Ok(body),
        (410, b"deleted") => Err("whoever shared this report has deleted it".to_owned()),
        (410, _) => Err("this report has expired: it was shared for some days only".to_owned()),
        (404, _) => Err("this server has no such report".to_owned()),
        (status, body) => Err(words(status, body)),
    }
}

/// Deletes what this browser uploaded.
///
/// # Errors
/// In the server's words.
pub async fn delete(upload: &Upload) -> Result<(), String> {
    let url = format!("{}share/{}", base_url(), upload.id);
    let headers = [(
        "authorization".to_owned(),
        format!("Bearer {}", upload.token),
    )];
    let answer = fetch::send("DELETE", &url, &headers, None).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status;
    let body = answer.bytes(MOST_ANSWER).await.unwrap_or_default();
    match status {
        204 | 404 => Ok(()),
        status => Err(words(status, &body)),
    }
}

/// Seconds since 1970.
pub fn now_seconds() -> u64 {
    super::whole(now_ms() / 1000.0)
}

fn words(status: u16, body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if !text.is_empty() && text.len() < 200 && !text.contains('<') => text.to_owned(),
        _ => format!("the server answered {status}"),
    }
}
