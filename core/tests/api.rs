//! Tests of `api`: every example of the API in both its forms, and values of every other shape.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::reply;
use crisp_upscale_core::api::{
    CREATE_TASK, CreateTask, Envelope, MODEL, RECORD_INFO, Response, State, TASK_ID, TaskDetail,
    UploadedFile, callback_task_ids, task_id,
};
use crisp_upscale_core::classify::{CreateTaskResponse, RecordInfoResponse, create_task, record_info};
use crisp_upscale_core::failure::{Charged, Kind};
use serde_json::{Value, json};

const IMAGE: &str = "https://host.example/photo.jpg";
const RESULT: &str = "https://tempfile.aiquickdraw.com/r/1.png";

/// `param` as seen on the wire: a string whose `input` is a string again.
fn param_twice() -> String {
    json!({"input": json!({"image": IMAGE}).to_string(), "model": MODEL}).to_string()
}

fn envelope(text: &str) -> Envelope<Value> {
    reply(200, text).envelope().unwrap_or_else(|| panic!("no envelope: {text}"))
}

/// The record in a reply of recordInfo.
fn record(text: &str) -> TaskDetail {
    let data = envelope(text).data.unwrap_or_else(|| panic!("no data: {text}"));
    TaskDetail::read(&data).unwrap_or_else(|| panic!("no record: {text}"))
}

/// The record of these members, beside a state.
fn detail(state: &str, members: &Value) -> TaskDetail {
    let mut data = json!({"taskId": "t1", "state": state});
    for (name, value) in members.as_object().unwrap() {
        data[name] = value.clone();
    }
    TaskDetail::read(&data).unwrap_or_else(|| panic!("no record: {data}"))
}

/// A record in which nothing stands but its state.
fn bare(state: State) -> TaskDetail {
    TaskDetail {
        task_id: None,
        model: None,
        state,
        image: None,
        result_urls: Vec::new(),
        fail_code: None,
        fail_msg: None,
        create_time: None,
        complete_time: None,
        credits_consumed: None,
    }
}

// createTask

#[test]
fn create_task_is_written_byte_for_byte() {
    let with = CreateTask::upscale(IMAGE.into(), Some("https://your-domain.example/api/callback".into()));
    assert_eq!(
        serde_json::to_string(&with).unwrap(),
        r#"{"model":"recraft/crisp-upscale","callBackUrl":"https://your-domain.example/api/callback","input":{"image":"https://host.example/photo.jpg"}}"#
    );
    let without = CreateTask::upscale(IMAGE.into(), None);
    assert_eq!(
        serde_json::to_string(&without).unwrap(),
        r#"{"model":"recraft/crisp-upscale","input":{"image":"https://host.example/photo.jpg"}}"#
    );
}

#[test]
fn an_image_url_goes_out_as_it_came() {
    let url = r#"https://bücher.example/a"b\c?d=%20&e=例"#;
    let body = serde_json::to_string(&CreateTask::upscale(url.into(), None)).unwrap();
    assert_eq!(
        body,
        r#"{"model":"recraft/crisp-upscale","input":{"image":"https://bücher.example/a\"b\\c?d=%20&e=例"}}"#
    );
}

#[test]
fn the_paths_are_the_documented_ones() {
    assert_eq!(MODEL, "recraft/crisp-upscale");
    assert_eq!(CREATE_TASK, "/api/v1/jobs/createTask");
    assert_eq!(RECORD_INFO, "/api/v1/jobs/recordInfo");
    assert_eq!(TASK_ID, "taskId");
}

