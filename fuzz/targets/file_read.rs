//! A file of a layer, read again: the layer's bytes are hostile, with places of another layer or none.
#![no_main]
use lamina_image::{
    layer::{
        checkpoints::Checkpoints,
        extract::{FileRead, Wanted},
        places::Places,
    },
    limits::Limits,
    path::LayerPath,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let wanted = Wanted {
        path: LayerPath::from("a"),
        size: 1,
        limit: 1 << 16,
    };
    let mut read = FileRead::new(
        wanted,
        Places::default(),
        Checkpoints::default(),
        Limits::default(),
    );
    for piece in bytes.chunks(97) {
        if !matches!(read.feed(piece), Ok(true)) {
            break;
        }
    }
    let _ = read.finish();
});
