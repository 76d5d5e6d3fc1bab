//! An account over a store in memory, with a clock and a service that the test holds.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_core::api::Response;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core::map_store::MapStore;
use crisp_upscale_gateway_core::protocol::{Reply, Request};
use crisp_upscale_gateway_core::secret::Secret;
use crisp_upscale_gateway_core::{
    Account, Input, Moment, Order, Output, RequestId, Settings, StoreError, UpstreamResult, ids,
};
use serde_json::{Value, json};

pub const BEGIN: u64 = 1_786_000_000_000;
pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 3_600_000;
pub const IMAGE: &str = "https://host.example/photo.jpg";
pub const BASE: &str = "https://gateway.example";
pub const DAY: u64 = 24 * HOUR;

/// The caller of [`Gateway::order`], and the job that it makes.
pub const CALLER: &str = "ann";
pub const KEY: &str = "call-1";

pub fn settings() -> Settings {
    Settings {
        rate: Rate::DOCUMENTED,
        callbacks: true,
        public_url: None,
        copies: false,
        outcome_timeout: 15 * MINUTE,
        keep: DAY,
        secret: Secret::new("0123456789abcdef0123456789abcdef").unwrap(),
    }
}

pub fn order() -> Order {
    Order {
        caller: CALLER.to_owned(),
        model: "recraft/crisp-upscale".to_owned(),
        image: IMAGE.to_owned(),
        call_back_url: None,
    }
}

/// The id of the job of [`CALLER`] with [`KEY`].
pub fn job() -> String {
    ids::keyed_job_id(CALLER, KEY)
}

#[derive(Debug)]
pub struct Gateway {
    pub store: MapStore,
    pub account: Account,
    pub settings: Settings,
    pub now: u64,
    pub alarm_at: Option<u64>,
    inputs: u64,
    /// Secrets of the callbacks of all createTasks that left, the latest last.
    pub secrets: Vec<String>,
}

impl Gateway {
    pub fn new(settings: Settings) -> Self {
        let mut store = MapStore::default();
        let (account, _) = Account::load(&mut store, settings.clone(), BEGIN).unwrap();
        let (secrets, inputs) = (Vec::new(), 0);
        Gateway { store, account, settings, now: BEGIN, alarm_at: None, inputs, secrets }
    }

    /// An input, whose outputs are returned but for the alarm that it sets.
    pub fn input(&mut self, input: Input) -> Vec<Output> {
        self.try_input(input).unwrap()
    }

