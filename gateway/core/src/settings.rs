//! What the deployer has set, as far as the account has to know it.

use crisp_upscale_core::rate_limit::Rate;

use crate::secret::Secret;

/// The settings of an account.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How fast tasks may be made, by all callers together.
    pub rate: Rate,
    /// Whether the service can reach the gateway, so that a callback may be expected.
    pub callbacks: bool,
    /// The origin for callbacks, where it is not the one that callers reach. Without a slash at its end.
    pub public_url: Option<String>,
    /// Whether results are copied.
    pub copies: bool,
    /// For how long after a lost reply a callback is waited for, in milliseconds.
    pub outcome_timeout: u64,
    /// How long a job is kept after its end, in milliseconds.
    pub keep: u64,
    /// Signs the links to results.
    pub secret: Secret,
}
