//! The strangers who fill the queue of the gateway in some worlds.

use crisp_upscale_core::api::Response;
use crisp_upscale_gateway_core::protocol::Request;
use crisp_upscale_gateway_core::{Input, Order, ids};
use serde_json::json;

use crate::network::GATEWAY_HOST;
use crate::trouble::ACCOUNT;
use crate::world::{Event, World, what};

/// How many other callers there are, how many orders each of them places at once, which fill the queue, and for how long
/// others follow those, in milliseconds.
const STRANGERS: u32 = 5;
const THEIR_JOBS: u32 = 400;
const RUSH: u64 = 300_000;

impl World<'_> {
    /// Others than this world's callers fill the queue.
    pub(crate) fn overrun(&mut self) {
        // Before anything goes wrong.
        let scale = std::mem::take(&mut self.scale);
        for nth in 0..STRANGERS * THEIR_JOBS {
            self.stranger(nth);
        }
        self.scale = scale;
    }

    /// A stranger orders something.
    pub(crate) fn stranger(&mut self, nth: u32) {
        let caller = format!("stranger {}", nth % STRANGERS);
        let order = Order {
            model: "recraft/crisp-upscale".to_owned(),
            image: "https://images.example/strangers.png".to_owned(),
            call_back_url: None,
            caller,
        };
        let request = Request::CreateTask {
            job: ids::keyed_job_id(&order.caller, &nth.to_string()),
            key_hash: None,
            order,
            base: GATEWAY_HOST.to_owned(),
            tasks_per_hour: None,
        };
        self.gateway.requests += 1;
        self.handle(Input::Request { id: self.gateway.requests, request });
    }

    /// A stranger's createTask is refused at once; another comes for it.
    pub(super) fn serve_stranger(&mut self, job: String) {
        self.gateway.strangers += 1;
        let nth = self.gateway.strangers;
        self.after(0, Event::Served(job, self.gateway.generation));
        if self.now < RUSH {
            let wait = self.rng.at(ACCOUNT, what::USER, nth).within(0, 5_000);
            self.after(wait, Event::Stranger(STRANGERS * THEIR_JOBS + nth));
        }
    }

    /// The service has refused a stranger's createTask.
    pub(crate) fn served(&mut self, job: String, generation: u32) {
        if self.gateway.generation == generation {
            let body = Some(json!({ "code": 402, "msg": "Credits insufficient", "data": null }));
            let result = Ok(Response { status: 200, retry_after: None, body });
            self.handle(Input::Created { job, result });
        }
    }
}
