//! Reports of other tools, of all formats, and what comes of comparing one with itself.
#![no_main]
use std::collections::BTreeMap;

use lamina_report::{beside, imports};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says which format it is taken for, should nothing in it tell.
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let source = imports::SOURCES.get(usize::from(*first) % imports::SOURCES.len());
    let told = imports::read(bytes);
    let taken = source.map(|source| imports::read_with(*source, rest));
    for report in told.into_iter().chain(taken.and_then(Result::ok)) {
        let beside = beside::compare(&report, &report, &BTreeMap::new());
        assert_eq!(beside.count(beside::Side::Theirs), 0);
    }
});
