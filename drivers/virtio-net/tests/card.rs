//! The interface's logic against a model device, which lies.

use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::network::{Link, MacAddress, NetworkDevice, Received};
use airox_driver_traits::queue::{Broken, Full};
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};
use airox_virtio_net::VirtioNet;

const HAS_ADDRESS: u64 = 1 << 5;
const HAS_STATUS: u64 = 1 << 16;
const RECEIVE: usize = 0;
const SEND: usize = 1;

type Card = VirtioNet<ModelWindow, ModelMemory>;

fn model() -> ModelDevice {
    let device = ModelDevice::new(HAS_ADDRESS | HAS_STATUS, vec![0x52, 0x54, 0, 1, 2, 3, 1, 0]);
    device.state().queue_size = 64;
    device
}

fn card(device: &ModelDevice) -> Result<Card, SetupError> {
    let window = |bar, offset, length| device.window(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    VirtioNet::new(transport, |bytes| Ok(device.memory(bytes)))
}

/// A frame as it comes, behind its header.
fn with_header(frame: &[u8]) -> Vec<u8> {
    [&[0; 12], frame].concat()
}

#[test]
fn it_tells_its_address_and_its_link() {
    let device = model();
    let mut card = card(&device).unwrap();
    assert_eq!(card.address(), MacAddress([0x52, 0x54, 0, 1, 2, 3]));
    assert_eq!(card.link(), Link { up: true, megabits: None });
    device.state().device.0[6] = 0;
    assert!(!card.link().up);
    let mute = model();
    mute.state().features &= !HAS_STATUS;
    mute.state().device.0[6] = 0;
    assert!(crate::card(&mute).unwrap().link().up);
    mute.state().features &= !HAS_ADDRESS;
    assert_eq!(crate::card(&mute).unwrap_err(), SetupError::NoFeature);
}

#[test]
fn frames_go_out_behind_an_empty_header_while_there_is_room() {
    let device = model();
    let mut card = card(&device).unwrap();
    let notified = device.state().notified;
    let mut sent = 0;
    while card.send(&[sent as u8; 60]).is_ok() {
        sent += 1;
    }
    assert_eq!((sent, device.state().notified), (32, notified + 32));
    assert_eq!(device.drain(SEND), Some(with_header(&[0; 60])));
    assert_eq!(card.send(&[1; 14]), Err(Full));
    card.interrupted().unwrap();
    assert_eq!(card.send(&[7; 1514]), Ok(()));
    assert_eq!(card.send(&[7; 1515]), Err(Full));
    for _ in 1..32 {
        assert!(device.drain(SEND).is_some());
    }
    assert_eq!(device.drain(SEND), Some(with_header(&[7; 1514])));
    assert_eq!(device.drain(SEND), None);
}

#[test]
fn frames_come_in_order_for_ever() {
    let device = model();
    let mut card = card(&device).unwrap();
    for round in 0..200_usize {
        for frame in 0..40 {
            let bytes = with_header(&vec![(round + frame) as u8; 14 + frame * 38]);
            assert!(device.fill(RECEIVE, &bytes, bytes.len() as u32));
        }
        for frame in 0..40 {
            let expected = Received::Frame(vec![(round + frame) as u8; 14 + frame * 38]);
            assert_eq!(card.receive(), Ok(Some(expected)));
        }
        assert_eq!(card.receive(), Ok(None));
    }
}

#[test]
fn what_is_no_frame_is_damaged_and_a_liar_is_found_out() {
    let device = model();
    let mut card = card(&device).unwrap();
    for length in [0, 11, 12, 25, 12 + 1515, 2048] {
        assert!(device.fill(RECEIVE, &[1; 64], length));
        assert_eq!(card.receive(), Ok(Some(Received::Damaged)), "{length}");
    }
    assert!(device.fill(RECEIVE, &[], 2049));
    assert_eq!(card.receive(), Err(Broken));
    // Frames that were never sent are said to have been.
    let device = model();
    let mut card = crate::card(&device).unwrap();
    device.done_of(SEND, 3, 0);
    assert_eq!(card.interrupted(), Err(Broken));
    device.state().status |= 64;
    assert_eq!(card.receive(), Err(Broken));
}