#[test]
fn the_reply_to_create_task_names_the_task() {
    let rows = [
        (
            "wire",
            r#"{"code":200,"msg":"success","data":{"taskId":"5f48c0de5f48c0de5f48c0de5f48c0de","recordId":"5f48c0de5f48c0de5f48c0de5f48c0de"}}"#,
            Some("5f48c0de5f48c0de5f48c0de5f48c0de"),
        ),
        (
            "documentation",
            r#"{"code":200,"msg":"success","data":{"taskId":"task_recraft_1765177373893"}}"#,
            Some("task_recraft_1765177373893"),
        ),
        (
            "polled with taskId, not with recordId",
            r#"{"code":200,"data":{"taskId":"a","recordId":"b"}}"#,
            Some("a"),
        ),
        ("empty", r#"{"code":200,"data":{"taskId":""}}"#, None),
        ("null", r#"{"code":200,"data":{"taskId":null}}"#, None),
        ("a number", r#"{"code":200,"data":{"taskId":5}}"#, None),
        ("an array", r#"{"code":200,"data":{"taskId":["a"]}}"#, None),
        ("no data", r#"{"code":200,"msg":"success"}"#, None),
        ("data is null", r#"{"code":200,"msg":"success","data":null}"#, None),
        ("data is the id", r#"{"code":200,"data":"a"}"#, None),
        ("beside data", r#"{"code":200,"taskId":"a","data":{}}"#, Some("a")),
        ("task_id", r#"{"code":200,"data":{"task_id":"a"}}"#, Some("a")),
        ("recordId alone", r#"{"code":200,"data":{"recordId":"a"}}"#, Some("a")),
        ("task_id beside data", r#"{"code":200,"task_id":"a","data":null}"#, Some("a")),
        ("recordId beside data", r#"{"code":200,"recordId":"a"}"#, Some("a")),
        ("in data before beside it", r#"{"code":200,"taskId":"b","data":{"recordId":"a"}}"#, Some("a")),
        ("without a code", r#"{"data":{"taskId":"a"}}"#, Some("a")),
        ("in what the caller sent", r#"{"code":200,"data":{"param":"{\"taskId\":\"a\"}"}}"#, None),
        ("in a message", r#"{"code":500,"msg":"{\"taskId\":\"a\"}","data":{"msg":{"taskId":"a"}}}"#, None),
    ];
    for (row, text, expected) in rows {
        let body = serde_json::from_str::<Value>(text).expect(row);
        assert_eq!(task_id(&body).as_deref(), expected, "{row}");
    }
}

// The envelope

#[test]
fn an_envelope_is_told_by_its_numeric_code() {
    let rows = [
        ("success", r#"{"code":200,"msg":"success","data":null}"#, Some((200, Some("success")))),
        ("older pages: message", r#"{"code":401,"message":"No access"}"#, Some((401, Some("No access")))),
        ("both: the wire's wins", r#"{"code":401,"message":"b","msg":"a"}"#, Some((401, Some("a")))),
        ("an empty msg beside a message", r#"{"code":401,"msg":"","message":"b"}"#, Some((401, Some("b")))),
        ("msg is null", r#"{"code":401,"msg":null}"#, Some((401, None))),
        ("msg is a number", r#"{"code":401,"msg":5}"#, Some((401, None))),
        ("msg is empty", r#"{"code":401,"msg":""}"#, Some((401, None))),
        ("no msg", r#"{"code":401}"#, Some((401, None))),
        ("a code written as a float", r#"{"code":422.0}"#, Some((422, None))),
        ("a negative code", r#"{"code":-1}"#, Some((-1, None))),
        ("no code", r#"{"msg":"success","data":{}}"#, None),
        ("code is null", r#"{"code":null}"#, None),
        ("a code in quotes", r#"{"code":"402","msg":"m"}"#, Some((402, Some("m")))),
        ("code is a word", r#"{"code":"success"}"#, None),
        ("code is empty", r#"{"code":""}"#, None),
        ("code has a fraction", r#"{"code":"200.5"}"#, None),
        ("code is an array", r#"{"code":[200]}"#, None),
        ("code is an object", r#"{"code":{"code":200}}"#, None),
        ("an array", r#"[{"code":200}]"#, None),
        ("null", "null", None),
        ("a number", "200", None),
        ("a string", r#""code""#, None),
        ("HTML", "<html><body>502 Bad Gateway</body></html>", None),
        ("cut", r#"{"code":200,"msg":"succ"#, None),
        ("nothing", "", None),
    ];
    for (row, text, expected) in rows {
        let read = reply(200, text).envelope().map(|envelope| (envelope.code, envelope.msg));
        assert_eq!(read, expected.map(|(code, msg)| (code, msg.map(str::to_owned))), "{row}");
    }
}

#[test]
fn a_null_in_data_is_no_data() {
    assert_eq!(envelope(r#"{"code":422,"msg":"recordInfo is null","data":null}"#).data, None);
    assert_eq!(envelope(r#"{"code":200,"data":{}}"#).data, Some(json!({})));
}

// recordInfo

#[test]
fn the_record_of_a_waiting_task() {
    let text = r#"{"code":200,"msg":"success","data":{"taskId":"5f48","model":"recraft/crisp-upscale","state":"waiting","param":"{\"input\":\"{\\\"image\\\":\\\"https://host.example/photo.jpg\\\"}\",\"model\":\"recraft/crisp-upscale\"}","resultJson":"","failCode":null,"failMsg":null,"costTime":null,"completeTime":null,"createTime":1786878073451,"creditsConsumed":0.5}}"#;
    let expected = TaskDetail {
        task_id: Some("5f48".into()),
        model: Some(MODEL.into()),
        image: Some(IMAGE.into()),
        create_time: Some(1_786_878_073_451.0),
        credits_consumed: Some(0.5),
        ..bare(State::Waiting)
    };
    assert_eq!(record(text), expected);
}

#[test]
fn the_record_of_a_task_that_succeeded() {
    let text = r#"{"code":200,"msg":"success","data":{"taskId":"5f48","model":"recraft/crisp-upscale","state":"success","param":"{\"input\":\"{\\\"image\\\":\\\"https://host.example/photo.jpg\\\"}\",\"model\":\"recraft/crisp-upscale\"}","resultJson":"{\"resultUrls\":[\"https://tempfile.aiquickdraw.com/r/1.png\"]}","failCode":null,"failMsg":null,"costTime":63,"completeTime":1777534578854,"createTime":1777534515134}}"#;
    let expected = TaskDetail {
        task_id: Some("5f48".into()),
        model: Some(MODEL.into()),
        image: Some(IMAGE.into()),
        result_urls: vec![RESULT.into()],
        create_time: Some(1_777_534_515_134.0),
        complete_time: Some(1_777_534_578_854.0),
        ..bare(State::Success)
    };
    assert_eq!(record(text), expected);
}

#[test]
fn the_record_of_a_task_that_failed() {
    let text = r#"{"code":200,"msg":"success","data":{"taskId":"5f48","state":"fail","failCode":"400","failMsg":"Image fetch failed. Check access settings or use our File Upload API instead.","creditsConsumed":0.0,"costTime":0}}"#;
    let expected = TaskDetail {
        task_id: Some("5f48".into()),
        fail_code: Some("400".into()),
        fail_msg: Some(
            "Image fetch failed. Check access settings or use our File Upload API instead.".into(),
        ),
        credits_consumed: Some(0.0),
        ..bare(State::Fail)
    };
    assert_eq!(record(text), expected);
}

#[test]
fn a_record_that_is_not_there_yet() {
    let reply = reply(200, r#"{"code":422,"msg":"recordInfo is null","data":null}"#);
    let RecordInfoResponse::Missing(failure) = record_info(&reply) else {
        panic!("{:?}", record_info(&reply))
    };
    assert_eq!((failure.kind, failure.code, failure.status), (Kind::NotFound, Some(422), Some(200)));
}

#[test]
fn states_and_flags() {
    let rows = [
        (json!({"state": "waiting"}), Some(State::Waiting)),
        (json!({"state": "queuing"}), Some(State::Queuing)),
        (json!({"state": "generating"}), Some(State::Generating)),
        (json!({"state": "success"}), Some(State::Success)),
        (json!({"state": "fail"}), Some(State::Fail)),
        (json!({"state": "paused"}), Some(State::Other("paused".into()))),
        (json!({"state": "SUCCESS"}), Some(State::Success)),
        (json!({"successFlag": 0}), Some(State::Waiting)),
        (json!({"successFlag": 1}), Some(State::Success)),
        (json!({"successFlag": 3}), Some(State::Fail)),
        (json!({"successFlag": 2}), Some(State::Fail)),
        (json!({"successFlag": -1}), Some(State::Fail)),
        (json!({"state": "generating", "successFlag": 1}), Some(State::Success)),
        (json!({"state": "", "successFlag": 1}), Some(State::Success)),
        (json!({"state": null, "successFlag": 3}), Some(State::Fail)),
        (json!({"state": 1, "successFlag": 0}), Some(State::Waiting)),
        (json!({"successFlag": "1"}), Some(State::Success)),
        (json!({"successFlag": null}), None),
        (json!({"state": ""}), None),
        (json!({"state": 5}), None),
        (json!({"taskId": "t1", "resultJson": ""}), None),
        (json!({}), None),
        (json!([]), None),
        (json!("success"), None),
    ];
    for (data, expected) in rows {
        let state = TaskDetail::read(&data).map(|detail| detail.state);
        assert_eq!(state, expected, "{data}");
        if let Some(State::Other(word)) = &state {
            assert_eq!(state.as_ref().unwrap().as_str(), word, "{data}");
        }
    }
}

#[test]
fn the_result_in_all_its_forms() {
    let other = "https://tempfile.aiquickdraw.com/r/2.png";
    let text = |url: &str| json!({ "resultUrls": [url] }).to_string();
    let rows = [
        ("a string, as on the wire", json!({"resultJson": text(RESULT)}), vec![RESULT]),
        ("an object", json!({"resultJson": {"resultUrls": [RESULT]}}), vec![RESULT]),
        ("empty, as while pending", json!({"resultJson": ""}), vec![]),
        ("null, as in a failed callback", json!({"resultJson": null}), vec![]),
        ("absent", json!({}), vec![]),
        (
            "response beside it: preferred",
            json!({"resultJson": text(other), "response": {"resultUrls": [RESULT]}}),
            vec![RESULT],
        ),
        ("response alone", json!({"response": {"resultUrls": [RESULT]}}), vec![RESULT]),
        ("response is null", json!({"resultJson": text(RESULT), "response": null}), vec![RESULT]),
        (
            "response is text: preferred as well",
            json!({"resultJson": text(other), "response": text(RESULT)}),
            vec![RESULT],
        ),
        ("response is an array", json!({"resultJson": text(other), "response": [RESULT]}), vec![RESULT]),
        ("several", json!({"resultJson": {"resultUrls": [RESULT, other]}}), vec![RESULT, other]),
        (
            "what is no text among them",
            json!({"resultJson": {"resultUrls": [null, 5, RESULT, {}]}}),
            vec![RESULT],
        ),
        // The API sends "" where it means nothing: it is no result to hand out.
        ("an empty URL", json!({"resultJson": {"resultUrls": [""]}}), vec![]),
        ("no URLs", json!({"resultJson": {"resultUrls": []}}), vec![]),
        ("URLs are text", json!({"resultJson": {"resultUrls": RESULT}}), vec![RESULT]),
        ("URLs are null", json!({"resultJson": {"resultUrls": null}}), vec![]),
        ("broken JSON", json!({"resultJson": "{\"resultUrls\":[\"https"}), vec![]),
        ("an array as text", json!({"resultJson": json!([RESULT]).to_string()}), vec![RESULT]),
        ("a number", json!({"resultJson": 5}), vec![]),
        ("text that is null", json!({"resultJson": "null"}), vec![]),
    ];
    for (row, members, expected) in rows {
        assert_eq!(detail("success", &members).result_urls, expected, "{row}");
    }
}

#[test]
fn the_image_in_all_forms_of_param() {
    let once = json!({"input": {"image": IMAGE}, "model": MODEL});
    let with_callback = json!({"model": MODEL, "callBackUrl": "https://your-domain.example/?secret", "input": {"image": IMAGE}});
    let rows = [
        ("two layers, as on the wire", json!(param_twice()), Some(IMAGE)),
        ("one layer, as documented", json!(once.to_string()), Some(IMAGE)),
        ("none", once, Some(IMAGE)),
        (
            "an object with the input as text",
            json!({"input": json!({"image": IMAGE}).to_string()}),
            Some(IMAGE),
        ),
        ("the whole request", json!(with_callback.to_string()), Some(IMAGE)),
        ("empty", json!(""), None),
        ("null", json!(null), None),
        ("an array", json!([IMAGE]), None),
        ("a number", json!(5), None),
        ("broken", json!("{\"input\":"), None),
        ("input is text", json!({"input": IMAGE}), None),
        ("input is null", json!({"input": null}), None),
        ("no image", json!({"input": {}}), None),
        ("the image is an array", json!({"input": {"image": [IMAGE]}}), None),
        ("the image is empty", json!({"input": {"image": ""}}), None),
    ];
    for (row, param, expected) in rows {
        assert_eq!(detail("waiting", &json!({"param": param})).image.as_deref(), expected, "{row}");
    }
}

#[test]
fn fail_codes_in_all_their_forms() {
    let rows = [
        (json!({"failCode": "400"}), Some("400")),
        (json!({"failCode": "GENERATION_FAILED"}), Some("GENERATION_FAILED")),
        (json!({"failCode": 422}), Some("422")),
        (json!({"failCode": 500.0}), Some("500")),
        (json!({"failCode": 0}), Some("0")),
        (json!({"failCode": ""}), None),
        (json!({"failCode": null}), None),
        (json!({}), None),
        (json!({"failCode": ["400"]}), None),
        (json!({"failCode": {"code": 400}}), None),
        (json!({"failCode": true}), None),
    ];
    for (members, expected) in rows {
        assert_eq!(detail("fail", &members).fail_code.as_deref(), expected, "{members}");
    }
    assert_eq!(detail("fail", &json!({"failMsg": ""})).fail_msg, None);
    assert_eq!(detail("fail", &json!({"failMsg": null})).fail_msg, None);
    assert_eq!(detail("fail", &json!({"failMsg": "why"})).fail_msg.as_deref(), Some("why"));
}

/// What JavaScript sees of a record, name for name.
#[test]
fn a_record_is_handed_on_in_these_words() {
    let full = TaskDetail {
        task_id: Some("t1".into()),
        image: Some(IMAGE.into()),
        result_urls: vec![RESULT.into()],
        create_time: Some(1.0),
        ..bare(State::Other("paused".into()))
    };
    assert_eq!(
        serde_json::to_value(&full).unwrap(),
        json!({
            "taskId": "t1", "model": null, "state": "paused", "image": IMAGE, "resultUrls": [RESULT],
            "failCode": null, "failMsg": null, "createTime": 1.0, "completeTime": null, "creditsConsumed": null,
        })
    );
}

// The callback

#[test]
fn the_four_places_of_a_callbacks_task_id() {
    let rows = [
        (json!({"data": {"taskId": "a"}}), vec!["a"]),
        (json!({"data": {"task_id": "b"}}), vec!["b"]),
        (json!({"taskId": "c"}), vec!["c"]),
        (json!({"task_id": "d"}), vec!["d"]),
        (
            json!({"task_id": "d", "taskId": "c", "data": {"task_id": "b", "taskId": "a"}}),
            vec!["a", "b", "c", "d"],
        ),
        (json!({"task_id": "a", "taskId": "a", "data": {"task_id": "a", "taskId": "a"}}), vec!["a"]),
        (json!({"taskId": "a", "data": {"task_id": "b", "taskId": "a"}}), vec!["a", "b"]),
        (json!({"taskId": "c", "data": null}), vec!["c"]),
        (json!({"taskId": "c", "data": "a"}), vec!["c"]),
        (json!({"taskId": "c", "data": ["a"]}), vec!["c"]),
        (json!({"taskId": "", "task_id": null, "data": {"taskId": 5, "task_id": ["b"]}}), vec![]),
        (json!({}), vec![]),
        (json!(null), vec![]),
        (json!("a"), vec![]),
        (json!([{"taskId": "a"}]), vec![]),
    ];
    for (body, expected) in rows {
        assert_eq!(callback_task_ids(&body), expected, "{body}");
    }
}

// Uploads, credits

#[test]
fn the_reply_to_an_upload() {
    let good = r#"{"success":true,"code":200,"msg":"File uploaded successfully","data":{"success":true,"fileName":"a.png","filePath":"kieai/1/images/a.png","downloadUrl":"https://tempfile.redpandaai.co/kieai/1/images/a.png","fileSize":70,"mimeType":"image/png","uploadedAt":"2026-04-16T07:19:12.862Z"}}"#;
    let rows = [
        ("in full", good, Some("https://tempfile.redpandaai.co/kieai/1/images/a.png")),
        (
            "the rest is optional",
            r#"{"code":200,"data":{"downloadUrl":"https://h.example/a"}}"#,
            Some("https://h.example/a"),
        ),
        ("refused", r#"{"success":false,"code":400,"msg":"Missing required parameter: uploadPath"}"#, None),
        ("refused, and yet with a URL", r#"{"code":500,"data":{"downloadUrl":"https://h.example/a"}}"#, None),
        ("an empty URL", r#"{"code":200,"data":{"downloadUrl":""}}"#, None),
        ("a URL of another type", r#"{"code":200,"data":{"downloadUrl":["https://h.example/a"]}}"#, None),
        ("no URL", r#"{"code":200,"data":{}}"#, None),
        ("no data", r#"{"success":true,"code":200}"#, None),
        ("data is an array", r#"{"code":200,"data":[]}"#, None),
    ];
    for (row, text, expected) in rows {
        let uploaded = UploadedFile::read(&envelope(text)).map(|uploaded| uploaded.download_url);
        assert_eq!(uploaded.as_deref(), expected, "{row}");
    }
    let refused = envelope(r#"{"success":false,"code":400,"msg":"Missing required parameter: uploadPath"}"#);
    assert_eq!((refused.code, refused.msg.as_deref()), (400, Some("Missing required parameter: uploadPath")));
}

#[test]
fn the_balance() {
    let rows = [
        (r#"{"code":200,"msg":"success","data":5916.25}"#, Some(5916.25)),
        (r#"{"code":200,"msg":"success","data":100}"#, Some(100.0)),
        (r#"{"code":200,"msg":"success","data":0}"#, Some(0.0)),
        (r#"{"code":200,"msg":"success","data":"5916.25"}"#, None),
        (r#"{"code":200,"msg":"success","data":{"credit":5}}"#, None),
        (r#"{"code":200,"msg":"success","data":null}"#, None),
        (r#"{"code":401,"msg":"No access"}"#, None),
    ];
    for (text, expected) in rows {
        assert_eq!(envelope(text).credit(), expected, "{text}");
    }
}

// What is broken

/// Values of every JSON type, and the numbers that do not fit.
fn junk() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("x"),
        json!("{"),
        json!("[]"),
        json!("\u{0}\u{feff}\u{1f600}"),
        json!([]),
        json!([[["x"]], null, {}]),
        json!({}),
        json!({"taskId": {"state": []}}),
    ]
}

/// A body that is no envelope is no reply of the API, for whoever reads it.
#[test]
fn a_body_of_another_shape_says_nothing() {
    for body in junk() {
        let reply = Response { status: 200, retry_after: None, body: Some(body.clone()) };
        assert_eq!(reply.envelope(), None, "{body}");
        let CreateTaskResponse::Failed(failure) = create_task(&reply) else {
            panic!("{body}: {:?}", create_task(&reply))
        };
        assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{body}");
        assert!(
            matches!(record_info(&reply), RecordInfoResponse::Retry { retry_after: None, .. }),
            "{body}: {:?}",
            record_info(&reply)
        );
        assert_eq!(TaskDetail::read(&body), None, "{body}");
    }
}

/// `data` of any other shape: no id, no record, no URL, no link, and nothing is made up.
#[test]
fn data_of_another_shape_says_nothing() {
    for data in junk() {
        let reply = reply(200, &json!({"code": 200, "msg": "success", "data": data}).to_string());
        let envelope = reply.envelope().expect("it has a code");
        assert_eq!(reply.body.as_ref().and_then(task_id), None, "{data}");
        assert_eq!(UploadedFile::read(&envelope), None, "{data}");
        assert_eq!(envelope.credit(), data.as_f64(), "{data}");
        assert!(matches!(create_task(&reply), CreateTaskResponse::Failed(_)), "{data}");
        assert!(matches!(record_info(&reply), RecordInfoResponse::Retry { .. }), "{data}");
    }
}

/// Any one member of a record may be of any type: the others are read as before.
#[test]
fn a_broken_member_spoils_only_itself() {
    let whole = json!({
        "taskId": "5f48", "model": MODEL, "state": "success", "param": param_twice(),
        "resultJson": {"resultUrls": [RESULT]}, "failCode": "400", "failMsg": "why",
        "createTime": 1.0, "completeTime": 2.0, "creditsConsumed": 0.5,
        "costTime": 63, "updateTime": 2.0, "progress": 100,
    });
    let good = TaskDetail {
        task_id: Some("5f48".into()),
        model: Some(MODEL.into()),
        image: Some(IMAGE.into()),
        result_urls: vec![RESULT.into()],
        fail_code: Some("400".into()),
        fail_msg: Some("why".into()),
        create_time: Some(1.0),
        complete_time: Some(2.0),
        credits_consumed: Some(0.5),
        ..bare(State::Success)
    };
    assert_eq!(TaskDetail::read(&whole), Some(good.clone()));
    for name in whole.as_object().unwrap().keys() {
        for value in junk() {
            let row = format!("{name} = {value}");
            let mut data = whole.clone();
            data[name] = value.clone();
            let Some(read) = TaskDetail::read(&data) else {
                assert_eq!(name, "state", "{row}: no record");
                continue;
            };
            let mut expected = good.clone();
            match name.as_str() {
                "taskId" => expected.task_id.clone_from(&read.task_id),
                "model" => expected.model.clone_from(&read.model),
                // Without a word, the result says it.
                "state" => {
                    expected.state = value
                        .as_str()
                        .filter(|word| !word.is_empty())
                        .map_or(State::Success, |word| State::Other(word.into()))
                }
                "param" => expected.image = None,
                "resultJson" => expected.result_urls = Vec::new(),
                "failCode" => expected.fail_code.clone_from(&read.fail_code),
                "failMsg" => expected.fail_msg.clone_from(&read.fail_msg),
                "createTime" => expected.create_time = value.as_f64(),
                "completeTime" => expected.complete_time = value.as_f64(),
                "creditsConsumed" => expected.credits_consumed = value.as_f64(),
                _ => {}
            }
            assert_eq!(read, expected, "{row}");
            for text in [&read.task_id, &read.model, &read.fail_msg].into_iter().flatten() {
                assert!(!text.is_empty(), "{row}: \"\" means nothing");
            }
        }
    }
}

#[test]
fn an_empty_response_does_not_hide_the_result_beside_it() {
    for response in [json!({}), json!({"resultUrls": []}), json!({"resultUrls": null})] {
        let data = json!({
            "state": "success",
            "response": response,
            "resultJson": "{\"resultUrls\":[\"https://tempfile.aiquickdraw.com/r/1.png\"]}",
        });
        let detail = TaskDetail::read(&data).expect("it has a state");
        assert_eq!(detail.result_urls, ["https://tempfile.aiquickdraw.com/r/1.png"], "{data}");
    }
}

// Other dress, met in the service's other models or guarded against by other clients

fn state_of(data: &Value) -> Option<State> {
    TaskDetail::read(data).map(|detail| detail.state)
}

#[test]
fn states_are_read_in_any_case_and_in_the_words_of_other_models() {
    let rows: [(&[&str], State); 5] = [
        (&["waiting", "WAITING"], State::Waiting),
        (&["queuing", "Queuing"], State::Queuing),
        (&["generating", "GENERATING"], State::Generating),
        (&["success", "SUCCESS", "succeeded", "completed", "Completed"], State::Success),
        (&["fail", "FAIL", "failed", "Failed", "error", "ERROR"], State::Fail),
    ];
    for (words, state) in rows {
        for word in words {
            assert_eq!(state_of(&json!({"state": word})), Some(state.clone()), "{word}");
        }
    }
    for word in ["paused", "successful", "failing", "Errors"] {
        assert_eq!(state_of(&json!({"state": word})), Some(State::Other(word.to_owned())), "{word}");
    }
}

#[test]
fn any_flag_but_0_and_1_is_a_failure() {
    for (flag, state) in [
        (json!(0), State::Waiting),
        (json!(1), State::Success),
        (json!(2), State::Fail),
        (json!(3), State::Fail),
        (json!(-1), State::Fail),
        (json!("0"), State::Waiting),
        (json!("1"), State::Success),
        (json!("3"), State::Fail),
    ] {
        assert_eq!(state_of(&json!({"successFlag": flag})), Some(state), "{flag}");
    }
    for flag in [json!(null), json!(0.5), json!("soon"), json!({}), json!(true)] {
        assert_eq!(state_of(&json!({"successFlag": flag})), None, "{flag}");
    }
}

/// The table beside `State::of`.
#[test]
fn where_state_and_flag_disagree_a_result_or_the_end_wins() {
    let rows: [(&str, i64, bool, State); 14] = [
        ("success", 1, false, State::Success),
        ("fail", 3, false, State::Fail),
        ("fail", 2, true, State::Fail),
        ("generating", 0, true, State::Generating),
        ("paused", 0, false, State::Other("paused".to_owned())),
        ("success", 0, false, State::Success),
        ("fail", 0, false, State::Fail),
        ("fail", 0, true, State::Success),
        ("generating", 1, false, State::Success),
        ("generating", 3, false, State::Fail),
        ("generating", 3, true, State::Success),
        ("success", 3, false, State::Success),
        ("fail", 1, false, State::Success),
        ("fail", 1, true, State::Success),
    ];
    for (word, flag, has_url, state) in rows {
        let mut data = json!({"state": word, "successFlag": flag});
        if has_url {
            data["resultJson"] = json!(json!({"resultUrls": [RESULT]}).to_string());
        }
        assert_eq!(state_of(&data), Some(state), "{data}");
    }
    // A result and nothing else.
    assert_eq!(state_of(&json!({"response": {"resultUrls": [RESULT]}})), Some(State::Success));
}

#[test]
fn a_result_is_found_in_every_dress() {
    let list = json!([RESULT]);
    let text = json!(list.to_string());
    let mut results = Vec::new();
    for urls in [&list, &json!(RESULT), &text] {
        for name in ["resultUrls", "result_urls"] {
            let object = json!({name: urls});
            results.push(json!({name: urls}));
            for place in ["response", "resultJson"] {
                results.push(json!({place: object}));
                results.push(json!({place: object.to_string()}));
            }
        }
    }
    for place in ["response", "resultJson"] {
        results.extend([json!({place: list}), json!({place: text}), json!({place: RESULT})]);
    }
    // The first place that names a file counts.
    results.push(
        json!({"response": {"resultUrls": []}, "resultJson": json!({"resultUrls": [RESULT]}).to_string()}),
    );
    results.push(json!({"response": "", "resultJson": "", "resultUrls": RESULT}));
    for mut data in results {
        data["state"] = json!("success");
        let row = data.to_string();
        assert_eq!(TaskDetail::read(&data).expect(&row).result_urls, [RESULT], "{row}");
    }
}

#[test]
fn what_is_no_result_of_the_web_names_no_file() {
    let secret = "https://gateway.example/callback/secret";
    for data in [
        json!({"resultJson": json!({"resultUrls": ["javascript:alert(1)"]}).to_string()}),
        json!({"resultJson": json!({"resultUrls": ["data:image/png;base64,AA", "file:///etc/passwd", "/r/1.png"]}).to_string()}),
        json!({"response": {"resultUrls": [5, null, {"url": RESULT}]}}),
        json!({"param": json!({"callBackUrl": secret, "resultUrls": [secret]}).to_string()}),
        json!({"failMsg": RESULT, "msg": {"resultUrls": [RESULT]}}),
        json!({"response": {"data": {"resultUrls": [RESULT]}}}),
    ] {
        let row = data.to_string();
        let mut data = data;
        data["state"] = json!("success");
        assert!(TaskDetail::read(&data).expect(&row).result_urls.is_empty(), "{row}");
    }
}

#[test]
fn failures_have_other_names_in_other_models() {
    let detail = TaskDetail::read(&json!({
        "task_id": "t1", "successFlag": 2, "errorCode": 500, "errorMessage": "Internal Error",
    }))
    .unwrap();
    assert_eq!(detail.task_id.as_deref(), Some("t1"));
    assert_eq!(
        (detail.fail_code.as_deref(), detail.fail_msg.as_deref()),
        (Some("500"), Some("Internal Error"))
    );
    let both = json!({"state": "fail", "failCode": "", "errorCode": "GENERATION_FAILED", "failMsg": "a", "errorMessage": "b"});
    let detail = TaskDetail::read(&both).unwrap();
    assert_eq!(
        (detail.fail_code.as_deref(), detail.fail_msg.as_deref()),
        (Some("GENERATION_FAILED"), Some("a"))
    );
}

#[test]
fn a_read_that_gave_the_service_nothing_is_the_end_and_one_of_http_is_not() {
    let RecordInfoResponse::Failed(failure) =
        record_info(&reply(200, r#"{"code":408,"msg":"timeout","data":null}"#))
    else {
        panic!("it is over")
    };
    assert_eq!(
        (failure.kind, failure.charged, failure.code),
        (Kind::ServerError, Charged::Unknown, Some(408))
    );
    assert!(failure.for_task("t1").resumable);
    assert!(matches!(record_info(&reply(408, "")), RecordInfoResponse::Retry { .. }), "a proxy's");
    let record = r#"{"code":408,"data":{"taskId":"t1","state":"generating"}}"#;
    assert!(
        matches!(record_info(&reply(200, record)), RecordInfoResponse::Record(_)),
        "the record says more"
    );
    let RecordInfoResponse::Retry { failure, .. } =
        record_info(&reply(200, r#"{"code":200,"msg":"success","data":null}"#))
    else {
        panic!("it may come")
    };
    assert_eq!(failure.kind, Kind::BadReply);
    let forbidden = record_info(&reply(200, r#"{"code":403,"msg":"no"}"#));
    assert!(matches!(forbidden, RecordInfoResponse::Failed(failure) if failure.kind == Kind::Unauthorized));
}
