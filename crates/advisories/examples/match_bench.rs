//! What a database costs its reader: opens every match shard of one, and matches 5,000 packages.
//!
//! ```text
//! lamina db build --from ../shared/advisories/feeds --out DB
//! cargo run --release -p lamina-advisories --example match_bench -- DB
//!
//! cargo build --release -p lamina-advisories --example match_bench --target wasm32-unknown-unknown
//! wasm-bindgen --target nodejs --out-dir OUT target/wasm32-unknown-unknown/release/examples/match_bench.wasm
//! node OUT/match_bench.js DB
//! ```
//! The packages have the names of those that the shards speak of, 2,000 of Debian 12 and the rest by turns of the
//! languages, four in five at the newest version that an advisory names, one in five at one in the middle.
//! Bars: 50 ms in WebAssembly for the matching, 5 ms for opening a shard, 1.5 times its bytes of memory.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a program to measure with: it reads files and the clock"
)]

use lamina_advisories::{
    DistributionView, Index, PackageView, Shard, ShardKind, match_packages, orders,
    record::RangeEnd, shards_for,
};
use lamina_inventory::facts::PackageKind;

const PACKAGES: usize = 5_000;
const DEBIAN_PACKAGES: usize = 2_000;

/// Each is measured so often; the best counts, since others use this machine too.
const RUNS: usize = 15;

const LANGUAGES: [(PackageKind, &str); 9] = [
    (PackageKind::Pypi, "pypi"),
    (PackageKind::Npm, "npm"),
    (PackageKind::Golang, "go"),
    (PackageKind::Maven, "maven"),
    (PackageKind::Gem, "rubygems"),
    (PackageKind::Composer, "packagist"),
    (PackageKind::Cargo, "crates.io"),
    (PackageKind::Hex, "hex"),
    (PackageKind::Bitnami, "bitnami"),
];

fn main() {
    let folder = platform::argument();
    let index = Index::parse(&platform::read(&format!("{folder}/index.json"))).unwrap();
    let mut shards = Vec::new();
    let (mut opened, mut verified) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for entry in index
        .shards
        .iter()
        .filter(|entry| entry.kind == ShardKind::Match)
    {
        let stored = platform::read(&format!("{folder}/{}", entry.path()));
        verified.push((
            best(|| Shard::from_stored(&stored, entry).unwrap()),
            &entry.key,
        ));
        let shard = Shard::from_stored(&stored, entry).unwrap();
        let inflated = lamina_advisories::shard::inflate(&stored, entry.uncompressed_size).unwrap();
        let mut copies: Vec<_> = (0..RUNS).map(|_| inflated.clone()).collect();
        opened.push((
            best(|| Shard::open(copies.pop().unwrap()).unwrap()),
            &entry.key,
        ));
        bytes += shard.size();
        shards.push(shard);
    }
    let slowest = |times: &mut Vec<(f64, &String)>| {
        times.sort_by(|a, b| b.0.total_cmp(&a.0));
        let shown: Vec<String> = times
            .iter()
            .take(4)
            .map(|(ms, key)| format!("{key} {ms:.3} ms"))
            .collect();
        shown.join(", ")
    };
    platform::print(&format!("{} match shards, {bytes} bytes", shards.len()));
    platform::print(&format!("opening, slowest: {}", slowest(&mut opened)));
    platform::print(&format!(
        "verifying, inflating and opening, slowest: {}",
        slowest(&mut verified)
    ));

    let all: Vec<&Shard> = shards.iter().collect();
    let names = packages(&all);
    let packages: Vec<PackageView<'_>> = names
        .iter()
        .map(|(kind, name, version)| PackageView::new(*kind, name, version))
        .collect();
    let debian = DistributionView {
        id: "debian",
        version_id: Some("12"),
        codename: Some("bookworm"),
    };
    let needs = shards_for(&index, Some(debian), packages.iter().copied());
    let needed: Vec<&Shard> = all
        .iter()
        .copied()
        .filter(|shard| {
            needs
                .shards
                .iter()
                .any(|entry| entry.key == shard.meta().key)
        })
        .collect();
    let needed_bytes: usize = needed.iter().map(|shard| shard.size()).sum();
    let found = match_packages(Some(debian), &packages, &needed);
    let ms = best(|| match_packages(Some(debian), &packages, &needed));
    let cpu = best_by(platform::cpu_ms, || {
        match_packages(Some(debian), &packages, &needed)
    });
    platform::print(&format!(
        "{} packages of {} shards ({needed_bytes} bytes): {} matches, {} warnings, {ms:.1} ms, {cpu:.1} of CPU",
        packages.len(),
        needed.len(),
        found.matches.len() + found.overridden.len(),
        found.warnings.len() + found.warnings_left_out,
    ));
    for (kind, key) in [(PackageKind::Deb, "debian:12")].iter().chain(&LANGUAGES) {
        let own: Vec<_> = packages
            .iter()
            .copied()
            .filter(|p| p.kind == *kind)
            .collect();
        let found = match_packages(Some(debian), &own, &needed).matches.len();
        let ms = best(|| match_packages(Some(debian), &own, &needed));
        platform::print(&format!(
            "  {key}: {} packages, {found} matches, {ms:.2} ms",
            own.len()
        ));
    }
    platform::print(&memory_report(&index, &folder));
}

