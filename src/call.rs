//! One call: whom it asks, when it must stop, and how what it does is done.
//!
//! What a call does is a value, an [`Act`], as a job of the rules is: told what came, it says what to do next. It neither
//! waits nor sends. So all waiting is in one place, which keeps the WebAssembly small.

use std::cell::RefCell;

use crisp_upscale_core::api::Reply;
use crisp_upscale_core::backoff;
use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::fetch_option::{Thrown, took_request_for_url};
use crisp_upscale_core::job::{Event, Fault, PATIENCE};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::unsent::{by_code, by_code_of_fetch, by_message};
use crisp_upscale_core::validate;
use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::error::{Halt, aborted, failed};
use crate::host::{Host, Parsed, Run, Settings, instant, left, now};
use crate::request::{Ask, build};
use crate::turn::Turn;

/// How much of a reply that nobody understood goes along in an error's cause, in characters.
const QUOTE: usize = 1024;

/// What a call does, from its beginning to its end.
pub(crate) trait Act {
    /// Takes what came; says what to do next.
    fn step(&mut self, call: &Call, came: Came) -> Do<'_>;

    /// What came of it, for JavaScript; asked once, when it is done.
    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue;

    /// What its promise is settled with.
    ///
    /// # Errors
    /// Why it is not done.
    #[cfg(feature = "exports")]
    fn end(&mut self, _: &Call, end: Result<(), Halt>) -> Result<JsValue, Halt> {
        end.map(|()| self.value())
    }
}

/// What to do next.
pub(crate) enum Do<'a> {
    /// Wait for what the promise is fulfilled with.
    Wait(Promise),
    /// Wait until a task may be made, and no longer than to the instant. What is sent next is what counts.
    Turn(u64),
    /// Send this with the key, and give up on it at the instant.
    Send(Ask<'a>, u64),
    /// The same without the key: to another host.
    Fetch(Ask<'a>, u64),
    /// Nothing: it is done.
    Done,
    /// Nothing: it has failed, and this is what the runtime or the server said last.
    Fail(Box<Failure>, JsValue),
}

/// What came.
pub(crate) enum Came {
    /// Nothing: it begins, or a turn was taken.
    Nothing,
    /// What a promise was fulfilled with.
    Waited(Parsed),
    /// A reply, and what it was read from.
    Reply(Reply<Parsed>, Parsed),
    /// None, and what the runtime said of it.
    Fault(Fault, JsValue),
}

impl Came {
    /// What it is to a job, and what an error's `cause` says of it.
    pub(crate) fn into_event(self) -> (Event<Parsed>, JsValue) {
        match self {
            Came::Nothing | Came::Waited(_) => (Event::Woken, JsValue::UNDEFINED),
            Came::Reply(reply, came) => (Event::Replied(reply), text_of(&came)),
            Came::Fault(fault, error) => (Event::Failed(fault), error),
        }
    }

    /// Whether the server refused the key or token.
    fn is_unauthorized(&self) -> bool {
        let Came::Reply(reply, _) = self else { return false };
        reply.envelope().map_or(reply.status == 401, |envelope| envelope.code == 401)
    }
}

/// A reply's text as it came, for an error's cause.
pub(crate) fn text_of(came: &Parsed) -> JsValue {
    came.get("text").map(|text| text.0).unwrap_or_default()
}

/// One call. Whatever it waits for ends when it is dropped.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    run: Parsed,
    pub(crate) host: Host,
    pub(crate) deadline: u64,
    /// What was sent as Bearer, so that no error repeats it: several where a token was renewed.
    bearers: RefCell<Vec<String>>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.host.leave();
    }
}

impl Call {
    pub(crate) fn begin(settings: Settings, run: Run) -> Self {
        let host = Host::new(&settings, &run);
        let run = Parsed(run.into());
        let began = run.number_at("began").map_or_else(now, instant);
        let patience = run.number_at("timeout").map_or(PATIENCE, |timeout| timeout as u64);
        Call { settings, run, host, deadline: began.saturating_add(patience), bearers: RefCell::default() }
    }

    /// The `Idempotency-Key` of every createTask of the call, where the server takes one.
    pub(crate) fn attempt(&self) -> Option<String> {
        self.run.text_at("attempt")
    }

    /// Does all that is to be done.
    ///
    /// # Errors
    /// The caller's abort reason, or how it failed.
    pub(crate) async fn drive(&self, act: &mut dyn Act) -> Result<(), Halt> {
        let mut came = Came::Nothing;
        // Held while a createTask is under way.
        let mut turn = None;
        loop {
            came = match act.step(self, came) {
                Do::Wait(promise) => Came::Waited(wait(promise).await?),
                Do::Turn(until) => {
                    turn = Turn::take(self, until).await?;
                    Came::Nothing
                }
                Do::Send(ask, give_up) => {
                    let came = self.send(&ask, true, give_up).await?;
                    drop(turn.take());
                    came
                }
                Do::Fetch(ask, give_up) => self.send(&ask, false, give_up).await?,
                Do::Done => return Ok(()),
                Do::Fail(failure, cause) => return Err(self.error(failure, &cause)),
            };
        }
    }

