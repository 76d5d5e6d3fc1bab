//! What lies between those who ask and those who answer, and whom a key may reach.

use crisp_upscale_core::network_error::NetworkError;

use crate::dice::Throw;
use crate::gateway::Sent;
use crate::service::{Answer, Task, Whim};
use crate::trouble::{Trouble, is_job};
use crate::world::{Event, World, none, tell, what};

/// What came of a request.
pub(crate) type Came = Result<Answer, NetworkError>;

/// How long after its sender has given it up a request may still arrive, in milliseconds.
const AFTERLIFE: u64 = 9_000;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) from: Sender,
    pub(crate) to: To,
    /// The how manieth request of its sender it is.
    pub(crate) nth: u32,
    /// Nobody waits for its reply, or something else was told already.
    pub(crate) silent: bool,
    /// When its sender gives it up.
    pub(crate) give_up: u64,
    /// When its sender hears that nothing will come.
    pub(crate) over: u64,
}

#[derive(Debug)]
pub(crate) enum Sender {
    /// A call, at this step.
    Call(usize, u32),
    /// The gateway's object for a job, in this life, for this.
    Job(usize, u32, Sent),
}

#[derive(Debug)]
pub(crate) enum To {
    /// createTask of the service, by this account.
    Create(usize, String),
    /// recordInfo of the service, by this account.
    Look(usize, String),
    /// An upload.
    Upload,
    /// createTask of the gateway, with this `Idempotency-Key`.
    GatewayCreate(String),
    /// recordInfo of the gateway.
    GatewayLook(String),
    /// The gateway's event stream of this job.
    GatewayEvents(String),
    /// A caller's own callback, or a result.
    Elsewhere,
}

/// What is sent along to show who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Key,
    Token,
    Nothing,
}

/// How a request leaves.
pub(crate) struct Way {
    pub(crate) arrives: Option<u64>,
    /// What its sender is told in place of a reply, and when.
    pub(crate) instead: Option<(u64, Came)>,
}

impl Way {
    /// When the sender hears that nothing will come.
    pub(crate) fn over(&self, give_up: u64) -> u64 {
        self.instead.as_ref().map_or(give_up, |(at, _)| give_up.min(*at))
    }
}

pub(crate) const GATEWAY_HOST: &str = "https://gateway.example";

