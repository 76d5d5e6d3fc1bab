//! What is to be stored at once, where nobody waits until it is on the disk.

use js_sys::{Object, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::{Result, Storage};

/// Values by their keys, as JSON.
#[derive(Default)]
pub(crate) struct Entries(Object);

impl Entries {
    pub(crate) fn set(&self, key: &str, value: &impl Serialize) -> Result<()> {
        Reflect::set(&self.0, &key.into(), &serde_json::to_string(value)?.into())?;
        Ok(())
    }

    pub(crate) async fn put(self, storage: &Storage) -> Result<()> {
        let options = Object::new();
        Reflect::set(&options, &"allowUnconfirmed".into(), &true.into())?;
        let raw: &RawStorage = storage.as_raw().unchecked_ref();
        JsFuture::from(raw.put(&self.0, &options)?).await?;
        Ok(())
    }
}

#[wasm_bindgen]
extern "C" {
    /// The storage with those options of `put` that the `worker` crate leaves out.
    type RawStorage;

    #[wasm_bindgen(method, catch)]
    fn put(this: &RawStorage, entries: &Object, options: &Object) -> std::result::Result<Promise, JsValue>;
}
