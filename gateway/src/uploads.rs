//! Uploads, which go on to the service under names of the gateway's: a caller who chose the name could
//! overwrite another's file.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use crisp_upscale_core::api::{UPLOAD_PATH, UploadedFile};
use crisp_upscale_core::image::HEAD_BYTES;
use crisp_upscale_core::validate;
use crisp_upscale_gateway_core::{UpstreamResult, ids};
use serde_json::{Value, json};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FormData, ResponseInit};
use worker::{Response, Result};

use crate::body::BodyError;
use crate::reply::{refusal, refused, success};
use crate::request::Request;
use crate::settings::Settings;
use crate::{body, platform, upstream};

/// The largest file that the service takes, in bytes.
const MAX_FILE: u32 = 10 * 1024 * 1024;

/// What a form or JSON has around the file, in bytes.
const AROUND: u32 = 64 * 1024;

/// No form is longer, in bytes.
pub(crate) const MAX_FORM: u32 = MAX_FILE + AROUND;

/// No JSON with a file in base64 is longer, in bytes.
pub(crate) const MAX_BASE64: u32 = MAX_FILE.div_ceil(3) * 4 + AROUND;

/// No JSON that names a file is longer, in bytes.
pub(crate) const MAX_NAMED: u32 = AROUND;

/// How long a file may take to come, in milliseconds: 10 MB at half a megabit a second.
const TIMEOUT: u64 = 180_000;

/// `POST /api/file-stream-upload`.
pub(crate) async fn stream(settings: &Settings, request: &Request) -> Result<Response> {
    let content_type = request.header("content-type").unwrap_or_default();
    let body = match body::of_request(request, MAX_FORM, TIMEOUT).await {
        Ok(body) => body,
        Err(error) => return error.refusal(),
    };
    let Some(file) = file_of(&body.blob()?, &content_type).await else {
        return refusal(400, "Send a form (multipart/form-data) with the image as its field file.");
    };
    if file.size() > f64::from(MAX_FILE) {
        return BodyError::TooLarge.refusal();
    }
    let head = file.slice_with_f64_and_f64(0.0, HEAD_BYTES as f64)?;
    let head = js_sys::Uint8Array::new(&JsFuture::from(head.array_buffer()).await?).to_vec();
    let (name, mime) = match name(&head, file.size() as u64)? {
        Ok(named) => named,
        Err(message) => return refusal(422, &message),
    };
    let form = FormData::new()?;
    form.append_with_blob_and_filename("file", &file, &name)?;
    form.append_with_str("uploadPath", UPLOAD_PATH)?;
    form.append_with_str("fileName", &name)?;
    let result = upstream::upload_form(settings, "/api/file-stream-upload", &form).await;
    answer(result, &name, Some((file.size() as u64, mime)))
}

/// `POST /api/file-base64-upload`.
pub(crate) async fn base64(settings: &Settings, request: &Request) -> Result<Response> {
    let body = match body::of_request(request, MAX_BASE64, TIMEOUT).await {
        Ok(body) => body.json(),
        Err(error) => return error.refusal(),
    };
    let Some(data) = body.as_ref().and_then(|body| body.get("base64Data")?.as_str()) else {
        return refusal(400, "Send JSON with base64Data, the image in base64 or as a data URL.");
    };
    let digits = data.split_once(";base64,").map_or(data, |(_, digits)| digits);
    let Ok(bytes) = BASE64.decode(digits) else { return refusal(422, "base64Data is not base64.") };
    let size = bytes.len() as u64;
    let (name, mime) = match name(bytes.get(..HEAD_BYTES).unwrap_or(&bytes), size)? {
        Ok(named) => named,
        Err(message) => return refusal(422, &message),
    };
    let body = json!({ "base64Data": data, "uploadPath": UPLOAD_PATH, "fileName": name });
    let result = upstream::upload_json(settings, "/api/file-base64-upload", &body).await;
    answer(result, &name, Some((size, mime)))
}

/// `POST /api/file-url-upload`.
pub(crate) async fn url(settings: &Settings, request: &Request) -> Result<Response> {
    let body = match body::of_request(request, MAX_NAMED, body::TIMEOUT).await {
        Ok(body) => body.json(),
        Err(error) => return error.refusal(),
    };
    let Some(url) = body.as_ref().and_then(|body| body.get("fileUrl")?.as_str()) else {
        return refusal(400, "Send JSON with fileUrl, the URL of an image.");
    };
    let url = match settings.addresses.check(url) {
        Ok(url) => url,
        Err(failure) => return refusal(422, &format!("fileUrl: {}", failure.message)),
    };
    let extension = ["jpg", "jpeg", "png", "webp"].into_iter().find(|extension| {
        url.path().rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
    });
    let name = format!("{}.{}", ids::random_job_id(platform::random()?), extension.unwrap_or("jpg"));
    let body = json!({ "fileUrl": url.as_str(), "uploadPath": UPLOAD_PATH, "fileName": name });
    answer(upstream::upload_json(settings, "/api/file-url-upload", &body).await, &name, None)
}

/// The field `file` of a form.
async fn file_of(body: &web_sys::Blob, content_type: &str) -> Option<File> {
    let headers = web_sys::Headers::new().ok()?;
    headers.set("content-type", content_type).ok()?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    let response = web_sys::Response::new_with_opt_blob_and_init(Some(body), &init).ok()?;
    let form = JsFuture::from(response.form_data().ok()?).await.ok()?.unchecked_into::<FormData>();
    form.get("file").dyn_into().ok()
}

/// A name that nobody can guess, by what the file is; or what is wrong with it.
fn name(head: &[u8], size: u64) -> Result<std::result::Result<(String, &'static str), String>> {
    let header = match validate::file(head, size) {
        Ok(header) => header,
        Err(failure) => return Ok(Err(failure.message)),
    };
    let id = ids::random_job_id(platform::random()?);
    Ok(Ok((format!("{id}.{}", header.format.extension()), header.format.mime())))
}

/// Our own reply to an upload, of what the service says only the file's URL.
fn answer(result: UpstreamResult, name: &str, known: Option<(u64, &str)>) -> Result<Response> {
    let Ok(reply) = result else { return refusal(502, "The service did not answer. Try again.") };
    let Some(envelope) = reply.envelope() else {
        return refusal(502, "The service did not answer as it should. Try again.");
    };
    let Some(UploadedFile { download_url }) = UploadedFile::read(&envelope) else {
        return refused(
            envelope.code,
            envelope.msg.as_deref().unwrap_or("The upload was refused."),
            reply.retry_after,
        );
    };
    let mut data = json!({ "success": true, "fileName": name, "downloadUrl": download_url });
    if let (Some((size, mime)), Some(fields)) = (known, data.as_object_mut()) {
        fields.insert("fileSize".to_owned(), Value::from(size));
        fields.insert("mimeType".to_owned(), Value::from(mime));
    }
    success(&data)
}
