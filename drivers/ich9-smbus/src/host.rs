//! The host: transactions of I2C as far as it can do them.

use crate::registers::{ADDRESS, COMMAND, CONTROL, DATA_0, DATA_1, Protocol, READ, STATUS, control, status};
use airox_driver_traits::i2c::{ErrorType, I2c, I2cFault, Operation};
use airox_driver_traits::patience::Patience;
use airox_driver_traits::registers::Registers;

/// Looks at the status until a transaction that was ended is over: the datasheet gives no time.
const LOOKS: u32 = 10_000;

/// A host.
#[derive(Debug)]
pub struct Host<R, P> {
    registers: R,
    patience: P,
}

/// One transaction in the host's terms.
struct Transaction {
    protocol: Protocol,
    /// The address, and whether it reads.
    address: u8,
    command: u8,
    data: [u8; 2],
}

impl<R: Registers, P: Patience> Host<R, P> {
    /// A host whose last user may have been interrupted.
    pub fn new(registers: R, patience: P) -> Host<R, P> {
        let mut host = Host { registers, patience };
        host.end();
        host
    }

    /// Ends the transaction that is under way, if there is one. Returns whether the host is free then.
    fn end(&mut self) -> bool {
        if self.status() & status::BUSY != 0 {
            self.registers.write_u8(CONTROL, control::KILL);
        }
        let free = (0..LOOKS).any(|_| self.status() & status::BUSY == 0);
        self.registers.write_u8(CONTROL, 0);
        self.registers.write_u8(STATUS, status::ENDS);
        free
    }

    /// A host that is gone reads as busy and failed at once.
    fn status(&mut self) -> u8 {
        self.registers.read_u8(STATUS)
    }

    /// Begins a transaction.
    fn start(&mut self, transaction: &Transaction) -> Result<(), I2cFault> {
        if self.status() & status::BUSY != 0 && !self.end() {
            return Err(I2cFault::Failed);
        }
        self.registers.write_u8(STATUS, status::ENDS);
        self.registers.write_u8(ADDRESS, transaction.address);
        self.registers.write_u8(COMMAND, transaction.command);
        self.registers.write_u8(DATA_0, transaction.data[0]);
        self.registers.write_u8(DATA_1, transaction.data[1]);
        self.patience.begin();
        let bits = transaction.protocol as u8 | control::INTERRUPT | control::START;
        self.registers.write_u8(CONTROL, bits);
        Ok(())
    }

    /// Waits until the transaction is done, or failed.
    fn until_done(&mut self) -> Result<(), I2cFault> {
        loop {
            let now = self.status();
            let failed = match now {
                now if now & status::COLLISION != 0 => Some(I2cFault::ArbitrationLost),
                now if now & status::KILLED != 0 => Some(I2cFault::Failed),
                now if now & status::DEVICE_ERROR != 0 => Some(I2cFault::NotAcknowledged),
                now if now & status::DONE != 0 => None,
                _ if self.patience.wait() => continue,
                _ => Some(I2cFault::Timeout),
            };
            return match failed {
                None => Ok(()),
                Some(fault) => {
                    let free = self.end();
                    Err(if free { fault } else { I2cFault::Failed })
                }
            };
        }
    }

    fn run(&mut self, transaction: &Transaction) -> Result<[u8; 2], I2cFault> {
        self.start(transaction)?;
        self.until_done()?;
        let data = [self.registers.read_u8(DATA_0), self.registers.read_u8(DATA_1)];
        self.registers.write_u8(STATUS, status::ENDS);
        Ok(data)
    }
}

impl<R, P> ErrorType for Host<R, P> {
    type Error = I2cFault;
}

impl<R: Registers, P: Patience> I2c for Host<R, P> {
    /// Does what the host can do: the address alone; one byte written or read; a command with up to two bytes written; a command, then
    /// one or two bytes read.
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), I2cFault> {
        if address > 0x7f {
            return Err(I2cFault::BadAddress);
        }
        let (writes, reads) = (address << 1, address << 1 | READ);
        let simple = |protocol, address, command, data| Transaction { protocol, address, command, data };
        match operations {
            [Operation::Write([])] => self.run(&simple(Protocol::Quick, writes, 0, [0; 2])).map(drop),
            [Operation::Write([byte])] => self.run(&simple(Protocol::Byte, writes, *byte, [0; 2])).map(drop),
            [Operation::Write([command, byte])] => {
                self.run(&simple(Protocol::ByteData, writes, *command, [*byte, 0])).map(drop)
            }
            [Operation::Write([command, low, high])] => {
                self.run(&simple(Protocol::WordData, writes, *command, [*low, *high])).map(drop)
            }
            [Operation::Read([byte])] => {
                self.run(&simple(Protocol::Byte, reads, 0, [0; 2])).map(|[read, _]| *byte = read)
            }
            [Operation::Write([command]), Operation::Read([byte])] => {
                let transaction = simple(Protocol::ByteData, reads, *command, [0; 2]);
                self.run(&transaction).map(|[read, _]| *byte = read)
            }
            [Operation::Write([command]), Operation::Read([low, high])] => {
                let transaction = simple(Protocol::WordData, reads, *command, [0; 2]);
                self.run(&transaction).map(|read| [*low, *high] = read)
            }
            _ => Err(I2cFault::Unsupported),
        }
    }
}
