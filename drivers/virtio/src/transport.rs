//! Setting a device up (section 3.1) through its registers on PCI (section 4.1.4).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::pci::{capabilities, capability};
use airox_driver_traits::registers::Registers;
use core::fmt;

use crate::queue::Queue;

/// Feature bits of every device (section 6).
pub mod feature {
    /// The device is a modern one.
    pub const VERSION_1: u64 = 1 << 32;
    /// Addresses are the platform's to translate, as an IOMMU does.
    pub const ACCESS_PLATFORM: u64 = 1 << 33;
}

/// Kinds of virtio capabilities (section 4.1.4).
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const DEVICE: u8 = 4;

/// Common registers (section 4.1.4.3).
mod common {
    pub const LENGTH: u64 = 0x38;
    pub const DEVICE_FEATURE_SELECT: usize = 0x00;
    pub const DEVICE_FEATURE: usize = 0x04;
    pub const DRIVER_FEATURE_SELECT: usize = 0x08;
    pub const DRIVER_FEATURE: usize = 0x0c;
    pub const STATUS: usize = 0x14;
    pub const GENERATION: usize = 0x15;
    pub const QUEUE_SELECT: usize = 0x16;
    pub const QUEUE_SIZE: usize = 0x18;
    pub const QUEUE_VECTOR: usize = 0x1a;
    pub const QUEUE_ENABLE: usize = 0x1c;
    pub const QUEUE_NOTIFY_OFFSET: usize = 0x1e;
    pub const QUEUE_DESCRIPTORS: usize = 0x20;
    pub const QUEUE_DRIVER: usize = 0x28;
    pub const QUEUE_DEVICE: usize = 0x30;
}

/// Bits of the device's status (section 2.1).
mod status {
    pub const ACKNOWLEDGE: u8 = 1;
    pub const DRIVER: u8 = 2;
    pub const DRIVER_OK: u8 = 4;
    pub const FEATURES_OK: u8 = 8;
    pub const NEEDS_RESET: u8 = 64;
}

/// So often the device is asked whether its reset is done. Each look is a register's read, some hundred nanoseconds at least.
const RESET_LOOKS: u32 = 1_000_000;

/// Why a device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Its capabilities do not tell where its registers are, or they are not among what the driver has.
    NoRegisters,
    /// Its reset does not end.
    NoReset,
    /// It lacks a feature that the driver needs.
    NoFeature,
    /// It does not accept the features the driver chose.
    FeaturesRefused,
    /// It has no queue of this number, or one too small for anything.
    NoQueue(u16),
    /// The memory does not hold the queue.
    NoMemory,
    /// It has no interrupt for the queue.
    NoInterrupt,
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::NoRegisters => formatter.write_str("the device does not tell where its registers are"),
            SetupError::NoReset => formatter.write_str("the device does not come out of its reset"),
            SetupError::NoFeature => formatter.write_str("the device lacks a feature that is needed"),
            SetupError::FeaturesRefused => formatter.write_str("the device refuses the features"),
            SetupError::NoQueue(number) => write!(formatter, "the device has no queue {number}"),
            SetupError::NoMemory => formatter.write_str("there is not enough memory for a queue"),
            SetupError::NoInterrupt => formatter.write_str("the device has no interrupt for a queue"),
        }
    }
}

impl core::error::Error for SetupError {}

/// A device's registers.
#[derive(Debug)]
pub struct Transport<R> {
    common: R,
    notify: R,
    device: Option<R>,
    notify_multiplier: u32,
}

impl<R: Registers> Transport<R> {
    /// Finds the registers by the capabilities in `configuration`; `window` gives the bytes of a base address register's memory.
    ///
    /// # Errors
    /// [`SetupError::NoRegisters`].
    pub fn find(
        configuration: &mut impl Registers,
        mut window: impl FnMut(u8, u64, u64) -> Option<R>,
    ) -> Result<Transport<R>, SetupError> {
        let mut multiplier = 0;
        let (mut common, mut notify, mut device) = (None, None, None);
        for vendor in capabilities(configuration).iter().filter(|it| it.id == capability::VENDOR) {
            let at = vendor.offset;
            let (kind, bar) = (configuration.read_u8(at + 3), configuration.read_u8(at + 4));
            let (offset, length) = (configuration.read_u32(at + 8), configuration.read_u32(at + 12));
            let mut open = || window(bar, offset.into(), length.into());
            // The first of each kind that can be used is meant (section 4.1.4.1).
            match kind {
                COMMON if common.is_none() && u64::from(length) >= common::LENGTH => common = open(),
                NOTIFY if notify.is_none() => {
                    notify = open();
                    multiplier = configuration.read_u32(at + 16);
                }
                DEVICE if device.is_none() => device = open(),
                _ => {}
            }
        }
        match (common, notify) {
            (Some(common), Some(notify)) => Ok(Transport { common, notify, device, notify_multiplier: multiplier }),
            _ => Err(SetupError::NoRegisters),
        }
    }

