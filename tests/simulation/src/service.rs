//! The service, by its documentation and not by core's reading of it: what it answers, as JSON text, and the ledger of
//! what it made and billed.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::rng::Draw;

/// When all worlds begin, in Unix milliseconds.
pub(crate) const BEGIN: u64 = 1_786_000_000_000;

/// New tasks of an account, in how many milliseconds.
pub(crate) const LIMIT: (usize, u64) = (20, 10_000);

/// What is answered over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In milliseconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn ok(text: String) -> Self {
        Answer { status: 200, retry_after: None, text }
    }

    /// An envelope without content.
    pub(crate) fn says(code: i64, msg: &str) -> Self {
        Answer::ok(format!(r#"{{"code":{code},"msg":"{msg}","data":null}}"#))
    }
}

/// A task of the ledger.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// The call whose image it is for.
    pub(crate) call: usize,
    /// Whose it is.
    account: usize,
    /// Who sent its createTask.
    pub(crate) owner: u32,
    image: String,
    pub(crate) call_back_url: Option<String>,
    pub(crate) made: u64,
    pub(crate) fate: Fate,
}

/// What becomes of a task; times on the world's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// When it ends; `u64::MAX` for never.
    pub(crate) end: u64,
    pub(crate) success: bool,
    /// Whether it costs something.
    pub(crate) billed: bool,
    /// From when on recordInfo knows it.
    pub(crate) known: u64,
    /// From when on its record names the file.
    pub(crate) named: u64,
    /// In which of the known ways its record is written.
    pub(crate) form: u64,
}

impl Task {
    pub(crate) fn url(&self) -> String {
        format!("https://tempfile.aiquickdraw.com/{}.png", self.id)
    }

    /// Whether it has cost something by then.
    pub(crate) fn is_billed(&self, now: u64) -> bool {
        self.fate.billed && now >= self.fate.end
    }
}

/// An account of the service.
#[derive(Debug)]
pub(crate) struct Account {
    /// When requests to make a task arrived, whatever came of them; but for those that were given up before.
    pub(crate) arrivals: Vec<u64>,
    /// When tasks were made, as far as the rate limit counts them.
    made: Vec<u64>,
    /// For how many tasks there are credits.
    credits: u32,
}

/// The service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) accounts: Vec<Account>,
    pub(crate) tasks: Vec<Task>,
    /// How far its clock is ahead of the world's.
    pub(crate) ahead: i64,
}

/// What a createTask is to meet besides the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whim {
    /// Nothing.
    None,
    /// Another answer; nothing is made.
    Instead,
    /// The answer names this task; nothing is made.
    Repeats(usize),
    /// A task is made, and the answer does not say so.
    Breaks,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ordered {
    model: String,
    call_back_url: Option<String>,
    input: Input,
}

#[derive(Deserialize)]
struct Input {
    image: String,
}

impl Service {
    pub(crate) fn open_account(&mut self, credits: u32) -> usize {
        self.accounts.push(Account { arrivals: Vec::new(), made: Vec::new(), credits });
        self.accounts.len() - 1
    }

