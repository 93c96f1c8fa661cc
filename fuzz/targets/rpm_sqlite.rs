//! rpm's database in SQLite.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // The magic, so that every input is one.
    if let Some(magic) = bytes.get_mut(..16) {
        magic.copy_from_slice(b"SQLite format 3\0");
    }
    lamina_fuzz::analyse("rpm", "var/lib/rpm/rpmdb.sqlite", &bytes);
});
