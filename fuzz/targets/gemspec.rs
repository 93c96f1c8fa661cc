//! An installed gemspec.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("gem", "specifications/a.gemspec", bytes);
});
