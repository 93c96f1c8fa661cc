//! A rockspec.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("luarocks", "a.rockspec", bytes);
});
