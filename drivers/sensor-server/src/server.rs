//! The interface `sensor` on any [`Sensor`].

use airox_api::sensor::{News, Sensor as Interface};
use airox_api::{Caller, Deferred};
use airox_driver_traits::sensor::{Description, Reading, Sensor, SensorError, Statistics};
use alloc::vec::Vec;

/// Most calls that wait for news.
pub const MAX_WAITING: usize = 64;
/// Most of them of one client.
pub const MAX_WAITING_OF_ONE: usize = 4;

/// A call that waits for news.
pub(crate) struct Waiting {
    badge: u64,
    after: u64,
    call: Deferred<News, SensorError>,
}

/// Serves a sensor.
pub struct SensorServer<S> {
    sensor: S,
    clock: fn() -> u64,
    pub(crate) waiting: Vec<Waiting>,
}

impl<S: Sensor> SensorServer<S> {
    /// Serves this sensor; `clock` gives nanoseconds since boot.
    pub fn new(sensor: S, clock: fn() -> u64) -> SensorServer<S> {
        SensorServer { sensor, clock, waiting: Vec::new() }
    }

    /// The sensor. After it has advanced, [`Self::tell`] answers those who wait.
    pub fn sensor(&mut self) -> &mut S {
        &mut self.sensor
    }

    /// Answers the calls for which there is news now.
    pub fn tell(&mut self) {
        let number = self.sensor.news();
        if self.waiting.iter().all(|waiting| waiting.after == number) {
            return;
        }
        let news = self.news();
        for told in self.waiting.extract_if(.., |waiting| waiting.after != number) {
            // A client that is gone by now is told nothing.
            let _ = told.call.send(Ok(news.clone()));
        }
    }

    fn news(&self) -> News {
        News { number: self.sensor.news(), state: self.sensor.read((self.clock)()) }
    }

    /// Gives up the oldest waiting call of a client that has as many as it may, and answers it.
    fn make_room(&mut self, badge: u64) {
        let mut of_one = self.waiting.iter().enumerate().filter(|(_, waiting)| waiting.badge == badge);
        if let (Some((oldest, _)), Some(_)) = (of_one.next(), of_one.nth(MAX_WAITING_OF_ONE - 2)) {
            let given_up = self.waiting.remove(oldest);
            let _ = given_up.call.send(Err(SensorError::Busy));
        }
    }
}

impl<S: Sensor> Interface for SensorServer<S> {
    fn describe(&mut self, _caller: Caller) -> Result<Description, SensorError> {
        Ok(self.sensor.description())
    }

    fn read(&mut self, _caller: Caller) -> Result<Reading, SensorError> {
        self.sensor.read((self.clock)())
    }

    fn next(&mut self, caller: Caller, after: u64, call: Deferred<News, SensorError>) {
        if after != self.sensor.news() {
            let _ = call.send(Ok(self.news()));
            return;
        }
        self.make_room(caller.badge);
        if self.waiting.len() >= MAX_WAITING {
            let _ = call.send(Err(SensorError::Busy));
            return;
        }
        self.waiting.push(Waiting { badge: caller.badge, after, call });
    }

    fn statistics(&mut self, _caller: Caller) -> Result<Statistics, SensorError> {
        Ok(self.sensor.statistics())
    }
}
