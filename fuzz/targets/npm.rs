//! package.json.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("npm", "a/node_modules/b/package.json", bytes);
});
