//! The stand-in against literal examples of what is known of the API.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Delays, Form, Input, Outcome, Output, Reply, Request, Sandbox, Settings, Source, Work};

const START: u64 = 1_786_878_073_451;
const ORIGIN: &str = "http://sandbox.test";
const CREATE: &str = r#"{"model":"recraft/crisp-upscale","callBackUrl":"https://your-domain.example/api/callback","input":{"image":"https://host.example/photo.jpg"}}"#;

/// A sandbox, and the clock that it is told.
struct Bench {
    sandbox: Sandbox,
    now: u64,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Bench { sandbox: Sandbox::new(settings), now: START }
    }

    fn send(&mut self, request: Request, body: &[u8]) -> Output {
        self.sandbox.handle(Input::Request(request), body.to_vec(), self.now)
    }

    fn post(&mut self, path: &str, body: &str) -> Output {
        self.send(request("POST", path), body.as_bytes())
    }

    fn get(&mut self, path: &str) -> Output {
        self.send(request("GET", path), b"")
    }

    fn create(&mut self) -> String {
        data(&self.post("/api/v1/jobs/createTask", CREATE))["taskId"].as_str().unwrap().to_owned()
    }

    fn poll(&mut self, id: &str) -> Value {
        let query = BTreeMap::from([("taskId".to_owned(), id.to_owned())]);
        json_of(&self.send(Request { query, ..request("GET", "/api/v1/jobs/recordInfo") }, b""))
    }

    fn enlarged(&mut self, id: &str, outcome: Outcome) -> Output {
        self.sandbox.handle(Input::Enlarged { task: id.to_owned(), outcome }, b"pixels".to_vec(), self.now)
    }

    fn called_back(&mut self, id: &str, answered: bool) -> Output {
        self.sandbox.handle(Input::CalledBack { task: id.to_owned(), answered }, Vec::new(), self.now)
    }

    fn faults(&mut self, faults: &Value) {
        assert_eq!(self.post("/sandbox/faults", &faults.to_string()).reply.unwrap().status, 200);
    }

    fn ledger(&mut self) -> Value {
        json_of(&self.get("/sandbox/ledger"))
    }
}

fn settings() -> Settings {
    let delays = Delays { waiting: 1000, queuing: 1000, generating: 1000 };
    Settings { delays, grace_period: 100, credits: 10.0, ..Settings::default() }
}

fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.to_owned(),
        origin: ORIGIN.to_owned(),
        path: path.to_owned(),
        authorization: Some("Bearer sandbox".to_owned()),
        ..Request::default()
    }
}

fn reply(output: &Output) -> &Reply {
    output.reply.as_ref().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&reply(output).body).unwrap()
}

fn data(output: &Output) -> Value {
    json_of(output)["data"].clone()
}

fn code(output: &Output) -> (u16, i64) {
    (reply(output).status, json_of(output)["code"].as_i64().unwrap())
}

#[test]
fn a_task_is_made_and_its_image_asked_for() {
    let mut bench = Bench::new(settings());
    let output = bench.post("/api/v1/jobs/createTask", CREATE);
    let id = data(&output)["taskId"].as_str().unwrap().to_owned();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(json_of(&output), json!({"code":200,"msg":"success","data":{"taskId":id,"recordId":id}}));
    let url = "https://host.example/photo.jpg".to_owned();
    assert_eq!(
        output.work,
        [Work::Enlarge { task: id, source: Source { url, path: None, limit: 10 * 1024 * 1024 }, factor: 4 }]
    );
}

#[test]
fn states_follow_the_clock() {
    let mut bench = Bench::new(settings());
    let id = bench.create();
    assert_eq!(bench.poll(&id), json!({"code":422,"msg":"recordInfo is null","data":null}));
    for (after, state) in [(100, "waiting"), (1000, "queuing"), (2000, "generating"), (99_000, "generating")]
    {
        bench.now = START + after;
        assert_eq!(bench.poll(&id)["data"]["state"], state);
    }
    bench.enlarged(&id, Outcome::Enlarged);
    assert_eq!(bench.poll(&id)["data"]["completeTime"], START + 99_000);
}

