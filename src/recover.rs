//! Recovers an attempt: asks the gateway what became of it, by the rules of [`crisp_upscale_core::attempt`].

use crisp_upscale_core::attempt::{Next, READ_TIMEOUT, Recovery};
use js_sys::Date;
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do, text_of};
use crate::host::{left, now};
use crate::request::Ask;

/// The recovery of an attempt, by its `Idempotency-Key`.
pub(crate) struct Recover {
    key: String,
    recovery: Recovery,
    task_id: Option<String>,
}

impl Recover {
    pub(crate) fn new(key: String, recovery: Recovery) -> Self {
        Recover { key, recovery, task_id: None }
    }
}

impl Act for Recover {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let time = left(call.deadline);
        let (next, cause) = match came {
            Came::Reply(reply, came) => (self.recovery.replied(&reply, Date::now(), time), text_of(&came)),
            Came::Fault(fault, error) => (self.recovery.failed(fault, time), error),
            Came::Nothing | Came::Waited(_) => {
                return match call.check(Ok(())) {
                    Ok(()) => {
                        let give_up = call.deadline.min(now().saturating_add(READ_TIMEOUT));
                        Do::Send(Ask::Attempt(&self.key), give_up)
                    }
                    Err(failure) => Do::Fail(failure, JsValue::UNDEFINED),
                };
            }
        };
        match next {
            Next::Made(task_id) => {
                self.task_id = Some(task_id);
                Do::Done
            }
            Next::NeverArrived => Do::Done,
            Next::AskIn(wait) => Do::Wait(call.host.wait(wait as f64, None)),
            Next::Failed(failure) => Do::Fail(failure, cause),
        }
    }

    fn value(&mut self) -> JsValue {
        self.task_id.take().into()
    }
}
