//! Kernels and their modules. The first byte says which.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let paths = ["boot/vmlinuz", "lib/modules/a.ko", "lib/modules/a.ko.gz"];
    let Some((which, bytes)) = bytes.split_first() else {
        return;
    };
    lamina_fuzz::analyse("linux-kernel", paths[usize::from(*which) % 3], bytes);
});
