//! Files that the classifier searches. The second byte says for which program.
#![no_main]
const PATHS: [&str; 8] = [
    "bin/gzip",
    "bin/envoy",
    "bin/python3.11",
    "bin/java",
    "bin/mysql",
    "bin/beam.smp",
    "bin/nginx",
    "bin/dart",
];
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = bytes
        .get(1)
        .map_or(0, |byte| usize::from(*byte) % PATHS.len());
    lamina_fuzz::watch("classifier", PATHS[path], bytes);
});
