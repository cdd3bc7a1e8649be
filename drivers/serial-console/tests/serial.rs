//! The serial console on a register model of the UART.

use airox_serial_console::{SPEED, SerialConsole};
use airox_terminal::{CallRefused, FlushCall, Gone, Interrupt, Mode, Progress, ReadCall, WriteCall};
use airox_uart16550::model::{BASE, LSR_FRAMING, LSR_OVERRUN, Model, Speed};
use airox_uart16550::{LineErrors, Uart, UartError};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Default)]
struct Text(Vec<u8>, Rc<Cell<bool>>);

impl WriteCall for Text {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn fetch(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), Gone> {
        buffer.copy_from_slice(&self.0[offset..offset + buffer.len()]);
        Ok(())
    }

    fn answer(self, result: Result<(), CallRefused>) {
        assert_eq!(result, Ok(()));
        self.1.set(true);
    }
}

struct Reader(Rc<RefCell<Vec<u8>>>);

impl ReadCall for Reader {
    fn length(&self) -> usize {
        4096
    }

    fn is_alive(&self) -> bool {
        true
    }

    fn deliver(self, bytes: &[u8]) -> Result<(), Gone> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn refuse(self, why: CallRefused) {
        panic!("{why}");
    }
}

struct Flush(Rc<Cell<bool>>);

impl FlushCall for Flush {
    fn answer(self, result: Result<(), CallRefused>) {
        assert_eq!(result, Ok(()));
        self.0.set(true);
    }
}

struct Bell(Rc<Cell<u32>>);

