//! What can be set about a sandbox.

use serde::Deserialize;

/// How a sandbox behaves. All times are in milliseconds, all amounts in credits.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The one key that is accepted.
    pub key: String,
    /// The balance at the start.
    pub credits: f64,
    /// What a task costs; 0.5 at the real service.
    pub price: f64,
    /// How many times wider and higher a result is; less where the result would
    /// exceed [`MAX_OUTPUT_PIXELS`](crate::pixels::MAX_OUTPUT_PIXELS).
    pub factor: u8,
    /// How long a task stays in each state at least.
    pub delays: Delays,
    /// For how long after its creation a task answers `recordInfo is null`. Up to 90 s were seen.
    pub grace_period: u64,
    /// Signs callbacks; `None` leaves them unsigned, as for an account without such a key.
    pub webhook_hmac_key: Option<String>,
    /// Makes the task ids differ from those of other sandboxes.
    pub seed: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            key: "sandbox".to_owned(),
            credits: 100.0,
            price: 0.5,
            factor: 4,
            delays: Delays::default(),
            grace_period: 200,
            webhook_hmac_key: None,
            seed: String::new(),
        }
    }
}

/// The least time a task spends in each state, in milliseconds. It is
/// `generating` for longer where fetching and enlarging take longer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// State `waiting`.
    pub waiting: u64,
    /// State `queuing`.
    pub queuing: u64,
    /// State `generating`.
    pub generating: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Delays { waiting: 500, queuing: 500, generating: 1000 }
    }
}
