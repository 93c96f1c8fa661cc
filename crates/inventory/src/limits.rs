//! Limits on what an image may make us do, each with its unit and its reason.
//!
//! Every claimed file is hostile. Passing a limit is a [`crate::facts::Warning`], never silence.

/// Bytes of one claimed file, unless its analyser says less. It is held whole while it is read. The
/// largest real package databases (`status` of a full desktop) stay under 8 MiB.
pub const MAX_CLAIMED_BYTES: u64 = 64 << 20;

/// Bytes of all claimed files of one layer together. 2,000 Debian packages with their file lists and
/// copyrights come to about 60 MiB.
pub const MAX_CLAIMED_BYTES_PER_LAYER: u64 = 1 << 30;

/// Bytes of a file that names a distribution. Real ones stay under 1 KiB.
pub const MAX_OS_RELEASE_BYTES: u64 = 64 << 10;

/// Bytes of a Python `METADATA`: most of it is the project's README. The largest on PyPI are about
/// 1 MiB.
pub const MAX_METADATA_BYTES: u64 = 8 << 20;

/// Bytes of a `package.json`. Some generated ones (icon sets) have 500 KiB.
pub const MAX_PACKAGE_JSON_BYTES: u64 = 4 << 20;

/// Bytes of a Debian `copyright` file. Chromium's, the largest, has 2 MiB.
pub const MAX_COPYRIGHT_BYTES: u64 = 4 << 20;

/// Packages in one layer. Full desktops have some 5,000, an image of all of TeX Live less.
pub const MAX_PACKAGES: usize = 100_000;

/// Secrets and the like in one layer. More than some hundreds are one mistake many times.
pub const MAX_ISSUES: usize = 10_000;

/// Bytes of file lists in one layer, in memory. 2,000 Debian packages take about 6 MiB.
pub const MAX_OWNED_BYTES: usize = 64 << 20;

/// Warnings kept per layer.
pub const MAX_WARNINGS: usize = 100;

/// Bytes of a name, version or architecture. Debian stops at about 100, PyPI at 200.
pub const MAX_FIELD_BYTES: usize = 1024;

/// Bytes kept of a licence: some packages put its whole text where its name should be.
pub const MAX_LICENCE_BYTES: usize = 512;

/// Links at claimed paths in one layer. One `uv` installation with hard links has some hundreds.
pub const MAX_LINKS: usize = 100_000;

/// Bytes of one path in a file list; Linux stops at 4,096.
pub const MAX_OWNED_PATH_BYTES: usize = 4096;

/// Bytes of an encoded analysis. A layer of a million files takes about 40 MiB.
pub const MAX_ENCODED_BYTES: usize = 512 << 20;

/// Earlier versions told of one package, newest first. An image has rarely more than three.
pub const MAX_EARLIER: usize = 100;

/// Packages of one name that a file list without an architecture is taken to belong to.
pub const MAX_OWNERS: usize = 16;

/// Bytes at the start of a program that are held to read its headers. A Mach-O file's load commands
/// take about 4 KiB.
pub const MAX_EXECUTABLE_HEAD_BYTES: usize = 8 << 10;

/// Segments of a program that are noted. Real ones have some 20.
pub const MAX_SEGMENTS: usize = 64;

/// Bytes of Go build information in one file. Kubernetes' has about 30 KiB, the largest known 200 KiB.
pub const MAX_GO_BUILD_INFO_BYTES: usize = 4 << 20;

/// Go programs in one file: a fat Mach-O file holds one for each architecture, and some programs
/// carry others.
pub const MAX_GO_PROGRAMS: usize = 16;

/// Places in a program that may hold the version of Go that built it.
pub const MAX_GO_VERSION_CANDIDATES: usize = 256;

/// Bytes of cargo-auditable's data, inflated, in one file. 1,000 crates take about 100 KiB.
pub const MAX_AUDITABLE_BYTES: usize = 8 << 20;

/// Bytes of one program's note segment. Real ones stay under 1 KiB.
pub const MAX_NOTE_BYTES: usize = 64 << 10;

/// Bytes of a `deps.json`. The largest frameworks' have 1 MiB.
pub const MAX_DEPS_JSON_BYTES: u64 = 16 << 20;

/// Bytes of a PE file that may be a .NET assembly. The largest of the SDK has 20 MiB.
pub const MAX_ASSEMBLY_BYTES: u64 = 64 << 20;

/// Texts of a version resource. Real ones have some 12.
pub const MAX_VERSION_STRINGS: usize = 64;

/// Bytes of one kernel module, unpacked. The largest, of GPUs, have 60 MiB.
pub const MAX_KERNEL_MODULE_BYTES: u64 = 64 << 20;

/// Kernel modules that are told of in one layer. Of a distribution's kernel some 300 have versions.
pub const MAX_KERNEL_MODULES: usize = 2000;

/// Bytes before a kernel module's `vermagic` that may be of the same section. Real sections stay under
/// 16 KiB.
pub const MAX_MODINFO_BYTES: usize = 64 << 10;
