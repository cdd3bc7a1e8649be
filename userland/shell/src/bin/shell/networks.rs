//! Network interfaces and sources of randomness, opened at the device manager when they are first used.

use crate::small::failure;
use airox_api::CallError;
use airox_api::device::DeviceClient;
use airox_api::entropy::EntropyClient;
use airox_api::network::{NetworkClient, NetworkError};
use airox_rt::Port;
use airox_shell::services::{Answer, Failure, NetworkStatus, Networks};
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

const MANAGER: &str = "device";
const NETWORK: &str = "network";
const ENTROPY: &str = "entropy";

pub struct NetworkService {
    manager: Option<Rc<DeviceClient>>,
    interfaces: BTreeMap<String, NetworkClient>,
    source: Option<EntropyClient>,
}

impl NetworkService {
    pub fn new(manager: Option<Rc<DeviceClient>>) -> NetworkService {
        NetworkService { manager, interfaces: BTreeMap::new(), source: None }
    }

    fn open(manager: Option<&DeviceClient>, path: &str) -> Answer<Port> {
        let manager = manager.ok_or(Failure::Missing(MANAGER))?;
        manager.open(path, false).map_err(|error| failure(MANAGER, error))
    }

    /// Calls an interface. The handle outlives the driver's restarts, but not the device.
    fn call<T>(
        &mut self,
        path: &str,
        call: impl FnOnce(&NetworkClient) -> Result<T, CallError<NetworkError>>,
    ) -> Result<T, CallFailure> {
        if !self.interfaces.contains_key(path) {
            let port = Self::open(self.manager.as_deref(), path)?;
            self.interfaces.insert(path.into(), NetworkClient::new(port));
        }
        let Some(client) = self.interfaces.get(path) else { return Err(Failure::Missing(NETWORK).into()) };
        let result = call(client);
        if matches!(result, Err(CallError::ServerDied)) {
            self.interfaces.remove(path);
        }
        result.map_err(|error| match error {
            CallError::Service(error) => CallFailure::Network(error),
            other => CallFailure::Other(failure(NETWORK, other)),
        })
    }
}

/// Why a call failed.
enum CallFailure {
    Network(NetworkError),
    Other(Failure),
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> CallFailure {
        CallFailure::Other(failure)
    }
}

impl From<CallFailure> for Failure {
    fn from(why: CallFailure) -> Failure {
        match why {
            CallFailure::Network(error) => Failure::Refused(alloc::format!("{error}")),
            CallFailure::Other(failure) => failure,
        }
    }
}

impl Networks for NetworkService {
    fn status(&mut self, path: &str) -> Answer<NetworkStatus> {
        Ok(self.call(path, NetworkClient::status)?)
    }

    fn send(&mut self, path: &str, frame: &[u8]) -> Answer<()> {
        Ok(self.call(path, |client| client.send(frame))?)
    }

    fn receive(&mut self, path: &str, patience_ns: u64) -> Answer<Option<Vec<u8>>> {
        match self.call(path, |client| client.receive(patience_ns)) {
            Ok(frame) => Ok(Some(frame)),
            Err(CallFailure::Network(NetworkError::TimedOut)) => Ok(None),
            Err(why) => Err(why.into()),
        }
    }

    fn random(&mut self, path: &str, count: u32) -> Answer<Vec<u8>> {
        let client = match self.source.take() {
            Some(client) => client,
            None => EntropyClient::new(Self::open(self.manager.as_deref(), path)?),
        };
        let result = client.read(count);
        if !matches!(result, Err(CallError::ServerDied)) {
            self.source = Some(client);
        }
        result.map_err(|error| failure(ENTROPY, error))
    }
}
