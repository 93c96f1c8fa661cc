//! .NET assemblies.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lamina_fuzz::analyse("dotnet", "app/a.dll", bytes);
});