impl Interrupt for Bell {
    fn notify(&self) -> Result<(), Gone> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

type Serial = SerialConsole<Model, Text, Reader, Flush, Bell>;

fn start(model: &Model) -> Serial {
    let mut early = [0; 16];
    let (uart, count) = Uart::start(model.clone(), BASE, SPEED, &mut early).expect("the UART answers");
    SerialConsole::new(uart, &early[..count], (80, 24))
}

/// The interrupt controller and the server loop: an edge is a rise of the line.
fn run(serial: &mut Serial, model: &Model) {
    loop {
        while model.line() {
            while serial.interrupt() == Progress::More {}
            assert!(!model.line(), "the line stayed high: no further edge would come");
        }
        if !model.tick() {
            return;
        }
    }
}

fn write(serial: &mut Serial, text: &[u8]) -> Rc<Cell<bool>> {
    let done = Rc::<Cell<bool>>::default();
    serial.console().write(Text(text.to_vec(), done.clone()));
    if serial.advance() == Progress::More {
        while serial.interrupt() == Progress::More {}
    }
    done
}

fn read(serial: &mut Serial) -> Rc<RefCell<Vec<u8>>> {
    let got = Rc::<RefCell<Vec<u8>>>::default();
    serial.console().read(Reader(got.clone()));
    got
}

#[test]
fn a_missing_device_is_an_error() {
    let mut early = [0; 16];
    let result = Uart::start(Model::absent(), BASE, SPEED, &mut early);
    assert_eq!(result.err(), Some(UartError::NotPresent(BASE)));
    let result = Uart::start(Model::absent(), 0xfffc, SPEED, &mut early);
    assert_eq!(result.err(), Some(UartError::BadPort(0xfffc)));
}

#[test]
fn speed_is_115200_and_early_input_is_kept() {
    let model = Model::new(Speed::Instant);
    model.arrive(b"ps\r");
    let mut serial = start(&model);
    assert_eq!(model.divisor(), 1);
    let got = read(&mut serial);
    assert_eq!(*got.borrow(), b"ps\n");
}

#[test]
fn output_reaches_the_wire_by_interrupts() {
    for speed in [Speed::Instant, Speed::Ticks] {
        let model = Model::new(speed);
        let mut serial = start(&model);
        let text: Vec<u8> = (0..20_000u32).map(|n| b'a' + (n % 26) as u8).collect();
        let done = write(&mut serial, &text);
        let before = model.reads();
        run(&mut serial, &model);
        assert!(done.get());
        assert_eq!(model.wire(), text, "{speed:?}");
        if speed == Speed::Ticks {
            // A dozen register accesses a FIFO load: no waiting in loops.
            assert!(model.reads() - before < 20_000 / 16 * 12);
        }
    }
}

#[test]
fn flush_is_answered_when_the_last_bit_is_out() {
    let model = Model::new(Speed::Ticks);
    let mut serial = start(&model);
    write(&mut serial, b"goodbye\n");
    let flushed = Rc::<Cell<bool>>::default();
    serial.console().flush(Flush(flushed.clone()));
    assert_eq!(serial.advance(), Progress::Done);
    assert!(!flushed.get());
    while !flushed.get() {
        assert!(model.tick(), "the wire is silent and the flush not answered");
        if model.line() {
            assert_eq!(serial.interrupt(), Progress::Done);
        }
    }
    assert_eq!(model.wire(), b"goodbye\r\n");
    let idle = Rc::<Cell<bool>>::default();
    serial.console().flush(Flush(idle.clone()));
    assert_eq!(serial.advance(), Progress::Done);
    assert!(idle.get());
}

#[test]
fn input_is_echoed_and_read() {
    let model = Model::new(Speed::Ticks);
    let mut serial = start(&model);
    let got = read(&mut serial);
    for byte in b"hi\r" {
        model.arrive(&[*byte]);
        run(&mut serial, &model);
    }
    assert_eq!(*got.borrow(), b"hi\n");
    assert_eq!(model.wire(), b"hi\r\n");
    serial.console().set_mode(Mode::Raw);
    let bell = Rc::<Cell<u32>>::default();
    let registered = serial.console().set_interrupt(1, Some(Bell(bell.clone())));
    assert_eq!(registered, Ok(()));
    model.arrive(b"\x03");
    run(&mut serial, &model);
    assert_eq!(bell.get(), 1);
}

#[test]
fn line_errors_are_counted() {
    let model = Model::new(Speed::Instant);
    let mut serial = start(&model);
    model.arrive(&[b'x'; 20]);
    run(&mut serial, &model);
    model.fail(LSR_FRAMING);
    run(&mut serial, &model);
    model.fail(LSR_FRAMING | LSR_OVERRUN);
    run(&mut serial, &model);
    let errors = serial.errors();
    let expected = LineErrors { overrun: 2, framing: 2, ..LineErrors::default() };
    assert_eq!((errors, errors.total()), (expected, 4));
}

#[test]
fn a_flood_does_not_hold_the_driver() {
    let model = Model::new(Speed::Instant);
    let mut serial = start(&model);
    // Every look at the device finds more, as if the sender never stopped.
    struct Flood(Model);
    impl airox_driver_traits::PortIo for Flood {
        fn read_u8(&mut self, port: u16) -> u8 {
            self.0.arrive(b"zzzz");
            self.0.read_u8(port)
        }
        fn write_u8(&mut self, port: u16, value: u8) {
            self.0.write_u8(port, value);
        }
        fn read_u16(&mut self, port: u16) -> u16 {
            self.0.read_u16(port)
        }
        fn write_u16(&mut self, port: u16, value: u16) {
            self.0.write_u16(port, value);
        }
    }
    assert_eq!(serial.interrupt(), Progress::Done);
    let mut early = [0; 16];
    let (uart, _) = Uart::start(Flood(model), BASE, SPEED, &mut early).expect("the UART answers");
    let mut serial: SerialConsole<Flood, Text, Reader, Flush, Bell> = SerialConsole::new(uart, &early, (80, 24));
    assert_eq!(serial.interrupt(), Progress::More);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_reordered(
        texts in prop::collection::vec("[a-z]{0,300}", 1..12),
        ticks in prop::collection::vec(0..40usize, 12),
    ) {
        let model = Model::new(Speed::Ticks);
        let mut serial = start(&model);
        for (text, ticks) in texts.iter().zip(ticks) {
            write(&mut serial, text.as_bytes());
            for _ in 0..ticks {
                model.tick();
                if model.line() {
                    while serial.interrupt() == Progress::More {}
                }
            }
        }
        run(&mut serial, &model);
        prop_assert_eq!(model.wire(), texts.concat().into_bytes());
    }
}
