//! Many refused topics: the work for each pause is bounded.

use realtime::model::{Command, TopicKind};

use super::{BUSY, FORBIDDEN, answer, figures, until_asked};
use crate::client::{BOTH, Client, Resp, subscribe, topic};

#[test]
fn many_are_asked_for_a_few_at_a_time_and_each_alone() {
    for (error, shortest) in [(BUSY, 1.0), (FORBIDDEN, 30.0)] {
        let mut client = Client::ready(Resp::Three, &[]);
        for n in 0..100 {
            client.command_in_one_tick(subscribe(TopicKind::Channel, &format!("n{n}"), n));
        }
        while !answer(&mut client, |_| Some(error)).is_empty() {}
        assert_eq!(figures(&client).0, 100);
        let (mut turns, mut within) = (Vec::new(), Vec::new());
        let begin = client.driver.now;
        while turns.len() < 200 {
            let (asked, _) = until_asked(&mut client, error);
            within.push(((client.driver.now - begin).as_secs_f64(), asked.len()));
            assert!(asked.iter().all(|command| command.split(' ').count() == 2), "each alone: {asked:?}");
            turns.extend(asked);
        }
        // Never more than 32 within the shortest pause.
        for (at, _) in &within {
            let near = within.iter().filter(|(other, _)| (*at..at + shortest - 1e-6).contains(other));
            assert!(near.map(|(_, n)| n).sum::<usize>() <= 64, "{within:?}");
        }
        let took = within.last().unwrap().0;
        assert!(took > 5.0 * shortest, "200 in {took} s");
        let mut first: Vec<_> = turns[..100].to_vec();
        first.sort();
        first.dedup();
        assert_eq!(first.len(), 100, "in turn");
    }
}

#[test]
fn once_one_is_taken_the_others_follow_without_a_pause() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        for n in 0..2000 {
            client.command_in_one_tick(subscribe(TopicKind::Channel, &format!("n{n}"), n));
        }
        client.subscriber_up();
        while !answer(&mut client, |_| Some(BUSY)).is_empty() {}
        assert_eq!(figures(&client).0, 2000);
        client.advance(1.0);
        let mut rounds = 0;
        while !answer(&mut client, |_| None).is_empty() {
            rounds += 1;
        }
        assert_eq!(client.confirmed(), 2000);
        assert_eq!(figures(&client), (0, None));
        println!("{resp:?}: {rounds} rounds");
        // Those that stay refused cost no more than the pauses allow: two for each that is accepted.
        let mut client = Client::ready(Resp::Three, &[]);
        for n in 0..2000 {
            client.command_in_one_tick(subscribe(TopicKind::Channel, &format!("n{n}"), n));
        }
        while !answer(&mut client, |_| Some(BUSY)).is_empty() {}
        client.advance(1.0);
        let (mut asked, mut taken) = (0, 0);
        loop {
            let before = asked;
            let commands = answer(&mut client, |_| {
                asked += 1;
                taken += usize::from(taken == 0);
                (asked > 1).then_some(BUSY)
            });
            if commands.is_empty() {
                break;
            }
            assert!(asked > before);
        }
        assert_eq!(taken, 1);
        assert!(asked <= 32 + 2, "{asked}");
    }
}

#[test]
fn names_that_come_and_go_leave_nothing_behind() {
    let mut client = Client::ready(Resp::Three, &[]);
    for n in 0..1000 {
        let name = format!("n{n}");
        client.subscribe(&name, 1);
        answer(&mut client, |_| Some(if n % 2 == 0 { BUSY } else { FORBIDDEN }));
        client.command(Command::Unsubscribe(topic(TopicKind::Channel, &name)));
    }
    assert_eq!(figures(&client), (0, None));
    for _ in 0..400 {
        client.advance(1.0);
        assert_eq!(answer(&mut client, |_| None), Vec::<String>::new());
    }
}
