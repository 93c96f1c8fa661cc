//! A .NET application's deps.json.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("dotnet", "app/a.deps.json", bytes);
});
