//! What the gate costs: printed, for people. Run it alone and with `--release`:
//! `cargo test --release -p lamina --test it gate_load -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use lamina_image::digest::Digest;

use crate::{
    gate::{Registry, gate, image},
    support::{client, database, get},
};

const IMAGES: usize = 20;
const PULLS: usize = 500;
const OTHERS: usize = 2000;

/// The time below which a share of them is, in milliseconds.
fn share(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let index = (times.len() as f64 * share) as usize;
    times[index.min(times.len() - 1)].as_secs_f64() * 1000.0
}

/// Asks for blobs and tags one after the other, from eight clients at once.
async fn others(origin: &str, blob: &str) -> Vec<Duration> {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let urls = [
                format!("{origin}/v2/shop/0/blobs/{blob}"),
                format!("{origin}/v2/shop/0/tags/list"),
            ];
            tokio::spawn(async move {
                let client = client();
                let mut times = Vec::new();
                for number in 0..OTHERS / 8 {
                    let started = Instant::now();
                    let response = client.get(&urls[number % 2]).send().await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which wants the machine for itself"]
async fn five_hundred_pulls_of_twenty_images() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), "db", Some("3.2.1"));
    let registry = Registry::default();
    let images: Vec<_> = (0..IMAGES)
        .map(|number| {
            image(
                if number % 2 == 0 { "3.2" } else { "3.2.1" },
                &number.to_string(),
            )
        })
        .collect();
    for (number, image) in images.iter().enumerate() {
        registry.push(&format!("shop/{number}"), "1", image);
    }
    let upstream = registry.serve().await;
    let (origin, db) = (
        upstream.origin(),
        folder.path().join("db").display().to_string(),
    );
    let gate = gate(&["--upstream", &origin, "--db", &db]).await;
    let blob = Digest::of(&images[0].blobs[2]).to_string();

    let mut direct = others(&upstream.origin(), &blob).await;
    let mut idle = others(&gate.origin(), &blob).await;
    let asked = registry.blob_requests();

    let client = client();
    let started = Instant::now();
    let pulls: Vec<_> = (0..PULLS)
        .map(|number| {
            let (image, client) = (number % IMAGES, client.clone());
            let url = format!("{}/v2/shop/{image}/manifests/1", gate.origin());
            tokio::spawn(async move {
                let started = Instant::now();
                let status = client.get(url).send().await.unwrap().status();
                assert_eq!(status, if image % 2 == 0 { 412 } else { 200 });
                started.elapsed()
            })
        })
        .collect();
    let mut times = Vec::new();
    for pull in pulls {
        times.push(pull.await.unwrap());
    }
    let wall = started.elapsed();
    // A config and two layers of each; the lowest layer is the same, and still asked for by each scan.
    assert_eq!(
        registry.blob_requests() - asked,
        3 * IMAGES,
        "each is scanned once"
    );

    let warm: Vec<_> = (0..PULLS)
        .map(|number| format!("{}/v2/shop/{}/manifests/1", gate.origin(), number % IMAGES))
        .collect();
    let mut known = Vec::new();
    for url in &warm {
        let started = Instant::now();
        client.get(url).send().await.unwrap();
        known.push(started.elapsed());
    }
    // While another 500 pulls of known images are under way.
    let pressing: Vec<_> = warm
        .into_iter()
        .map(|url| {
            let client = client.clone();
            tokio::spawn(async move { client.get(url).send().await.unwrap().status() })
        })
        .collect();
    let mut busy = others(&gate.origin(), &blob).await;
    for pull in pressing {
        pull.await.unwrap();
    }
    println!("                                      p50 ms    p99 ms");
    for (what, times) in [
        ("blobs and tags, direct", &mut direct),
        ("the same through the gate", &mut idle),
        ("the same during 500 pulls", &mut busy),
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
