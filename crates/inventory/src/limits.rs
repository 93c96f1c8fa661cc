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

/// Licence files told of one package. A Debian package has one, the longest lists in `dist-info` some ten.
pub const MAX_LICENCE_FILES: usize = 20;

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

/// Paths told of those that waste most. People look at the first ten.
pub const MAX_WASTED_PATHS: usize = 100;

/// Bytes of a list of known base images.
pub const MAX_KNOWN_BASES_BYTES: usize = 16 << 20;

/// Entries of one.
pub const MAX_KNOWN_BASES: usize = 20_000;

/// Bytes of name and tag of an entry.
pub const MAX_KNOWN_NAME_BYTES: usize = 512;

/// Programs that nobody owns, of which the paths are listed.
pub const MAX_UNNAMED_PATHS: usize = 100;

/// Files told of one check, each. What is more is one line that says how many.
pub const MAX_FILES_PER_RULE: usize = 20;

/// Names told of files that are told of together.
pub const MAX_NAMES_TOGETHER: usize = 5;

/// Brackets within brackets in a stated licence. Real ones have two.
pub const MAX_LICENCE_DEPTH: usize = 16;

/// Names and operators in a stated licence. The longest of Fedora and Debian have some 60.
pub const MAX_LICENCE_PARTS: usize = 256;

/// Bytes of a licence file. The longest licences have 40 KiB; files with many have more, and say
/// nothing of one package.
pub const MAX_LICENCE_FILE_BYTES: u64 = 256 << 10;

/// Licences told of one file.
pub const MAX_LICENCES_PER_FILE: usize = 8;
/// Bytes of an rpm database. It is held whole, within the 4 GiB that a page's worker may address; that
/// of a full Fedora desktop has some 300 MiB, those of images rarely more than 50.
pub const MAX_RPM_DATABASE_BYTES: u64 = 512 << 20;

/// Bytes of one header in an rpm database. Those of the largest packages (kernel sources, TeX Live's
/// documents) stay under 20 MiB; rpm itself would take 256.
pub const MAX_RPM_HEADER_BYTES: usize = 64 << 20;

/// Files that the packages of one rpm database own. A full desktop has less than a million.
pub const MAX_RPM_FILES: usize = 4_000_000;

/// Bytes of one row in an SQLite database: the longest are the headers of an rpm database.
pub const MAX_SQLITE_ROW_BYTES: u64 = MAX_RPM_HEADER_BYTES as u64 + 1024;
/// Packages that are looked at for the one whose folder a file of the Nix store lies in: the search is
/// done for each file. A Python environment in one store path has some hundreds.
pub const MAX_NIX_LOOK_BACK: usize = 1024;

/// Bytes of an SBOM that lies in an image. Those of whole images have 30 MiB with their file lists.
pub const MAX_SBOM_BYTES: u64 = 64 << 20;

/// Packages of one SBOM. Those of the largest images have some 10,000.
pub const MAX_SBOM_PACKAGES: usize = 20_000;

/// Components within components of one SBOM. `serde_json` itself stops at 128 nested values.
pub const MAX_SBOM_DEPTH: usize = 32;

/// Bytes of a package URL in an SBOM. Syft's with a source and a distribution have about 200.
pub const MAX_PURL_BYTES: usize = 4096;
/// Bytes of a lock file. Those of the largest monorepos have some 5 MiB.
pub const MAX_LOCK_BYTES: u64 = 16 << 20;

/// Bytes of a package's own manifest in a language of its own (gemspec, rockspec, `.app`, `.reg`, `.php`). A
/// gemspec that lists thousands of files has 500 KiB.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// How deep values may lie in one another, in formats that we read by recursion. Real ones stay under 10;
/// 100 frames take less than 64 KiB of the 1 MiB stack of a browser's worker.
pub const MAX_NESTING: usize = 100;

/// Values (of lists, tuples, texts) in one file that we read into memory. PEAR's own record has 2,000.
pub const MAX_VALUES: usize = 200_000;

/// Licences that one package names. Real ones name up to ten.
pub const MAX_LICENCES: usize = 50;

