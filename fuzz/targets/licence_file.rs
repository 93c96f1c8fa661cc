//! Licence files, and the licences that packages state.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("licence-file", "a/node_modules/b/LICENSE", bytes);
    let _ = lamina_inventory::licences::normalise(&String::from_utf8_lossy(bytes));
});
