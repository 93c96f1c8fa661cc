//! VEX documents of all formats, and which findings they are about.
#![no_main]
use lamina_policy::{Finding, Image, Package, Subject, vex};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = vex::Document::parse(bytes) else {
        return;
    };
    let at = Package {
        purl: "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12",
        ..Package::default()
    };
    let subject = Subject {
        image: Image {
            name: "debian:12",
            ..Image::default()
        },
        findings: vec![Finding {
            id: "CVE-2022-3715",
            at,
            ..Finding::default()
        }],
        ..Subject::default()
    };
    assert!(vex::matches(&[document], &subject, &[]).len() <= 1);
});
