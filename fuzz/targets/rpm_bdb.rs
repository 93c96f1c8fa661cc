//! rpm's database in Berkeley DB.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // The magic of a hash database, so that every input is one.
    if let Some(magic) = bytes.get_mut(12..16) {
        magic.copy_from_slice(&[0x61, 0x15, 0x06, 0]);
    }
    lamina_fuzz::analyse("rpm", "var/lib/rpm/Packages", &bytes);
});
