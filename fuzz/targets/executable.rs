//! Programs, with what they carry, in pieces.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::watch("executable", "usr/bin/a", bytes);
});