    /// `POST createTask`. `fate` is what becomes of a task, where one is made.
    pub(crate) fn create(
        &mut self,
        (account, owner): (usize, u32),
        body: &str,
        now: u64,
        whim: Whim,
        mut draw: Draw,
        fate: Fate,
    ) -> Answer {
        let own = &mut self.accounts[account];
        let Ok(ordered) = serde_json::from_str::<Ordered>(body) else {
            return Answer::says(422, "The body is not what createTask takes");
        };
        let Some(call) = call_of(&ordered.input.image).filter(|_| ordered.model == "recraft/crisp-upscale")
        else {
            return Answer::says(500, "image is required");
        };
        if let Whim::Instead = whim {
            return refusal(&mut draw);
        }
        if let Whim::Repeats(task) = whim {
            let id = &self.tasks[task].id;
            return Answer::ok(format!(r#"{{"code":200,"msg":"success","data":{{"taskId":"{id}"}}}}"#));
        }
        own.made.retain(|made| made + LIMIT.1 > now);
        if own.made.len() >= LIMIT.0 {
            return limited(&mut draw);
        }
        if own.credits == 0 {
            return draw.of(&[
                || Answer::says(402, "Credits insufficient"),
                || Answer::says(500, "Credits insufficient : your balance is not enough"),
            ])();
        }
        own.credits -= 1;
        own.made.push(now);
        let id = format!("{:016x}{:016x}", draw.bits(), draw.bits());
        let text = format!(r#"{{"code":200,"msg":"success","data":{{"taskId":"{id}","recordId":"{id}"}}}}"#);
        let Ordered { call_back_url, input: Input { image }, .. } = ordered;
        self.tasks.push(Task { id, call, account, owner, image, call_back_url, made: now, fate });
        match whim {
            Whim::Breaks => broken(&mut draw),
            _ => Answer::ok(text),
        }
    }

    /// `GET recordInfo`. `odd`: it answers something else.
    pub(crate) fn poll(&self, (account, id): (usize, &str), now: u64, odd: bool, mut draw: Draw) -> Answer {
        if odd {
            return any_code(&mut draw);
        }
        let Some(task) =
            self.tasks.iter().find(|task| task.id == id && task.account == account && now >= task.fate.known)
        else {
            return Answer::says(422, "recordInfo is null");
        };
        let ended = now >= task.fate.end;
        Answer::ok(format!(r#"{{"code":200,"msg":"success","data":{}}}"#, self.record(task, now, ended)))
    }

    /// `data` of a record and of a callback.
    fn record(&self, task: &Task, now: u64, ended: bool) -> String {
        let Task { id, image, made, fate, call_back_url, .. } = task;
        let unix = |at: u64| (BEGIN + at).saturating_add_signed(self.ahead);
        let mut out = String::with_capacity(640);
        let state = match (ended, fate.success) {
            (false, _) => match (now - made) / 2_000 {
                0 => "waiting",
                1 => "queuing",
                2 => "generating",
                _ if fate.form & 1 == 0 => "generating",
                _ => "upscaling",
            },
            (true, true) => "success",
            (true, false) => "fail",
        };
        let _ = write!(out, r#"{{"taskId":"{id}","model":"recraft/crisp-upscale""#);
        if fate.form & 2 == 0 || !matches!(state, "waiting" | "success" | "fail") {
            let _ = write!(out, r#","state":"{state}""#);
        }
        if fate.form & 2 != 0 {
            let flag = match state {
                "success" => 1,
                "fail" => 3,
                _ => 0,
            };
            let _ = write!(out, r#","successFlag":{flag}"#);
        }
        match call_back_url {
            Some(url) => {
                let _ = write!(
                    out,
                    r#","param":"{{\"callBackUrl\":\"{url}\",\"input\":\"{{\\\"image\\\":\\\"{image}\\\"}}\",\"model\":\"recraft/crisp-upscale\"}}""#
                );
            }
            None if fate.form & 36 == 0 => {
                let _ = write!(out, r#","param":"{{\"input\":{{\"image\":\"{image}\"}}}}""#);
            }
            None => {}
        }
        let credits = if ended && !fate.billed { "0.0" } else { "0.5" };
        let _ = write!(out, r#","createTime":{}"#, unix(*made));
        match state {
            "success" => {
                let url = if now >= fate.named { task.url() } else { String::new() };
                let urls = if url.is_empty() { String::from("[]") } else { format!(r#"["{url}"]"#) };
                match (url.is_empty(), fate.form >> 3 & 3) {
                    (true, 0) => out.push_str(r#","resultJson":"""#),
                    (_, 1) => drop(write!(out, r#","resultJson":"","response":{{"resultUrls":{urls}}}"#)),
                    (_, 2) => drop(write!(out, r#","resultJson":{{"resultUrls":{urls}}}"#)),
                    _ => {
                        let urls = urls.replace('"', "\\\"");
                        let _ = write!(out, r#","resultJson":"{{\"resultUrls\":{urls}}}""#);
                    }
                }
                let _ = write!(out, r#","failCode":null,"completeTime":{}"#, unix(fate.end));
            }
            "fail" => {
                let code =
                    [r#""400""#, "500", r#""GENERATION_FAILED""#, "null"][(fate.form >> 3 & 3) as usize];
                let _ = write!(
                    out,
                    r#","resultJson":null,"failCode":{code},"failMsg":"Internal server error","completeTime":{}"#,
                    unix(fate.end)
                );
            }
            _ => out.push_str(
                r#","resultJson":"","failCode":null,"failMsg":null,"costTime":null,"completeTime":null"#,
            ),
        }
        let _ = write!(out, r#","creditsConsumed":{credits}}}"#);
        out
    }

    /// What is posted to a task's `callBackUrl` at its end.
    pub(crate) fn callback(&self, nth: usize) -> String {
        let task = &self.tasks[nth];
        let record = self.record(task, task.fate.end, true);
        let code = if task.fate.success { 200 } else { [501, 400, 500][(task.fate.form % 3) as usize] };
        format!(r#"{{"code":{code},"msg":"Playground task completed.","data":{record}}}"#)
    }
}

/// The call that an image is of: the worlds name them so.
pub(crate) fn call_of(image: &str) -> Option<usize> {
    image.rsplit_once('/')?.1.split_once('.')?.0.parse().ok()
}

/// The status of an answer with this code: mostly 200, else the code itself.
fn status_of(code: i64, draw: &mut Draw) -> u16 {
    match u16::try_from(code) {
        Ok(status) if draw.one_in(3) => status,
        _ => 200,
    }
}

fn limited(draw: &mut Draw) -> Answer {
    let mut answer = Answer::says(429, "Your call frequency is too high. Please try again later.");
    answer.status = status_of(429, draw);
    answer.retry_after = draw.of(&[None, None, Some(0), Some(2_000), Some(15_000)]);
    answer
}

/// A refusal: nothing was made, and the answer says so.
fn refusal(draw: &mut Draw) -> Answer {
    let code =
        draw.of(&[429, 429, 429, 400, 401, 402, 404, 405, 422, 433, 451, 455, 505, 500, 501, 503, 599]);
    match code {
        429 => limited(draw),
        500 if draw.one_in(2) => Answer::says(500, "image is required"),
        code => {
            let mut answer = Answer::says(code, "No");
            answer.status = status_of(code, draw);
            if draw.one_in(4) {
                answer.text = answer.text.replace("\"msg\"", "\"message\"");
            }
            answer
        }
    }
}

/// What a service says that made a task and broke.
fn broken(draw: &mut Draw) -> Answer {
    let code = draw.of(&[500, 501, 503, 599, 200]);
    Answer { status: status_of(code, draw), ..Answer::says(code, "Internal Error, Please try again later.") }
}

fn any_code(draw: &mut Draw) -> Answer {
    let code =
        draw.of(&[400, 401, 402, 404, 405, 422, 429, 429, 433, 451, 455, 455, 500, 500, 501, 505, 599, 200]);
    let mut answer = if code == 429 { limited(draw) } else { Answer::says(code, "No") };
    answer.status = status_of(code, draw);
    answer
}