impl World<'_> {
    /// A request leaves for this URL: law 3, the key goes to the API and its upload host and nowhere else, and a
    /// token to the gateway and nowhere else.
    pub(crate) fn leaves(&mut self, url: &str, bearer: Bearer) {
        let host = host_of(url);
        let may = match bearer {
            Bearer::Key => matches!(host, "api.kie.ai" | "kieai.redpandaai.co"),
            Bearer::Token => host == "gateway.example",
            Bearer::Nothing => true,
        };
        if !may || !url.starts_with("https://") {
            self.break_law(4, format!("a request to {url} carries the {bearer:?}"));
        }
    }

    /// The way of a request that leaves now. `proves`: its sender is told where no connection was made.
    pub(crate) fn depart(&mut self, owner: u32, nth: u32, give_up: u64, proves: bool) -> Way {
        let mut latency = self.dice.at(owner, what::LATENCY, nth);
        let now = self.now;
        if proves && let Some(mut throw) = self.trouble(owner, Trouble::Undialled, nth) {
            return Way {
                arrives: None,
                instead: Some((now + throw.within(1, 9_000), none(NetworkError::NoConnection))),
            };
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::RequestLost, nth) {
            let told = throw.one_in(2).then(|| (now + throw.within(1, 30_000), none(NetworkError::Lost)));
            return Way { arrives: None, instead: told };
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::ProxyBefore, nth) {
            let answer = page(&mut throw, true);
            return Way { arrives: None, instead: Some((now + throw.within(5, 400), Ok(answer))) };
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::RequestLate, nth) {
            let arrives = (now + throw.within(1_000, 120_000)).min(give_up + AFTERLIFE);
            let told = match throw.one_in(2) {
                true => {
                    Some((arrives.saturating_sub(throw.below(AFTERLIFE)).max(now), none(NetworkError::Lost)))
                }
                false if arrives >= give_up => Some((give_up, none(NetworkError::TimedOut))),
                false => None,
            };
            return Way { arrives: Some(arrives), instead: told };
        }
        Way { arrives: Some(now + latency.within(5, 120)), instead: None }
    }

    /// How an answer comes back: when, and what is left of it.
    pub(crate) fn back(&mut self, owner: u32, nth: u32, mut answer: Answer) -> (u64, Came) {
        let mut at = self.now + self.dice.at(owner, what::BACK, nth).within(5, 120);
        if let Some(mut throw) = self.trouble(owner, Trouble::ReplyLate, nth) {
            at += throw.within(1_000, 120_000);
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::ReplyLost, nth) {
            return (at + throw.of(&[0, 3_000, u64::from(u32::MAX)]), none(NetworkError::Lost));
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::ReplyCut, nth) {
            answer.text.truncate(throw.below(answer.text.len().max(1) as u64) as usize);
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::ReplyCorrupt, nth) {
            corrupt(&mut answer.text, &mut throw);
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::ProxyAfter, nth) {
            answer = page(&mut throw, false);
        }
        (at, Ok(answer))
    }

    /// Hands an answer to whoever waits for it, by a way back.
    pub(crate) fn reply(&mut self, request: Request, answer: Answer) {
        if request.silent {
            return;
        }
        let owner = self.owner_of(&request.from);
        let (at, came) = self.back(owner, request.nth, answer);
        let (at, came) =
            if at > request.give_up { (request.give_up, none(NetworkError::TimedOut)) } else { (at, came) };
        self.hand(request.from, at, came);
    }

    pub(crate) fn hand(&mut self, to: Sender, at: u64, came: Came) {
        match to {
            Sender::Call(call, epoch) => self.at(at, Event::Came(call, epoch, came)),
            Sender::Job(job, life, sent) => self.at(at, Event::Upstream(job, life, Box::new((sent, came)))),
        }
    }

    /// A request arrives.
    pub(crate) fn reach(&mut self, request: Request) {
        // The connection was cut with the object that had it.
        if let Sender::Job(_, life, _) = request.from
            && self.gateway.life != life
            && self.now > self.gateway.cut_at + AFTERLIFE
        {
            return;
        }
        let (owner, nth) = (self.owner_of(&request.from), request.nth);
        match &request.to {
            To::Create(account, body) => {
                let whim = self.whim(owner, nth);
                let (before, fate) = (self.service.tasks.len(), self.fate(owner, nth));
                let throw = self.dice.at(owner, what::TASK, nth | 1 << 31);
                let answer = self.service.create((*account, owner), body, self.now, whim, throw, fate);
                self.note(self.service.tasks.len() as u64);
                self.counts.creates += 1;
                if self.service.tasks.len() > before {
                    self.made(owner, before);
                }
                tell!(self, "the service answers createTask: {} {}", answer.status, answer.text);
                let cut = match request.from {
                    Sender::Job(_, life, _) => self.gateway.life != life,
                    Sender::Call(call, epoch) => self.calls[call].epoch != epoch,
                };
                // Of one that arrives when its sender has given it up nobody can know.
                if self.now <= request.over && !cut {
                    self.keep_rate(*account);
                }
                self.reply(request, answer);
            }
            To::Look(account, task) => {
                let odd = self.trouble(owner, Trouble::Code, nth).is_some();
                let throw = self.dice.at(owner, what::LOOK, nth);
                let answer = self.service.look((*account, task), self.now, odd, throw);
                self.counts.looks += 1;
                self.reply(request, answer);
            }
            To::Upload => {
                let answer = match self.trouble(owner, Trouble::Code, nth) {
                    Some(mut throw) => Answer::says(throw.of(&[400, 401, 405, 500]), "No"),
                    None => Answer::ok(format!(
                        r#"{{"success":true,"code":200,"msg":"File uploaded successfully","data":{{"downloadUrl":"https://tempfile.redpandaai.co/{nth}/{owner}.png"}}}}"#
                    )),
                };
                self.reply(request, answer);
            }
            To::GatewayCreate(_) | To::GatewayLook(_) | To::GatewayEvents(_) => self.at_gateway(request),
            To::Elsewhere => {
                let mut answer = Answer::ok(String::new());
                if self.trouble(owner, Trouble::ChoreFails, nth).is_some() {
                    answer.status = 500;
                }
                self.reply(request, answer);
            }
        }
    }

    fn owner_of(&self, sender: &Sender) -> u32 {
        match sender {
            Sender::Call(call, _) => *call as u32,
            Sender::Job(job, ..) => self.gateway.jobs[*job].owner,
        }
    }

    /// What a createTask meets at the service besides the rules.
    fn whim(&mut self, owner: u32, nth: u32) -> Whim {
        if self.trouble(owner, Trouble::Code, nth).is_some() {
            return Whim::Instead;
        }
        if is_job(owner) && self.trouble(owner, Trouble::Repeats, nth).is_some() {
            let known = |task: &Task| self.gateway.knows_task(&task.id, owner);
            if let Some(task) = self.service.tasks.iter().rposition(known) {
                return Whim::Repeats(task);
            }
        }
        if self.trouble(owner, Trouble::Breaks, nth).is_some() { Whim::Breaks } else { Whim::None }
    }

    /// A task was made: its end will be told, if anybody is to be told.
    fn made(&mut self, owner: u32, task: usize) {
        self.counts.tasks += 1;
        let end = self.service.tasks[task].fate.end;
        if self.service.tasks[task].call_back_url.is_none() || end == u64::MAX {
            return;
        }
        let nth = task as u32;
        if let Some(mut throw) = self.trouble(owner, Trouble::CallbackForged, nth) {
            self.after(throw.within(0, 100_000), Event::Forged(task, throw.bits()));
        }
        if self.trouble(owner, Trouble::CallbackLost, nth).is_some() {
            return;
        }
        let mut at = end + self.dice.at(owner, what::MESSAGE, nth | 1 << 31).within(20, 900);
        if let Some(mut throw) = self.trouble(owner, Trouble::CallbackLate, nth) {
            at += throw.of(&[10_000, 120_000, 1_000_000, 5_000_000]);
        }
        self.at(at, Event::Callback(task, 0));
        if let Some(mut throw) = self.trouble(owner, Trouble::CallbackTwice, nth) {
            self.at(at + throw.within(0, 400_000), Event::Callback(task, 2));
        }
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

/// What a proxy says, or a firewall, or nobody.
fn page(throw: &mut Throw, before: bool) -> Answer {
    let status = throw.of(&[200, 502, 503, 504, 403, 302, 0, 500, 204]);
    // One that lets nothing through says so; one that does has counted by then.
    let status = if before && throw.one_in(8) { 429 } else { status };
    // Whatever answers so, in words that are not the API's, has not passed the request on.
    let refusal = throw.of(&[401, 404, 405, 407, 413, 414, 421, 431]);
    let status = if before && throw.one_in(4) { refusal } else { status };
    let text = throw.of(&[
        "<html><body>502 Bad Gateway</body></html>",
        "",
        "null",
        "[]",
        "{}",
        r#"{"message":"upstream"}"#,
        r#"{"code":"success","data":{"param":"{\"taskId\":\"0\"}"}}"#,
        "\u{feff}",
    ]);
    let retry_after = throw.one_in(5).then(|| throw.of(&[0, 1_000, 30_000]));
    Answer { status, retry_after, text: text.to_owned() }
}

/// A quotation mark becomes rubbish, so that what was JSON is none; what would still be JSON and say something
/// else is TLS's to find.
fn corrupt(text: &mut String, throw: &mut Throw) {
    let quotes = text.bytes().filter(|byte| *byte == b'"').count() as u64;
    if quotes == 0 {
        return;
    }
    if let Some((at, _)) = text.match_indices('"').nth(throw.below(quotes) as usize) {
        text.replace_range(at..=at, "\u{fffd}");
    }
}
