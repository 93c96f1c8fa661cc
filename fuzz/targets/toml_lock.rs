//! Lock files that are TOML. The first byte says which.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = [
        ("lock-files", "uv.lock"),
        ("lock-files", "Cargo.lock"),
        ("lock-files", "poetry.lock"),
        ("julia", "Manifest.toml"),
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    if let Some((id, path)) = files.get(usize::from(*choice) % files.len()) {
        lamina_fuzz::analyse(id, path, bytes);
    }
});
