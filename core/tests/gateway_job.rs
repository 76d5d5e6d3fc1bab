//! Tests of `gateway::job`: the life of a job behind the gateway, also where it is cut off anywhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_core::gateway::job::{Answer, Effect, Event, Job, Order, Rules};
use crisp_upscale_core::job::Fault;
use crisp_upscale_core::wire::Reply;
use serde_json::{Value, json};

const RULES: Rules = Rules { callbacks: true, copies: false, outcome: 900_000, keep: 86_400_000 };
const BEGIN: u64 = 1_786_000_000_000;
const IMAGE: &str = "https://host.example/photo.jpg";
const MINUTE: u64 = 60_000;

fn order() -> Order {
    Order {
        caller: "ann".to_owned(),
        model: "recraft/crisp-upscale".to_owned(),
        image: IMAGE.to_owned(),
        call_back_url: None,
    }
}

/// A job that is stored and loaded at every step, as a Worker would.
struct Stored {
    json: String,
    now: u64,
    rules: Rules,
}

impl Stored {
    fn new(order: Order, rules: Rules) -> (Self, Vec<Effect>) {
        let (job, effects) = Job::new(order, BEGIN);
        (Stored { json: serde_json::to_string(&job).unwrap(), now: BEGIN, rules }, effects)
    }

    fn ordered() -> Self {
        let (job, effects) = Stored::new(order(), RULES);
        assert_eq!(effects, [Effect::AskTurn(true)]);
        job
    }

    /// Its createTask is under way.
    fn sent() -> Self {
        let mut job = Stored::ordered();
        assert_eq!(job.tell(Event::Turn("hash".to_owned())), [Effect::Create]);
        job
    }

    /// Its task is known.
    fn bound() -> Self {
        let mut job = Stored::sent();
        job.tell(Event::Created(Ok(made("t1"))));
        job
    }

    fn job(&self) -> Job {
        serde_json::from_str(&self.json).unwrap()
    }

    fn tell(&mut self, event: Event<Value>) -> Vec<Effect> {
        let mut job = self.job();
        let effects = job.handle(event, self.now, self.rules);
        self.json = serde_json::to_string(&job).unwrap();
        effects
    }

    /// Goes to its alarm.
    fn wake(&mut self) -> Vec<Effect> {
        self.now = self.now.max(self.job().alarm(self.rules));
        self.tell(Event::Woken)
    }

    fn call(&mut self, secret_hash: &str, tasks: &[&str]) -> Vec<Effect> {
        self.tell(Event::Called(secret_hash.to_owned(), tasks.iter().map(|&task| task.to_owned()).collect()))
    }

    fn takes_call(&self, secret_hash: &str, tasks: &[&str]) -> bool {
        let tasks: Vec<String> = tasks.iter().map(|&task| task.to_owned()).collect();
        self.job().takes_call(secret_hash, &tasks)
    }

    fn state(&self) -> String {
        self.job().record().state
    }

    fn fail_code(&self) -> Option<String> {
        self.job().record().fail_code
    }
}

fn reply(body: Value) -> Reply<Value> {
    Reply { status: 200, retry_after: None, body: Some(body) }
}

fn made(task: &str) -> Reply<Value> {
    reply(json!({ "code": 200, "msg": "success", "data": { "taskId": task } }))
}

fn refusal(code: i64, msg: &str) -> Reply<Value> {
    reply(json!({ "code": code, "msg": msg, "data": null }))
}

/// A task's record, as of one that was made at `create_time` for `image`.
fn record(task: &str, state: &str, image: &str, create_time: u64) -> Reply<Value> {
    let input = json!({ "image": image }).to_string();
    let result = json!({ "resultUrls": ["https://files.example/r.png"] }).to_string();
    reply(json!({ "code": 200, "msg": "success", "data": {
        "taskId": task, "model": "recraft/crisp-upscale", "state": state,
        "param": json!({ "input": input, "model": "recraft/crisp-upscale" }).to_string(),
        "resultJson": if state == "success" { result } else { String::new() },
        "failCode": if state == "fail" { json!("500") } else { json!(null) },
        "failMsg": if state == "fail" { json!("Internal server error") } else { json!(null) },
        "createTime": create_time, "completeTime": create_time + 5_000, "creditsConsumed": 0.5,
    }}))
}