#[test]
fn a_record_is_as_on_the_wire() {
    let mut bench = Bench::new(settings());
    let id = bench.create();
    bench.now = START + 500;
    let param = concat!(
        r#"{"callBackUrl":"https://your-domain.example/api/callback","#,
        r#""input":"{\"image\":\"https://host.example/photo.jpg\"}","model":"recraft/crisp-upscale"}"#
    );
    assert_eq!(
        bench.poll(&id),
        json!({"code":200,"msg":"success","data":{"taskId":id,"model":"recraft/crisp-upscale","state":"waiting","param":param,
            "resultJson":"","failCode":null,"failMsg":null,"costTime":null,"completeTime":null,"createTime":START,"creditsConsumed":0.5}})
    );
    // Done early: the delays still hold the end back.
    bench.enlarged(&id, Outcome::Enlarged);
    assert_eq!(bench.poll(&id)["data"]["state"], "waiting");
    bench.now = START + 3000;
    let record = bench.poll(&id)["data"].clone();
    let result = format!("{ORIGIN}/files/results/{id}.png");
    assert_eq!(record["state"], "success");
    assert_eq!(record["resultJson"], format!(r#"{{"resultUrls":["{result}"]}}"#));
    assert_eq!((&record["completeTime"], &record["costTime"]), (&json!(START + 3000), &json!(3)));
    let output = bench.get(&format!("/files/results/{id}.png"));
    assert_eq!((reply(&output).status, reply(&output).body.as_slice()), (200, b"pixels".as_slice()));
}

#[test]
fn what_is_wrong_with_the_input_fails_the_task_and_costs_nothing() {
    let reason = "The file is a GIF; only jpeg, png and webp are taken.";
    for (outcome, code, msg) in [
        (
            Outcome::Unreachable,
            "400",
            "Image fetch failed. Check access settings or use our File Upload API instead.",
        ),
        (Outcome::Refused { reason: reason.to_owned() }, "400", reason),
        (Outcome::TooLarge, "400", "The file has more than 10 MB, the most that is taken."),
        (Outcome::Crashed, "500", "Internal server error"),
    ] {
        let mut bench = Bench::new(settings());
        let id = bench.create();
        assert_eq!(data(&bench.get("/api/v1/chat/credit")), 9.5);
        bench.now += 5000;
        bench.enlarged(&id, outcome);
        let record = bench.poll(&id)["data"].clone();
        assert_eq!(
            (&record["state"], &record["failCode"], &record["failMsg"]),
            (&json!("fail"), &json!(code), &json!(msg))
        );
        assert_eq!((&record["creditsConsumed"], &record["costTime"]), (&json!(0.0), &json!(0)));
        assert_eq!(data(&bench.get("/api/v1/chat/credit")), 10.0);
    }
}

#[test]
fn a_url_that_no_server_can_fetch_fails_the_task() {
    for image in ["data:image/png;base64,AA==", "blob:x", "photo.jpg"] {
        let mut bench = Bench::new(Settings {
            delays: Delays { waiting: 0, queuing: 0, generating: 0 },
            grace_period: 0,
            ..settings()
        });
        let output = bench.post(
            "/api/v1/jobs/createTask",
            &json!({"model":"recraft/crisp-upscale","input":{"image":image}}).to_string(),
        );
        assert!(output.work.is_empty());
        assert_eq!(
            bench.poll(data(&output)["taskId"].as_str().unwrap())["data"]["failCode"],
            "400",
            "{image}"
        );
    }
}

#[test]
fn refusals_come_at_http_200() {
    let mut bench = Bench::new(settings());
    let path = "/api/v1/jobs/createTask";
    for key in [None, Some("Bearer other".to_owned()), Some("sandbox".to_owned())] {
        let output = bench.send(Request { authorization: key, ..request("POST", path) }, CREATE.as_bytes());
        assert_eq!(code(&output), (200, 401));
    }
    assert_eq!(code(&bench.get(path)), (200, 405));
    assert_eq!(code(&bench.post(path, "nonsense")), (200, 500));
    assert_eq!(
        code(&bench.post(path, r#"{"model":"recraft/other","input":{"image":"https://a.example/b"}}"#)),
        (200, 422)
    );
    for input in
        ["{}", r#"{"image":""}"#, r#"{"image":["https://a.example/b"]}"#, r#""https://a.example/b""#, "null"]
    {
        let output = bench.post(path, &format!(r#"{{"model":"recraft/crisp-upscale","input":{input}}}"#));
        assert_eq!(json_of(&output), json!({"code":500,"msg":"image is required","data":null}));
    }
    bench.post("/sandbox/credits", r#"{"credits":0.4}"#);
    assert_eq!(code(&bench.post(path, CREATE)), (200, 402));
    assert_eq!(bench.ledger()["tasks"], json!([]));
    assert_eq!(bench.ledger()["requests"]["createTask"], 12);
    assert_eq!(code(&bench.get("/api/v1/unknown")), (501, 501));
}

#[test]
fn the_twenty_first_task_in_ten_seconds_is_refused_and_makes_nothing() {
    let mut bench = Bench::new(Settings { credits: 100.0, ..settings() });
    (0..20).for_each(|_| drop(bench.create()));
    let output = bench.post("/api/v1/jobs/createTask", CREATE);
    let msg = "Your call frequency is too high. Please try again later.";
    assert_eq!(json_of(&output), json!({"code":429,"msg":msg,"data":null}));
    assert_eq!(bench.ledger()["tasks"].as_array().unwrap().len(), 20);
    bench.now += 10_000;
    bench.create();
}

#[test]
fn the_ledger_counts_what_was_billed() {
    let mut bench = Bench::new(settings());
    let [done, failed, open] = [(); 3].map(|()| bench.create());
    bench.enlarged(&done, Outcome::Enlarged);
    bench.enlarged(&failed, Outcome::Crashed);
    bench.now += 3000;
    let ledger = bench.ledger();
    assert_eq!((&ledger["credits"], &ledger["reserved"]), (&json!(9.0), &json!(0.5)));
    let tasks: Vec<_> = ledger["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task["taskId"].as_str().unwrap(), &task["charged"]))
        .collect();
    assert_eq!(
        tasks,
        [(done.as_str(), &json!(0.5)), (failed.as_str(), &json!(0.0)), (open.as_str(), &json!(0.0))]
    );
}

#[test]
fn a_key_that_reaches_a_file_is_noticed() {
    let mut bench = Bench::new(settings());
    bench.send(Request { authorization: None, ..request("GET", "/files/x") }, b"");
    assert_eq!(bench.ledger()["keysSentToFiles"], 0);
    bench.get("/files/x");
    assert_eq!(bench.ledger()["keysSentToFiles"], 1);
}

fn callbacks(output: &Output) -> Vec<(Vec<(&'static str, String)>, Value)> {
    let callback = |work: &Work| match work {
        Work::Callback { headers, body, .. } => Some((headers.clone(), serde_json::from_str(body).unwrap())),
        _ => None,
    };
    output.work.iter().filter_map(callback).collect()
}

#[test]
fn a_callback_comes_when_the_task_has_ended_and_is_signed() {
    let mut bench =
        Bench::new(Settings { webhook_hmac_key: Some("secret".into()), seed: "fixed".into(), ..settings() });
    let id = bench.create();
    let output = bench.enlarged(&id, Outcome::Enlarged);
    assert_eq!((callbacks(&output).len(), output.wake_at), (0, Some(START + 3000)));
    bench.now = START + 3000;
    let output = bench.sandbox.handle(Input::Woken, Vec::new(), bench.now);
    let (headers, body) = callbacks(&output).remove(0);
    assert_eq!(
        (&body["code"], &body["msg"]),
        (&json!(200), &json!("Playground task completed successfully."))
    );
    assert_eq!((&body["data"]["taskId"], &body["data"]["updateTime"]), (&json!(id), &json!(START + 3000)));
    // python3: base64.b64encode(hmac.digest(b"secret", (id + ".1786878076").encode(), "sha256"))
    assert_eq!(id, "8349616f807639a35a3da3b49eca6f77");
    assert!(headers.contains(&("x-webhook-timestamp", "1786878076".into())));
    assert!(
        headers.contains(&("x-webhook-signature", "En8wxAbzOs3FF/dN7Aaot+X6hv7PHewJU1QEtZzu58M=".into()))
    );
    bench.called_back(&id, true);
    bench.now += 100_000;
    assert!(bench.sandbox.handle(Input::Woken, Vec::new(), bench.now).work.is_empty());
}

#[test]
fn a_failure_is_called_back_as_501_and_unsigned_without_a_key() {
    let mut bench = Bench::new(settings());
    let id = bench.create();
    bench.now += 3000;
    let (headers, body) = callbacks(&bench.enlarged(&id, Outcome::Crashed)).remove(0);
    assert_eq!(headers, [("content-type", "application/json".to_owned())]);
    assert_eq!((&body["code"], &body["msg"]), (&json!(501), &json!("Playground task failed.")));
    let data = &body["data"];
    assert_eq!(
        (&data["state"], &data["resultJson"], &data["failCode"]),
        (&json!("fail"), &Value::Null, &json!("500"))
    );
}

#[test]
fn a_callback_is_tried_three_times() {
    let mut bench = Bench::new(settings());
    let id = bench.create();
    bench.now += 3000;
    let mut output = bench.enlarged(&id, Outcome::Enlarged);
    let mut tries = 0;
    while !callbacks(&output).is_empty() {
        tries += 1;
        if let Some(at) = bench.called_back(&id, false).wake_at {
            bench.now = at;
        }
        output = bench.sandbox.handle(Input::Woken, Vec::new(), bench.now);
    }
    assert_eq!(tries, 3);
    assert_eq!(bench.ledger()["tasks"][0]["callbacks"], 3);
}

#[test]
fn callbacks_get_lost_doubled_and_late() {
    for (fault, at_once, later) in [("lose", 0, 0), ("duplicate", 2, 0), ("slow", 0, 1)] {
        let mut bench = Bench::new(settings());
        bench.faults(&json!([{"route":"callback","kind":fault,"ms":5000}]));
        let id = bench.create();
        bench.now += 3000;
        assert_eq!(callbacks(&bench.enlarged(&id, Outcome::Enlarged)).len(), at_once, "{fault}");
        bench.now += 5000;
        assert_eq!(callbacks(&bench.get("/")).len(), later, "{fault}");
    }
}

#[test]
fn faults_take_the_replys_place() {
    let mut bench = Bench::new(settings());
    bench.faults(&json!([
        {"route":"createTask","kind":"html","times":2},
        {"route":"createTask","kind":"code","code":455,"msg":"maintenance","retryAfter":7},
        {"route":"createTask","kind":"status","status":503},
        {"route":"createTask","kind":"refuse"},
        {"route":"createTask","kind":"broken"},
        {"route":"createTask","kind":"lose"},
        {"route":"createTask","kind":"html","taken":true},
        {"route":"createTask","kind":"slow","ms":99},
    ]));
    let mut next = || {
        bench
            .post("/api/v1/jobs/createTask", CREATE)
            .reply
            .map(|reply| (reply.status, reply.delay, reply.headers, reply.body))
    };
    for _ in 0..2 {
        let (status, _, headers, _) = next().unwrap();
        assert_eq!((status, headers), (502, vec![("content-type", "text/html; charset=utf-8".to_owned())]));
    }
    let (status, _, headers, body) = next().unwrap();
    assert_eq!(
        (status, String::from_utf8(body).unwrap()),
        (200, r#"{"code":455,"data":null,"msg":"maintenance"}"#.to_owned())
    );
    assert!(headers.contains(&("retry-after", "7".to_owned())));
    assert_eq!(next().unwrap().0, 503);
    assert!(next().is_none());
    assert!(serde_json::from_slice::<Value>(&next().unwrap().3).is_err());
    assert_eq!(bench.ledger()["tasks"], json!([]), "none of these was taken");
    let mut next = || bench.post("/api/v1/jobs/createTask", CREATE).reply;
    assert!(next().is_none());
    assert_eq!(next().unwrap().status, 502);
    assert_eq!(next().unwrap().delay, 99);
    assert_eq!(next().unwrap().delay, 0);
    assert_eq!(bench.ledger()["tasks"].as_array().unwrap().len(), 4, "all of these were");
}

#[test]
fn a_misspelt_fault_is_refused() {
    let mut bench = Bench::new(settings());
    for fault in [
        json!([{"route":"creatTask","kind":"html"}]),
        json!([{"route":"createTask","kind":"htm"}]),
        json!([{"route":"createTask","kind":"html","time":2}]),
        // What no host could send.
        json!([{"route":"createTask","kind":"status","status":199}]),
        json!([{"route":"createTask","kind":"status","status":600}]),
        json!([{"route":"createTask","kind":"html","status":204}]),
        json!([{"route":"createTask","kind":"html","retryAfter":"1\r\nx: y"}]),
        json!([{"route":"createTask","kind":"html","retryAfter":"später…"}]),
        json!([{"route":"createTask","kind":"html","retryAfter":[1]}]),
    ] {
        assert_eq!(bench.post("/sandbox/faults", &fault.to_string()).reply.unwrap().status, 400);
    }
}

#[test]
fn a_task_can_be_made_to_fail_or_to_dawdle() {
    let mut bench = Bench::new(settings());
    bench.faults(&json!([{"route":"task","kind":"code","code":501,"msg":"The model is tired."}, {"route":"task","kind":"slow","ms":60_000}]));
    let (failing, slow) = (bench.create(), bench.create());
    bench.enlarged(&slow, Outcome::Enlarged);
    bench.now += 62_999;
    assert_eq!(bench.poll(&failing)["data"]["failMsg"], "The model is tired.");
    assert_eq!(bench.poll(&slow)["data"]["state"], "generating");
    bench.now += 1;
    assert_eq!(bench.poll(&slow)["data"]["state"], "success");
}

#[test]
fn a_file_is_uploaded_as_base64() {
    let mut bench = Bench::new(settings());
    bench.now = 1_776_324_432_862;
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    for data in [png.to_owned(), format!("data:image/png;base64,{png}")] {
        let output = bench.post(
            "/api/file-base64-upload",
            &json!({"base64Data":data,"uploadPath":"images","fileName":"a b.png"}).to_string(),
        );
        assert_eq!(
            json_of(&output),
            json!({"success":true,"code":200,"msg":"File uploaded successfully","data":{"success":true,"fileName":"a b.png","filePath":"kieai/1/images/a b.png",
                "downloadUrl":"http://sandbox.test/files/kieai/1/images/a%20b.png","fileSize":68,"mimeType":"image/png","uploadedAt":"2026-04-16T07:27:12.862Z"}})
        );
        assert!(reply(&output).headers.contains(&("access-control-allow-origin", "*".into())));
    }
    let file = bench.get("/files/kieai/1/images/a%20b.png");
    assert_eq!(reply(&file).body.len(), 68);
    assert!(reply(&file).headers.contains(&("content-type", "image/png".into())));
}

#[test]
fn a_file_is_uploaded_as_a_form_and_used() {
    let mut bench = Bench::new(settings());
    let form = Form {
        fields: BTreeMap::from([("uploadPath".into(), "images/user".into())]),
        file_name: Some("été.jpg".into()),
    };
    let output = bench
        .send(Request { form: Some(form), ..request("POST", "/api/file-stream-upload") }, b"\xff\xd8\xff");
    let url = data(&output)["downloadUrl"].as_str().unwrap().to_owned();
    assert_eq!(url, "http://sandbox.test/files/kieai/1/images/user/%C3%A9t%C3%A9.jpg");
    let output = bench.post(
        "/api/v1/jobs/createTask",
        &json!({"model":"recraft/crisp-upscale","input":{"image":url}}).to_string(),
    );
    let path = "/files/kieai/1/images/user/%C3%A9t%C3%A9.jpg";
    assert!(
        matches!(output.work.as_slice(), [Work::Enlarge { source: Source { path: Some(own), .. }, .. }] if own == path)
    );
    assert_eq!(bench.sandbox.file(path, bench.now), Some(b"\xff\xd8\xff".as_slice()));
}

#[test]
fn a_file_is_uploaded_by_its_url_once_it_is_fetched() {
    let mut bench = Bench::new(settings());
    let body = r#"{"fileUrl":"https://host.example/a.webp","uploadPath":"images"}"#;
    let output = bench.post("/api/file-url-upload", body);
    assert!(output.reply.is_none());
    assert!(
        matches!(output.work.as_slice(), [Work::Fetch { upload: 1, source }] if source.url == "https://host.example/a.webp")
    );
    let output = bench.sandbox.handle(
        Input::Fetched { upload: 1, found: true },
        b"RIFF\x04\0\0\0WEBP".to_vec(),
        bench.now,
    );
    assert_eq!(data(&output)["mimeType"], "image/webp");
    bench.post("/api/file-url-upload", body);
    let output = bench.sandbox.handle(Input::Fetched { upload: 3, found: false }, Vec::new(), bench.now);
    assert_eq!(code(&output), (200, 500));
}

/// A URL with dots between its slashes is shortened before it is asked for, so the link would lead elsewhere.
#[test]
fn a_files_own_name_is_a_plain_one_too() {
    for name in [".", "..", "../results/a.png", "a/b.png"] {
        let mut bench = Bench::new(settings());
        let fields = BTreeMap::from([("uploadPath".into(), "images".into())]);
        let form = Some(Form { fields, file_name: Some(name.into()) });
        let output =
            bench.send(Request { form, ..request("POST", "/api/file-stream-upload") }, b"\xff\xd8\xff");
        assert_eq!(code(&output), (200, 400), "{name}");
        // It does not matter where another is given.
        let fields =
            BTreeMap::from([("uploadPath".into(), "images".into()), ("fileName".into(), "a.jpg".into())]);
        let form = Some(Form { fields, file_name: Some(name.into()) });
        let output =
            bench.send(Request { form, ..request("POST", "/api/file-stream-upload") }, b"\xff\xd8\xff");
        assert_eq!(data(&output)["fileName"], "a.jpg");
    }
}

#[test]
fn the_balance_is_what_it_was_set_to_however_large_it_was_before() {
    let mut bench = Bench::new(settings());
    bench.create();
    for (set, left) in [
        ("1e300", json!(1e300)),
        ("-1.7e308", json!(-1.7e308)),
        ("1.7e308", json!(1.7e308)),
        ("7", json!(7.0)),
    ] {
        bench.post("/sandbox/credits", &format!("{{\"credits\":{set}}}"));
        assert_eq!(data(&bench.get("/api/v1/chat/credit")), left);
    }
}

#[test]
fn uploads_are_refused_in_the_upload_hosts_words() {
    let mut bench = Bench::new(settings());
    let output = bench.post("/api/file-base64-upload", r#"{"base64Data":"AAAA"}"#);
    assert_eq!(
        json_of(&output),
        json!({"success":false,"code":400,"msg":"Missing required parameter: uploadPath"})
    );
    for body in [
        r#"{"uploadPath":"a"}"#,
        r#"{"uploadPath":"a","base64Data":"?"}"#,
        r#"{"uploadPath":"/a/","base64Data":"AAAA"}"#,
        "x",
    ] {
        assert_eq!(code(&bench.post("/api/file-base64-upload", body)), (200, 400), "{body}");
    }
    assert_eq!(code(&bench.get("/api/file-stream-upload")), (200, 405));
    let output = bench.send(Request { authorization: None, ..request("POST", "/api/file-url-upload") }, b"");
    assert_eq!(code(&output), (200, 401));
    let output = bench.send(request("OPTIONS", "/api/file-stream-upload"), b"");
    assert!(reply(&output).headers.contains(&("access-control-allow-headers", "*, Authorization".into())));
}

#[test]
fn a_download_link_is_good_for_twenty_minutes() {
    let mut bench = Bench::new(settings());
    let id = bench.create();
    bench.enlarged(&id, Outcome::Enlarged);
    let ask = |bench: &mut Bench, url: &str| {
        json_of(&bench.post("/api/v1/common/download-url", &json!({ "url": url }).to_string()))
    };
    let link =
        ask(&mut bench, &format!("{ORIGIN}/files/results/{id}.png"))["data"].as_str().unwrap().to_owned();
    let until = link.split_once("?until=").unwrap().1.to_owned();
    let file = Request {
        query: BTreeMap::from([("until".into(), until)]),
        ..request("GET", &format!("/files/results/{id}.png"))
    };
    bench.now += 20 * 60 * 1000;
    assert_eq!(reply(&bench.send(file.clone(), b"")).status, 200);
    bench.now += 1;
    assert_eq!(reply(&bench.send(file, b"")).status, 403);
    assert_eq!(
        ask(&mut bench, "https://elsewhere.example/a.png"),
        json!({"code":422,"msg":"url is wrong","data":null})
    );
}
