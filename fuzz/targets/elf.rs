//! What an ELF file's headers say.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(facts) = lamina_inventory::elf::read(bytes) {
        facts.rows();
    }
});