fn look(task: &str) -> Effect {
    Effect::Look(task.to_owned())
}

fn looked(task: &str, state: &str) -> Event<Value> {
    Event::Looked(task.to_owned(), Ok(record(task, state, IMAGE, BEGIN)))
}

#[test]
fn the_ordinary_life_is_a_turn_a_create_a_callback_and_one_look() {
    let mut job = Stored::sent();
    assert_eq!(job.job().answer(), None);
    assert_eq!(
        job.tell(Event::Created(Ok(made("t1")))),
        [Effect::EndTurn(200, Some("t1".to_owned())), Effect::Tell]
    );
    assert_eq!(job.job().answer(), Some(Answer::Made));
    assert_eq!(job.state(), "waiting");
    job.now += 4_000;
    assert!(job.call("hash", &["t1"]).is_empty(), "a callback is answered at once and worked off later");
    assert_eq!(job.job().alarm(RULES), job.now, "which is now");
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Tell, Effect::Ended("success", false)]);
    let record = job.job().record();
    assert_eq!((record.state.as_str(), record.credits), ("success", Some(0.5)));
    assert_eq!(record.url.as_deref(), Some("https://files.example/r.png"));
}

#[test]
fn without_a_callback_the_alarm_finds_the_end() {
    let mut job = Stored::bound();
    assert_eq!(job.wake(), [look("t1")]);
    assert!(job.now <= BEGIN + 15_000, "the first look is no later");
    assert_eq!(job.tell(looked("t1", "generating")), [Effect::Tell]);
    assert_eq!(job.tell(looked("t1", "generating")), [], "no news");
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.tell(looked("t1", "fail")), [Effect::Tell, Effect::Ended("fail", false)]);
    assert_eq!(job.fail_code().as_deref(), Some("500"));
}

#[test]
fn where_no_callback_can_come_it_looks_every_three_seconds_at_first() {
    let (mut job, _) = Stored::new(order(), Rules { callbacks: false, ..RULES });
    job.tell(Event::Turn(String::new()));
    job.tell(Event::Created(Ok(made("t1"))));
    for nth in 1..=20 {
        assert_eq!(job.wake(), [look("t1")]);
        assert_eq!(job.now, BEGIN + nth * 3_000);
    }
}

#[test]
fn looks_become_rare_and_end_after_the_time_that_jobs_are_kept() {
    let mut job = Stored::bound();
    let mut looks = 0;
    while job.wake() == [look("t1")] {
        looks += 1;
        assert!(looks < 400, "a day of looks every 5 minutes is 288");
    }
    assert_eq!(
        (job.state().as_str(), job.fail_code().as_deref()),
        ("fail", Some("OUTCOME_UNKNOWN")),
        "a task that is not seen to end may still succeed and be charged"
    );
    assert_eq!(job.wake(), [Effect::Erase(Some("t1".to_owned()))]);
}

/// Found by the simulation: `--replay '7230970949863569685:2,2-0.nameless.0'`.
#[test]
fn a_success_that_never_names_its_file_is_looked_at_ever_less_often_and_is_not_called_free() {
    let mut job = Stored::bound();
    let mut nameless = record("t1", "success", IMAGE, BEGIN);
    nameless.body.as_mut().unwrap()["data"]["resultJson"] = json!("");
    let mut looks = 0;
    while job.wake() == [look("t1")] {
        looks += 1;
        assert!(looks < 500, "not every second for a day");
        assert_eq!(job.tell(Event::Looked("t1".to_owned(), Ok(nameless.clone()))), []);
    }
    assert_eq!((job.state().as_str(), job.fail_code().as_deref()), ("fail", Some("OUTCOME_UNKNOWN")));
}

