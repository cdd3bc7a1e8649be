//! A register model of the BNO055 at the other end of the line.

use crate::Chip;
use crate::registers::{CHIP, CHIP_ID, GYRO_DATA, NDOF, OPERATION_MODE, UNIT_SELECT};
use airox_sensor_server::testing::Bench;
use std::vec;
use std::vec::Vec;

pub const MILLISECOND: u64 = 1_000_000;
pub const LIMIT: u64 = 500 * MILLISECOND;
pub const RATE: u32 = 50;

/// What the chip does with the next requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answers nothing.
    Silent,
    /// Answers this.
    Says(Vec<u8>),
    /// Answers as it should, without the byte at this place.
    Drops(usize),
    /// Answers as it should, after this.
    Noise(Vec<u8>),
    /// Is reset, and answers nothing.
    Reset,
}

pub struct Model {
    pub registers: [u8; 128],
    pub faults: Vec<Fault>,
    /// Requests so far.
    pub requests: Vec<Vec<u8>>,
    pub plugged: bool,
}

impl Model {
    pub fn new() -> Model {
        let mut model = Model { registers: [0; 128], faults: Vec::new(), requests: Vec::new(), plugged: true };
        model.reset();
        model
    }

    pub fn reset(&mut self) {
        self.registers = [0; 128];
        self.registers[usize::from(CHIP_ID)] = CHIP;
        self.registers[usize::from(UNIT_SELECT)] = 0x80;
        self.registers[usize::from(OPERATION_MODE)] = 0x10;
    }

    /// Puts signed numbers of two bytes at an offset from the gyroscope's data.
    pub fn put(&mut self, register: u8, values: &[i16]) {
        for (index, value) in values.iter().enumerate() {
            let at = usize::from(register) + 2 * index;
            self.registers[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// A chip that lies flat, turns and moves.
    pub fn measure(&mut self) {
        self.put(GYRO_DATA, &[900, -450, 0]);
        self.put(0x20, &[16_384, 0, 0, 0]);
        self.put(0x28, &[100, -250, 981]);
        self.registers[0x34] = (-5_i8) as u8;
        self.registers[0x35] = 0xff;
        self.registers[0x39] = 5;
    }

    fn obey(&mut self, request: &[u8]) -> Vec<u8> {
        match *request {
            [0xaa, 0x00, register, 1, value] => {
                let mode = self.registers[usize::from(OPERATION_MODE)] & 0x0f;
                if mode != 0 && register != OPERATION_MODE && register != 0x07 {
                    return vec![0xee, 0x05];
                }
                self.registers[usize::from(register)] = value;
                if register == OPERATION_MODE && value == NDOF {
                    self.measure();
                }
                vec![0xee, 0x01]
            }
            [0xaa, 0x01, register, count] => {
                let first = usize::from(register);
                let mut answer = vec![0xbb, count];
                answer.extend_from_slice(&self.registers[first..first + usize::from(count)]);
                answer
            }
            _ => vec![0xee, 0x06],
        }
    }

    pub fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        self.requests.push(request.to_vec());
        if !self.plugged {
            return Vec::new();
        }
        if self.faults.is_empty() {
            return self.obey(request);
        }
        match self.faults.remove(0) {
            Fault::Silent => Vec::new(),
            Fault::Says(bytes) => bytes,
            Fault::Drops(at) => {
                let mut answer = self.obey(request);
                answer.remove(at.min(answer.len() - 1));
                answer
            }
            Fault::Noise(mut bytes) => {
                bytes.extend(self.obey(request));
                bytes
            }
            Fault::Reset => {
                self.reset();
                Vec::new()
            }
        }
    }
}

pub struct Pair {
    pub bench: Bench<Chip>,
    pub model: Model,
}

impl Pair {
    pub fn new() -> Pair {
        let chip = Chip::new(RATE).expect("a rate that can be");
        Pair { bench: Bench::new(chip, LIMIT), model: Model::new() }
    }

    /// Time passes in steps of a millisecond, in each of which the chip answers.
    pub fn pass(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.bench.pass(MILLISECOND);
            let request = self.bench.line.sent();
            if !request.is_empty() {
                let answer = self.model.answer(&request);
                self.bench.arrive(&answer);
            }
        }
    }

    /// Until it reads at its rate.
    pub fn ready() -> Pair {
        let mut pair = Pair::new();
        pair.pass(100);
        assert!(pair.bench.read().is_ok(), "{:?}", pair.bench.read());
        pair
    }
}
