//! Results: copied where a bucket is bound, and served by the gateway's own links.

use crisp_upscale_gateway_core::byte_range::ByteRange;
use crisp_upscale_gateway_core::link::{self, Refusal};
use crisp_upscale_gateway_core::protocol::{self, Reply, ResultFile};
use futures_util::future::try_join;
use serde_json::json;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, RequestInit};
use worker::worker_sys::FixedLengthStream;
use worker::{ByteStream, Data, Env, HttpMetadata, Range, Response, ResponseBody, Result, UploadedPart};

use crate::account;
use crate::platform::now;
use crate::reply::{refusal, unexpected};
use crate::request::Request;
use crate::settings::{Settings, is_bound};
use crate::upstream::fetch;

/// The bucket's binding.
const BUCKET: &str = "RESULTS";

/// How long the service's host may take to begin, in milliseconds.
const TIMEOUT: u64 = 30_000;

/// How much of a file of unknown length is held at a time, in bytes; R2 wants 5 MiB at least.
const PART: usize = 8 * 1024 * 1024;

/// `GET /results/<job>?expires=…&signature=…`.
pub(crate) async fn answer(settings: &Settings, env: &Env, request: &Request, id: &str) -> Result<Response> {
    let url = request.url();
    let value =
        |name: &str| url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    let (expires, signature) = (value("expires").unwrap_or_default(), value("signature").unwrap_or_default());
    match link::verify(&settings.account.secret, id, &expires, &signature, now()) {
        Ok(()) => {}
        Err(Refusal::Forged) => return refusal(403, "This link is not one of this gateway's."),
        Err(Refusal::Expired) => return refusal(410, "This link has expired."),
    }
    let ResultFile { url, copied } =
        match account::ask(env, protocol::Request::Result { job: id.to_owned() }).await? {
            Reply::Result(Some(file)) => file,
            Reply::Result(None) => return refusal(404, "The result is not there, or not there yet."),
            _ => return unexpected(),
        };
    // `If-Range` needs no look: a result never changes.
    let range = request.header("range").as_deref().and_then(ByteRange::read);
    let copy = if copied { stored(env, id, range).await? } else { None };
    let content = match copy {
        Some(copy) => Some(copy),
        None => passed(&url, range).await?,
    };
    let Some(Content { body, content_type, content_range }) = content else {
        return refusal(502, "The service's host does not give the result. Try again.");
    };
    let mut response = Response::from_body(body)?;
    if let Some(content_range) = content_range {
        response = response.with_status(206);
        response.headers().set("content-range", &content_range)?;
    }
    let headers = response.headers();
    headers.set("accept-ranges", "bytes")?;
    let image = content_type.filter(|kind| kind.starts_with("image/") && !kind.contains("svg"));
    headers.set("content-type", image.as_deref().unwrap_or("application/octet-stream"))?;
    // A saved file has a name that opens it: png, jpeg, webp.
    let subtype = image.as_deref().and_then(|kind| kind.strip_prefix("image/")).unwrap_or_default();
    let extension: String = subtype.chars().take_while(char::is_ascii_alphanumeric).collect();
    let dot = if extension.is_empty() { "" } else { "." };
    headers.set("content-disposition", &format!("inline; filename=\"{id}{dot}{extension}\""))?;
    // The bytes are another's: they are shown as an image and run as nothing.
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("content-security-policy", "sandbox; default-src 'none'")?;
    headers.set("cross-origin-resource-policy", "cross-origin")?;
    headers.set("cache-control", "private, max-age=3600")?;
    // The link is all that is needed to read it.
    headers.set("access-control-allow-origin", "*")?;
    Ok(response)
}

/// Copies a result from the service's host to the bucket.
pub(crate) async fn copy(env: &Env, id: &str, url: &str) -> Result<()> {
    let response = begin(url, None).await.ok_or("The result could not be fetched.")?;
    let headers = response.headers();
    let content_type = headers.get("content-type")?;
    // Of an encoded body this is not the length that is read.
    let plain = headers.get("content-encoding")?.is_none();
    let length =
        headers.get("content-length")?.and_then(|length| length.parse::<u32>().ok()).filter(|_| plain);
    let body = response.body().ok_or("The result has no content.")?;
    match length {
        Some(length) => put(env, id, &body, length, content_type).await,
        None => put_parts(env, id, body, content_type).await,
    }
}

/// Deletes the copy.
pub(crate) async fn delete(env: &Env, id: &str) -> Result<()> {
    if is_bound(env, BUCKET) { env.bucket(BUCKET)?.delete(id).await } else { Ok(()) }
}