#[test]
fn a_look_that_tells_nothing_is_followed_by_another() {
    for told in [
        Ok(refusal(500, "oops")),
        Ok(refusal(429, "slow")),
        Ok(refusal(422, "recordInfo is null")),
        Ok(refusal(401, "no")),
        Ok(Reply { status: 502, retry_after: None, body: None }),
        Err(Fault::Lost),
        Err(Fault::TimedOut),
    ] {
        let mut job = Stored::bound();
        assert_eq!(job.wake(), [look("t1")]);
        assert_eq!(job.tell(Event::Looked("t1".to_owned(), told.clone())), [], "{told:?}");
        assert_eq!(job.wake(), [look("t1")], "{told:?}");
        assert!(job.now < BEGIN + MINUTE, "{told:?}");
        assert_eq!(job.state(), "waiting", "{told:?}");
    }
}

#[test]
fn a_look_is_not_before_the_service_wants_it() {
    let mut job = Stored::bound();
    job.wake();
    let reply = Reply { retry_after: Some(120_000), ..refusal(429, "slow") };
    job.tell(Event::Looked("t1".to_owned(), Ok(reply)));
    assert_eq!(job.job().alarm(RULES), job.now + 120_000);
}

#[test]
fn a_record_that_lags_behind_its_callback_is_soon_read_again() {
    let mut job = Stored::bound();
    job.now += 3_000;
    let called = job.now;
    job.call("hash", &["t1"]);
    for _ in 0..5 {
        assert_eq!(job.wake(), [look("t1")]);
        job.tell(looked("t1", "generating"));
    }
    assert!(job.now <= called + 15_000, "{}", job.now - called);
    job.wake();
    job.tell(looked("t1", "generating"));
    assert!(job.job().alarm(RULES) >= job.now + 15_000, "and then slowly, as before");
}

/// It was looked at every second, for a day.
#[test]
fn a_success_that_never_names_a_file_is_read_less_and_less_often() {
    let mut job = Stored::bound();
    let nameless = reply(json!({ "code": 200, "data": { "taskId": "t1", "state": "success" } }));
    let mut looks = 0;
    while !job.wake().contains(&Effect::Ended("fail", false)) {
        job.tell(Event::Looked("t1".to_owned(), Ok(nameless.clone())));
        looks += 1;
        assert!(looks < 1_000, "after {} minutes", (job.now - BEGIN) / MINUTE);
    }
    assert!(job.now >= BEGIN + RULES.keep);
}

#[test]
fn a_success_without_a_file_is_read_again_until_it_names_one() {
    let mut job = Stored::bound();
    job.wake();
    let mut nameless = record("t1", "success", IMAGE, BEGIN);
    nameless.body.as_mut().unwrap()["data"]["resultJson"] = json!("");
    let before = job.now;
    assert_eq!(job.tell(Event::Looked("t1".to_owned(), Ok(nameless))), []);
    assert_eq!(job.wake(), [look("t1")]);
    assert!(job.now <= before + 1_000);
}

/// Found by the simulation: `--replay '7925238094094122374:3,3-0.message-lost.1,3-0.message-slow.2'`.
#[test]
fn a_denial_that_is_answered_to_an_earlier_question_does_not_undo_what_was_sent() {
    for mut job in [Stored::sent(), Stored::bound()] {
        let before = job.json.clone();
        assert_eq!(job.tell(Event::Denied("Your budget is used up.", 1_000)), []);
        assert_eq!(job.json, before, "a task may have been made, so nobody is told that it was refused");
    }
}

