//! What a jar says of itself: manifest, pom.properties and pom.xml, of the same bytes.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in [
        "META-INF/MANIFEST.MF",
        "META-INF/maven/g/a/pom.properties",
        "META-INF/maven/g/a/pom.xml",
    ] {
        lamina_fuzz::analyse("java", "a/b.jar", &lamina_fuzz::stored_zip(name, bytes));
    }
});
