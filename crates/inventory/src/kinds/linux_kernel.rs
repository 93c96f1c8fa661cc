//! Linux kernels and their modules.
//!
//! - `vmlinuz` and its kin: x86's boot protocol has the version behind a pointer in the header,
//!   <https://docs.kernel.org/arch/x86/boot.html>; an uncompressed kernel has its banner, `Linux version …`.
//!   A compressed kernel of another architecture says nothing without unpacking, and is not told of.
//! - `lib/modules/**/*.ko` and `.ko.gz`: the section `.modinfo`, texts `key=value` with a zero after each.
//!   Modules that are compressed otherwise are not claimed.
//!
//! A distribution's kernel has some thousand modules that are parts of it (`intree=Y`) and have no version
//! of their own: they are not packages. Told are modules from elsewhere, and those with a version.

use std::io::Read as _;

use lamina_image::{layer::Entry, path::LayerPath};
use memchr::memmem;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{
        MAX_CLAIMED_BYTES, MAX_FIELD_BYTES, MAX_KERNEL_MODULE_BYTES, MAX_KERNEL_MODULES,
        MAX_LICENCE_BYTES, MAX_MODINFO_BYTES,
    },
    text::cut,
};

/// Linux kernels and their modules.
pub struct LinuxKernel;

const ID: &str = "linux-kernel";

enum Role {
    Kernel,
    Module,
    CompressedModule,
}

impl Role {
    fn of(path: &LayerPath) -> Option<Self> {
        let name = path.file_name();
        if name.ends_with(b".ko") || name.ends_with(b".ko.gz") {
            memmem::find(path.as_bytes(), b"lib/modules/")?;
            return Some(match name.ends_with(b"z") {
                true => Self::CompressedModule,
                false => Self::Module,
            });
        }
        let names: [&[u8]; 5] = [b"vmlinuz", b"vmlinux", b"bzImage", b"zImage", b"kernel"];
        let rest = names.iter().find_map(|known| name.strip_prefix(*known))?;
        matches!(rest, [] | [b'-', ..]).then_some(Self::Kernel)
    }
}

impl Analyser for LinuxKernel {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path).is_some()
    }

    fn max_bytes(&self, path: &LayerPath) -> u64 {
        match Role::of(path) {
            Some(Role::Kernel) => MAX_CLAIMED_BYTES,
            _ => MAX_KERNEL_MODULE_BYTES,
        }
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path) {
            Some(Role::Kernel) => read_kernel(&file, out),
            Some(Role::Module) => read_module(file.bytes, file.path, out),
            Some(Role::CompressedModule) => {
                let mut module = Vec::new();
                let reader = flate2::read::MultiGzDecoder::new(file.bytes);
                let limit = MAX_KERNEL_MODULE_BYTES;
                let read = reader
                    .take(limit.saturating_add(1))
                    .read_to_end(&mut module);
                if module.len() as u64 > limit {
                    let problem = format!("it unpacks to more than {limit} bytes");
                    return out.malformed(ID, file.path, 0, &problem);
                }
                if read.is_err() {
                    out.malformed(ID, file.path, 0, "its compressed data is broken");
                }
                read_module(&module, file.path, out);
            }
            None => {}
        }
    }
}

fn read_kernel(file: &ClaimedFile<'_>, out: &mut Facts) {
    let Some((version, text, place)) = boot_version(file.bytes).or_else(|| banner(file.bytes))
    else {
        return;
    };
    let mut package =
        PackageFact::new(PackageKind::LinuxKernel, "linux-kernel", version, file.path);
    package.basis = Basis::Embedded;
    package.evidence = Some(format!("\"{text}\" at byte {place}"));
    out.add_package(ID, package);
}

/// The version behind the pointer in x86's boot header.
fn boot_version(bytes: &[u8]) -> Option<(String, String, usize)> {
    if bytes.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let pointer = bytes.get(0x20e..0x210)?.first_chunk::<2>()?;
    let place = usize::from(u16::from_le_bytes(*pointer)).checked_add(0x200)?;
    let (version, text) = first_word(bytes.get(place..)?)?;
    (place != 0x200).then_some((version, text, place))
}