#[test]
fn a_refusal_is_the_answer_with_its_code_and_the_services_words() {
    for code in [400, 401, 402, 404, 405, 422, 433, 451, 455, 505] {
        let mut job = Stored::sent();
        let effects = job.tell(Event::Created(Ok(refusal(code, "No."))));
        assert_eq!(effects, [Effect::EndTurn(code, None), Effect::Tell, Effect::Ended("refused", false)]);
        assert_eq!(job.job().answer(), Some(Answer::Refused(code, "No.".to_owned(), None)));
        assert_eq!(job.fail_code(), Some(code.to_string()));
    }
}

#[test]
fn a_refused_order_may_be_made_once_more_under_the_same_key() {
    let mut job = Stored::sent();
    job.tell(Event::Created(Ok(refusal(402, "No."))));
    let mut value = job.job();
    assert_eq!(value.again(&order(), job.now), Ok(vec![Effect::AskTurn(true)]));
    assert_eq!(value.answer(), None);
}

#[test]
fn an_order_that_was_not_refused_is_not_sent_again() {
    let lost = || {
        let mut job = Stored::sent();
        job.tell(Event::Created(Err(Fault::Lost)));
        job
    };
    let unknown = || {
        let mut job = lost();
        job.wake();
        job
    };
    let ended = || {
        let mut job = Stored::bound();
        job.wake();
        job.tell(looked("t1", "fail"));
        job
    };
    for job in [Stored::ordered(), Stored::sent(), lost(), unknown(), Stored::bound(), ended()] {
        let mut value = job.job();
        assert_eq!(value.again(&order(), job.now), Ok(vec![]), "{}", job.json);
        assert_eq!(value, job.job());
    }
}

#[test]
fn the_same_key_with_another_image_is_an_error_and_changes_nothing() {
    let job = Stored::bound();
    let mut value = job.job();
    assert!(
        value.again(&Order { image: "https://host.example/b.jpg".to_owned(), ..order() }, BEGIN).is_err()
    );
    assert_eq!(value, job.job());
}

#[test]
fn the_services_rate_limit_is_waited_for_and_the_create_sent_again() {
    let mut job = Stored::sent();
    let limited = Reply { retry_after: Some(7_000), ..refusal(429, "slow") };
    assert_eq!(job.tell(Event::Created(Ok(limited))), [Effect::EndTurn(429, None)]);
    assert_eq!(job.job().answer(), None);
    assert_eq!(job.wake(), [Effect::AskTurn(false)], "the budget counts it once");
    assert_eq!(job.now, BEGIN + 7_000);
    assert_eq!(job.tell(Event::Turn("other".to_owned())), [Effect::Create]);
    assert!(!job.takes_call("hash", &["t1"]), "the earlier attempt's secret is void");
    assert!(job.takes_call("other", &["t1"]));
}

#[test]
fn a_rate_limit_that_never_ends_is_passed_on() {
    let mut job = Stored::sent();
    for _ in 0..100 {
        let effects = job.tell(Event::Created(Ok(refusal(429, "slow"))));
        if effects.contains(&Effect::Ended("refused", false)) {
            assert!(matches!(job.job().answer(), Some(Answer::Refused(429, _, Some(_)))));
            return;
        }
        job.now += 10_000;
        job.wake();
        job.tell(Event::Turn("hash".to_owned()));
    }
    panic!("it went on for ever");
}

#[test]
fn a_denied_order_is_refused_with_the_wait() {
    let mut job = Stored::ordered();
    job.tell(Event::Denied("Enough.", 5_000));
    assert_eq!(job.job().answer(), Some(Answer::Refused(429, "Enough.".to_owned(), Some(5_000))));
}

