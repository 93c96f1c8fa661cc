//! Zip archives, as jars and as eggs.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("java", "a/b-1.0.jar", bytes);
    lamina_fuzz::analyse("python", "a/b-1.0.egg", bytes);
});
