//! A [`Console`] on a screen and a keyboard.

use crate::controller::Controller;
use crate::keyboard::Keyboard;
use crate::painter::{Canvas, Painter};
use airox_driver_traits::PortIo;
use airox_terminal::{
    ClientInterrupt, Console, ConsoleDevice, FlushCall, Interrupt, Progress, ReadCall, SavedFlush, SavedRead,
    SavedWrite, Screen, ScreenTooLarge, ServedConsole, WriteCall,
};

/// Shortest time between two paintings, in nanoseconds: 60 a second.
pub const FRAME_NS: u64 = 16_000_000;

/// Bytes of output taken in one call.
const BURST: usize = 16 * 1024;
/// Bytes taken at a time.
const CHUNK: usize = 512;

/// The screen console: clients' calls on one side, frame buffer and keyboard on the other.
pub struct ScreenConsole<P: PortIo, C: Canvas, W, R, F, I> {
    console: Console<W, R, F, I>,
    screen: Screen,
    painter: Painter<C>,
    /// The PS/2 controller, if the machine has one that works.
    controller: Option<Controller<P>>,
    keyboard: Keyboard,
    /// When the screen was painted last, in nanoseconds since boot.
    painted: Option<u64>,
    changed: bool,
}

impl<P, C, W, R, F, I> ScreenConsole<P, C, W, R, F, I>
where
    P: PortIo,
    C: Canvas,
    W: WriteCall,
    R: ReadCall,
    F: FlushCall,
    I: Interrupt,
{
    /// A blank console.
    ///
    /// # Errors
    /// [`ScreenTooLarge`] if not one character fits on the screen, or more than the screen model holds.
    pub fn new(
        painter: Painter<C>,
        controller: Option<Controller<P>>,
        keyboard: Keyboard,
    ) -> Result<Self, ScreenTooLarge> {
        let (columns, rows) = painter.size();
        Ok(ScreenConsole {
            console: Console::new(),
            screen: Screen::new(columns, rows)?,
            painter,
            controller,
            keyboard,
            painted: None,
            changed: true,
        })
    }

    /// The console. After a call that may give output, [`Self::advance`] moves it on.
    pub fn console(&mut self) -> &mut Console<W, R, F, I> {
        &mut self.console
    }

    /// Serves the PS/2 keyboard after an interrupt.
    pub fn interrupt(&mut self) -> Progress {
        let (console, keyboard) = (&mut self.console, &mut self.keyboard);
        if let Some(controller) = &mut self.controller {
            controller.take(|code| keyboard.scan_code(code, |bytes| console.typed(bytes)));
        }
        self.advance()
    }

    /// A key of another keyboard went down or up; see [`Keyboard::usage`].
    pub fn key(&mut self, usage: u8, pressed: bool) -> Progress {
        let console = &mut self.console;
        self.keyboard.usage(usage, pressed, |bytes| console.typed(bytes));
        self.advance()
    }

    /// Moves output to the screen model.
    pub fn advance(&mut self) -> Progress {
        let mut buffer = [0; CHUNK];
        let mut taken = 0;
        while taken < BURST {
            let count = self.console.next_output(&mut buffer);
            if count == 0 {
                if !self.console.wants_drained() {
                    return Progress::Done;
                }
                self.paint();
                self.console.drained();
                continue;
            }
            self.screen.write(&buffer[..count]);
            self.console.reported(&self.screen.take_report());
            self.changed = true;
            taken += count;
        }
        Progress::More
    }

    /// Paints what changed, unless that was done less than [`FRAME_NS`] before `now` (nanoseconds since boot): then returns when to
    /// call again.
    pub fn refresh(&mut self, now: u64) -> Option<u64> {
        if !self.changed {
            return None;
        }
        let due = self.painted.map_or(now, |last| last.saturating_add(FRAME_NS));
        if now < due {
            return Some(due);
        }
        self.painted = Some(now);
        self.paint();
        None
    }

    /// Gives the canvas back.
    pub fn into_canvas(self) -> C {
        self.painter.into_canvas()
    }

    fn paint(&mut self) {
        self.changed = false;
        let painter = &mut self.painter;
        self.screen.repaint(|column, row, cell| painter.paint(column, row, cell));
    }
}

impl<P: PortIo, C: Canvas> ConsoleDevice for ScreenConsole<P, C, SavedWrite, SavedRead, SavedFlush, ClientInterrupt> {
    fn console(&mut self) -> &mut ServedConsole {
        &mut self.console
    }

    fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    fn advance(&mut self) -> Progress {
        ScreenConsole::advance(self)
    }
}
