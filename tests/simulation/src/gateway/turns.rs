//! The account's object, and the strangers who fill its queue in some worlds.

use std::collections::{BTreeMap, BTreeSet};

use crisp_upscale_core::gateway::account::{self, Account, Budget};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::limiter::Rate;

use super::{Ask, Gateway, Told, What};
use crate::doc::Doc;
use crate::trouble::{ACCOUNT, Trouble};
use crate::world::{Event, World, tell, what};

/// Other callers of a gateway that is overrun, how many jobs each of them has in the queue, which is full then, and for
/// how long others follow those, in milliseconds.
const STRANGERS: usize = 5;
const THEIR_JOBS: usize = 400;
const RUSH: u64 = 300_000;

/// The account's object.
#[derive(Debug, Default)]
pub(super) struct Turns {
    account: Account,
    budgets: BTreeMap<usize, Budget>,
    owners: BTreeMap<String, usize>,
    asked: u32,
    rings_at: Option<u64>,
    alarm: u32,
    /// How many strangers' jobs have been dealt.
    strangers: usize,
    /// The jobs that were given a turn whose end was not heard of.
    held: BTreeSet<usize>,
    /// How many counts of the rate limit were lost: with writes that had not reached the disk, and where a job asks again
    /// before the end of the turn that it has used is heard, so that it uses it twice.
    pub(super) forgotten: usize,
}

