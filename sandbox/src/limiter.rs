//! The documented limit: 20 new tasks in 10 s for an account, more are refused.

use std::collections::VecDeque;

const TASKS: usize = 20;
const WINDOW_MS: u64 = 10_000;

/// When the latest tasks were made, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Limiter(VecDeque<u64>);

impl Limiter {
    /// Whether one more task may be made now; if so, it counts.
    pub(crate) fn admit(&mut self, now: u64) -> bool {
        self.0.retain(|made| made + WINDOW_MS > now);
        let admitted = self.0.len() < TASKS;
        if admitted {
            self.0.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;

    #[test]
    fn twenty_in_any_ten_seconds() {
        let mut limiter = Limiter::default();
        assert!((0..20).all(|n| limiter.admit(n * 100)));
        assert!(!limiter.admit(9_999));
        assert!(limiter.admit(10_000), "the first has left the window");
        assert!(!limiter.admit(10_000), "and only the first");
    }
}
