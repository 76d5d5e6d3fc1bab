//! How many rows are read and written, whatever is stored: counted, not timed. The figures are those of
//! `docs/measured/gateway.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::{Input, Order, Output, Settings, ids};
use harness::*;

/// 10,000 stored jobs of 50 callers, of which 600 are queued and 100 are due at once; and 50 streams of 50 tasks.
fn full() -> Gateway {
    let mut gateway = Gateway::new(Settings { copies: true, ..settings() });
    let by = |nth: usize| Order {
        caller: format!("caller {}", nth % 50),
        call_back_url: Some("https://caller.example/done".to_owned()),
        ..order()
    };
    let create = |gateway: &mut Gateway, nth: usize| {
        gateway.create(&nth.to_string(), by(nth), Some(1_000));
        (ids::keyed_job_id(&by(nth).caller, &nth.to_string()), nth.to_string())
    };
    // The earlier ones have ended, at a pace that never meets the limit.
    for nth in 0..9_280 {
        gateway.now += 1_000;
        let (job, task) = create(&mut gateway, nth);
        gateway.input(Input::Created { job: job.clone(), result: Ok(task_made(&task)) });
        let result = Ok(task_record(&task, "success", IMAGE, gateway.now));
        gateway.input(Input::Polled { job: job.clone(), task, result });
        gateway.input(Input::Relayed { job: job.clone(), ok: true });
        gateway.now += 2_000;
        gateway.input(Input::AlarmFired);
        gateway.input(Input::Copied { job, ok: true });
    }
    // 100 are under way, and are due for a poll in 15 s.
    for nth in 9_280..9_380 {
        gateway.now += 1_000;
        let (job, task) = create(&mut gateway, nth);
        gateway.input(Input::Created { job, result: Ok(task_made(&task)) });
    }
    // 20 use up the rate limit, and 600 wait behind them.
    gateway.now += 10_001;
    for nth in 9_380..10_000 {
        let order = Order { caller: format!("caller {nth}"), ..by(nth) };
        gateway.create(&nth.to_string(), order, Some(1_000));
    }
    assert_eq!(gateway.store.jobs().len(), 10_000);
    gateway
}

/// Rows read and written by something.
fn rows(gateway: &mut Gateway, happens: impl FnOnce(&mut Gateway)) -> (usize, usize) {
    let before = (gateway.store.rows_read, gateway.store.rows_written);
    happens(gateway);
    (gateway.store.rows_read - before.0, gateway.store.rows_written - before.1)
}

#[test]
fn loading_a_createtask_an_alarm_and_a_stream_read_and_write_a_bounded_number_of_rows() {
    let mut gateway = full();
    let waiting = gateway.counters()["waiting"].as_u64().unwrap();
    assert_eq!(waiting, 600);

    let loaded = rows(&mut gateway, Gateway::crash);
    assert_eq!(loaded, (600 + 20 + 3, 0), "the queue, and what the rate limit counts");

    let queued = rows(&mut gateway, |gateway| {
        let outputs =
            gateway.create("more", Order { caller: "another".to_owned(), ..order() }, Some(1_000)).1;
        assert!(matches!(&outputs[..], [Output::Reply { .. }]), "refused: the queue is full");
    });
    assert_eq!(queued, (0, 0));

    // All is due: 100 polls, and 20 slots.
    gateway.now += 15_000;
    let mut outputs = Vec::new();
    let alarm = rows(&mut gateway, |gateway| outputs = gateway.input(Input::AlarmFired));
    let sent = outputs.iter().filter(|output| matches!(output, Output::SendCreate { .. })).count();
    let polled = outputs.iter().filter(|output| matches!(output, Output::PollTask { .. })).count();
    assert_eq!((sent, polled, outputs.len()), (20, 5, 25));
    assert_eq!(alarm, (20 + 5 + 4, 20 + 5 + 1), "the counter of refusals");

    let Some(Output::SendCreate { job, .. }) =
        outputs.iter().find(|output| matches!(output, Output::SendCreate { .. }))
    else {
        panic!("{outputs:?}")
    };
    let created = rows(&mut gateway, |gateway| {
        gateway.input(Input::Created { job: job.clone(), result: Ok(task_made("t")) });
    });
    assert_eq!(created, (1, 2), "the job, and a counter");

    let Some(Output::PollTask { job, task }) = outputs.last().cloned() else { panic!("{outputs:?}") };
    let polled = rows(&mut gateway, |gateway| {
        gateway.input(Input::Polled { job, task, result: Err(NetworkError::Lost) });
    });
    assert_eq!(polled, (1 + 1 + 2, 1), "its own job, and the next of those that are due");

    let mut streams = (0, 0);
    for stream in 0..50 {
        let caller = format!("caller {stream}");
        let tasks = (138..188).map(|nth| ids::keyed_job_id(&caller, &(nth * 50 + stream).to_string()));
        let tasks: Vec<String> = tasks.collect();
        let (read, written) = rows(&mut gateway, |gateway| {
            gateway.input(Input::Subscribe { stream: stream as u64, caller, tasks });
        });
        assert!(read <= 50 && written == 0, "{read} {written}");
        streams = (streams.0 + read, streams.1 + written);
    }
    println!("| loading | {loaded:?} |\n| a createTask refused | {queued:?} |\n| an alarm | {alarm:?} |");
    println!(
        "| a createTask's response | {created:?} |\n| a poll's | {polled:?} |\n| 50 streams | {streams:?} |"
    );
}

#[test]
fn a_createtask_reads_two_rows_and_writes_two_however_many_are_stored() {
    let mut gateway = full();
    // The queue is served before.
    gateway.crash();
    while gateway.counters()["waiting"] != 0 {
        gateway.now = gateway.alarm_at.take().unwrap().max(gateway.now);
        for output in gateway.input(Input::AlarmFired) {
            match output {
                Output::SendCreate { job, .. } => {
                    let result = Ok(task_made(&format!("task of {job}")));
                    gateway.input(Input::Created { job, result });
                }
                Output::PollTask { job, task } => {
                    gateway.input(Input::Polled { job, task, result: Err(NetworkError::Lost) });
                }
                _ => {}
            }
        }
    }
    gateway.now += 20_000;
    let created = rows(&mut gateway, |gateway| {
        let outputs = gateway.create("one more", order(), Some(1_000)).1;
        assert!(matches!(&outputs[..], [Output::SendCreate { .. }]), "{outputs:?}");
    });
    assert_eq!(created, (0, 2), "the job, and the caller's budget");
    let again = rows(&mut gateway, |gateway| {
        gateway.create("one more", order(), Some(1_000));
    });
    assert_eq!(again, (1, 0));
    let second = rows(&mut gateway, |gateway| {
        gateway.create("and another", order(), Some(1_000));
    });
    assert_eq!(second, (1, 2), "its budget was read");
    assert_eq!(gateway.store.jobs().len(), 10_002);
}