impl World<'_> {
    /// The account is asked.
    pub(crate) fn ask_account(&mut self, job: usize, life: u32, Ask { what, mute }: Ask) {
        let now = self.unix();
        self.gateway.turns.asked += 1;
        let nth = self.gateway.turns.asked;
        let crash = self.trouble(ACCOUNT, Trouble::AccountCrash, nth).is_some();
        let turns = &mut self.gateway.turns;
        let before = crash.then(|| (turns.account.clone(), turns.budgets.clone(), turns.owners.clone()));
        let process = self.calls[self.gateway.jobs[job].call].process;
        tell!(self, "job {} asks the account: {what:?}", self.name(job));
        let Gateway { turns, jobs, .. } = &mut self.gateway;
        let id = &jobs[job].id;
        let told = match what {
            What::Turn(budget) => {
                let over = budget
                    .and_then(|budget| turns.budgets.entry(process).or_default().take(budget, now).err());
                Some(match over {
                    Some(wait) => Told::OverBudget(wait),
                    None => {
                        let caller = format!("process {process}");
                        let told = turns.account.ask(&caller, id, Rate::DOCUMENTED, now);
                        if told == account::Told::Go && !turns.held.insert(job) && jobs[job].has_sent {
                            turns.forgotten += 1;
                        }
                        Told::Turn(told)
                    }
                })
            }
            What::End(task) => {
                turns.account.end(id, now);
                turns.held.remove(&job);
                if let Some(task) = task {
                    turns.owners.insert(task, job);
                }
                None
            }
            What::Claim(task) => {
                let ours = *turns.owners.entry(task.clone()).or_insert(job) == job;
                Some(Told::Claim(task, ours))
            }
            What::Forget(task) => {
                turns.owners.remove(&task);
                None
            }
            What::Ended => None,
        };
        self.ring_account();
        if let Some((account, budgets, owners)) = before {
            self.cut_account(account);
            let turns = &mut self.gateway.turns;
            (turns.budgets, turns.owners) = (budgets, owners);
        }
        if let Some(told) = told.filter(|_| !mute) {
            let wait = self.dice.at(ACCOUNT, what::MESSAGE, nth).within(1, 12);
            self.after(wait, Event::Told(job, life, Box::new(told)));
        }
    }

    /// The account's object is cut off, and its last write had not reached the disk.
    fn cut_account(&mut self, stored: Account) {
        self.counts.crashes += 1;
        tell!(self, "the account's object is cut off");
        let counted = counted(&self.gateway.turns.account).saturating_sub(counted(&stored));
        let read = serde_json::to_string(&stored).ok().and_then(|text| serde_json::from_str(&text).ok());
        let same = read.as_ref() == Some(&stored);
        let turns = &mut self.gateway.turns;
        turns.account = read.unwrap_or_default();
        // At the least the end of a turn.
        turns.forgotten += counted.max(1);
        turns.rings_at = None;
        if !same {
            self.break_law(2, "the account is not read as it was stored".to_owned());
        }
        self.ring_account();
    }

    fn ring_account(&mut self) {
        let Some(at) = self.gateway.turns.account.alarm(Rate::DOCUMENTED) else { return };
        let turns = &mut self.gateway.turns;
        if turns.rings_at.is_some_and(|rings_at| rings_at <= at) {
            return;
        }
        turns.rings_at = Some(at);
        turns.alarm += 1;
        let alarm = turns.alarm;
        let at = self.world_of(at);
        self.at(at, Event::AccountAlarm(alarm));
    }

    pub(crate) fn account_alarm(&mut self, nth: u32) {
        if self.gateway.turns.alarm != nth {
            return;
        }
        let now = self.unix();
        let turns = &mut self.gateway.turns;
        turns.rings_at = None;
        let dealt = turns.account.deal(Rate::DOCUMENTED, now);
        self.ring_account();
        for id in dealt {
            let Some(job) = self.gateway.jobs.iter().position(|object| object.id == id) else {
                self.serve_stranger(&id);
                continue;
            };
            self.gateway.turns.held.insert(job);
            let object = &mut self.gateway.jobs[job];
            object.messages += 1;
            let nth = object.messages;
            let owner = self.gateway.jobs[job].owner;
            let mut wait = self.dice.at(owner, what::MESSAGE, nth).within(1, 12);
            if self.trouble(owner, Trouble::MessageLost, nth).is_some() {
                continue;
            }
            if let Some(mut throw) = self.trouble(owner, Trouble::MessageSlow, nth) {
                wait += throw.of(&[300, 900, 5_000, 65_000]);
            }
            self.after(wait, Event::Turn(job));
        }
    }

    /// Others than this world's callers fill the queue.
    pub(crate) fn overrun(&mut self) {
        let waiting = |stranger| {
            let jobs: Vec<String> = (0..THEIR_JOBS).map(|nth| format!("\"{stranger}/{nth}\"")).collect();
            format!(r#"{{"caller":"stranger {stranger}","jobs":[{}]}}"#, jobs.join(","))
        };
        let callers: Vec<String> = (0..STRANGERS).map(waiting).collect();
        let text = format!(
            r#"{{"limiter":{{"under_way":0,"ended":[]}},"turns":{{}},"callers":[{}]}}"#,
            callers.join(",")
        );
        let read = serde_json::from_str(&text);
        if read.is_err() {
            self.break_law(2, "an account is not read".to_owned());
        }
        let turns = &mut self.gateway.turns;
        turns.account = read.unwrap_or_default();
        self.gateway.is_overrun = true;
        self.ring_account();
    }

    /// A stranger's job takes its turn and ends it at once; another comes for it.
    fn serve_stranger(&mut self, id: &str) {
        let now = self.unix();
        let turns = &mut self.gateway.turns;
        turns.account.end(id, now);
        turns.strangers += 1;
        if self.now < RUSH {
            let nth = turns.strangers as u32;
            let wait = self.dice.at(ACCOUNT, what::USER, nth).within(0, 5_000);
            self.after(wait, Event::Stranger(nth));
        }
        self.ring_account();
    }

    /// A stranger comes.
    pub(crate) fn stranger(&mut self, nth: u32) {
        let now = self.unix();
        let caller = nth as usize % STRANGERS;
        let job = format!("{caller}/{}", THEIR_JOBS + nth as usize);
        let told = self.gateway.turns.account.ask(&format!("stranger {caller}"), &job, Rate::DOCUMENTED, now);
        if told == account::Told::Go {
            self.serve_stranger(&job);
        }
        self.ring_account();
    }
}

/// How many requests an account's limiter counts.
fn counted(account: &Account) -> usize {
    let text = serde_json::to_string(account).unwrap_or_default();
    let doc = Doc::parse(&text).and_then(|doc| doc.get("limiter"));
    doc.map_or(0, |limiter| {
        let under_way = limiter.get("under_way").and_then(|number| number.number()).unwrap_or_default();
        under_way as usize + limiter.get("ended").map_or(0, |ended| ended.items().len())
    })
}
