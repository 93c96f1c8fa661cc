//! Pacman's local database.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("alpm", "var/lib/pacman/local/a-1-1/desc", bytes);
    lamina_fuzz::analyse("alpm", "var/lib/pacman/local/a-1-1/files", bytes);
});
