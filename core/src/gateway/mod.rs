//! The rules of the gateway, which keeps the key for callers that may not have it. A Worker
//! plays them: it stores what these values are, and sends what they say.

pub mod account;
pub mod job;
