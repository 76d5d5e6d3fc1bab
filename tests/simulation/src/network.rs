//! What lies between those who ask and those who answer, and whom a key may reach.

use crisp_upscale_core::network_error::NetworkError;

use crate::gateway::Sent;
use crate::rng::Draw;
use crate::service::{Answer, Task, Whim};
use crate::trouble::{Trouble, is_job};
use crate::world::{Event, World, none, trace, what};

/// The result of a request.
pub(crate) type Received = Result<Answer, NetworkError>;

/// How long after its sender has given it up a request may still arrive, in milliseconds.
const AFTERLIFE: u64 = 9_000;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) from: Sender,
    pub(crate) to: To,
    /// The how manieth request of its sender it is.
    pub(crate) nth: u32,
    /// Nobody waits for its reply, or it has another result already.
    pub(crate) silent: bool,
    /// When its sender gives it up.
    pub(crate) give_up: u64,
    /// When its sender learns that no reply will come.
    pub(crate) over: u64,
}

#[derive(Debug)]
pub(crate) enum Sender {
    /// A call, at this step.
    Call(usize, u32),
    /// The gateway's object for a job, in this generation, for this.
    Job(usize, u32, Sent),
}

#[derive(Debug)]
pub(crate) enum To {
    /// createTask of the service, by this account.
    Create(usize, String),
    /// recordInfo of the service, by this account.
    Poll(usize, String),
    /// An upload.
    Upload,
    /// createTask of the gateway, with this `Idempotency-Key`.
    GatewayCreate(String),
    /// recordInfo of the gateway.
    GatewayPoll(String),
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
    /// What its sender receives in place of a reply, and when.
    pub(crate) instead: Option<(u64, Received)>,
}

impl Way {
    /// When the sender learns that no reply will come.
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

    /// The way of a request that leaves now. `proves`: its sender learns that no connection was made.
    pub(crate) fn depart(&mut self, owner: u32, nth: u32, give_up: u64, proves: bool) -> Way {
        let mut latency = self.rng.at(owner, what::LATENCY, nth);
        let now = self.now;
        if proves && let Some(mut draw) = self.trouble(owner, Trouble::Undialled, nth) {
            return Way {
                arrives: None,
                instead: Some((now + draw.within(1, 9_000), none(NetworkError::NoConnection))),
            };
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::RequestLost, nth) {
            let instead = draw.one_in(2).then(|| (now + draw.within(1, 30_000), none(NetworkError::Lost)));
            return Way { arrives: None, instead };
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ProxyBefore, nth) {
            let answer = page(&mut draw, true);
            return Way { arrives: None, instead: Some((now + draw.within(5, 400), Ok(answer))) };
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::RequestLate, nth) {
            let arrives = (now + draw.within(1_000, 120_000)).min(give_up + AFTERLIFE);
            let instead = match draw.one_in(2) {
                true => {
                    Some((arrives.saturating_sub(draw.below(AFTERLIFE)).max(now), none(NetworkError::Lost)))
                }
                false if arrives >= give_up => Some((give_up, none(NetworkError::TimedOut))),
                false => None,
            };
            return Way { arrives: Some(arrives), instead };
        }
        Way { arrives: Some(now + latency.within(5, 120)), instead: None }
    }

    /// How an answer comes back: when, and what is left of it.
    pub(crate) fn back(&mut self, owner: u32, nth: u32, mut answer: Answer) -> (u64, Received) {
        let mut at = self.now + self.rng.at(owner, what::BACK, nth).within(5, 120);
        if let Some(mut draw) = self.trouble(owner, Trouble::ReplyLate, nth) {
            at += draw.within(1_000, 120_000);
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ReplyLost, nth) {
            return (at + draw.of(&[0, 3_000, u64::from(u32::MAX)]), none(NetworkError::Lost));
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ReplyCut, nth) {
            answer.text.truncate(draw.below(answer.text.len().max(1) as u64) as usize);
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ReplyCorrupt, nth) {
            corrupt(&mut answer.text, &mut draw);
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ProxyAfter, nth) {
            answer = page(&mut draw, false);
        }
        (at, Ok(answer))
    }

    /// Hands an answer to whoever waits for it, by a way back.
    pub(crate) fn reply(&mut self, request: Request, answer: Answer) {
        if request.silent {
            return;
        }
        let owner = self.owner_of(&request.from);
        let (at, received) = self.back(owner, request.nth, answer);
        let (at, received) = if at > request.give_up {
            (request.give_up, none(NetworkError::TimedOut))
        } else {
            (at, received)
        };
        self.hand(request.from, at, received);
    }

    pub(crate) fn hand(&mut self, to: Sender, at: u64, received: Received) {
        match to {
            Sender::Call(call, epoch) => self.at(at, Event::Received(call, epoch, received)),
            Sender::Job(job, generation, sent) => {
                self.at(at, Event::Upstream(job, generation, Box::new((sent, received))))
            }
        }
    }

