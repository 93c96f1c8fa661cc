//! Python's METADATA.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("python", "a/b-1.dist-info/METADATA", bytes);
});
