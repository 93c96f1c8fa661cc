//! Secrets in a file that streams by.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = if bytes.len() % 2 == 0 { "root/.netrc" } else { "app/main.py" };
    lamina_fuzz::watch("secrets", path, bytes);
});
