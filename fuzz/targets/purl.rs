//! Package URLs.
#![no_main]
use lamina_image::path::LayerPath;
use lamina_inventory::purl::Purl;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(purl) = Purl::parse(text) {
        let _ = purl.package(&LayerPath::default());
    }
});
