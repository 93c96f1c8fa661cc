//! Erlang terms, in an application resource file.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("otp", "ebin/a.app", bytes);
});
