//! What the page keeps between visits, in IndexedDB: layer analyses, advisory shards, past reports.
//!
//! Everything here is a cache: when the browser refuses storage (private windows, quota) reads find
//! nothing and writes are dropped, and a scan works all the same. Each table has a budget; when a
//! write passes it, what was unused longest goes.

use idb::{Database, DatabaseEvent as _, Factory, ObjectStoreParams, Query, TransactionMode};
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

const DATABASE: &str = "lamina";
const VERSION: u32 = 1;

/// A table, with the bytes it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Layer analyses by cache key (diff id and analysers' revisions).
    Layers,
    /// Advisory shards by digest.
    Shards,
    /// Past reports by key.
    Reports,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 3] = [Self::Layers, Self::Shards, Self::Reports];

    fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Shards => "shards",
            Self::Reports => "reports",
        }
    }

    /// Name of the table that says when each row was used and how large it is, so that eviction
    /// reads no contents.
    fn ledger(self) -> &'static str {
        match self {
            Self::Layers => "layers-use",
            Self::Shards => "shards-use",
            Self::Reports => "reports-use",
        }
    }

    fn budget_bytes(self) -> f64 {
        match self {
            Self::Layers => 256e6,
            Self::Shards => 256e6,
            Self::Reports => 64e6,
        }
    }
}

/// What the ledger says of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: f64,
    /// Milliseconds since 1970 of the last use.
    pub used: f64,
    /// A small text kept beside it, for lists.
    pub note: String,
}

async fn open() -> Result<Database, idb::Error> {
    let factory = Factory::new()?;
    let mut request = factory.open(DATABASE, Some(VERSION))?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = event.database() {
            for table in Table::ALL {
                for name in [table.name(), table.ledger()] {
                    let _ = database.create_object_store(name, ObjectStoreParams::new());
                }
            }
        }
    });
    request.await
}

/// The bytes under `key`, if they are there and the browser lets us read them.
pub async fn get(table: Table, key: &str) -> Option<Vec<u8>> {
    let read = async {
        let database = open().await?;
        let transaction =
            database.transaction(&[table.name(), table.ledger()], TransactionMode::ReadWrite)?;
        let value = transaction
            .object_store(table.name())?
            .get(Query::Key(JsValue::from(key)))?
            .await?;
        if value.is_some() {
            let ledger = transaction.object_store(table.ledger())?;
            if let Some(row) = ledger.get(Query::Key(JsValue::from(key)))?.await? {
                let _ = Reflect::set(&row, &"used".into(), &super::now_ms().into());
                ledger.put(&row, Some(&JsValue::from(key)))?.await?;
            }
        }
        transaction.commit()?.await?;
        database.close();
        Ok::<_, idb::Error>(value)
    };
    let value = read.await.ok()??;
    value
        .dyn_into::<Uint8Array>()
        .ok()
        .map(|bytes| bytes.to_vec())
}

/// Keeps bytes under `key`, with a note for lists. Drops them silently if the browser refuses.
pub async fn put(table: Table, key: &str, bytes: &[u8], note: &str) {
    put_within(table, key, bytes, note, table.budget_bytes()).await;
}

/// The same with another budget.
pub(super) async fn put_within(table: Table, key: &str, bytes: &[u8], note: &str, budget: f64) {
    let write = async {
        let database = open().await?;
        let transaction =
            database.transaction(&[table.name(), table.ledger()], TransactionMode::ReadWrite)?;
        let row = Object::new();
        let length = bytes.len() as f64;
        for (name, value) in [
            ("key", JsValue::from(key)),
            ("size", JsValue::from(length)),
            ("used", JsValue::from(super::now_ms())),
            ("note", JsValue::from(note)),
        ] {
            let _ = Reflect::set(&row, &name.into(), &value);
        }
        let contents = transaction.object_store(table.name())?;
        let ledger = transaction.object_store(table.ledger())?;
        contents
            .put(&Uint8Array::from(bytes), Some(&JsValue::from(key)))?
            .await?;
        ledger.put(&row, Some(&JsValue::from(key)))?.await?;
        let mut rows = read_rows(ledger.get_all(None, None)?.await?);
        let mut total: f64 = rows.iter().map(|row| row.size).sum();
        rows.sort_by(|a, b| a.used.total_cmp(&b.used));
        for row in rows.iter().filter(|row| row.key != key) {
            if total <= budget {
                break;
            }
            contents
                .delete(Query::Key(JsValue::from(row.key.as_str())))?
                .await?;
            ledger
                .delete(Query::Key(JsValue::from(row.key.as_str())))?
                .await?;
            total -= row.size;
        }
        transaction.commit()?.await?;
        database.close();
        Ok::<_, idb::Error>(())
    };
    let _ = write.await;
}

/// What a table holds, most recently used first.
pub async fn rows(table: Table) -> Vec<Row> {
    let read = async {
        let database = open().await?;
        let transaction = database.transaction(&[table.ledger()], TransactionMode::ReadOnly)?;
        let rows = read_rows(
            transaction
                .object_store(table.ledger())?
                .get_all(None, None)?
                .await?,
        );
        database.close();
        Ok::<_, idb::Error>(rows)
    };
    let mut rows = read.await.unwrap_or_default();
    rows.sort_by(|a, b| b.used.total_cmp(&a.used));
    rows
}

/// What the ledger says of one row.
pub async fn row(table: Table, key: &str) -> Option<Row> {
    rows(table).await.into_iter().find(|row| row.key == key)
}

/// Deletes one row.
pub async fn remove(table: Table, key: &str) {
    let delete = async {
        let database = open().await?;
        let transaction =
            database.transaction(&[table.name(), table.ledger()], TransactionMode::ReadWrite)?;
        for name in [table.name(), table.ledger()] {
            transaction
                .object_store(name)?
                .delete(Query::Key(JsValue::from(key)))?
                .await?;
        }
        transaction.commit()?.await?;
        database.close();
        Ok::<_, idb::Error>(())
    };
    let _ = delete.await;
}

/// Deletes everything in these tables.
pub async fn clear(tables: &[Table]) {
    let delete = async {
        let database = open().await?;
        let names: Vec<&str> = tables
            .iter()
            .flat_map(|table| [table.name(), table.ledger()])
            .collect();
        let transaction = database.transaction(&names, TransactionMode::ReadWrite)?;
        for name in &names {
            transaction.object_store(name)?.clear()?.await?;
        }
        transaction.commit()?.await?;
        database.close();
        Ok::<_, idb::Error>(())
    };
    let _ = delete.await;
}

fn read_rows(values: Vec<JsValue>) -> Vec<Row> {
    let text = |value: &JsValue, name: &str| {
        Reflect::get(value, &name.into())
            .ok()
            .and_then(|field| field.as_string())
    };
    let number = |value: &JsValue, name: &str| {
        Reflect::get(value, &name.into())
            .ok()
            .and_then(|field| field.as_f64())
    };
    values
        .iter()
        .filter_map(|value| {
            Some(Row {
                key: text(value, "key")?,
                size: number(value, "size")?,
                used: number(value, "used")?,
                note: text(value, "note").unwrap_or_default(),
            })
        })
        .collect()
}
