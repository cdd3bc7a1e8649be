//! A virtio network interface (VIRTIO 1.2, section 5.1): a queue of frames that came, and one of frames to send, each behind a header of 12 bytes.
//!
//! No offloads are taken, so headers say nothing and frames have their usual length.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::network::{Link, MAX_FRAME, MacAddress, NetworkDevice, Received};
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::Registers;
use airox_virtio::{Inbox, Outbox, SetupError, Shape, Transport};

/// Feature bits (section 5.1.3).
mod feature {
    pub const ADDRESS: u64 = 1 << 5;
    pub const STATUS: u64 = 1 << 16;
}

/// Device registers (section 5.1.4).
const ADDRESS: usize = 0;
const STATUS: usize = 6;
const LINK_UP: u16 = 1;

/// Bytes before each frame (section 5.1.6).
const HEADER: usize = 12;
const BUFFER: u32 = 2048;
const RECEIVE: Shape = Shape { number: 0, count: 64, length: BUFFER };
const SEND: Shape = Shape { number: 1, count: 32, length: BUFFER };

/// A virtio network interface.
#[derive(Debug)]
pub struct VirtioNet<R, D> {
    transport: Transport<R>,
    inbox: Inbox<D>,
    outbox: Outbox<D>,
    address: MacAddress,
    tells_link: bool,
}

impl<R: Registers, D: DmaMemory> VirtioNet<R, D> {
    /// Sets the device up. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts by its first interrupt.
    ///
    /// # Errors
    /// Why the device cannot be driven.
    pub fn new<E: From<SetupError>>(
        mut transport: Transport<R>,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<VirtioNet<R, D>, E> {
        let features = transport.begin(feature::ADDRESS, feature::STATUS)?;
        let read = |device: &mut R| core::array::from_fn(|index| device.read_u8(ADDRESS + index));
        let address = MacAddress(transport.configuration(read).ok_or(SetupError::NoRegisters)?);
        let inbox = Inbox::new(&mut transport, RECEIVE, &mut memory)?;
        let outbox = Outbox::new(&mut transport, SEND, &mut memory)?;
        transport.go();
        Ok(VirtioNet { transport, inbox, outbox, address, tells_link: features & feature::STATUS != 0 })
    }
}

impl<R: Registers, D: DmaMemory> NetworkDevice for VirtioNet<R, D> {
    fn address(&self) -> MacAddress {
        self.address
    }

    fn link(&mut self) -> Link {
        let status = self.transport.configuration(|device| device.read_u16(STATUS));
        // A device that does not tell is always up (section 5.1.4).
        Link { up: !self.tells_link || status.is_some_and(|status| status & LINK_UP != 0), megabits: None }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Full> {
        let mut bytes = [0; HEADER + MAX_FRAME];
        let place = bytes.get_mut(HEADER..HEADER + frame.len()).ok_or(Full)?;
        place.copy_from_slice(frame);
        self.outbox.send(&mut self.transport, &bytes[..HEADER + frame.len()])
    }

    fn receive(&mut self) -> Result<Option<Received>, Broken> {
        let came = self.inbox.next(&mut self.transport)?;
        Ok(came.map(|bytes| bytes.get(HEADER..).map_or(Received::Damaged, |frame| Received::from_bytes(frame.into()))))
    }

    fn interrupted(&mut self) -> Result<(), Broken> {
        self.outbox.reclaim().map(drop)
    }
}
