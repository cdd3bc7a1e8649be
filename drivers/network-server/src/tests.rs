//! Clients, and a device that a test holds.

use crate::{MAX_CLIENTS, MAX_FRAMES, NetworkServer, Work};
use airox_api::network::{Network, NetworkClient, NetworkDispatcher, Status};
use airox_api::testing::Loopback;
use airox_api::{CallError, Caller, Deferred, ReadLease};
use airox_driver_traits::network::{Link, MacAddress, NetworkDevice, NetworkError, Received};
use airox_driver_traits::queue::{Broken, Full};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

const ADDRESS: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const NOW: u64 = 1000;

/// A device with room for so many frames.
#[derive(Default)]
struct Card {
    room: usize,
    sent: Vec<Vec<u8>>,
    came: VecDeque<Result<Received, Broken>>,
}

impl NetworkDevice for Card {
    fn address(&self) -> MacAddress {
        ADDRESS
    }

    fn link(&mut self) -> Link {
        Link { up: true, megabits: Some(1000) }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Full> {
        if self.sent.len() >= self.room {
            return Err(Full);
        }
        self.sent.push(frame.to_vec());
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Received>, Broken> {
        self.came.pop_front().transpose()
    }

    fn interrupted(&mut self) -> Result<(), Broken> {
        Ok(())
    }
}

/// One server for several clients.
#[derive(Clone)]
struct Joint(Rc<RefCell<NetworkServer<Card>>>);

impl Network for Joint {
    fn status(&mut self, caller: Caller) -> Result<Status, NetworkError> {
        self.0.borrow_mut().status(caller)
    }

    fn send(&mut self, caller: Caller, frame: ReadLease<'_>) -> Result<(), NetworkError> {
        self.0.borrow_mut().send(caller, frame)
    }

    fn receive(&mut self, caller: Caller, patience_ns: u64, call: Deferred<Vec<u8>, NetworkError>) {
        self.0.borrow_mut().receive(caller, patience_ns, call);
    }
}

type Client = NetworkClient<Loopback<NetworkDispatcher<Joint>>>;

impl Joint {
    fn new(room: usize) -> Joint {
        let card = Card { room, ..Card::default() };
        Joint(Rc::new(RefCell::new(NetworkServer::new(card, || NOW))))
    }

    fn client(&self, badge: u64) -> Client {
        NetworkClient::new(Loopback::new(NetworkDispatcher(self.clone()), badge))
    }

    /// Frames come, each of this many bytes all alike.
    fn come(&self, frames: &[(usize, u8)]) -> Work {
        let mut server = self.0.borrow_mut();
        for (length, byte) in frames {
            let received = Received::from_bytes(vec![*byte; *length]);
            server.device().came.push_back(Ok(received));
        }
        server.pump().unwrap()
    }
}

/// What is said to one who does not wait.
fn poll(client: &Client) -> Result<Vec<u8>, CallError<NetworkError>> {
    client.receive(0)
}

const NOTHING: Result<Vec<u8>, CallError<NetworkError>> = Err(CallError::Service(NetworkError::TimedOut));

#[test]
fn frames_are_sent_as_they_are_while_there_is_room() {
    let joint = Joint::new(2);
    let client = joint.client(1);
    for length in [0, 13, 1515] {
        assert_eq!(client.send(&vec![1; length]), Err(CallError::Service(NetworkError::BadLength)), "{length}");
    }
    assert_eq!((client.send(&[1; 14]), client.send(&[2; 1514])), (Ok(()), Ok(())));
    assert_eq!(client.send(&[3; 60]), Err(CallError::Service(NetworkError::Busy)));
    assert_eq!(joint.0.borrow_mut().device().sent, [vec![1; 14], vec![2; 1514]]);
    let status = client.status().unwrap();
    assert_eq!((status.address, status.link), (ADDRESS, Link { up: true, megabits: Some(1000) }));
    assert_eq!((status.counters.sent, status.counters.sent_bytes), (2, 1528));
}

#[test]
fn each_client_gets_every_frame_since_it_first_asked() {
    let joint = Joint::new(0);
    let (one, other) = (joint.client(1), joint.client(2));
    assert_eq!(poll(&one), NOTHING);
    assert_eq!(joint.come(&[(60, 1), (5, 2), (1515, 3)]), Work::Done);
    assert_eq!(poll(&other), NOTHING);
    let _ = joint.come(&[(61, 4)]);
    assert_eq!((poll(&one), poll(&one), poll(&one)), (Ok(vec![1; 60]), Ok(vec![4; 61]), NOTHING));
    assert_eq!((poll(&other), poll(&other)), (Ok(vec![4; 61]), NOTHING));
    let counters = one.status().unwrap().counters;
    assert_eq!((counters.received, counters.received_bytes, counters.errors, counters.dropped), (2, 121, 2, 0));
}

#[test]
fn one_that_waits_is_answered_by_a_frame_or_by_time() {
    let joint = Joint::new(0);
    let waits = |later: fn(&mut NetworkDispatcher<Joint>)| {
        NetworkClient::new(Loopback::new(NetworkDispatcher(joint.clone()), 1).with_later(later))
    };
    let frame = waits(|dispatcher| assert_eq!(dispatcher.0.come(&[(60, 9)]), Work::Done));
    assert_eq!(frame.receive(u64::MAX), Ok(vec![9; 60]));
    let time = waits(|dispatcher| {
        let mut server = dispatcher.0.0.borrow_mut();
        assert_eq!(server.deadline(), Some(NOW + 5));
        server.expire(NOW + 4);
        assert_eq!(server.deadline(), Some(NOW + 5));
        server.expire(NOW + 5);
        assert_eq!(server.deadline(), None);
    });
    assert_eq!(time.receive(5), NOTHING);
    let for_ever = waits(|dispatcher| assert_eq!(dispatcher.0.0.borrow().deadline(), None));
    assert!(for_ever.receive(u64::MAX).is_err());
}

#[test]
fn slow_clients_lose_frames_and_idle_ones_their_place() {
    let joint = Joint::new(0);
    let clients: Vec<Client> = (1..=MAX_CLIENTS as u64).map(|badge| joint.client(badge)).collect();
    clients.iter().for_each(|client| assert_eq!(poll(client), NOTHING));
    for _ in 0..2 * MAX_FRAMES {
        let _ = joint.come(&[(60, 1)]);
    }
    assert_eq!(clients[0].status().unwrap().counters.dropped, (MAX_CLIENTS * MAX_FRAMES) as u64);
    assert_eq!((0..).take_while(|_| poll(&clients[0]).is_ok()).count(), MAX_FRAMES);
    // A further one takes the place of the second, who has asked least lately.
    assert_eq!(poll(&joint.client(99)), NOTHING);
    assert_eq!((poll(&clients[1]), poll(&clients[3])), (NOTHING, Ok(vec![1; 60])));
}

#[test]
fn a_flood_is_taken_in_pieces_and_a_broken_device_is_told() {
    let joint = Joint::new(0);
    assert_eq!(joint.come(&[(60, 1); 100]), Work::More);
    assert_eq!(joint.come(&[]), Work::Done);
    joint.0.borrow_mut().device().came.push_back(Err(Broken));
    assert_eq!(joint.0.borrow_mut().pump(), Err(Broken));
}