async fn put(
    env: &Env,
    id: &str,
    body: &ReadableStream,
    length: u32,
    content_type: Option<String>,
) -> Result<()> {
    let fixed = FixedLengthStream::new(length)?;
    let piped = async { Ok(JsFuture::from(body.pipe_to(&fixed.writable())).await?) };
    let bucket = env.bucket(BUCKET)?;
    let metadata = HttpMetadata { content_type, ..HttpMetadata::default() };
    let put = bucket.put(id, Data::ReadableStream(fixed.readable())).http_metadata(metadata).execute();
    try_join(put, piped).await?;
    Ok(())
}

/// As many bytes at a time as a part has.
async fn put_parts(env: &Env, id: &str, body: ReadableStream, content_type: Option<String>) -> Result<()> {
    use futures_util::StreamExt;
    let metadata = HttpMetadata { content_type, ..HttpMetadata::default() };
    let upload = env.bucket(BUCKET)?.create_multipart_upload(id).http_metadata(metadata).execute().await?;
    let mut chunks = ByteStream::from(body);
    let (mut held, mut parts): (Vec<u8>, Vec<UploadedPart>) = (Vec::new(), Vec::new());
    let stored = async {
        while let Some(chunk) = chunks.next().await {
            held.extend(chunk?);
            // All parts but the last are of one length.
            while held.len() >= PART {
                let rest = held.split_off(PART);
                let part = std::mem::replace(&mut held, rest);
                parts.push(upload.upload_part(parts.len() as u16 + 1, part).await?);
            }
        }
        parts.push(upload.upload_part(parts.len() as u16 + 1, std::mem::take(&mut held)).await?);
        Ok(())
    };
    match stored.await {
        Ok(()) => upload.complete(parts).await.map(drop),
        Err(error) => {
            upload.abort().await?;
            Err(error)
        }
    }
}

/// A file, or a part of it.
struct Content {
    body: ResponseBody,
    content_type: Option<String>,
    /// Which part it is.
    content_range: Option<String>,
}

async fn stored(env: &Env, id: &str, range: Option<ByteRange>) -> Result<Option<Content>> {
    if !is_bound(env, BUCKET) {
        return Ok(None);
    }
    let bucket = env.bucket(BUCKET)?;
    let mut get = bucket.get(id);
    if let Some(ByteRange { first, last }) = range {
        get = get.range(match last {
            Some(last) => Range::OffsetWithLength { offset: first, length: last - first + 1 },
            None => Range::OffsetToEnd { offset: first },
        });
    }
    let (object, range) = match get.execute().await {
        Ok(object) => (object, range),
        // The file is shorter: the whole is an answer, too.
        Err(_) if range.is_some() => (bucket.get(id).execute().await?, None),
        Err(error) => return Err(error),
    };
    let Some(object) = object else { return Ok(None) };
    let content_type = object.http_metadata().content_type;
    let size = object.size();
    let content_range = range.map(|range| range.content_range(size));
    let Some(body) = object.body() else { return Ok(None) };
    Ok(Some(Content { body: body.response_body()?, content_type, content_range }))
}

async fn passed(url: &str, range: Option<ByteRange>) -> Result<Option<Content>> {
    let Some(response) = begin(url, range).await else { return Ok(None) };
    let headers = response.headers();
    let content_type = headers.get("content-type")?;
    let content_range = if response.status() == 206 { headers.get("content-range")? } else { None };
    let body = response.body().map(ResponseBody::Stream);
    Ok(body.map(|body| Content { body, content_type, content_range }))
}

/// Asks the service's host. Where that refuses a range, for the whole.
async fn begin(url: &str, range: Option<ByteRange>) -> Option<web_sys::Response> {
    let mut response = request(url, range).await?;
    if !response.ok() && range.is_some() {
        response = request(url, None).await?;
    }
    if response.ok() {
        return Some(response);
    }
    crate::log::line("result-refused", json!({ "status": response.status() }));
    None
}

/// One request to the service's host, which never sees the key.
async fn request(url: &str, range: Option<ByteRange>) -> Option<web_sys::Response> {
    let headers = web_sys::Headers::new().ok()?;
    // It refuses some that name no program.
    headers.set("user-agent", "crisp-upscale-gateway").ok()?;
    if let Some(range) = range {
        headers.set("range", &range.header()).ok()?;
    }
    let init = RequestInit::new();
    init.set_headers(&headers);
    fetch(url, &init, TIMEOUT).await.ok()
}
