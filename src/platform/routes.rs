//! Which hosts answer cross-origin, remembered between visits. On the page's thread only.

use lamina_registry::relay::Routes;

use super::local_storage;

const KEY: &str = "lamina.routes";

/// What was learned on earlier visits.
pub fn load() -> Routes {
    local_storage()
        .and_then(|storage| storage.get_item(KEY).ok()?)
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default()
}

/// Remembers it.
pub fn save(routes: &Routes) {
    if let (Some(storage), Ok(json)) = (local_storage(), serde_json::to_string(routes)) {
        let _ = storage.set_item(KEY, &json);
    }
}
