//! Lock files that are JSON. The first byte says which.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = [
        ("lock-files", "package-lock.json"),
        ("lock-files", "bun.lock"),
        ("lock-files", "composer.lock"),
        ("lock-files", "packages.lock.json"),
        ("lock-files", "Pipfile.lock"),
        ("swift", "Package.resolved"),
        ("conan", "conan.lock"),
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    if let Some((id, path)) = files.get(usize::from(*choice) % files.len()) {
        lamina_fuzz::analyse(id, path, bytes);
    }
});
