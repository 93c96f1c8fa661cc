//! A JVM's release file.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("jvm", "opt/java/release", bytes);
});
