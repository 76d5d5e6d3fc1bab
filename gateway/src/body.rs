//! Reading bodies: no further than a limit, and for no longer than a timeout.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader, Response};
use worker::Delay;

use crate::reply::refusal;
use crate::request::Request;

/// How long the body of a request may take that has no file in it, in milliseconds.
pub(crate) const TIMEOUT: u64 = 10_000;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// It broke off.
    Broken,
}

impl BodyError {
    /// What the sender is answered.
    pub(crate) fn refusal(self) -> worker::Result<worker::Response> {
        match self {
            BodyError::TooLarge => refusal(413, "The body is too large."),
            BodyError::TooSlow => refusal(408, "The body came too slowly."),
            BodyError::Broken => refusal(400, "The body broke off."),
        }
    }
}

/// A body as it came. Its bytes stay in JavaScript: a file is not looked into here.
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
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// All of it, as JSON; `None` where it is not JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text()).ok()
    }

    /// All of it, as a file.
    pub(crate) fn blob(&self) -> worker::Result<Blob> {
        Ok(Blob::new_with_u8_array_sequence(&self.chunks)?)
    }
}

/// Reads the body of a request to its end. `limit` in bytes, `timeout` in milliseconds.
pub(crate) async fn of_request(request: &Request, limit: u32, timeout: u64) -> Result<Body, BodyError> {
    if announced(request).is_some_and(|length| length <= f64::from(limit)) {
        within(timeout, whole(request.inner().array_buffer())).await
    } else {
        let result = within(timeout, read(request.inner().body(), limit)).await;
        if matches!(result, Err(BodyError::TooLarge)) {
            // A connection that is cut off while the rest comes can take the refusal with it.
            let _ = within(TIMEOUT, consume(request.inner().body(), u32::MAX, |_| {})).await;
        }
        result
    }
}

/// Reads the body of a response to its end, `limit` in bytes.
pub(crate) async fn of_response(response: &Response, limit: u32) -> Result<Body, BodyError> {
    let header = |name| response.headers().get(name).ok().flatten();
    // Of an encoded body the header does not say how long it is here.
    let length = header("content-length").filter(|_| header("content-encoding").is_none());
    let length = length.and_then(|length| length.parse::<f64>().ok());
    if length.is_some_and(|length| length <= f64::from(limit)) {
        whole(response.array_buffer()).await
    } else {
        let result = read(response.body(), limit).await;
        if let (Err(BodyError::TooLarge), Some(rest)) = (&result, response.body()) {
            let _ = JsFuture::from(rest.cancel()).await;
        }
        result
    }
}

/// Does it within so many milliseconds.
pub(crate) async fn within<T>(
    timeout: u64,
    read: impl Future<Output = Result<T, BodyError>>,
) -> Result<T, BodyError> {
    match select(pin!(read), pin!(Delay::from(Duration::from_millis(timeout)))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(BodyError::TooSlow),
    }
}

/// Reads the body of a request that is refused, and keeps nothing of it: many clients read the refusal only once they
/// have sent everything. One that is longer than the limit anyway is not waited for.
pub(crate) async fn discard(request: &Request, limit: u32) {
    let request_length = announced(request);
    if request.inner().body_used() || request_length.is_some_and(|length| length > f64::from(limit)) {
        return;
    }
    // Whether it broke off or came too slowly, it is refused.
    let _ = within(TIMEOUT, consume(request.inner().body(), limit, |_| {})).await;
}

/// Reads a body that is announced to be short enough. The platform does that faster than one chunk at a time.
async fn whole(buffer: Result<Promise, JsValue>) -> Result<Body, BodyError> {
    let buffer = buffer.map_err(|_| BodyError::Broken)?;
    let bytes = Uint8Array::new(&JsFuture::from(buffer).await.map_err(|_| BodyError::Broken)?);
    Ok(Body { length: bytes.length(), chunks: Array::of1(&bytes) })
}

/// Reads a body to its end.
async fn read(stream: Option<ReadableStream>, limit: u32) -> Result<Body, BodyError> {
    let chunks = Array::new();
    let length = consume(stream, limit, |chunk| {
        chunks.push(chunk);
    })
    .await?;
    Ok(Body { chunks, length })
}

/// A reader that cancels its stream when it is dropped before the end: nobody waits for the rest.
struct Reader {
    reader: ReadableStreamDefaultReader,
    is_over: bool,
}

impl Reader {
    /// The next chunk; `undefined` at the end.
    async fn next(&mut self) -> Result<JsValue, BodyError> {
        let result = JsFuture::from(self.reader.read()).await;
        let chunk = result.and_then(|result| Reflect::get(&result, &JsValue::from_str("value")));
        self.is_over = chunk.as_ref().map_or(true, JsValue::is_undefined);
        chunk.map_err(|_| BodyError::Broken)
    }

    /// Leaves the rest of the stream to another reader.
    fn release(&mut self) {
        self.is_over = true;
        self.reader.release_lock();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.is_over {
            let _ = self.reader.cancel();
        }
    }
}

/// Reads a body to its end, a chunk at a time. How long it was.
async fn consume(
    stream: Option<ReadableStream>,
    limit: u32,
    mut take: impl FnMut(&JsValue),
) -> Result<u32, BodyError> {
    let Some(stream) = stream else { return Ok(0) };
    let mut reader = Reader { reader: stream.get_reader().unchecked_into(), is_over: false };
    let mut length = 0_u32;
    loop {
        let chunk = reader.next().await?;
        if chunk.is_undefined() {
            return Ok(length);
        }
        length = length.saturating_add(chunk.unchecked_ref::<Uint8Array>().length());
        if length > limit {
            reader.release();
            return Err(BodyError::TooLarge);
        }
        take(&chunk);
    }
}

/// How long a request says that its body is.
fn announced(request: &Request) -> Option<f64> {
    request.header("content-length")?.parse().ok()
}