    /// Sends one request; where the token is refused and there is a new one, once more with that.
    ///
    /// # Errors
    /// The caller's abort reason, or what is wrong with the request; nothing was sent then.
    async fn send(&self, ask: &Ask<'_>, keyed: bool, give_up: u64) -> Result<Came, Halt> {
        let mut bearer: Option<String> = None;
        let mut refusal = None;
        loop {
            if keyed {
                let answer = wait(self.host.bearer(bearer.as_deref(), left(give_up))).await?;
                let token = answer.text();
                // The time was over before the token came.
                if answer.0.is_undefined() {
                    let late = Came::Fault(Fault::TokenTimedOut, JsValue::UNDEFINED);
                    return Ok(refusal.unwrap_or(late));
                }
                let problem = match &token {
                    None => Some(error_of(&answer)),
                    token if *token == bearer => Some(JsValue::UNDEFINED),
                    Some(token) => {
                        validate::key(token).err().map(|failure| JsError::new(&failure.message).into())
                    }
                };
                if let Some(problem) = problem {
                    return Ok(refusal.unwrap_or(Came::Fault(Fault::NoToken, problem)));
                }
                self.bearers.borrow_mut().extend(token.clone());
                bearer = token;
            }
            let request = match build(self, ask, bearer.as_deref()) {
                Ok(request) => request,
                Err(error) if !keyed => return Ok(Came::Fault(Fault::Lost, error)),
                Err(error) => {
                    let message = "The base URL does not make a valid request. Check it.";
                    return Err(self.error(Failure::invalid(message), &error));
                }
            };
            let came = read(wait(self.host.exchange(&request, left(give_up), ask.want())).await?, ask);
            if refusal.is_some() || !keyed || !came.is_unauthorized() {
                return Ok(came);
            }
            refusal = Some(came);
        }
    }

    /// Checks what the caller handed in, before anything is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self, rule: Result<(), Box<Failure>>) -> Result<(), Box<Failure>> {
        validate::base_url(&self.settings.base_url())?;
        // A token that is asked for is checked when it has come.
        if let Some(key) = Parsed(self.settings.clone().into()).text_at("bearer") {
            validate::key(&key)?;
        }
        rule
    }

    /// The error of a failure. The key is taken out, wherever a server echoed it.
    pub(crate) fn error(&self, mut failure: Box<Failure>, cause: &JsValue) -> Halt {
        let mut said = cause.as_string();
        for key in self.bearers.borrow().iter() {
            failure = failure.without(key);
            said = said.map(|said| redact(&said, key));
        }
        let cause = match said {
            Some(mut said) => {
                let end = said.char_indices().nth(QUOTE).map_or(said.len(), |(at, _)| at);
                said.truncate(end);
                said.into()
            }
            None => cause.clone(),
        };
        failed(failure, cause)
    }
}

/// What came of a request, by what `host.js` says of it.
fn read(came: Parsed, ask: &Ask<'_>) -> Came {
    let Some(status) = came.number_at("status") else {
        let error = error_of(&came);
        let fault = match came.0.is_undefined() {
            true => Fault::TimedOut,
            false if is_refused(&came, &error, ask) => Fault::FetchRefused,
            false => fault(&Parsed(error.clone())),
        };
        return Came::Fault(fault, error);
    };
    let asked = came.text_at("retryAfter").and_then(|header| backoff::retry_after(&header));
    let until = || came.number_at("retryIn").filter(|wait| *wait > 0.0).map(|wait| wait as u64);
    let reply = Reply { status: status as u16, retry_after: asked.or_else(until), body: came.get("body") };
    Came::Reply(reply, came)
}

/// What the promise is fulfilled with.
///
/// # Errors
/// The caller's abort reason.
pub(crate) async fn wait(promise: Promise) -> Result<Parsed, Halt> {
    match JsFuture::from(promise).await {
        Ok(value) => Ok(Parsed(value)),
        Err(reason) => Err(aborted(reason)),
    }
}

/// What the runtime said where it could not do what it was to do; undefined where the time was over.
pub(crate) fn error_of(came: &Parsed) -> JsValue {
    came.get("error").map(|error| error.0).unwrap_or_default()
}

/// Whether the caller's own `fetch` refused the request unread. Where it threw at once, a request with a body cannot
/// have left; one without may have.
fn is_refused(came: &Parsed, error: &JsValue, ask: &Ask<'_>) -> bool {
    if came.get("unread").is_none() {
        return false;
    }
    let error = Parsed(error.clone());
    let text = |name| error.text_at(name);
    let (message, code, input) = (text("message"), text("code"), text("input"));
    let thrown = Thrown { message: message.as_deref(), code: code.as_deref(), input: input.as_deref() };
    took_request_for_url(thrown) || (came.get("threw").is_some() && ask.has_body())
}

/// What proves that nothing was sent stands in Bun in the error, in Deno in the error or its cause, and in Node in the
/// cause, or the cause of that.
fn fault(error: &Parsed) -> Fault {
    let mut error = Some(error.clone());
    for _ in 0..3 {
        let Some(current) = error else { break };
        if let Some(proven) = proven(&current) {
            return proven;
        }
        let cause = current.get("cause");
        if current.text_at("message").is_some_and(|message| message == "fetch failed")
            && let Some(proven) = cause.as_ref().and_then(|cause| by_code_of_fetch(&cause.text_at("code")?))
        {
            return proven;
        }
        error = cause;
    }
    Fault::Lost
}

fn proven(error: &Parsed) -> Option<Fault> {
    // Node dials several addresses of a host: its error has the code of the first, and each has to have failed.
    if let Some(errors) = error.get("errors") {
        let errors = errors.items();
        return errors.iter().all(|error| proven(error).is_some()).then(|| proven(errors.first()?)).flatten();
    }
    let code = error.text_at("code").and_then(|code| by_code(&code, error.text_at("syscall").as_deref()));
    code.or_else(|| by_message(&error.text_at("message")?))
}

/// What goes to JavaScript: a list, whose items `npm/` names.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).unwrap_or_default()
}