    /// Resets the device and takes, of the features it offers, those of `wanted`; all of `needed` must be among them. Returns what was taken.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn begin(&mut self, needed: u64, wanted: u64) -> Result<u64, SetupError> {
        self.common.write_u8(common::STATUS, 0);
        if (0..RESET_LOOKS).all(|_| self.common.read_u8(common::STATUS) != 0) {
            return Err(SetupError::NoReset);
        }
        self.common.write_u8(common::STATUS, status::ACKNOWLEDGE | status::DRIVER);
        let needed = needed | feature::VERSION_1;
        let mut offered = 0;
        for half in 0..2 {
            self.common.write_u32(common::DEVICE_FEATURE_SELECT, half);
            offered |= u64::from(self.common.read_u32(common::DEVICE_FEATURE)) << (32 * half);
        }
        if offered & needed != needed {
            return Err(SetupError::NoFeature);
        }
        let taken = offered & (needed | wanted | feature::ACCESS_PLATFORM);
        for half in 0..2 {
            self.common.write_u32(common::DRIVER_FEATURE_SELECT, half);
            self.common.write_u32(common::DRIVER_FEATURE, (taken >> (32 * half)) as u32);
        }
        let accepted = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
        self.common.write_u8(common::STATUS, accepted);
        if self.common.read_u8(common::STATUS) & status::FEATURES_OK == 0 {
            return Err(SetupError::FeaturesRefused);
        }
        Ok(taken)
    }

    /// Sets a queue up in `memory` (see [`Queue::bytes`]), with `most` descriptors or fewer, if the device has fewer. Its completions are told by the
    /// interrupt of this number.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn queue<D: DmaMemory>(
        &mut self,
        number: u16,
        most: u16,
        interrupt: u16,
        memory: D,
    ) -> Result<Queue<D>, SetupError> {
        const NO_VECTOR: u16 = 0xffff;
        self.common.write_u16(common::QUEUE_SELECT, number);
        let largest = self.common.read_u16(common::QUEUE_SIZE).min(most);
        // A power of two (section 2.7): the highest that is not larger.
        let size = largest.checked_ilog2().map_or(0, |log| 1_u16 << log);
        if size < 2 {
            return Err(SetupError::NoQueue(number));
        }
        let base = memory.device_address();
        let queue = Queue::new(size, memory).ok_or(SetupError::NoMemory)?;
        self.common.write_u16(common::QUEUE_SIZE, size);
        self.common.write_u16(common::QUEUE_VECTOR, interrupt);
        if self.common.read_u16(common::QUEUE_VECTOR) == NO_VECTOR {
            return Err(SetupError::NoInterrupt);
        }
        let (driver, device) = queue.rings();
        for (register, offset) in
            [(common::QUEUE_DESCRIPTORS, 0), (common::QUEUE_DRIVER, driver), (common::QUEUE_DEVICE, device)]
        {
            // Two halves: the device need not take 64 bits at once (section 4.1.3.1).
            let address = base + offset as u64;
            self.common.write_u32(register, address as u32);
            self.common.write_u32(register + 4, (address >> 32) as u32);
        }
        self.common.write_u16(common::QUEUE_ENABLE, 1);
        let offset = u64::from(self.common.read_u16(common::QUEUE_NOTIFY_OFFSET)) * u64::from(self.notify_multiplier);
        Ok(queue.notified_at(number, usize::try_from(offset).unwrap_or(usize::MAX)))
    }

    /// The device may begin.
    pub fn go(&mut self) {
        let status = self.common.read_u8(common::STATUS);
        self.common.write_u8(common::STATUS, status | status::DRIVER_OK);
    }

    /// Whether the device says that it cannot go on.
    pub fn needs_reset(&mut self) -> bool {
        self.common.read_u8(common::STATUS) & status::NEEDS_RESET != 0
    }

    /// Tells the device that a queue has something new.
    pub fn notify<D: DmaMemory>(&mut self, queue: &Queue<D>) {
        let (number, offset) = queue.notification();
        self.notify.write_u16(offset, number);
    }

    /// Reads registers of this kind of device, all from one state of the device (section 2.5.1); `None` if it has none, or never rests.
    pub fn configuration<T>(&mut self, mut read: impl FnMut(&mut R) -> T) -> Option<T> {
        const TRIES: u32 = 16;
        let device = self.device.as_mut()?;
        (0..TRIES).find_map(|_| {
            let before = self.common.read_u8(common::GENERATION);
            let value = read(device);
            (self.common.read_u8(common::GENERATION) == before).then_some(value)
        })
    }
}
