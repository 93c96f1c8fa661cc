//! CycloneDX documents, and Bitnami's list.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("sbom", "a.cdx.json", bytes);
    lamina_fuzz::analyse("sbom", "opt/bitnami/.bitnami_components.json", bytes);
});
