//! SPDX documents, in JSON and in tags and values.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("sbom", "opt/bitnami/a/.spdx-a.spdx", bytes);
});
