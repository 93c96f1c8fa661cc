//! PHP's serialisation format, in PEAR's registry.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("pear", ".registry/a.reg", bytes);
});
