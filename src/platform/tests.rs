//! Tests in a real browser: `cargo xtask test` runs them.

use js_sys::{Array, Uint8Array};
use lamina_image::digest::Digest;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use super::{
    fetch,
    store::{self, Table},
};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn what_is_kept_is_read_back_until_it_is_removed() {
    store::put(Table::Layers, "a", b"bytes", "note").await;
    assert_eq!(
        store::get(Table::Layers, "a").await.as_deref(),
        Some(&b"bytes"[..])
    );
    assert_eq!(store::get(Table::Shards, "a").await, None);
    let rows = store::rows(Table::Layers).await;
    let row = rows.iter().find(|row| row.key == "a").unwrap();
    assert_eq!((row.size, row.note.as_str()), (5.0, "note"));
    store::remove(Table::Layers, "a").await;
    assert_eq!(store::get(Table::Layers, "a").await, None);
    assert!(
        store::rows(Table::Layers)
            .await
            .iter()
            .all(|row| row.key != "a")
    );
}

#[wasm_bindgen_test]
async fn over_its_budget_a_table_drops_what_was_unused_longest() {
    for key in ["old", "used", "new"] {
        store::put_within(Table::Reports, key, &[0; 1000], "", 3000.0).await;
        super::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(store::get(Table::Reports, "old").await.is_some());
    super::sleep(std::time::Duration::from_millis(5)).await;
    store::put_within(Table::Reports, "newest", &[0; 1000], "", 3000.0).await;
    let mut keys: Vec<String> = store::rows(Table::Reports)
        .await
        .into_iter()
        .map(|row| row.key)
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        ["new", "newest", "old"],
        "`old` was read since, `used` was not"
    );
    store::clear(&Table::ALL).await;
    assert_eq!(store::rows(Table::Reports).await, []);
}

#[wasm_bindgen_test]
async fn a_body_arrives_whole_in_chunks() {
    let bytes: Vec<u8> = (0..3_000_001_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let parts = Array::of1(&Uint8Array::from(bytes.as_slice()));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&parts).unwrap();
    let url = web_sys::Url::create_object_url_with_blob(&blob).unwrap();

    let answer = fetch::send("GET", &url, &[], None).await.unwrap();
    assert_eq!(answer.status, 200);
    let mut body = answer.body().unwrap();
    let (mut read, mut chunk) = (Vec::new(), Vec::new());
    while body.next(&mut chunk).await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert_eq!(Digest::of(&read), Digest::of(&bytes));

    let answer = fetch::send("GET", &url, &[], None).await.unwrap();
    assert_eq!(
        answer.bytes(1000).await,
        Err(fetch::FetchError::TooLarge(1000))
    );
}

#[wasm_bindgen_test]
async fn a_host_that_is_not_there_is_no_answer() {
    let result = fetch::send("GET", "http://127.0.0.1:1/v2/", &[], None).await;
    assert!(matches!(result, Err(fetch::FetchError::NoAnswer(_))));
}
