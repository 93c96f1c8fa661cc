//! Whose relay and whose advisory database are used: those of the page's own server, unless the user named
//! others. The page's thread reads them from its settings; a worker is told in its name.

use js_sys::Reflect;
use lamina_registry::{
    Url,
    url::{Scheme, is_loopback},
};
use serde::{Deserialize, Serialize};

use super::local_storage;

const KEY: &str = "lamina.servers";

/// Addresses of other servers, each with a final slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Servers {
    /// Under whose `relay/` registries are asked that do not answer browsers.
    pub relay: Option<String>,
    /// The folder of the advisory database: what has `index.json` in it.
    pub database: Option<String>,
}

impl Servers {
    /// As they are set here: on the page's thread or in a worker.
    pub fn load() -> Self {
        let text = match local_storage() {
            Some(storage) => storage.get_item(KEY).ok().flatten(),
            None => worker_name(),
        };
        let servers: Self = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        // Neither storage nor an address is believed.
        Self {
            relay: servers.relay.and_then(|address| checked(&address).ok()),
            database: servers.database.and_then(|address| checked(&address).ok()),
        }
    }

    /// Remembers them, for the page's thread and workers that start from now on.
    pub fn save(&self) {
        let Some(storage) = local_storage() else {
            return;
        };
        let _ = match serde_json::to_string(self) {
            Ok(json) if *self != Self::default() => storage.set_item(KEY, &json),
            _ => storage.remove_item(KEY),
        };
    }

    /// What a worker is named, so that it knows them. Not in its address: a service worker that answers
    /// for its script loses the fragment.
    pub fn to_name(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where a relay answers, with a final slash.
    pub fn relay_base(&self) -> String {
        self.relay.clone().unwrap_or_else(super::base_url)
    }

    /// The folder of the advisory database, with a final slash.
    pub fn database_base(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("{}db/", super::base_url()))
    }
}

/// A worker's own name.
fn worker_name() -> Option<String> {
    Reflect::get(&js_sys::global(), &"name".into())
        .ok()?
        .as_string()
}

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is none of `http` or `https`, or has a query.
    NoAddress,
    /// It is not encrypted, and not on this machine.
    Plain,
}

/// An address as it is kept: with a final slash, and only `https`, or `http` to this machine itself.
///
/// # Errors
/// When it is none of these.
pub fn checked(address: &str) -> Result<String, Refused> {
    let url: Url = address.trim().parse().map_err(|_| Refused::NoAddress)?;
    if url.query().is_some() {
        return Err(Refused::NoAddress);
    }
    if url.scheme() == Scheme::Http && !is_loopback(url.authority()) {
        return Err(Refused::Plain);
    }
    let text = url.to_string();
    Ok(match text.ends_with('/') {
        true => text,
        false => format!("{text}/"),
    })
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn only_what_is_encrypted_or_local_is_taken() {
        let check = |address: &str, expect: Result<&str, Refused>| {
            assert_eq!(checked(address), expect.map(str::to_owned), "{address:?}");
        };
        check("https://lamina.example", Ok("https://lamina.example/"));
        check(
            " https://lamina.example/db ",
            Ok("https://lamina.example/db/"),
        );
        check("http://127.0.0.1:8080/", Ok("http://127.0.0.1:8080/"));
        check("http://lamina.example/", Err(Refused::Plain));
        check("https://lamina.example/?a=b", Err(Refused::NoAddress));
        check("javascript:alert(1)", Err(Refused::NoAddress));
        check("lamina.example", Err(Refused::NoAddress));
        check("", Err(Refused::NoAddress));
    }
}