/// Variables remembered of one rockspec. Real ones have up to five.
pub const MAX_VARIABLES: usize = 100;

/// Bytes at the beginning of a WordPress plugin's file in which its header is looked for, as WordPress
/// has it.
pub const MAX_PLUGIN_HEADER_BYTES: usize = 8 << 10;

/// Bytes of paths that are looked up in one `bun.lock` to tell what is for development. 5,000 packages
/// with ten dependencies each, two folders deep, take 5 MiB.
pub const MAX_SEARCHED_BYTES: usize = 256 << 20;
/// Bytes of an archive (a jar, an egg), held whole while it is read. Fat jars of 200 MB exist, and a
/// WebAssembly memory ends at 4 GiB.
pub const MAX_ARCHIVE_BYTES: u64 = 256 << 20;

/// Files that are looked at in an archive and all archives within it. The largest fat jars have some
/// 200,000.
pub const MAX_ARCHIVE_ENTRIES: u64 = 1_000_000;

/// Bytes that are read out of an archive and all archives within it, compressed and inflated ones
/// together. A WAR of 256 MiB takes twice its size; this is some ten seconds.
pub const MAX_ARCHIVE_READ_BYTES: u64 = 2 << 30;

/// Bytes of inflated inner archives that are held at the same time, one within the other.
pub const MAX_HELD_BYTES: u64 = 256 << 20;

/// Archives within one another. A jar in a plugin in a WAR in an EAR has four.
pub const MAX_ARCHIVE_DEPTH: usize = 16;

/// Bytes of one entry's name in a zip archive. The format stops at 65,535, Linux at 4,096.
pub const MAX_ZIP_NAME_BYTES: usize = 4096;

/// Bytes of a manifest, a `pom.properties` or a `pom.xml` within a jar. Manifests of signed jars have a
/// digest for every class: some MiB.
pub const MAX_JAR_METADATA_BYTES: u64 = 16 << 20;

/// Elements within one another in a `pom.xml`. The deepest that are read have four.
pub const MAX_XML_DEPTH: usize = 64;

/// Bytes of a JVM's `release` file. Its list of modules takes some 2 KiB.
pub const MAX_JVM_RELEASE_BYTES: u64 = 64 << 10;
/// Bytes before a keyword by which it is judged, and from which the excerpt's line may start.
pub const SECRET_BEHIND_BYTES: usize = 256;

/// Bytes after a keyword that a rule may see. The longest tokens that are looked for whole, JSON web
/// tokens of Entra ID, have about 2,000.
pub const SECRET_AHEAD_BYTES: usize = 2048;

/// Bytes of an excerpt. A line of an editor's window has about 100.
pub const MAX_EXCERPT_BYTES: usize = 160;

/// Secrets told of one file. A file with more is a list of secrets, and says so after ten.
pub const MAX_SECRETS_PER_FILE: usize = 100;

/// Units of work that patterns may take in one file, for each byte of it; a try takes about 90. Text in
/// which every second word is `password` comes to about 6, real text to less than 1.
pub const SECRET_TRIES_PER_BYTE: u64 = 4;

/// Units of the same work that any file may take, however small.
pub const MIN_SECRET_TRIES: u64 = 256 << 10;

/// Bytes of one step of an image's history, or of one variable, that are read for secrets. A shell
/// script that a `RUN` holds may have some 10 KiB.
pub const MAX_CONFIG_TEXT_BYTES: usize = 64 << 10;

/// Secrets told of one image's configuration.
pub const MAX_CONFIG_SECRETS: usize = 100;
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

/// Deflated bytes by which cargo-auditable's data are told. The codes of a dynamic block take at most
/// some 600 (RFC 1951, section 3.2.7), the first letters 25.
pub const AUDITABLE_BEGIN_BYTES: usize = 1024;

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

/// Bytes of a program or another binary file that is looked at for secrets: tokens compiled into `.pyc`,
/// `.class` and the like. Larger ones are most bytes of an image, and in WebAssembly looking at them would
/// cost an estimated fifth to quarter of what unpacking and hashing them does.
pub const MAX_BINARY_SECRET_BYTES: u64 = 256 << 10;