/// The version in a kernel's banner.
fn banner(bytes: &[u8]) -> Option<(String, String, usize)> {
    let begin = b"Linux version ";
    let is_kernel = bytes.starts_with(b"\x7fELF") || bytes.get(0x38..0x3c) == Some(b"ARM\x64");
    if !is_kernel {
        return None;
    }
    // The text of the format string comes before the banner now and then.
    memmem::find_iter(bytes, begin).find_map(|place| {
        let (version, text) = first_word(bytes.get(place + begin.len()..)?)?;
        Some((version, format!("Linux version {text}"), place))
    })
}

/// The first word of a text that is a kernel's version, and as much of the text as is shown.
fn first_word(bytes: &[u8]) -> Option<(String, String)> {
    const SHOWN_BYTES: usize = 80;
    let text = bytes.get(..MAX_FIELD_BYTES).unwrap_or(bytes);
    let end = text.iter().position(|byte| matches!(byte, 0 | b'\n'));
    let text = std::str::from_utf8(text.get(..end?)?).ok()?;
    let word = text.split_whitespace().next()?;
    let is_version = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    is_version.then(|| (word.to_owned(), cut(text, SHOWN_BYTES)))
}

#[derive(Default)]
struct Module<'a> {
    name: &'a [u8],
    version: &'a [u8],
    licence: &'a [u8],
    kernel: &'a [u8],
    is_in_tree: bool,
}

