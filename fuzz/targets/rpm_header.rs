//! A header of rpm, as the only one of an NDB database.
#![no_main]
libfuzzer_sys::fuzz_target!(|header: &[u8]| {
    const PAGE: usize = 4096;
    let word = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
    let blocks = (16 + header.len() + 12).div_ceil(16);
    let (first, last) = (word(PAGE / 16), word(blocks));
    let mut bytes = [*b"RpmP", word(0), word(1), word(1)].concat();
    bytes.resize(32, 0);
    bytes.extend([*b"Slot", word(1), first, last].as_flattened());
    while bytes.len() < PAGE {
        bytes.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    bytes.extend([*b"BlbS", word(1), word(1), word(header.len())].as_flattened());
    bytes.extend_from_slice(header);
    bytes.resize(PAGE + blocks * 16 - 4, 0);
    bytes.extend_from_slice(b"BlbE");
    lamina_fuzz::analyse("rpm", "var/lib/rpm/Packages.db", &bytes);
});
