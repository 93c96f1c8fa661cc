//! Secrets in an image's configuration.
#![no_main]

use lamina_inventory::secrets::{redact, scan_config};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let labels: Vec<(String, String)> = lines
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let found = scan_config(&lines, &lines, &labels);
    assert!(found.iter().all(|secret| secret.excerpt.contains("****")));
    let _ = redact(&text);
});
