//! Reading bodies: no further than a limit, and for no longer than one's patience.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Array, Reflect, Uint8Array};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader};
use worker::{Delay, Response};

use crate::reply::refusal;

/// Why a body was not read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is longer than the limit.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// It broke off.
    Broken,
}

impl Trouble {
    /// What the sender is told.
    pub(crate) fn refusal(self) -> worker::Result<Response> {
        match self {
            Trouble::TooLarge => refusal(413, "The body is too large."),
            Trouble::Slow => refusal(408, "The body came too slowly."),
            Trouble::Broken => refusal(400, "The body broke off."),
        }
    }
}

/// A body as it came. Its bytes stay in JavaScript, since a file is none of ours to look at.
pub(crate) struct Body {
    chunks: Array,
    length: u32,
}

impl Body {
    /// All of it, as text.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(self.length as usize);
        for chunk in self.chunks.iter() {
            bytes.extend(chunk.unchecked_into::<Uint8Array>().to_vec());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// All of it, as JSON; `None` where it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text()).ok()
    }

    /// All of it, as a file.
    pub(crate) fn blob(&self) -> worker::Result<Blob> {
        Ok(Blob::new_with_u8_array_sequence(&self.chunks)?)
    }
}

/// Reads a body to its end; `limit` in bytes, `patience` in milliseconds.
pub(crate) async fn read(stream: Option<ReadableStream>, limit: u32, patience: u64) -> Result<Body, Trouble> {
    let (chunks, mut length) = (Array::new(), 0_u32);
    let Some(stream) = stream else { return Ok(Body { chunks, length }) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let read = async {
        loop {
            let result = JsFuture::from(reader.read()).await.map_err(|_| Trouble::Broken)?;
            let chunk = Reflect::get(&result, &JsValue::from_str("value")).map_err(|_| Trouble::Broken)?;
            if chunk.is_undefined() {
                return Ok(());
            }
            length = length.saturating_add(chunk.unchecked_ref::<Uint8Array>().length());
            if length > limit {
                return Err(Trouble::TooLarge);
            }
            chunks.push(&chunk);
        }
    };
    let came = match select(pin!(read), pin!(Delay::from(Duration::from_millis(patience)))).await {
        Either::Left((came, _)) => came,
        Either::Right(_) => Err(Trouble::Slow),
    };
    match came {
        Ok(()) => Ok(Body { chunks, length }),
        Err(trouble) => {
            // Nobody waits for what is left of it.
            let _ = JsFuture::from(reader.cancel()).await;
            Err(trouble)
        }
    }
}
