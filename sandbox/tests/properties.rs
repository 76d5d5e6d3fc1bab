//! What holds of every input, by random ones: of requests, of faults that are asked for, and of files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io::Cursor;

use crisp_upscale_core::image::identify;
use crisp_upscale_sandbox::pixels::enlarge;
use crisp_upscale_sandbox::{Form, Input, Reply, Request, Sandbox, Settings};
use image::{DynamicImage, ImageFormat, RgbaImage};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

const NOW: u64 = 1_786_878_073_451;
const ORIGIN: &str = "http://sandbox.test";
const CREATE: &str = "/api/v1/jobs/createTask";

fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.to_owned(),
        origin: ORIGIN.to_owned(),
        path: path.to_owned(),
        authorization: Some("Bearer sandbox".to_owned()),
        ..Request::default()
    }
}

fn ask(sandbox: &mut Sandbox, request: Request, body: &[u8], now: u64) -> Option<Reply> {
    sandbox.handle(Input::Request(request), body.to_vec(), now).reply
}

fn post(sandbox: &mut Sandbox, path: &str, body: &Value, now: u64) -> Reply {
    ask(sandbox, request("POST", path), body.to_string().as_bytes(), now).unwrap()
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
}

fn create() -> Value {
    json!({ "model": "recraft/crisp-upscale", "input": { "image": "https://host.example/photo.jpg" } })
}

/// Whether a host can make a `Response` of it: by the fetch standard's bounds of a status, no body where there
/// is none, and headers of one line of Latin-1.
fn can_be_sent(reply: &Reply) -> bool {
    (200..=599).contains(&reply.status)
        && (!matches!(reply.status, 204 | 205 | 304) || reply.body.is_empty())
        && reply
            .headers
            .iter()
            .all(|(_, value)| value.chars().all(|char| u32::from(char) < 256 && !"\0\r\n".contains(char)))
}

/// One request for each route that a fault can befall.
fn of_route(route: &str) -> Request {
    let (method, path) = match route {
        "createTask" => ("POST", CREATE),
        "recordInfo" => ("GET", "/api/v1/jobs/recordInfo"),
        "credit" => ("GET", "/api/v1/chat/credit"),
        "download-url" => ("POST", "/api/v1/common/download-url"),
        "files" => ("GET", "/files/x"),
        upload => return request("POST", &format!("/api/{upload}")),
    };
    request(method, path)
}

prop_compose! {
    fn fault()(
        route in prop::sample::select(vec![
            "createTask", "recordInfo", "credit", "download-url", "files", "file-base64-upload", "file-stream-upload",
        ]),
        kind in prop::sample::select(vec!["html", "broken", "code", "status", "slow"]),
        status in option::of(prop_oneof![any::<u16>(), 195..210_u16, Just(304), 595..605_u16]),
        retry_after in option::of(prop_oneof![
            any::<u32>().prop_map(Value::from),
            "\\PC{0,8}|[ -~\r\n\0]{0,4}".prop_map(Value::from),
            Just(json!({ "a": [null] })),
        ]),
        taken in any::<bool>(),
        code in any::<i64>(),
        msg in "(\\PC|\n){0,8}",
        ms in any::<u64>(),
    ) -> Value {
        let mut fault = json!({ "route": route, "kind": kind, "taken": taken, "code": code, "msg": msg, "ms": ms });
        if let Some(status) = status { fault["status"] = json!(status) }
        if let Some(retry_after) = retry_after { fault["retryAfter"] = retry_after }
        fault
    }
}

fn image(width: u32, height: u32, bytes: &[u8]) -> RgbaImage {
    let pixels = bytes.iter().copied().cycle().take(4 * (width * height) as usize).collect();
    RgbaImage::from_raw(width, height, pixels).unwrap()
}