    /// A request arrives.
    pub(crate) fn reach(&mut self, request: Request) {
        // The connection was cut with the object that had it.
        if let Sender::Job(_, generation, _) = request.from
            && self.gateway.generation != generation
            && self.now > self.gateway.cut_at + AFTERLIFE
        {
            return;
        }
        let (owner, nth) = (self.owner_of(&request.from), request.nth);
        match &request.to {
            To::Create(account, body) => {
                let whim = self.whim(owner, nth);
                let (before, fate) = (self.service.tasks.len(), self.fate(owner, nth));
                let draw = self.rng.at(owner, what::TASK, nth | 1 << 31);
                let answer = self.service.create((*account, owner), body, self.now, whim, draw, fate);
                self.note(self.service.tasks.len() as u64);
                self.counts.creates += 1;
                if self.service.tasks.len() > before {
                    self.made(owner, before);
                }
                trace!(self, "the service answers createTask: {} {}", answer.status, answer.text);
                let cut = match request.from {
                    Sender::Job(_, generation, _) => self.gateway.generation != generation,
                    Sender::Call(call, epoch) => self.calls[call].epoch != epoch,
                };
                // Of one that arrives when its sender has given it up nobody can know.
                if self.now <= request.over && !cut {
                    self.keep_rate(*account);
                }
                self.reply(request, answer);
            }
            To::Poll(account, task) => {
                let odd = self.trouble(owner, Trouble::Code, nth).is_some();
                let draw = self.rng.at(owner, what::POLL, nth);
                let answer = self.service.poll((*account, task), self.now, odd, draw);
                self.counts.polls += 1;
                self.reply(request, answer);
            }
            To::Upload => {
                let answer = match self.trouble(owner, Trouble::Code, nth) {
                    Some(mut draw) => Answer::says(draw.of(&[400, 401, 405, 500]), "No"),
                    None => Answer::ok(format!(
                        r#"{{"success":true,"code":200,"msg":"File uploaded successfully","data":{{"downloadUrl":"https://tempfile.redpandaai.co/{nth}/{owner}.png"}}}}"#
                    )),
                };
                self.reply(request, answer);
            }
            To::GatewayCreate(_) | To::GatewayPoll(_) | To::GatewayEvents(_) => self.at_gateway(request),
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

    /// A task was made: its end will be posted, where it has a callback.
    fn made(&mut self, owner: u32, task: usize) {
        self.counts.tasks += 1;
        let end = self.service.tasks[task].fate.end;
        if self.service.tasks[task].call_back_url.is_none() || end == u64::MAX {
            return;
        }
        let nth = task as u32;
        if let Some(mut draw) = self.trouble(owner, Trouble::CallbackForged, nth) {
            self.after(draw.within(0, 100_000), Event::Forged(task, draw.bits()));
        }
        if self.trouble(owner, Trouble::CallbackLost, nth).is_some() {
            return;
        }
        let mut at = end + self.rng.at(owner, what::MESSAGE, nth | 1 << 31).within(20, 900);
        if let Some(mut draw) = self.trouble(owner, Trouble::CallbackLate, nth) {
            at += draw.of(&[10_000, 120_000, 1_000_000, 5_000_000]);
        }
        self.at(at, Event::Callback(task, 0));
        if let Some(mut draw) = self.trouble(owner, Trouble::CallbackTwice, nth) {
            self.at(at + draw.within(0, 400_000), Event::Callback(task, 2));
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
fn page(draw: &mut Draw, before: bool) -> Answer {
    let status = draw.of(&[200, 502, 503, 504, 403, 302, 0, 500, 204]);
    // One that lets nothing through says so; one that does has counted by then.
    let status = if before && draw.one_in(8) { 429 } else { status };
    // Whatever answers so, in words that are not the API's, has not passed the request on.
    let refusal = draw.of(&[401, 404, 405, 407, 413, 414, 421, 431]);
    let status = if before && draw.one_in(4) { refusal } else { status };
    let text = draw.of(&[
        "<html><body>502 Bad Gateway</body></html>",
        "",
        "null",
        "[]",
        "{}",
        r#"{"message":"upstream"}"#,
        r#"{"code":"success","data":{"param":"{\"taskId\":\"0\"}"}}"#,
        "\u{feff}",
    ]);
    let retry_after = draw.one_in(5).then(|| draw.of(&[0, 1_000, 30_000]));
    Answer { status, retry_after, text: text.to_owned() }
}

/// A quotation mark becomes rubbish, so that what was JSON is none; what would still be JSON and say something
/// else is TLS's to find.
fn corrupt(text: &mut String, draw: &mut Draw) {
    let quotes = text.bytes().filter(|byte| *byte == b'"').count() as u64;
    if quotes == 0 {
        return;
    }
    if let Some((at, _)) = text.match_indices('"').nth(draw.below(quotes) as usize) {
        text.replace_range(at..=at, "\u{fffd}");
    }
}