/// `Retry-After: 4294967295` is 136 years. A caller is told of it at once; a task is looked at all the same.
#[test]
fn no_wait_that_the_service_asks_for_leaves_a_job_alone() {
    let years = Some(u64::from(u32::MAX) * 1_000);
    let mut job = Stored::sent();
    job.tell(Event::Created(Ok(Reply { retry_after: years, ..refusal(429, "slow") })));
    assert_eq!(job.job().answer(), Some(Answer::Refused(429, "slow".to_owned(), years)));

    let mut job = Stored::bound();
    assert_eq!(job.wake(), [look("t1")]);
    job.tell(Event::Looked("t1".to_owned(), Ok(Reply { retry_after: years, ..refusal(500, "busy") })));
    let asked = job.now;
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.now, asked + 5 * MINUTE);
}

#[test]
fn a_job_that_waits_asks_again_in_case_the_account_forgot_it() {
    let mut job = Stored::ordered();
    assert_eq!(job.tell(Event::Queued), []);
    assert_eq!(job.wake(), [Effect::AskTurn(false)]);
    let mut job = Stored::ordered();
    job.tell(Event::Unasked);
    assert_eq!(job.wake(), [Effect::AskTurn(true)]);
    assert_eq!(job.now, BEGIN + 1_000);
}

#[test]
fn a_second_turn_is_given_back_unless_it_is_the_one_in_use() {
    // Of one that is sent it is the turn that it is using: the account has one for each job.
    for (mut job, effects) in [(Stored::sent(), vec![]), (Stored::bound(), vec![Effect::EndTurn(0, None)])] {
        assert_eq!(job.tell(Event::Turn("other".to_owned())), effects);
        assert!(job.takes_call("hash", &["t1"]), "its secret stays what was sent");
    }
}

/// Everything that leaves the outcome of a createTask unknown.
fn losses() -> Vec<Result<Reply<Value>, Fault>> {
    vec![
        Err(Fault::Lost),
        Err(Fault::TimedOut),
        Ok(refusal(500, "oops")),
        Ok(refusal(501, "oops")),
        Ok(reply(json!({ "code": 200, "msg": "success", "data": {} }))),
        Ok(Reply { status: 502, retry_after: None, body: None }),
        Ok(Reply { status: 307, retry_after: None, body: None }),
    ]
}

#[test]
fn a_lost_reply_is_answered_with_the_jobs_id_and_waits_for_the_callback() {
    for loss in losses() {
        let mut job = Stored::sent();
        let effects = job.tell(Event::Created(loss.clone()));
        assert_eq!(effects.last(), Some(&Effect::Tell), "{loss:?}");
        assert!(!effects.contains(&Effect::Create), "{loss:?}");
        assert_eq!(job.job().answer(), Some(Answer::Made), "{loss:?}");
        assert_eq!(job.state(), "waiting");
        assert_eq!(job.job().alarm(RULES), BEGIN + 15 * MINUTE);
    }
}

/// A job whose reply was lost.
fn lost() -> Stored {
    let mut job = Stored::sent();
    job.tell(Event::Created(Err(Fault::Lost)));
    job
}

#[test]
fn a_callback_recovers_a_task_whose_reply_was_lost() {
    let mut job = lost();
    job.now += 20_000;
    assert!(job.takes_call("hash", &["t1"]));
    job.call("hash", &["t1"]);
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Claim("t1".to_owned())]);
    assert_eq!(job.tell(Event::Claimed("t1".to_owned(), true)), [Effect::Tell]);
    assert_eq!(job.wake(), [look("t1")], "and is read once it is its own");
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Tell, Effect::Ended("success", true)]);
    assert_eq!(job.now, BEGIN + 20_000, "all at once");
}

