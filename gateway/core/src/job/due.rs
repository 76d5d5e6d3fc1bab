//! What a job does when its time has come.

use crisp_upscale_core::backoff;
use crisp_upscale_core::task::Instant;

use super::poll::{EAGER, pause};
use super::{Effect, End, Finished, Job, Phase};
use crate::settings::Settings;
use crate::timeouts::{ANSWER_TIMEOUT, CREATE_TIMEOUT};

impl Job {
    /// What is to be done now. Stored before it is done, it is due again later where a crash cuts it off.
    pub(crate) fn work(&mut self, now: Instant, settings: &Settings) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Postponed { until } if now >= *until => {
                self.phase = Phase::Queued { since: now };
                vec![Effect::Enqueue]
            }
            Phase::Queued { .. } | Phase::Postponed { .. } => Vec::new(),
            Phase::Sent(_) => self.wait_for_outcome(now, settings),
            Phase::Made { task, sent, poll_at, eager, .. } => {
                if now < *poll_at {
                    return Vec::new();
                }
                let task = task.clone();
                let age = now.saturating_sub(sent.at);
                if age >= settings.keep {
                    return self.end(End::Task { task, detail: Finished::never() }, now, settings);
                }
                // Also where the response to this poll never comes.
                let pause = match EAGER.saturating_sub(*eager) {
                    _ if *eager == 0 => pause(age, settings),
                    polls => backoff::delay(polls + 1),
                };
                *poll_at = now.saturating_add(pause);
                *eager = eager.saturating_sub(1);
                vec![Effect::Poll(task)]
            }
            Phase::Ended { .. } => self.after_end(now),
        }
    }

    fn wait_for_outcome(&mut self, now: Instant, settings: &Settings) -> Vec<Effect> {
        let Phase::Sent(sent) = &mut self.phase else { return Vec::new() };
        let mut effects = Vec::new();
        let is_lost_now = !sent.lost && now >= sent.at.saturating_add(CREATE_TIMEOUT);
        if is_lost_now {
            sent.lost = true;
            effects.extend([Effect::RequestEnded, Effect::Changed]);
        }
        if sent.lost || now >= sent.at.saturating_add(ANSWER_TIMEOUT) {
            effects.extend(sent.due_claim(now).map(Effect::Poll));
        }
        let is_over = sent.lost && now >= sent.at.saturating_add(settings.outcome_timeout);
        if is_lost_now {
            self.end_request(now);
        }
        if is_over {
            effects.extend(self.end(End::Unknown, now, settings));
        }
        effects
    }
}
