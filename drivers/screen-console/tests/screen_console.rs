//! The screen console from key to pixel.

use airox_driver_traits::PortIo;
use airox_screen_console::{Canvas, Controller, FRAME_NS, Geometry, Keyboard, Painter, ScreenConsole};
use airox_terminal::{CallRefused, FlushCall, Gone, Interrupt, Mode, Progress, ReadCall, WriteCall};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// A controller that acknowledges everything and holds scan codes.
#[derive(Clone, Default)]
struct Ports {
    answers: Rc<RefCell<VecDeque<u8>>>,
}

impl PortIo for Ports {
    fn read_u8(&mut self, port: u16) -> u8 {
        let mut answers = self.answers.borrow_mut();
        match port {
            0x64 => u8::from(!answers.is_empty()),
            _ => answers.pop_front().unwrap_or(0),
        }
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        let answer = match (port, value) {
            (0x64, 0x20) => Some(0x43),
            (0x64, 0xaa) => Some(0x55),
            (0x64, 0xab) => Some(0x00),
            (0x60, 0xf4 | 0xf6) => Some(0xfa),
            _ => None,
        };
        self.answers.borrow_mut().extend(answer);
    }

    fn read_u16(&mut self, _port: u16) -> u16 {
        0
    }

    fn write_u16(&mut self, _port: u16, _value: u16) {}
}

struct Pixels {
    bytes: Vec<u8>,
    writes: Rc<Cell<usize>>,
}

impl Canvas for Pixels {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.writes.set(self.writes.get() + 1);
    }
}

struct Text(Vec<u8>, Rc<Cell<bool>>);

impl WriteCall for Text {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn fetch(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), Gone> {
        buffer.copy_from_slice(&self.0[offset..offset + buffer.len()]);
        Ok(())
    }

    fn answer(self, _result: Result<(), CallRefused>) {
        self.1.set(true);
    }
}

struct Reader(Rc<RefCell<Vec<u8>>>);

impl ReadCall for Reader {
    fn length(&self) -> usize {
        64
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
    fn answer(self, _result: Result<(), CallRefused>) {
        self.0.set(true);
    }
}

struct Bell;

impl Interrupt for Bell {
    fn notify(&self) -> Result<(), Gone> {
        Ok(())
    }
}

type Tested = ScreenConsole<Ports, Pixels, Text, Reader, Flush, Bell>;

fn console() -> (Tested, Ports, Rc<Cell<usize>>) {
    let ports = Ports::default();
    let (controller, _) = Controller::start(ports.clone()).expect("the controller works");
    let (console, writes) = console_with(Some(controller));
    (console, ports, writes)
}

fn console_with(controller: Option<Controller<Ports>>) -> (Tested, Rc<Cell<usize>>) {
    let mapped = 640 * 480 * 4;
    let geometry = Geometry::from_arguments(["framebuffer=640x480:640:4:1:0"], mapped);
    let writes = Rc::<Cell<usize>>::default();
    let canvas = Pixels { bytes: vec![0; mapped], writes: writes.clone() };
    let painter = Painter::new(canvas, geometry.expect("it fits"));
    let keyboard = Keyboard::from_arguments([]).expect("us104 is known");
    let console = ScreenConsole::new(painter, controller, keyboard).expect("the size is possible");
    (console, writes)
}

fn write(console: &mut Tested, text: &str) -> (Progress, Rc<Cell<bool>>) {
    let done = Rc::<Cell<bool>>::default();
    console.console().write(Text(text.into(), done.clone()));
    (console.advance(), done)
}

#[test]
fn keys_are_read_and_echoed_as_pixels() {
    let (mut console, ports, _) = console();
    let got = Rc::<RefCell<Vec<u8>>>::default();
    console.console().read(Reader(got.clone()));
    // h, i, Enter
    let codes = [0x23, 0xa3, 0x17, 0x97, 0x1c, 0x9c];
    ports.answers.borrow_mut().extend(codes);
    assert_eq!(console.interrupt(), Progress::Done);
    assert_eq!(*got.borrow(), b"hi\n");
    assert_eq!(console.refresh(0), None);
    let pixels = console.into_canvas().bytes;
    assert!(pixels[..640 * 4 * 16].iter().any(|&byte| byte > 100));
}

#[test]
fn other_keyboards_type_without_a_ps2_controller() {
    let (mut console, _) = console_with(None);
    let got = Rc::<RefCell<Vec<u8>>>::default();
    console.console().read(Reader(got.clone()));
    assert_eq!(console.interrupt(), Progress::Done);
    // h, i, Enter
    for usage in [11, 12, 40] {
        assert_eq!(console.key(usage, true), Progress::Done);
        assert_eq!(console.key(usage, false), Progress::Done);
    }
    assert_eq!(*got.borrow(), b"hi\n");
}

#[test]
fn painting_is_paced_and_flush_paints_at_once() {
    let (mut console, _, writes) = console();
    assert_eq!(console.refresh(1000), None);
    let painted = writes.get();
    assert_eq!(write(&mut console, "one").0, Progress::Done);
    assert_eq!(console.refresh(1001), Some(1000 + FRAME_NS));
    assert_eq!(writes.get(), painted);
    assert_eq!(console.refresh(1000 + FRAME_NS), None);
    assert!(writes.get() > painted);
    let painted = writes.get();
    assert_eq!(console.refresh(u64::MAX), None);
    assert_eq!(writes.get(), painted);
    assert_eq!(write(&mut console, "two").0, Progress::Done);
    let flushed = Rc::<Cell<bool>>::default();
    console.console().flush(Flush(flushed.clone()));
    assert_eq!(console.advance(), Progress::Done);
    assert!(flushed.get() && writes.get() > painted);
}

#[test]
fn long_output_leaves_time_for_others() {
    let (mut console, _, _) = console();
    let (mut progress, done) = write(&mut console, &"line\n".repeat(20_000));
    let mut rounds = 0;
    while progress == Progress::More {
        progress = console.advance();
        rounds += 1;
    }
    assert!(rounds > 3 && done.get());
}

#[test]
fn cursor_position_is_reported_to_raw_readers() {
    let (mut console, _, _) = console();
    console.console().set_mode(Mode::Raw);
    let asked = write(&mut console, "\x1b[5;9H\x1b[6n");
    assert_eq!(asked.0, Progress::Done);
    let got = Rc::<RefCell<Vec<u8>>>::default();
    console.console().read(Reader(got.clone()));
    assert_eq!(*got.borrow(), b"\x1b[5;9R");
    assert_eq!(console.console().set_interrupt(1, Some(Bell)), Ok(()));
}