/// The memory that the largest shard takes beside the stored bytes, which the caller lends.
fn memory_report(index: &Index, folder: &str) -> String {
    let largest = index
        .shards
        .iter()
        .filter(|entry| entry.kind == ShardKind::Match)
        .max_by_key(|entry| entry.uncompressed_size)
        .unwrap();
    let stored = platform::read(&format!("{folder}/{}", largest.path()));
    let shards: Vec<Shard> = (0..20)
        .map(|_| Shard::from_stored(&stored, largest).unwrap())
        .collect();
    let before = platform::memory();
    let more: Vec<Shard> = (0..20)
        .map(|_| Shard::from_stored(&stored, largest).unwrap())
        .collect();
    let Some((before, after)) = before.zip(platform::memory()) else {
        return "memory: measured in WebAssembly alone".to_owned();
    };
    let bytes: usize = more.iter().map(Shard::size).sum();
    let count = shards.len() + more.len();
    format!(
        "memory of 20 more {} (of {count}): {:.2} times their bytes",
        largest.key,
        (after - before) / bytes as f64
    )
}

fn best<T>(run: impl FnMut() -> T) -> f64 {
    best_by(platform::now_ms, run)
}

fn best_by<T>(clock: fn() -> f64, mut run: impl FnMut() -> T) -> f64 {
    (0..RUNS)
        .map(|_| {
            let start = clock();
            let result = run();
            let ms = clock() - start;
            drop(result);
            ms
        })
        .fold(f64::MAX, f64::min)
}

/// Kind, name and version of packages that shards speak of.
fn packages(shards: &[&Shard]) -> Vec<(PackageKind, String, String)> {
    let of = |key: &str| shards.iter().find(|shard| shard.meta().key == key);
    let mut packages = Vec::new();
    if let Some(debian) = of("debian:12") {
        let mut versions = versions_of(debian);
        let step = versions.len().div_ceil(DEBIAN_PACKAGES).max(1);
        versions = versions.into_iter().step_by(step).collect();
        packages.extend(with_kind(PackageKind::Deb, versions));
    }
    let mut others: Vec<_> = LANGUAGES
        .iter()
        .filter_map(|(kind, key)| Some(with_kind(*kind, versions_of(of(key)?)).into_iter()))
        .collect();
    while packages.len() < PACKAGES && !others.is_empty() {
        others.retain_mut(|other| match other.next() {
            Some(package) => {
                packages.push(package);
                true
            }
            None => false,
        });
    }
    packages.truncate(PACKAGES);
    packages
}

fn with_kind(
    kind: PackageKind,
    names: Vec<(String, String)>,
) -> Vec<(PackageKind, String, String)> {
    let kinds = names
        .into_iter()
        .map(|(name, version)| (kind, name, version));
    kinds.collect()
}

fn versions_of(shard: &Shard) -> Vec<(String, String)> {
    let order = orders::order(&shard.meta().order).unwrap();
    let mut names = Vec::new();
    for package in shard.packages() {
        let package = package.unwrap();
        let mut bounds: Vec<&str> = Vec::new();
        for affected in package.affected() {
            for range in affected.unwrap().ranges() {
                if let RangeEnd::Fixed(bound) | RangeEnd::LastAffected(bound) = range.end {
                    bounds.push(bound);
                }
            }
        }
        bounds.sort_by(|a, b| order.compare(a, b).unwrap_or_else(|_| a.cmp(b)));
        let version = match names.len() % 5 {
            0 => bounds.get(bounds.len() / 2),
            _ => bounds.last(),
        };
        names.push((package.name.to_owned(), version.unwrap_or(&"1").to_string()));
    }
    names
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    use std::{sync::LazyLock, time::Instant};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(crate) fn now_ms() -> f64 {
        START.elapsed().as_secs_f64() * 1000.0
    }

    /// The time of the clock, too: std has no other.
    pub(crate) fn cpu_ms() -> f64 {
        now_ms()
    }

    pub(crate) fn argument() -> String {
        std::env::args().nth(1).expect("the folder of a database")
    }

    pub(crate) fn read(path: &str) -> Vec<u8> {
        std::fs::read(path).unwrap()
    }

    pub(crate) fn print(line: &str) {
        println!("{line}");
    }

    pub(crate) fn memory() -> Option<f64> {
        None
    }
}

/// Node, by way of its globals.
#[cfg(target_arch = "wasm32")]
mod platform {
    fn eval(code: &str) -> js_sys::wasm_bindgen::JsValue {
        js_sys::eval(code).unwrap()
    }

    pub(crate) fn now_ms() -> f64 {
        eval("performance.now()").as_f64().unwrap()
    }

    /// Milliseconds that this process computed, all of its threads together: on a machine that others use too,
    /// the time of the clock says more of them.
    pub(crate) fn cpu_ms() -> f64 {
        eval("(u => (u.user + u.system) / 1000)(process.cpuUsage())")
            .as_f64()
            .unwrap()
    }

    pub(crate) fn argument() -> String {
        eval("process.argv[2]")
            .as_string()
            .expect("the folder of a database")
    }

    pub(crate) fn read(path: &str) -> Vec<u8> {
        let code = format!("new Uint8Array(process.getBuiltinModule('fs').readFileSync({path:?}))");
        js_sys::Uint8Array::new(&eval(&code)).to_vec()
    }

    pub(crate) fn print(line: &str) {
        eval(&format!("console.log({line:?})"));
    }

    /// Bytes of WebAssembly memory.
    pub(crate) fn memory() -> Option<f64> {
        use js_sys::wasm_bindgen::JsCast as _;
        let memory: js_sys::WebAssembly::Memory = js_sys::wasm_bindgen::memory().dyn_into().ok()?;
        let buffer: js_sys::ArrayBuffer = memory.buffer().dyn_into().ok()?;
        Some(f64::from(buffer.byte_length()))
    }
}