#[test]
fn a_callback_binds_only_the_task_of_this_very_attempt() {
    let other_image = record("t1", "success", "https://host.example/b.jpg", BEGIN);
    let earlier = record("t1", "success", IMAGE, BEGIN - 10_000);
    let mut undated = record("t1", "success", IMAGE, BEGIN);
    undated.body.as_mut().unwrap()["data"]["createTime"] = json!(null);
    let mut imageless = record("t1", "success", IMAGE, BEGIN);
    imageless.body.as_mut().unwrap()["data"]["param"] = json!("");
    let of_another = record("t2", "success", IMAGE, BEGIN);
    for record in [other_image, earlier, undated, imageless, of_another] {
        let mut job = lost();
        job.call("hash", &["t1"]);
        job.wake();
        assert_eq!(job.tell(Event::Looked("t1".to_owned(), Ok(record.clone()))), [], "{record:?}");
        assert_eq!(job.state(), "waiting");
        assert_eq!(job.job().alarm(RULES), BEGIN + 15 * MINUTE, "the claim is gone");
    }
}

#[test]
fn a_task_of_another_job_is_not_bound() {
    let mut job = lost();
    job.call("hash", &["t1"]);
    job.wake();
    job.tell(looked("t1", "success"));
    assert_eq!(job.tell(Event::Claimed("t1".to_owned(), false)), []);
    assert_eq!(job.state(), "waiting");
    assert_eq!(job.job().alarm(RULES), BEGIN + 15 * MINUTE, "the claim is gone");
}

#[test]
fn a_claim_that_cannot_be_checked_now_is_checked_later() {
    let mut job = lost();
    job.call("hash", &["t1"]);
    for told in [Err(Fault::Lost), Ok(refusal(422, "recordInfo is null")), Ok(refusal(500, "oops"))] {
        assert_eq!(job.wake(), [look("t1")]);
        assert_eq!(job.tell(Event::Looked("t1".to_owned(), told)), []);
    }
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Claim("t1".to_owned())]);
}

#[test]
fn claims_are_few() {
    let mut job = lost();
    for nth in 0..100 {
        job.call("hash", &[&format!("t{nth}")]);
    }
    let looks: Vec<Effect> = (0..4).flat_map(|_| job.tell(Event::Woken)).collect();
    assert_eq!(looks.len(), 4);
    assert_eq!(job.tell(Event::Woken), []);
}

#[test]
fn a_callback_before_the_reply_waits_for_the_reply() {
    let mut job = Stored::sent();
    job.now += 100;
    job.call("hash", &["t1"]);
    assert_eq!(job.tell(Event::Woken), [], "the reply will tell");
    job.tell(Event::Created(Ok(made("t1"))));
    assert_eq!(job.job().alarm(RULES), job.now, "and then it is looked at, at once");
    assert_eq!(job.wake(), [look("t1")]);
}

#[test]
fn a_callback_before_a_reply_that_hangs_is_worked_off_after_ten_seconds() {
    let mut job = Stored::sent();
    job.call("hash", &["t1"]);
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.now, BEGIN + 10_000);
    job.tell(looked("t1", "success"));
    job.tell(Event::Claimed("t1".to_owned(), true));
    assert_eq!(
        job.tell(Event::Created(Ok(made("t1")))),
        [Effect::EndTurn(0, None)],
        "the reply tells nothing new"
    );
    job.wake();
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Tell, Effect::Ended("success", true)]);
}

#[test]
fn a_reply_that_never_comes_is_lost_after_a_minute() {
    let mut job = Stored::sent();
    assert_eq!(job.wake(), [Effect::EndTurn(0, None), Effect::Tell]);
    assert_eq!(job.now, BEGIN + MINUTE);
    job.tell(Event::Created(Ok(made("t1"))));
    assert_eq!(job.wake(), [look("t1")], "and if it comes after all, it is taken");
}

#[test]
fn who_wakes_up_in_the_middle_of_a_create_never_sends_again() {
    let mut job = Stored::sent();
    assert_eq!(job.tell(Event::Loaded), [Effect::EndTurn(0, None), Effect::Tell]);
    assert_eq!(job.job().answer(), Some(Answer::Made));
    job.call("hash", &["t1"]);
    assert_eq!(job.wake(), [look("t1")]);
}

