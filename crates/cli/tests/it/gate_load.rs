//! What the gate costs: printed, for people. Run it alone and with `--release`:
//! `cargo test --release -p lamina --test it gate_load -- --ignored --nocapture`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lamina_image::digest::Digest;

use crate::{
    gate::{Registry, gate, image},
    support::{client, database, get},
};

const IMAGES: usize = 20;
const PULLS: usize = 500;
/// Bytes of a layer: a scan shall take a while.
const LAYER: usize = 8 << 20;

/// The time below which a share of them is, in milliseconds.
fn share(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let index = (times.len() as f64 * share) as usize;
    times[index.min(times.len() - 1)].as_secs_f64() * 1000.0
}

/// Asks for blobs and tags one after the other, two clients at once, until it is enough.
async fn others(
    origin: &str,
    blob: &str,
    is_enough: impl Fn(usize) -> bool + Clone + Send + 'static,
) -> Vec<Duration> {
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            let urls = [
                format!("{origin}/v2/small/blobs/{blob}"),
                format!("{origin}/v2/small/tags/list"),
            ];
            let is_enough = is_enough.clone();
            tokio::spawn(async move {
                let client = client();
                let mut times = Vec::new();
                while !is_enough(times.len()) {
                    let started = Instant::now();
                    let response = client.get(&urls[times.len() % 2]).send().await.unwrap();
                    assert_eq!(response.status(), 200);
                    response.bytes().await.unwrap();
                    times.push(started.elapsed());
                }
                times
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

/// Bytes that do not compress.
fn noise(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..LAYER).map(next).collect()
}

/// Pulls all images, many times at once. Answers how long each took.
async fn pulls(origin: &str, client: &reqwest::Client) -> Vec<Duration> {
    let tasks: Vec<_> = (0..PULLS)
        .map(|number| {
            let (image, client) = (number % IMAGES, client.clone());
            let url = format!("{origin}/v2/shop/{image}/manifests/1");
            tokio::spawn(async move {
                let started = Instant::now();
                let status = client.get(url).send().await.unwrap().status();
                assert_eq!(status, if image % 2 == 0 { 412 } else { 200 });
                started.elapsed()
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap());
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which wants the machine for itself"]
async fn five_hundred_pulls_of_twenty_images() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), "db", Some("3.2.1"));
    let registry = Registry::default();
    for number in 0..IMAGES {
        let django = if number % 2 == 0 { "3.2" } else { "3.2.1" };
        registry.push(
            &format!("shop/{number}"),
            "1",
            &image(django, noise(number)),
        );
    }
    let small = image("3.2", "");
    registry.push("small", "1", &small);
    let upstream = registry.serve().await;
    let (origin, db) = (
        upstream.origin(),
        folder.path().join("db").display().to_string(),
    );
    let gate = gate(&["--upstream", &origin, "--db", &db]).await;
    let blob = Digest::of(&small.blobs[2]).to_string();

    let mut direct = others(&upstream.origin(), &blob, |asked| asked >= 2000).await;
    let mut idle = others(&gate.origin(), &blob, |asked| asked >= 2000).await;
    let asked = registry.blob_requests();

    let client = client();
    let is_over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_over);
    let (gate_origin, small_blob) = (gate.origin(), blob.clone());
    let beside = tokio::spawn(async move {
        others(&gate_origin, &small_blob, move |_| {
            told.load(Ordering::Relaxed)
        })
        .await
    });
    let started = Instant::now();
    let mut times = pulls(&gate.origin(), &client).await;
    let wall = started.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let mut during = beside.await.unwrap();
    let blobs = registry.blob_requests() - asked - during.len().div_ceil(2);
    // A config and two layers of each; the two clients may have stopped in the middle of a pair.
    assert!(
        blobs.abs_diff(3 * IMAGES) <= 2,
        "each is scanned once: {blobs}"
    );
    let mut known = pulls(&gate.origin(), &client).await;
    // The gate itself works as hard as can be.
    let pressing = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&pressing);
    let (gate_origin, small_blob) = (gate.origin(), blob.clone());
    let beside = tokio::spawn(async move {
        others(&gate_origin, &small_blob, move |_| {
            told.load(Ordering::Relaxed)
        })
        .await
    });
    for _ in 0..4 {
        pulls(&gate.origin(), &client).await;
    }
    pressing.store(true, Ordering::Relaxed);
    let mut busy = beside.await.unwrap();
    println!("                                      p50 ms    p99 ms");
    for (what, times) in [
        ("blobs and tags, direct", &mut direct),
        ("the same through the gate", &mut idle),
        ("the same while 20 are scanned", &mut during),
        ("the same during 500 known pulls", &mut busy),
        ("500 manifests of 20 new images", &mut times),
        ("500 manifests of known images", &mut known),
    ] {
        let (half, most) = (share(times, 0.5), share(times, 0.99));
        println!("{what:<34}{half:>10.2}{most:>10.2}");
    }
    println!("all 500 took {:.2} s", wall.as_secs_f64());
    let metrics = get(&format!("{}/gate/metrics", gate.origin())).await;
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("lamina_gate_scans_total{result=\"report\"} 20"),
        "{metrics}"
    );
}
