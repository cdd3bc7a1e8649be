//! The console's logic against a model device, which lies.

use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::queue::Broken;
use airox_driver_traits::serial::{LineErrors, SerialLine};
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};
use airox_virtio_serial::VirtioConsole;

const RECEIVE: usize = 0;
const SEND: usize = 1;

type Console = VirtioConsole<ModelWindow, ModelMemory>;

fn open(device: &ModelDevice) -> Result<Console, SetupError> {
    let window = |bar, offset, length| device.window(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    VirtioConsole::new(transport, |bytes| Ok(device.memory(bytes)))
}

fn console() -> (ModelDevice, Console) {
    let device = ModelDevice::new(0, Vec::new());
    let console = open(&device).unwrap();
    (device, console)
}

#[test]
fn bytes_come_in_order_whatever_their_number() {
    let (device, mut console) = console();
    assert_eq!(console.is_interrupting(), Ok(false));
    let mut buffer = [0; 700];
    for round in 0..100_u8 {
        for length in [1, 0, 512, 3] {
            assert!(device.fill(RECEIVE, &vec![round; length], length as u32));
        }
        assert_eq!(console.is_interrupting(), Ok(true));
        assert_eq!(console.receive(&mut buffer[..10]), Ok(10));
        assert_eq!(console.receive(&mut buffer), Ok(506));
        assert!(buffer[..506].iter().all(|byte| *byte == round));
        assert_eq!(console.receive(&mut buffer), Ok(0));
        assert_eq!(console.is_interrupting(), Ok(false));
    }
}

#[test]
fn bytes_go_while_there_is_room() {
    let (device, mut console) = console();
    let text: Vec<u8> = (0..40_000).map(|number| number as u8).collect();
    assert_eq!(console.transmit(&text), Ok(32 * 512));
    assert_eq!((console.transmit(&text[..1]), console.is_interrupting()), (Ok(0), Ok(false)));
    assert_eq!(device.drain(SEND).as_deref(), Some(&text[..512]));
    assert_eq!(console.is_interrupting(), Ok(true), "there is room again");
    assert_eq!(console.transmit(&text[32 * 512..][..5]), Ok(5));
    assert_eq!(console.is_interrupting(), Ok(false));
    let rest: Vec<u8> = core::iter::from_fn(|| device.drain(SEND)).flatten().collect();
    assert_eq!(rest, text[512..32 * 512 + 5]);
    assert_eq!(console.transmit(&[]), Ok(0));
    assert_eq!(console.errors(), LineErrors::default());
}

#[test]
fn what_nobody_takes_stays_in_the_device() {
    let (device, mut console) = console();
    assert_eq!((0..100).take_while(|_| device.fill(RECEIVE, &[7; 100], 100)).count(), 32);
    assert_eq!(console.is_interrupting(), Ok(true));
    // One buffer is taken, so there is one again.
    assert_eq!((0..100).take_while(|_| device.fill(RECEIVE, &[7; 100], 100)).count(), 1);
    let mut buffer = vec![0; 10_000];
    assert_eq!(console.receive(&mut buffer), Ok(3300));
}

#[test]
fn a_device_that_lies_is_broken() {
    let (device, mut liar) = console();
    assert!(device.fill(RECEIVE, &[], 513));
    assert_eq!(liar.is_interrupting(), Err(Broken));
    let (device, mut liar) = console();
    device.done_of(SEND, 3, 0);
    assert_eq!(liar.transmit(b"text"), Err(Broken));
    let (device, mut liar) = console();
    device.state().status |= 64;
    assert_eq!(liar.is_interrupting(), Err(Broken));
    let small = ModelDevice::new(0, Vec::new());
    small.state().queue_size = 1;
    assert_eq!(open(&small).map(drop).unwrap_err(), SetupError::NoQueue(0));
    // Buffers without anything in them do not keep anybody for ever.
    let (device, mut console) = console();
    for _ in 0..32 {
        assert!(device.fill(RECEIVE, &[], 0));
    }
    assert_eq!(console.receive(&mut [0; 8]), Ok(0));
}
