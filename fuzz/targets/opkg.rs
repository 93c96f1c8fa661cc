//! Opkg's database.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("opkg", "usr/lib/opkg/status", bytes);
    lamina_fuzz::analyse("opkg", "usr/lib/opkg/info/a.list", bytes);
});
