//! rpm's own database.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // The magic, so that every input is one.
    if let Some(magic) = bytes.get_mut(..4) {
        magic.copy_from_slice(b"RpmP");
    }
    lamina_fuzz::analyse("rpm", "var/lib/rpm/Packages.db", &bytes);
});