fn read_module(bytes: &[u8], path: &LayerPath, out: &mut Facts) {
    let Some(module) = Module::read(bytes) else {
        return out.malformed(
            ID,
            path,
            0,
            "it is no kernel module, or has no kernel's version",
        );
    };
    if module.is_in_tree && module.version.is_empty() {
        return;
    }
    // They come one after the other, so the newest facts tell how many there are.
    let newest = out.packages.iter().rev().take(MAX_KERNEL_MODULES);
    let before = newest.take_while(|package| package.kind == PackageKind::LinuxKernel);
    if before.count() >= MAX_KERNEL_MODULES {
        return out.too_many(ID, "kernel modules", MAX_KERNEL_MODULES as u64);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let file_name = path.file_name();
    let stem = memmem::find(file_name, b".ko").and_then(|end| file_name.get(..end));
    let name = match module.name {
        [] => stem.unwrap_or_default(),
        name => name,
    };
    let version = text(module.version);
    let mut package = PackageFact::new(PackageKind::LinuxKernel, text(name), version, path);
    package.basis = Basis::Embedded;
    package.licence =
        (!module.licence.is_empty()).then(|| cut(&text(module.licence), MAX_LICENCE_BYTES));
    package.detail("kernel", Some(text(module.kernel)));
    package.detail("module", Some("true"));
    package.detail("in-tree", module.is_in_tree.then_some("true"));
    out.add_package(ID, package);
}

impl<'a> Module<'a> {
    /// Reads the texts around the one that each module has. They are looked for instead of their section,
    /// which is what is left where the section table is cut off.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        let magic =
            memmem::find(bytes, b"\0vermagic=").or_else(|| memmem::find(bytes, b"vermagic="))?;
        let is_text = |byte: &u8| *byte == 0 || *byte == b'\t' || *byte >= b' ';
        let before = bytes
            .get(..magic)?
            .iter()
            .rev()
            .take_while(|b| is_text(b))
            .count();
        let start = magic.checked_sub(before.min(MAX_MODINFO_BYTES))?;
        let after = bytes.get(magic..)?;
        let end = after
            .iter()
            .position(|byte| !is_text(byte))
            .unwrap_or(after.len());
        let texts = bytes.get(start..magic + end)?;
        let mut module = Self::default();
        for text in texts.split(|byte| *byte == 0) {
            let Some(place) = memchr::memchr(b'=', text) else {
                continue;
            };
            let (key, value) = text.split_at_checked(place)?;
            let value = value.get(1..)?;
            if value.len() > MAX_FIELD_BYTES {
                continue;
            }
            match key {
                b"name" => module.name = value,
                b"version" => module.version = value,
                b"license" => module.licence = value,
                b"intree" => module.is_in_tree = value == b"Y",
                b"vermagic" => {
                    module.kernel = value.split(|byte| *byte == b' ').next().unwrap_or_default();
                }
                _ => {}
            }
        }
        (!module.kernel.is_empty()).then_some(module)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    fn module(texts: &[&str]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\x01\x02\x03".to_vec();
        for text in texts {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend([1, 2, 3]);
        bytes
    }

    fn told(facts: &Facts) -> Vec<String> {
        let packages = facts.packages.iter();
        packages
            .map(|package| format!("{}@{}", package.name, package.version))
            .collect()
    }

    #[test]
    fn claims() {
        check_claims(
            &LinuxKernel,
            &[
                "boot/vmlinuz",
                "boot/vmlinuz-6.1.0-18-amd64",
                "usr/lib/modules/6.1/vmlinux",
                "lib/modules/6.1/kernel/fs/ext4/ext4.ko",
                "lib/modules/6.1/extra/zfs.ko.gz",
            ],
            &[
                "lib/modules/6.1/kernel/fs/ext4/ext4.ko.xz",
                "opt/a.ko",
                "boot/vmlinuzx",
                "etc/kernel.conf",
                "",
            ],
        );
    }

    #[test]
    fn kernels_say_their_version() {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        let text = b"6.1.0-18-amd64 (debian-kernel@lists.debian.org) #1 SMP\0";
        image[0x300..0x300 + text.len()].copy_from_slice(text);
        let facts = analyse(&LinuxKernel, "boot/vmlinuz-6.1.0-18-amd64", &image);
        assert_eq!(told(&facts), ["linux-kernel@6.1.0-18-amd64"]);
        let evidence = facts.packages[0].evidence.as_deref().unwrap();
        assert!(evidence.ends_with("at byte 768"), "{evidence}");
        for end in 0..image.len() {
            analyse(&LinuxKernel, "boot/vmlinuz", &image[..end]);
        }

        let elf = b"\x7fELF\0Linux version %s\0Linux version 5.10.1 (gcc) #1\n\0";
        let facts = analyse(&LinuxKernel, "boot/vmlinux", elf);
        assert_eq!(told(&facts), ["linux-kernel@5.10.1"]);
        assert_eq!(
            told(&analyse(&LinuxKernel, "usr/bin/kernel", "#!/bin/sh\n")),
            [""; 0]
        );
    }

    #[test]
    fn modules_from_elsewhere_are_told() {
        let zfs = module(&[
            "version=2.1.11-1",
            "license=CDDL",
            "name=zfs",
            "vermagic=6.1.0-18-amd64 SMP preempt mod_unload modversions ",
        ]);
        let facts = analyse(&LinuxKernel, "lib/modules/6.1/updates/zfs.ko", &zfs);
        assert_eq!(facts.warnings, []);
        assert_eq!(told(&facts), ["zfs@2.1.11-1"]);
        assert_eq!(facts.packages[0].licence.as_deref(), Some("CDDL"));
        assert_eq!(
            facts.packages[0].detail_of("kernel"),
            Some("6.1.0-18-amd64")
        );

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&zfs).unwrap();
        let gzip = gzip.finish().unwrap();
        let facts = analyse(&LinuxKernel, "lib/modules/6.1/updates/zfs.ko.gz", &gzip);
        assert_eq!(told(&facts), ["zfs@2.1.11-1"]);
        let half = &gzip[..gzip.len() / 2];
        let facts = analyse(&LinuxKernel, "lib/modules/6.1/updates/zfs.ko.gz", half);
        assert!(!facts.warnings.is_empty());

        let ext4 = module(&["license=GPL", "intree=Y", "name=ext4", "vermagic=6.1.0 SMP"]);
        let facts = analyse(&LinuxKernel, "lib/modules/6.1/kernel/ext4.ko", &ext4);
        assert_eq!(told(&facts), [""; 0]);
        assert_eq!(facts.warnings, []);
    }

    #[test]
    fn what_is_no_module_is_a_warning() {
        for bytes in [
            b"".as_slice(),
            b"\x7fELF",
            b"vermagic=1",
            &module(&["vermagic="]),
        ] {
            let facts = analyse(&LinuxKernel, "lib/modules/a.ko", bytes);
            assert_eq!((facts.packages.len(), facts.warnings.len()), (0, 1));
        }
    }

    #[test]
    fn more_modules_than_the_limit_are_a_warning() {
        let bytes = module(&["version=1", "name=a", "vermagic=6.1 SMP"]);
        let path = LayerPath::from("lib/modules/a.ko");
        let mut facts = Facts::default();
        for _ in 0..MAX_KERNEL_MODULES + 2 {
            read_module(&bytes, &path, &mut facts);
        }
        assert_eq!(facts.packages.len(), MAX_KERNEL_MODULES);
        assert_eq!(facts.warnings.len(), 1);
    }
}