#[test]
fn at_the_deadline_the_outcome_is_unknown_and_a_late_callback_still_completes_it() {
    let mut job = lost();
    assert_eq!(job.wake(), [Effect::Tell, Effect::Ended("unknown", false)]);
    assert_eq!(job.now, BEGIN + 15 * MINUTE);
    assert_eq!(job.fail_code().as_deref(), Some("OUTCOME_UNKNOWN"));
    assert_eq!(job.job().answer(), Some(Answer::Made));
    job.now += 60 * MINUTE;
    assert!(job.takes_call("hash", &["t1"]));
    job.call("hash", &["t1"]);
    assert_eq!(job.wake(), [look("t1")]);
    job.tell(looked("t1", "success"));
    assert_eq!(job.tell(Event::Claimed("t1".to_owned(), true)), [Effect::Tell]);
    assert_eq!(job.state(), "waiting");
    assert_eq!(job.wake(), [look("t1")]);
    assert_eq!(job.tell(looked("t1", "success")), [Effect::Tell, Effect::Ended("success", true)]);
}

#[test]
fn a_callback_is_taken_only_with_its_secret_and_of_its_task() {
    let job = Stored::bound();
    assert!(job.takes_call("hash", &["t1"]));
    assert!(job.takes_call("hash", &["x", "t1"]), "of several ids one is enough");
    for (secret, tasks) in [("other", &["t1"][..]), ("", &["t1"]), ("hash", &["t2"]), ("hash", &[])] {
        assert!(!job.takes_call(secret, tasks), "{secret} {tasks:?}");
    }
    assert!(!Stored::ordered().takes_call("", &["t1"]), "nothing was sent yet");
    let mut ended = Stored::bound();
    ended.wake();
    ended.tell(looked("t1", "success"));
    assert!(!ended.takes_call("hash", &["t1"]), "the secret is void after the end");
    let mut value = ended.job();
    value.handle::<Value>(Event::Called("hash".to_owned(), vec!["t1".to_owned()]), BEGIN, RULES);
    assert_eq!(value, ended.job());
}

#[test]
fn the_callers_own_callback_is_tried_three_times() {
    let url = "https://caller.example/done".to_owned();
    let (mut job, _) = Stored::new(Order { call_back_url: Some(url.clone()), ..order() }, RULES);
    job.tell(Event::Turn("hash".to_owned()));
    job.tell(Event::Created(Ok(made("t1"))));
    job.wake();
    job.tell(looked("t1", "success"));
    let ended = job.now;
    for after in [0, 10_000, 70_000] {
        assert_eq!(job.wake(), [Effect::Relay(url.clone())]);
        assert_eq!(job.now, ended + after);
        assert_eq!(job.tell(Event::Relayed(false)), []);
    }
    assert_eq!(job.wake(), [Effect::Erase(Some("t1".to_owned()))]);
}

#[test]
fn a_relay_that_was_taken_is_not_repeated_and_one_that_was_cut_off_is() {
    let url = "https://caller.example/done".to_owned();
    let (mut job, _) = Stored::new(Order { call_back_url: Some(url.clone()), ..order() }, RULES);
    job.tell(Event::Turn("hash".to_owned()));
    job.tell(Event::Created(Ok(made("t1"))));
    job.wake();
    job.tell(looked("t1", "success"));
    assert_eq!(job.wake(), [Effect::Relay(url.clone())]);
    // Nothing is heard of it.
    assert_eq!(job.wake(), [Effect::Relay(url)]);
    job.tell(Event::Relayed(true));
    assert_eq!(job.wake(), [Effect::Erase(Some("t1".to_owned()))]);
}

#[test]
fn results_are_copied_where_they_are_to_be() {
    let (mut job, _) = Stored::new(order(), Rules { copies: true, ..RULES });
    job.tell(Event::Turn("hash".to_owned()));
    job.tell(Event::Created(Ok(made("t1"))));
    job.wake();
    job.tell(looked("t1", "success"));
    assert_eq!(job.wake(), [Effect::Copy("https://files.example/r.png".to_owned())]);
    assert!(!job.job().record().copied);
    job.tell(Event::Copied(true));
    assert!(job.job().record().copied);
    assert_eq!(job.wake(), [Effect::Erase(Some("t1".to_owned()))]);
    assert_eq!(job.now, BEGIN + 15_000 + RULES.keep);
}

