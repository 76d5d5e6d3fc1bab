//! A Rust program that upscales by itself. It tells its host in words how it went.

use core::pin::pin;
use core::time::Duration;

use crisp_upscale::{Charged, Ticket, UpscaleError, Upscaler};
use futures_util::future::{Either, select, try_join_all};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Enlarges an image in no more than `timeout` milliseconds; gives where it is, and its size.
///
/// # Errors
/// What went wrong, in words.
#[wasm_bindgen]
pub async fn enlarge(base_url: String, image: String, timeout: u32) -> Result<String, String> {
    let upscaler =
        Upscaler::new("sandbox").base_url(&base_url).timeout(Duration::from_millis(timeout.into()));
    let result = upscaler.upscale(&image).await.map_err(words)?;
    let size = result.width.zip(result.height).map(|(width, height)| format!("{width}x{height}"));
    Ok(format!("{} {}", result.url, size.unwrap_or_default()))
}

/// Enlarges an image unless the promise resolves before; tells which it was.
#[wasm_bindgen(js_name = enlargeUnless)]
pub async fn enlarge_unless(base_url: String, image: String, stop: Promise) -> String {
    let upscaler = Upscaler::new("sandbox").base_url(&base_url);
    let call = pin!(upscaler.upscale(&image));
    match select(call, JsFuture::from(stop)).await {
        Either::Left((Ok(result), _)) => result.url,
        Either::Left((Err(error), _)) => words(error),
        Either::Right(_) => "stopped".to_owned(),
    }
}

/// Goes on with a task that was made a while ago; gives where the image is.
///
/// # Errors
/// What went wrong, in words.
#[wasm_bindgen]
pub async fn resume(base_url: String, task_id: String) -> Result<String, String> {
    let upscaler = Upscaler::new("sandbox").base_url(&base_url);
    let result = upscaler.resume(&Ticket { task_id, created_at: 0.0 }).await.map_err(words)?;
    Ok(result.url)
}

/// Uploads a file, enlarges it step by step, and fetches the result.
///
/// # Errors
/// What went wrong, in words.
#[wasm_bindgen(js_name = enlargeFile)]
pub async fn enlarge_file(base_url: String, file: web_sys::Blob) -> Result<web_sys::Blob, String> {
    let upscaler = Upscaler::new("sandbox").base_url(&base_url);
    let before = upscaler.credits().await.map_err(words)?;
    let image = upscaler.upload(&file).await.map_err(words)?;
    upscaler.preflight(&image).await.map_err(words)?;
    let ticket = upscaler.submit(&image).await.map_err(words)?;
    let result = upscaler.resume(&ticket).await.map_err(words)?;
    let task = upscaler.task(&ticket.task_id).await.map_err(words)?;
    let after = upscaler.credits().await.map_err(words)?;
    if task.credits_consumed != Some(before - after) {
        return Err("the books are wrong".to_owned());
    }
    upscaler.download(&result).await.map_err(words)
}

/// Makes a task through a gateway; gives its id.
///
/// # Errors
/// What went wrong, in words.
#[wasm_bindgen(js_name = submitToGateway)]
pub async fn submit_to_gateway(base_url: String, token: String, image: String) -> Result<String, String> {
    let ticket = Upscaler::gateway(&base_url, &token).submit(&image).await.map_err(words)?;
    Ok(ticket.task_id)
}

/// Makes so many tasks at once, each by a clone of its own.
///
/// # Errors
/// What went wrong first, in words.
#[wasm_bindgen(js_name = submitMany)]
pub async fn submit_many(base_url: String, image: String, count: u32) -> Result<(), String> {
    let upscaler = Upscaler::new("sandbox").base_url(&base_url);
    let submits = (0..count).map(|_| {
        let upscaler = upscaler.clone();
        let image = &image;
        async move { upscaler.submit(image).await.map(drop).map_err(words) }
    });
    try_join_all(submits).await.map(drop)
}

/// Asks two servers for the balance, the second by a clone of what asks the first.
///
/// # Errors
/// What went wrong, in words.
#[wasm_bindgen(js_name = creditsOfBoth)]
pub async fn credits_of_both(first: String, second: String) -> Result<(), String> {
    let one = Upscaler::new("sandbox").base_url(&first);
    let other = one.clone().base_url(&second);
    one.credits().await.map_err(words)?;
    other.credits().await.map(drop).map_err(words)
}

/// The word for what went wrong, whether it was charged, and the task.
fn words(UpscaleError { failure, .. }: UpscaleError) -> String {
    let charged = match failure.charged {
        Charged::No => "no",
        Charged::Yes => "yes",
        Charged::Unknown => "unknown",
    };
    format!("{} {charged} {}", failure.kind.as_str(), failure.task_id.unwrap_or_default())
        .trim_end()
        .to_owned()
}
