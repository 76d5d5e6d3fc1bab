//! The upload host's three endpoints.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crisp_upscale_core::image::{MAX_BYTES, Problem, identify};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::faults::{NetworkError, Target, finish};
use crate::machine::{Request, Work};
use crate::pending::{Pending, Place};
use crate::reply::{Reply, upload_refusal};
use crate::sandbox::Sandbox;
use crate::url::is_web;

/// RFC 3986's unreserved characters, and the slash, stay as they are in a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

type Fields = BTreeMap<String, String>;

impl Sandbox {
    pub(crate) fn base64_upload(&mut self, request: &Request, body: &[u8], now: u64) -> Reply {
        let fields = json_fields(body);
        let decoded = place(request, &fields).and_then(|place| {
            let data = required(&fields, "base64Data")?;
            let data = data.split_once(";base64,").map_or(data, |(_, data)| data);
            let bytes = BASE64_STANDARD
                .decode(data.trim())
                .map_err(|error| upload_refusal(400, &format!("base64Data is not base64: {error}")))?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(upload_refusal(400, &Problem::TooLarge(bytes.len() as u64).to_string()));
            }
            Ok((place, bytes))
        });
        match decoded {
            Ok((place, bytes)) => self.store(place, bytes, now),
            Err(refused) => refused,
        }
    }

    pub(crate) fn stream_upload(&mut self, request: &Request, file: Vec<u8>, now: u64) -> Reply {
        let Some(form) = &request.form else {
            return upload_refusal(400, "The request is not multipart/form-data");
        };
        let Some(file_name) = &form.file_name else {
            return upload_refusal(400, "Missing required parameter: file");
        };
        let named = place(request, &form.fields).and_then(|place| match place.name {
            Some(_) => Ok(place),
            None => Ok(Place { name: plain(Some(file_name))?, ..place }),
        });
        match named {
            Ok(place) => self.store(place, file, now),
            Err(refused) => refused,
        }
    }

    /// Gives a reply only where the request is refused; else the reply follows the fetching.
    pub(crate) fn url_upload(
        &mut self,
        request: &Request,
        body: &[u8],
        fault: Option<NetworkError>,
    ) -> Option<Reply> {
        let fields = json_fields(body);
        let wanted = place(request, &fields).and_then(|place| Ok((place, required(&fields, "fileUrl")?)));
        match wanted {
            Ok((_, url)) if !is_web(url) => {
                Some(upload_refusal(400, "fileUrl must begin with http:// or https://"))
            }
            Ok((place, url)) => {
                self.uploads += 1;
                self.pending.insert(self.uploads, Pending { place, fault });
                let source = self.source(url, request);
                self.work.push(Work::Fetch { upload: self.uploads, source });
                None
            }
            Err(refused) => Some(refused),
        }
    }

    pub(crate) fn fetched(&mut self, upload: u64, file: Option<Vec<u8>>, now: u64) -> Option<Reply> {
        let Pending { place, fault } = self.pending.remove(&upload)?;
        let reply = match file {
            Some(bytes) => self.store(place, bytes, now),
            None => upload_refusal(500, "The file could not be fetched within 30 s, or has more than 10 MB"),
        };
        finish(Target::UrlUpload, reply, fault)
    }

    fn store(&mut self, Place { origin, directory, name }: Place, bytes: Vec<u8>, now: u64) -> Reply {
        let format = identify(&bytes).ok().map(|header| header.format.mime());
        let media_type = format.unwrap_or("application/octet-stream");
        self.uploads += 1;
        let name = name.unwrap_or_else(|| {
            let extension = format.map_or("bin", |mime| mime.trim_start_matches("image/"));
            format!("{}-{}.{extension}", now, self.uploads)
        });
        let file_path = format!("kieai/1/{directory}/{name}");
        let path = format!("/files/{}", utf8_percent_encode(&file_path, ENCODED));
        let data = json!({
            "success": true,
            "fileName": name,
            "filePath": file_path,
            "downloadUrl": format!("{origin}{path}"),
            "fileSize": bytes.len(),
            "mimeType": media_type,
            "uploadedAt": humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(now)).to_string(),
        });
        self.files.put(path, media_type, bytes, now);
        Reply::json(
            200,
            &json!({ "success": true, "code": 200, "msg": "File uploaded successfully", "data": data }),
        )
    }
}

/// The body's string members.
fn json_fields(body: &[u8]) -> Fields {
    let body: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    body.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Reply> {
    let value = fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| upload_refusal(400, &format!("Missing required parameter: {name}")))
}

fn place(request: &Request, fields: &Fields) -> Result<Place, Reply> {
    let directory = required(fields, "uploadPath")?;
    let name = plain(fields.get("fileName"))?;
    // A URL with dots between its slashes is shortened before it is asked for.
    if directory.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(upload_refusal(400, "uploadPath must not begin or end with a slash"));
    }
    Ok(Place { origin: request.origin.clone(), directory: directory.to_owned(), name })
}

/// A file's name, where it has one.
fn plain(name: Option<&String>) -> Result<Option<String>, Reply> {
    let name = name.filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.contains('/') || matches!(name.as_str(), "." | "..")) {
        return Err(upload_refusal(400, "fileName must be a plain name"));
    }
    Ok(name.cloned())
}
