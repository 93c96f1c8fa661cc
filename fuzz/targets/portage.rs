//! Portage's CONTENTS.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("portage", "var/db/pkg/a/b-1/CONTENTS", bytes);
});