    pub fn try_input(&mut self, input: Input) -> Result<Vec<Output>, StoreError> {
        self.inputs += 1;
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.inputs.to_le_bytes());
        let moment = Moment { now: self.now, random };
        let outputs = self.account.handle(&mut self.store, input, moment)?;
        Ok(self.take(outputs))
    }

    fn take(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut rest = Vec::new();
        for output in outputs {
            match output {
                Output::SetAlarm(at) => self.alarm_at = Some(at),
                output => {
                    if let Output::SendCreate { body, .. } = &output {
                        self.secrets.extend(secret_of(body));
                    }
                    rest.push(output);
                }
            }
        }
        rest
    }

    /// The process ends between two inputs: all that is in memory is lost, with all outputs under way.
    pub fn crash(&mut self) {
        let (account, outputs) = Account::load(&mut self.store, self.settings.clone(), self.now).unwrap();
        self.account = account;
        self.alarm_at = None;
        assert_eq!(self.take(outputs), [], "loading asks for the alarm alone");
    }

    /// A request, with its name.
    pub fn request(&mut self, request: Request) -> (RequestId, Vec<Output>) {
        let id = self.inputs + 1;
        (id, self.input(Input::Request { id, request }))
    }

    /// A request whose reply comes at once, with what else comes.
    pub fn ask(&mut self, request: Request) -> (Reply, Vec<Output>) {
        let (id, outputs) = self.request(request);
        let (mut replies, mut rest) = (Vec::new(), Vec::new());
        for output in outputs {
            match output {
                Output::Reply { id: to, reply } if to == id => replies.push(reply),
                output => rest.push(output),
            }
        }
        assert_eq!(replies.len(), 1, "{replies:?} {rest:?}");
        (replies.remove(0), rest)
    }

    pub fn create(
        &mut self,
        key: &str,
        order: Order,
        tasks_per_hour: Option<u32>,
    ) -> (RequestId, Vec<Output>) {
        self.request(Request::CreateTask {
            job: ids::keyed_job_id(&order.caller, key),
            key_hash: Some(ids::key_hash(key)),
            order,
            base: BASE.to_owned(),
            tasks_per_hour,
        })
    }

    /// Orders the job of these tests.
    pub fn order(&mut self) -> (RequestId, Vec<Output>) {
        self.create(KEY, order(), None)
    }

    /// What came of a createTask.
    pub fn created(&mut self, result: UpstreamResult) -> Vec<Output> {
        self.input(Input::Created { job: job(), result })
    }

    /// What came of a poll.
    pub fn polled(&mut self, task: &str, result: UpstreamResult) -> Vec<Output> {
        self.input(Input::Polled { job: job(), task: task.to_owned(), result })
    }

    /// A callback with the last secret; whether it was taken, and what else comes.
    pub fn call(&mut self, tasks: &[&str]) -> (bool, Vec<Output>) {
        let secret = self.secrets.last().expect("a secret").clone();
        self.call_with(&secret, tasks)
    }

    pub fn call_with(&mut self, secret: &str, tasks: &[&str]) -> (bool, Vec<Output>) {
        let tasks = tasks.iter().map(|&task| task.to_owned()).collect();
        let request = Request::Callback { job: job(), secret: secret.to_owned(), tasks };
        match self.ask(request) {
            (Reply::Callback { taken }, rest) => (taken, rest),
            (reply, _) => panic!("{reply:?}"),
        }
    }

    /// Goes to the alarm, and to the next where nothing comes of it.
    pub fn alarm(&mut self) -> Vec<Output> {
        for _ in 0..100 {
            self.now = self.now.max(self.alarm_at.take().expect("an alarm"));
            let outputs = self.input(Input::AlarmFired);
            if !outputs.is_empty() {
                return outputs;
            }
        }
        panic!("100 alarms, and nothing came of them")
    }

    /// What recordInfo says of a job, without anybody's watching it.
    pub fn record_of(&self, caller: &str, job: &str) -> Value {
        let mut store = self.store.clone();
        let (mut account, _) = Account::load(&mut store, self.settings.clone(), self.now).unwrap();
        let request = Request::RecordInfo { caller: caller.to_owned(), job: job.to_owned() };
        let moment = Moment { now: self.now, random: [0; 32] };
        let outputs = account.handle(&mut store, Input::Request { id: 1, request }, moment).unwrap();
        let record = outputs.into_iter().find_map(|output| match output {
            Output::Reply { reply: Reply::Record(record), .. } => Some(record),
            _ => None,
        });
        record.expect("a record")
    }

    /// `data` of the record of the job of these tests.
    pub fn record(&self) -> Value {
        self.record_of(CALLER, &job())["data"].clone()
    }

    pub fn state(&self) -> String {
        self.record()["state"].as_str().expect("a state").to_owned()
    }

    pub fn fail_code(&self) -> Option<String> {
        self.record()["failCode"].as_str().map(str::to_owned)
    }

    pub fn find_attempt(&mut self, caller: &str, key: &str) -> Value {
        let job = ids::keyed_job_id(caller, key);
        match self.ask(Request::FindAttempt { job, key_hash: ids::key_hash(key) }) {
            (Reply::Attempt(body), rest) if rest.is_empty() => body["data"].clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn counters(&mut self) -> Value {
        match self.ask(Request::Counters) {
            (Reply::Counters(counters), _) => counters,
            other => panic!("{other:?}"),
        }
    }
}

/// A gateway whose job is sent, and waits for the service's answer.
pub fn sent() -> Gateway {
    sent_with(settings(), order())
}

pub fn sent_with(settings: Settings, order: Order) -> Gateway {
    let mut gateway = Gateway::new(settings);
    let (_, outputs) = gateway.create(KEY, order, None);
    assert!(matches!(&outputs[..], [Output::SendCreate { .. }]), "{outputs:?}");
    gateway
}

/// A gateway whose job has the task `t1`.
pub fn made() -> Gateway {
    made_with(settings(), order())
}

pub fn made_with(settings: Settings, order: Order) -> Gateway {
    let mut gateway = sent_with(settings, order);
    gateway.created(Ok(task_made("t1")));
    gateway
}

/// A gateway whose job lost the reply to its createTask.
pub fn lost() -> Gateway {
    let mut gateway = sent();
    gateway.created(Err(NetworkError::Lost));
    gateway
}

pub fn secret_of(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    Some(body["callBackUrl"].as_str()?.rsplit_once('/')?.1.to_owned())
}

pub fn response(body: Value) -> Response<Value> {
    Response { status: 200, retry_after: None, body: Some(body) }
}

pub fn task_made(task: &str) -> Response<Value> {
    response(json!({ "code": 200, "msg": "success", "data": { "taskId": task } }))
}

pub fn refusal(code: i64, msg: &str) -> Response<Value> {
    response(json!({ "code": code, "msg": msg, "data": null }))
}

/// A task's record, of one that was made at `create_time` for `image`.
pub fn task_record(task: &str, state: &str, image: &str, create_time: u64) -> Response<Value> {
    let input = json!({ "image": image }).to_string();
    let result = json!({ "resultUrls": [format!("https://files.example/{task}.png")] }).to_string();
    response(json!({ "code": 200, "msg": "success", "data": {
        "taskId": task, "model": "recraft/crisp-upscale", "state": state,
        "param": json!({ "input": input, "model": "recraft/crisp-upscale" }).to_string(),
        "resultJson": if state == "success" { result } else { String::new() },
        "failCode": if state == "fail" { json!("500") } else { json!(null) },
        "failMsg": if state == "fail" { json!("Internal server error") } else { json!(null) },
        "createTime": create_time, "completeTime": create_time + 5_000, "creditsConsumed": 0.5,
    }}))
}

/// The record of a task of this test's image, as a poll's result.
pub fn says(task: &str, state: &str) -> UpstreamResult {
    Ok(task_record(task, state, IMAGE, BEGIN))
}

pub fn poll(task: &str) -> Output {
    Output::PollTask { job: job(), task: task.to_owned() }
}

pub fn ended(state: &'static str, recovered: bool) -> Output {
    Output::LogEnd { job: job(), state, recovered }
}

/// The reply of a createTask: the job is the caller's task.
pub fn answered(id: RequestId) -> Output {
    let data = json!({
        "taskId": job(), "recordId": job(), "events": "/api/v1/jobs/events", "attempts": "/api/v1/jobs/attempt",
    });
    Output::Reply { id, reply: Reply::Created(json!({ "code": 200, "msg": "success", "data": data })) }
}

pub fn refused(id: RequestId, code: i64, message: &str, retry_after: Option<u64>) -> Output {
    Output::Reply { id, reply: Reply::Refused { code, message: message.to_owned(), retry_after } }
}

/// Reproducible randomness (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}