fn file(image: RgbaImage, format: ImageFormat) -> Vec<u8> {
    let image = DynamicImage::ImageRgba8(image);
    // A jpeg has no transparency.
    let image = if format == ImageFormat::Jpeg { DynamicImage::ImageRgb8(image.into_rgb8()) } else { image };
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn format() -> impl Strategy<Value = ImageFormat> {
    prop::sample::select(vec![ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP])
}

proptest! {
    // What fails prints its input, which becomes a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // Requests

    #[test]
    fn whatever_is_asked_is_answered_and_can_be_sent(
        method in "GET|POST|HEAD|OPTIONS|PUT",
        path in "(/(api|v1|jobs|createTask|chat|credit|common|download-url|file-base64-upload|files|sandbox|faults|ledger|[a-z.%]{0,5})){0,6}|\
            /sandbox/(faults|credits|ledger)|/api/file-(url|stream|base64)-upload",
        key in option::of("Bearer sandbox|\\PC{0,8}"),
        query in prop::collection::btree_map("taskId|until|[a-z]", "\\PC{0,8}|[0-9]{0,22}", 0..3),
        body in vec(any::<u8>(), 0..40),
        range in option::of("bytes=[0-9,-]{0,24}"),
    ) {
        let request = Request {
            authorization: key, query, range, ..request(&method, &path)
        };
        let output = Sandbox::new(Settings::default()).handle(Input::Request(request), body, NOW);
        prop_assert!(output.reply.is_some_and(|reply| can_be_sent(&reply)));
        prop_assert!(output.work.is_empty());
    }

    #[test]
    fn no_ten_seconds_hold_more_than_twenty_tasks(pauses in vec(0..2_000_u64, 1..120)) {
        let mut sandbox = Sandbox::new(Settings::default());
        let (mut now, mut made) = (NOW, Vec::new());
        for pause in pauses {
            now += pause;
            let counted = made.iter().filter(|&&at| now - at < 10_000).count();
            let code = json_of(&post(&mut sandbox, CREATE, &create(), now))["code"].as_i64();
            prop_assert_eq!(code, Some(if counted < 20 { 200 } else { 429 }));
            if counted < 20 { made.push(now) }
        }
    }

    #[test]
    fn the_balance_is_a_number_whatever_it_is_set_to(amounts in vec(any::<f64>(), 1..6)) {
        let mut sandbox = Sandbox::new(Settings::default());
        post(&mut sandbox, CREATE, &create(), NOW);
        for credits in amounts {
            post(&mut sandbox, "/sandbox/credits", &json!({ "credits": credits }), NOW);
        }
        post(&mut sandbox, "/sandbox/credits", &json!({ "credits": 7 }), NOW);
        let reply = ask(&mut sandbox, request("GET", "/api/v1/chat/credit"), b"", NOW).unwrap();
        prop_assert_eq!(&json_of(&reply)["data"], &json!(7.0));
    }

    // Faults

    #[test]
    fn a_fault_that_is_taken_is_an_answer_that_can_be_sent(fault in fault()) {
        let mut sandbox = Sandbox::new(Settings::default());
        let set = post(&mut sandbox, "/sandbox/faults", &json!([fault]), NOW);
        prop_assert!(set.status == 200 || set.status == 400 && json_of(&set)["error"].is_string());
        let reply = ask(&mut sandbox, of_route(fault["route"].as_str().unwrap()), b"", NOW).unwrap();
        prop_assert!(can_be_sent(&reply), "{:?}", reply);
    }

    // Files

    #[test]
    fn an_upload_is_found_at_its_link_whatever_its_name_is(
        directory in "[ -~é]{1,12}|[a./]{1,6}",
        name in option::of("[ -~é]{1,12}|[a./%]{1,6}"),
        file_name in "[ -~é]{0,12}|[a./%]{0,6}",
        bytes in vec(any::<u8>(), 0..20),
    ) {
        let mut sandbox = Sandbox::new(Settings::default());
        let mut fields = BTreeMap::from([("uploadPath".to_owned(), directory)]);
        if let Some(name) = name { fields.insert("fileName".to_owned(), name); }
        let form = Some(Form { fields, file_name: Some(file_name) });
        let upload = Request { form, ..request("POST", "/api/file-stream-upload") };
        let reply = json_of(&ask(&mut sandbox, upload, &bytes, NOW).unwrap());
        if reply["code"] == 200 {
            prop_assert_eq!(&reply["data"]["fileSize"], &json!(bytes.len()));
            // As whoever follows it reads it.
            let link = Url::parse(reply["data"]["downloadUrl"].as_str().unwrap()).unwrap();
            prop_assert_eq!(link.origin().ascii_serialization(), ORIGIN);
            let found = ask(&mut sandbox, request("GET", link.path()), b"", NOW).unwrap();
            prop_assert_eq!((found.status, found.body), (200, bytes), "{}", link);
        }
    }

    #[test]
    fn base64_is_read_as_it_was_written(bytes in vec(any::<u8>(), 1..40), as_url in any::<bool>()) {
        use base64::Engine;
        let mut sandbox = Sandbox::new(Settings::default());
        let data = base64::prelude::BASE64_STANDARD.encode(&bytes);
        let data = if as_url { format!("data:image/png;base64,{data}") } else { data };
        let body = json!({ "base64Data": data, "uploadPath": "images", "fileName": "a" });
        let reply = json_of(&post(&mut sandbox, "/api/file-base64-upload", &body, NOW));
        let link = reply["data"]["downloadUrl"].as_str().unwrap().strip_prefix(ORIGIN).unwrap();
        prop_assert_eq!(ask(&mut sandbox, request("GET", link), b"", NOW).unwrap().body, bytes);
    }

    #[test]
    fn a_part_is_the_part_that_it_says(
        bytes in vec(any::<u8>(), 1..20),
        range in "bytes=[0-9]{0,2}-[0-9]{0,2}|bytes=[0-9]{18,22}-[0-9]{0,22}|\\PC{0,12}",
    ) {
        let mut sandbox = Sandbox::new(Settings::default());
        let form = Some(Form {
            fields: BTreeMap::from([("uploadPath".to_owned(), "a".to_owned())]),
            file_name: Some("b".to_owned()),
        });
        ask(&mut sandbox, Request { form, ..request("POST", "/api/file-stream-upload") }, &bytes, NOW);
        let part = Request { range: Some(range), ..request("GET", "/files/kieai/1/a/b") };
        let reply = ask(&mut sandbox, part, b"", NOW).unwrap();
        match reply.status {
            200 => prop_assert_eq!(reply.body, bytes),
            206 => {
                let told = header(&reply, "content-range").unwrap().strip_prefix("bytes ").unwrap();
                let (part, total) = told.split_once('/').unwrap();
                let (first, last) = part.split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                prop_assert_eq!(total, bytes.len().to_string());
                prop_assert_eq!(&reply.body[..], &bytes[first..=last]);
                let length = reply.body.len().to_string();
                prop_assert_eq!(header(&reply, "content-length"), Some(length.as_str()));
            }
            status => prop_assert!(status == 416 && reply.body.is_empty()),
        }
    }
}

proptest! {
    // Each decodes, enlarges and encodes.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_image_comes_out_as_large_as_it_should(
        (width, height) in (1..40_u32, 1..40_u32),
        factor in 0..6_u8,
        bytes in vec(any::<u8>(), 1..60),
        format in format(),
    ) {
        let large = enlarge(&file(image(width, height, &bytes), format), factor).unwrap();
        let factor = u32::from(factor.max(1));
        prop_assert_eq!(identify(&large).unwrap().size, Some((width * factor, height * factor)));
    }

    #[test]
    fn a_damaged_image_is_refused_or_comes_out_as_large_as_its_header_says(
        bytes in vec(any::<u8>(), 1..60),
        format in format(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = file(image(13, 9, &bytes), format);
        for (at, byte) in damage {
            // Behind the header: one that asks for much gets it, within the limits, and takes its time.
            let at = 40 + at.index(file.len() - 40);
            file[at] = byte;
        }
        file.truncate(cut.map_or(file.len(), |cut| cut.index(file.len())));
        if let Ok(large) = enlarge(&file, 2) {
            let (width, height) = identify(&file).unwrap().size.unwrap();
            prop_assert_eq!(identify(&large).unwrap().size, Some((2 * width, 2 * height)));
        }
    }
}

/// What a header claims is not believed: nothing is allocated beyond the limits, whatever stands there.
#[test]
fn a_claim_beyond_the_limits_is_refused_by_every_format() {
    let huge = 60_000_u16;
    let mut png = file(image(1, 1, &[7]), ImageFormat::Png);
    png[16..20].copy_from_slice(&u32::from(huge).to_be_bytes());
    let mut jpeg = file(image(1, 1, &[7]), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&huge.to_be_bytes());
    let extended = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff";
    for file in [&png[..], &jpeg, extended] {
        let refused = enlarge(file, 4).unwrap_err();
        assert!(refused.contains("at most 4096 a side"), "{refused}");
    }
}