/// Reproducible randomness (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Whole lives, with crashes between any two steps. The service is honest, and its callback comes
/// in the end: then every task that was made is found, and none is made twice.
#[test]
fn whatever_is_cut_off_one_order_makes_one_task_and_its_end_is_found() {
    let (mut recovered, mut crashes) = (0, 0);
    for seed in 0..4_000 {
        let mut random = Random(seed);
        let (mut job, mut todo) = Stored::new(order(), RULES);
        // What the service has: when its task was made, and whether it has called back.
        let (mut task_made, mut called, mut creates) = (None, false, 0);
        let mut secret = 0;
        for step in 0.. {
            assert!(step < 500, "seed {seed} never ends");
            let job_state = job.job();
            let unknown = job.fail_code().as_deref() == Some("OUTCOME_UNKNOWN");
            if job_state.has_ended() && (!unknown || task_made.is_none()) {
                break;
            }
            // The machine dies: what was to be done is forgotten.
            if random.below(6) == 0 {
                crashes += 1;
                todo = job.tell(Event::Loaded);
                continue;
            }
            if let Some(made) = task_made
                && !called
                && (todo.is_empty() || job.now > made + 5_000 && random.below(3) == 0)
            {
                job.now = job.now.max(made + 5_001);
                // The service calls until it is answered.
                called = job.takes_call(&format!("hash{secret}"), &["t1"]);
                job.call(&format!("hash{secret}"), &["t1"]);
            }
            let Some(effect) = (!todo.is_empty()).then(|| todo.remove(0)) else {
                todo = job.wake();
                continue;
            };
            job.now += random.below(2_000) as u64;
            todo.extend(match effect {
                Effect::AskTurn(_) if random.below(4) == 0 => job.tell(Event::Queued),
                Effect::AskTurn(_) => {
                    secret += 1;
                    job.tell(Event::Turn(format!("hash{secret}")))
                }
                Effect::Create => match random.below(5) {
                    0 => job.tell(Event::Created(Ok(refusal(429, "slow")))),
                    outcome => {
                        creates += 1;
                        task_made = Some(job.now);
                        match outcome {
                            1 => job.tell(Event::Created(Err(Fault::Lost))),
                            2 => job.tell(Event::Created(Ok(refusal(500, "oops")))),
                            // The machine dies before the reply.
                            3 => job.tell(Event::Loaded),
                            _ => job.tell(Event::Created(Ok(made("t1")))),
                        }
                    }
                },
                Effect::Look(task) => {
                    let made = task_made.unwrap();
                    let state = if job.now > made + 5_000 { "success" } else { "generating" };
                    let told = match random.below(4) {
                        0 => Err(Fault::TimedOut),
                        _ => Ok(record(&task, state, IMAGE, made)),
                    };
                    job.tell(Event::Looked(task, told))
                }
                Effect::Claim(task) => job.tell(Event::Claimed(task, true)),
                Effect::EndTurn(..) | Effect::Tell | Effect::Ended(..) => vec![],
                Effect::Relay(_) | Effect::Copy(_) | Effect::Erase(_) => panic!("seed {seed}: {effect:?}"),
            });
        }
        assert!(creates <= 1, "seed {seed}: {creates} tasks");
        recovered += u32::from(job.json.contains("\"recovered\":true"));
        let unsent = task_made.is_none();
        assert_eq!(job.state(), if unsent { "fail" } else { "success" }, "seed {seed}");
    }
    assert!(recovered > 100 && crashes > 1_000, "{recovered} {crashes}");
}
