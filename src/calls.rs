//! What is asked of the API once, without a job.

use crisp_upscale_core::api::TaskDetail;
use crisp_upscale_core::classify::{Looked, balance, looked};
use crisp_upscale_core::failure::Charged;
use crisp_upscale_core::validate;
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do, text_of};
use crate::request::Ask;

/// `recordInfo`.
pub(crate) struct Record {
    pub(crate) task_id: String,
    pub(crate) detail: Option<TaskDetail>,
}

impl Act for Record {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let (failure, cause) = match came {
            Came::Reply(reply, came) => match looked(&reply) {
                Looked::Record(detail) => {
                    self.detail = Some(detail);
                    return Do::Done;
                }
                Looked::Missing(failure) | Looked::Again(_, failure) | Looked::Failed(failure) => {
                    (failure.of_task(&self.task_id), text_of(&came))
                }
            },
            Came::Fault(fault, error) => (fault.of_read().of_task(&self.task_id), error),
            Came::Nothing | Came::Waited(_) => match call.check(validate::task_id(&self.task_id)) {
                Ok(()) => return Do::Send(Ask::Look(&self.task_id), call.deadline),
                Err(failure) => (failure, JsValue::UNDEFINED),
            },
        };
        Do::Fail(failure, cause)
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        self.detail.take().map(crate::exports::record).unwrap_or_default()
    }
}

/// `credit`: the account's balance in credits.
#[derive(Default)]
pub(crate) struct Credits(pub(crate) f64);

impl Act for Credits {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let (mut failure, cause) = match came {
            Came::Reply(reply, came) => match balance(&reply) {
                Ok(credits) => {
                    self.0 = credits;
                    return Do::Done;
                }
                Err(failure) => (failure, text_of(&came)),
            },
            Came::Fault(fault, error) => (fault.of_read(), error),
            Came::Nothing | Came::Waited(_) => match call.check(Ok(())) {
                Ok(()) => return Do::Send(Ask::Credit, call.deadline),
                Err(failure) => (failure, JsValue::UNDEFINED),
            },
        };
        failure.charged = Charged::No;
        Do::Fail(failure, cause)
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        self.0.into()
    }
}
