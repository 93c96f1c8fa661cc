//! Lock files and records of one thing a line. The first byte says which.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = [
        ("lock-files", "Gemfile.lock"),
        ("lock-files", "go.mod"),
        ("lock-files", "gradle.lockfile"),
        ("lock-files", "requirements.txt"),
        ("hex", "mix.lock"),
        ("hackage", "cabal.project.freeze"),
        ("opam", ".opam-switch/switch-state"),
        ("swiplpack", "pack.pl"),
        ("wordpress", "wp-content/plugins/a/a.php"),
        ("homebrew", "Cellar/a/1/.brew/a.rb"),
        ("cran", "a/DESCRIPTION"),
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    if let Some((id, path)) = files.get(usize::from(*choice) % files.len()) {
        lamina_fuzz::analyse(id, path, bytes);
    }
});
