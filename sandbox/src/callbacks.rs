//! Callbacks: what they say, how they are signed, how often they are tried.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::delivery::Next;
use crate::faults::{Faults, Kind, Target};
use crate::machine::Work;
use crate::tasks::{State, Task};

/// When the task's callback is next due.
pub(crate) fn due_at(task: &Task) -> Option<u64> {
    match task.delivery.as_ref()?.next {
        Next::AtEnd => task.ends_at(),
        Next::At(at) => Some(at),
        Next::Never => None,
    }
}

/// The task's callback, where it is due: none or one, or two where a fault doubles it.
pub(crate) fn take_due(
    task: &mut Task,
    price: f64,
    key: Option<&str>,
    faults: &mut Faults,
    now: u64,
) -> Vec<Work> {
    if due_at(task).is_none_or(|at| at > now) {
        return Vec::new();
    }
    let work = compose(task, price, key, now);
    let (Some(work), Some(delivery)) = (work, &mut task.delivery) else {
        return Vec::new();
    };
    let fault = match delivery.next {
        Next::AtEnd => faults.take(Target::Callback),
        _ => None,
    };
    delivery.next = Next::Never;
    let copies = match fault {
        Some(fault) if fault.kind == Kind::Lose => 0,
        Some(fault) if fault.kind == Kind::Slow => {
            delivery.next = Next::At(now.saturating_add(fault.ms));
            0
        }
        Some(fault) if fault.kind == Kind::Duplicate => 2,
        _ => 1,
    };
    delivery.tries += copies;
    vec![work; copies as usize]
}

fn compose(task: &Task, price: f64, key: Option<&str>, now: u64) -> Option<Work> {
    let delivery = task.delivery.as_ref()?;
    let mut data = task.record(price, now);
    let (code, msg) = match task.state(now) {
        State::Success { at, .. } => {
            add(&mut data, "updateTime", json!(at));
            (200, "Playground task completed successfully.")
        }
        // Only a poll answers "" here.
        _ => {
            add(&mut data, "resultJson", Value::Null);
            (501, "Playground task failed.")
        }
    };
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if let Some(key) = key {
        let timestamp = (now / 1000).to_string();
        headers.push(("x-webhook-signature", sign(key, &task.id, &timestamp)));
        headers.push(("x-webhook-timestamp", timestamp));
    }
    let body = json!({ "code": code, "msg": msg, "data": data }).to_string();
    Some(Work::Callback { task: task.id.clone(), url: delivery.url.clone(), headers, body })
}

fn add(data: &mut Value, name: &str, value: Value) {
    if let Value::Object(data) = data {
        data.insert(name.to_owned(), value);
    }
}

/// base64(HMAC-SHA256(key, taskId + "." + timestamp)): documented; the body is not covered.
fn sign(key: &str, task_id: &str, timestamp: &str) -> String {
    // HMAC takes a key of any length, so there is always a signature.
    Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_or_else(
        |_| String::new(),
        |hmac| {
            BASE64_STANDARD
                .encode(hmac.chain_update(format!("{task_id}.{timestamp}")).finalize().into_bytes())
        },
    )
}
