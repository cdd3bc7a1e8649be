//! The source against a model device, and the server around it.

use crate::{EntropyServer, MAX_WAITING, VirtioRandom};
use airox_api::entropy::{EntropyClient, EntropyDispatcher, EntropyError};
use airox_api::testing::{Loopback, TestLease, TestMessage};
use airox_api::{CallError, Dispatch, Outcome};
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::entropy::{EntropySource, MAX_BYTES};
use airox_driver_traits::queue::{Broken, Full};
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};

type Source = VirtioRandom<ModelWindow, ModelMemory>;

fn source(device: &ModelDevice) -> Result<Source, SetupError> {
    let window = |bar, offset, length| device.window(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    VirtioRandom::new(transport, |bytes| Ok(device.memory(bytes)))
}

fn new() -> (ModelDevice, Source) {
    let device = ModelDevice::new(0, Vec::new());
    let source = source(&device).unwrap();
    (device, source)
}

#[test]
fn bytes_come_as_the_device_makes_them() {
    let (device, mut source) = new();
    for round in 0..100_u8 {
        source.ask(16).unwrap();
        source.ask(1000).unwrap();
        assert!(device.fill(0, &[round; 7], 7));
        assert!(device.fill(0, &[9; MAX_BYTES as usize], MAX_BYTES));
        assert_eq!(source.next(), Ok(Some(vec![round; 7])));
        assert_eq!(source.next(), Ok(Some(vec![9; MAX_BYTES as usize])));
        assert_eq!(source.next(), Ok(None));
    }
    assert_eq!((0..).take_while(|_| source.ask(1).is_ok()).count(), 8);
    assert_eq!(source.ask(1), Err(Full));
}

#[test]
fn what_was_handed_out_is_not_kept() {
    let (device, mut source) = new();
    source.ask(8).unwrap();
    let (head, segments) = device.next().unwrap();
    device.write(segments[0].address, &[7; 8]);
    device.done(head, 8);
    assert_eq!(source.next(), Ok(Some(vec![7; 8])));
    assert_eq!(device.read(segments[0].address, 8), Some(vec![0; 8]));
}

#[test]
fn a_device_that_lies_is_broken() {
    for (asked, claimed) in [(8, 9), (8, 0), (8, u32::MAX)] {
        let (device, mut source) = new();
        source.ask(asked).unwrap();
        assert!(device.fill(0, &[1; 8], claimed));
        assert_eq!(source.next(), Err(Broken), "{claimed}");
    }
    let (device, mut source) = new();
    device.claim(1);
    assert_eq!(source.next(), Err(Broken));
    let (device, mut source) = new();
    device.state().status |= 64;
    assert_eq!(source.next(), Err(Broken));
    let small = ModelDevice::new(0, Vec::new());
    small.state().queue_size = 1;
    assert_eq!(self::source(&small).unwrap_err(), SetupError::NoQueue(0));
}

/// A source that gives three bytes at a time, and counts.
#[derive(Default)]
struct Dripping {
    asked: u32,
    ready: Vec<u8>,
    next: u8,
}

impl EntropySource for Dripping {
    fn ask(&mut self, count: u32) -> Result<(), Full> {
        assert_eq!(self.asked, 0, "one at a time");
        self.asked = count;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let bytes = std::mem::take(&mut self.ready);
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

impl Dripping {
    fn drip(&mut self) {
        for _ in 0..std::mem::take(&mut self.asked).min(3) {
            self.next = self.next.wrapping_add(1);
            self.ready.push(self.next);
        }
    }
}

type Server = EntropyDispatcher<EntropyServer<Dripping>>;

fn drip(server: &mut Server, times: u32) {
    for _ in 0..times {
        server.0.source().drip();
        server.0.pump().unwrap();
    }
}

#[test]
fn a_request_is_answered_when_all_has_come() {
    let server = EntropyDispatcher(EntropyServer::new(Dripping::default()));
    let client = EntropyClient::new(Loopback::new(server, 1).with_later(|server| drip(server, 3)));
    assert_eq!(client.read(8), Ok((1..=8).collect()));
    assert_eq!(client.read(1), Ok(vec![9]));
    for count in [0, MAX_BYTES + 1, u32::MAX] {
        assert_eq!(client.read(count), Err(CallError::Service(EntropyError::BadCount)));
    }
    // Two drips are 6 bytes.
    let server = EntropyDispatcher(EntropyServer::new(Dripping::default()));
    let client = EntropyClient::new(Loopback::new(server, 1).with_later(|server| drip(server, 2)));
    assert!(matches!(client.read(8), Err(CallError::Kernel(_))));
}

#[test]
fn requests_that_wait_are_bounded_for_each_client_and_for_all() {
    let mut server = EntropyDispatcher(EntropyServer::new(Dripping::default()));
    let mut ask = |badge: u64| {
        // Method 0, for 8 bytes: one byte of postcard.
        let tag = airox_api::wire::request_tag(airox_api::entropy::INFO.id, 0, 1);
        let lease = TestLease { bytes: vec![0; 4096], access: airox_abi::message::Lease::WRITE };
        let outcome = server.dispatch(&mut TestMessage::new(badge, tag, [8; 8], &[], vec![lease]));
        assert!(matches!(outcome, Outcome::Deferred));
    };
    (0..MAX_WAITING).for_each(|_| ask(1));
    (2..100).for_each(&mut ask);
    // 8 of the first client, one each of 24 others.
    drip(&mut server, 31 * 3);
    assert!(server.0.source().asked > 0);
    drip(&mut server, 3);
    assert_eq!(server.0.source().asked, 0);
}
