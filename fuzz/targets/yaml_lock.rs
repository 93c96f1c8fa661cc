//! Lock files that are YAML or look like it. The first byte says which.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = [
        ("lock-files", "pnpm-lock.yaml"),
        ("lock-files", "yarn.lock"),
        ("dart", "pubspec.lock"),
        ("cocoapods", "Podfile.lock"),
        ("hackage", "stack.yaml.lock"),
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    if let Some((id, path)) = files.get(usize::from(*choice) % files.len()) {
        lamina_fuzz::analyse(id, path, bytes);
    }
});
